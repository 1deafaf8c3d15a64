"""Label the doubtful: which labels the keys give, and what becomes of them."""

import gradio as gr
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from tests import tiny
from tuner import feedback
from tuner.doubtful import choose
from tuner.ui import label_panel
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
    *_, more, _, _, _ = shown = _show(context, state)
    assert shown[8].value == f"1 · {found[0].label}"
    assert [value for _, value in more.choices] == [f"label {i}" for i in range(12)]


def test_few_labels_keep_their_keys(learnt):
    context = Context(local=True)
    found = choose(context.classifier(learnt.name), ["the film was great", "the film was awful"], 2)
    assert [_on_keys(context, Labelling(learnt.name, found), place) for place in (0, 1)] == [("neg", "pos")] * 2


class Hand:
    """A person at the panel, who asks about two texts and presses its buttons by their ids; `seen` is what stands there."""

    LINES = "the film was great\nthe film was awful"

    def __init__(self, model):
        self.model = model
        with gr.Blocks() as self.page:
            self.panel = label_panel.draw()
            label_panel.wire(Context(local=True), self.panel, gr.Dropdown())
        self.find()

    def find(self, lines=LINES):
        handler = next(f.fn for f in self.page.fns.values() if f.fn and f.fn.__name__ == "find")
        self._see(handler(self.model, lines, None, "", 5, gr.Request(session_hash="one"), lambda *_, **__: None))

    def press(self, button):
        (handler,) = (
            f
            for f in self.page.fns.values()
            if any(getattr(self.page.blocks.get(n), "elem_id", "") == button for n, _ in f.targets)
        )
        self._see(handler.fn(*[self.seen["state"], self.seen["place"]][: len(handler.inputs)]))

    def _see(self, values):
        words = ["state", "empty", "one", "asked", "progress", "place", "text", "says", *["key"] * _KEYS]
        self.seen = dict(zip([*words, "more", "skip", "back", "take back"], values, strict=True))


@pytest.fixture
def hand(learnt):
    return Hand(str(learnt.name))


def test_a_text_that_was_labelled_is_not_asked_again(hand):
    """A second press brought the same texts once more, without a word of the labels they had."""
    hand.press("label-key-1")
    hand.find()
    assert "1 of 1 · 0 labelled · 1 text was labelled before and is left out" in hand.seen["progress"]
    hand.press("label-key-2")
    with pytest.raises(gr.Error, match="labelled already"):
        hand.find()


def test_from_the_end_one_can_go_back(hand):
    """Back was gone with the last text: a slip at the last key could not be mended."""
    hand.press("label-key-1")
    hand.press("label-key-1")
    assert "All 2 are done: 2 labelled" in hand.seen["empty"].value
    assert (hand.seen["one"].visible, hand.seen["asked"].visible, hand.seen["back"].interactive) == (True, False, True)
    hand.press("label-back")
    assert "You said neg" in hand.seen["says"]


def test_a_label_is_taken_back(hand):
    """A person who had pressed a key for a text of which no label is right could only remove the whole set."""
    name = feedback.name_for(hand.model)
    hand.press("label-key-1")
    hand.press("label-back")
    hand.press("label-key-2")
    hand.press("label-back")
    assert (feedback.count(name), hand.seen["skip"].value, hand.seen["take back"].visible) == (1, "Next", True)
    hand.press("label-take-back")
    assert (feedback.count(name), feedback.texts(name), hand.seen["take back"].visible) == (0, [], False)
    assert "1 of 2 · 0 labelled" in hand.seen["progress"]


def test_a_label_that_could_not_be_kept_is_given_again(hand, home):
    """After one full disk the keys were dead, and the page said that the text was labelled, though no row of it was there."""
    name = feedback.name_for(hand.model)
    (home / "feedback").mkdir(parents=True)
    (home / "feedback" / name).touch()  # a file where the folder must be: nothing can be written
    with pytest.raises(gr.Error, match="cannot be written"):
        hand.press("label-key-1")
    (home / "feedback" / name).unlink()
    hand.press("label-key-1")
    assert feedback.count(name) == 1
    assert "2 of 2 · 1 labelled" in hand.seen["progress"]


def test_labels_of_the_latest_run_stay_those_of_the_run_that_answered(train_here, tiny_config, queued):
    run = train_here(tiny_config(max_steps=1))
    hand = Hand("latest")
    queued(tiny_config(max_steps=1))
    hand.press("label-key-1")
    assert feedback.names() == [run.id]
    assert feedback.count(run.id) == 1
