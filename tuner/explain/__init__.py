"""Why a classifier answers as it does: every word's part in a label.

from tuner.explain import explain
explanation = explain(classifier, "I love it", method="leave_one_out")
[(word.text, word.score) for word in explanation.words]
"""

from tuner._lazy import lazy

_NAMES = {
    "METHODS": "tuner.explain.result",
    "Explanation": "tuner.explain.result",
    "Word": "tuner.explain.result",
    "explain": "tuner.explain.explaining",
    "word_spans": "tuner.explain.spans",
}
__all__ = sorted(_NAMES)
__getattr__, __dir__ = lazy(__name__, _NAMES)
