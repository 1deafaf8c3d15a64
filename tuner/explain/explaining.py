"""One text, one label, one method: the explanation."""

from tuner.errors import SettingsError
from tuner.explain.attention import rollout
from tuner.explain.gradients import gradient_x_input, integrated_gradients
from tuner.explain.occlusion import leave_one_out
from tuner.explain.result import METHODS, UNITS, Explanation
from tuner.explain.spans import word_spans
from tuner.inference import MOST_CHARACTERS, Classifier, check_text
from tuner.words import listed

_FINDERS = {
    "leave_one_out": leave_one_out,
    "gradient_x_input": gradient_x_input,
    "integrated_gradients": integrated_gradients,
    "attention": rollout,
}


def explain(classifier: Classifier, text: str, label: str | None = None, method: str = "leave_one_out") -> Explanation:
    """Every word's part in a label; in float32, with the classifier's temperature.

    Args:
        label: None explains the label that is predicted.
        method: one of `METHODS`.

    Raises:
        SettingsError: there is no such method, or the classifier has no such label.
        SourceError: there is nothing to see in the text, half a character in it, or it is no string.
        ModelError: the method cannot look into this model.
    """
    if not isinstance(method, str) or method not in METHODS:
        raise SettingsError([f"There is no method '{str(method)[:40]}'."], f"Take one of {', '.join(METHODS)}.")
    if label is not None and not (isinstance(label, str) and label in classifier.labels):
        named = listed([f"'{name[:40]}'" for name in classifier.labels], 20)
        raise SettingsError([f"'{str(label)[:40]}' is no label of {classifier.name}."], f"Its labels are {named}.")
    check_text(text)
    found = _FINDERS[method](classifier, text, word_spans(text[:MOST_CHARACTERS]), label)
    return Explanation(
        text=text,
        label=found.label,
        method=method,
        words=found.words,
        unit=UNITS[method],
        probability=found.answer.probabilities[found.label],
        cut=found.answer.cut,
        delta=found.delta,
        warning=found.warning or ("" if found.words else "The model reads no word of this text."),
        about=METHODS[method],
    )
