"""Label the doubtful: which labels the keys give."""

import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests import tiny
from tuner.doubtful import choose
from tuner.ui.context import Context
from tuner.ui.label_panel import _KEYS, Labelling, _on_keys, _show


@pytest.fixture
def twelve(tiny_models, tmp_path):
    """The path of a classifier of twelve labels."""
    names = dict(enumerate(f"label {i}" for i in range(12)))
    model = AutoModelForSequenceClassification.from_pretrained(
        tiny_models["bert"], num_labels=12, id2label=names, label2id={name: i for i, name in names.items()}
    )
    model.save_pretrained(tmp_path / "twelve")
    AutoTokenizer.from_pretrained(tiny_models["bert"]).save_pretrained(tmp_path / "twelve")
    return str(tmp_path / "twelve")


def test_of_more_labels_than_keys_the_likeliest_are_on_them(twelve):
    """The first nine by name were, whatever the model said; and a label after the 500th could not be given at all."""
    context = Context(local=True)
    found = choose(context.classifier(twelve), [text for text, _ in tiny.labelled_rows(12)], 3)
    state = Labelling(twelve, found)
    for place, doubtful in enumerate(found):
        shares = context.predict(twelve, [doubtful.text])[0].probabilities
        assert _on_keys(context, state, place) == tuple(sorted(shares, key=lambda label: -shares[label])[:_KEYS])
    *_, more, _ = shown = _show(context, state)
    assert shown[7].value == f"1 · {found[0].label}"
    assert [value for _, value in more.choices] == [f"label {i}" for i in range(12)]


def test_few_labels_keep_their_keys(learnt):
    context = Context(local=True)
    found = choose(context.classifier(learnt.name), ["the film was great", "the film was awful"], 2)
    assert [_on_keys(context, Labelling(learnt.name, found), place) for place in (0, 1)] == [("neg", "pos")] * 2
