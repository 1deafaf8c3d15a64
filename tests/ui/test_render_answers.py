"""What the Playground shows of an answer."""

import re

import pandas as pd
import pytest

from tuner.colours import SENTIMENT
from tuner.inference import Prediction
from tuner.neighbours import Neighbour, Neighbours
from tuner.ui import render_answers
from tuner.ui.theme import CSS
from tuner.what_if import Flip, Variant
from tuner.words import points


def prediction(probabilities, **more):
    label = max(probabilities, key=probabilities.get)
    return Prediction("text", label, probabilities, 3, False, **more)


def test_an_answer_names_its_label_and_draws_every_label_in_its_colour():
    shown = render_answers.answer(prediction({"negative": 0.1, "neutral": 0.2, "positive": 0.7}))
    assert "<b>positive</b> 70.0 %" in shown
    assert f"width:70.0%;background:{SENTIMENT['positive']}" in shown
    assert f"width:10.0%;background:{SENTIMENT['negative']}" in shown


def test_an_unsure_answer_says_so_first():
    shown = render_answers.answer(prediction({"a": 0.6, "b": 0.4}, unsure=True), threshold=0.9)
    assert "<b>Unsure</b> perhaps a, 60.0 %: below the threshold of 90.0 %" in shown


def test_names_of_labels_are_shown_as_text():
    shown = render_answers.answer(prediction({"<script>x</script>": 0.9, "b": 0.1}), title="<b>run</b>")
    assert "<script>" not in shown
    assert "&lt;b&gt;run" in shown


def test_labels_that_begin_alike_are_told_apart():
    """Long names were cut to some ten letters, and nothing held the rest."""
    shown = render_answers.bars({"a refund was asked for": 0.9, "a refund was paid": 0.1, "x" * 200: 0.0})
    assert ">a refund was asked for</span>" in shown
    assert f'title="{"x" * 200}">{"x" * 79}…</span>' in shown
    rule = re.search(r"\.share-name \{(.*?)\}", CSS)[1]
    assert "overflow-wrap" in rule
    assert "nowrap" not in rule


def test_of_many_labels_the_largest_are_drawn():
    shown = render_answers.answer(prediction({f"label {i}": (i + 1) / 1275 for i in range(50)}))
    assert shown.count('class="share"') == render_answers.MOST_BARS
    assert "label 49" in shown
    assert "and 38 more labels" in shown


@pytest.mark.parametrize(
    ("share", "words"), [(1.0, "100.0 %"), (0.99999, "> 99.9 %"), (0.5, "50.0 %"), (1e-7, "< 0.1 %"), (0.0, "0.0 %")]
)
def test_a_share_never_reads_as_certain_where_it_is_not(share, words):
    assert render_answers.percent(share) == words


def test_a_text_within_the_limit_was_read_whole():
    found = Prediction("text", "a", {"a": 1.0}, 1_024, False)
    assert render_answers.tokens(found, 8_192) == "1,024 of at most 8,192 tokens, all of the text was read."


def test_a_cut_text_says_how_much_was_read():
    found = Prediction("text", "a", {"a": 1.0}, 512, True)
    assert render_answers.tokens(found, 512).startswith("Only 512 tokens were read, as many as the model takes: the first ")
    assert "all of the text" not in render_answers.tokens(found, 512)


@pytest.mark.parametrize(("change", "words"), [(0.031, "+3.1"), (-0.5, "−50.0"), (0.0, "+0.0")])
def test_points_carry_their_sign(change, words):
    assert points(change) == words


def test_examples_are_right_wrong_and_doubtful_rows():
    frame = pd.DataFrame(
        {
            "row": ["test/0", "test/1", "test/2", "test/3"],
            "text": ["sure right", "sure wrong", "doubtful", "right too"],
            "label": ["a", "b", "a", "b"],
            "predicted": ["a", "a", "a", "b"],
            "probability_a": [0.99, 0.95, 0.51, 0.2],
            "probability_b": [0.01, 0.05, 0.49, 0.8],
        }
    )
    found = render_answers.examples(frame)
    assert [kind.split(",")[0] for kind, _ in found] == ["right", "right", "wrong", "doubtful", "doubtful"]
    assert ["wrong, is b", "sure wrong"] in found
    assert found[3][1] == "doubtful"


def test_a_variant_that_flips_is_marked():
    found = [Variant(kind="typos", what="a typo", text="t", label="b", probability=0.4, change=-0.5, flipped=True)]
    row = render_answers.variant_table(found, "a").iloc[0]
    assert (row["answer"], row["a"], row["change"]) == ("→ b", "40.0 %", "−50.0")


def test_flips_name_the_words_as_text():
    flip = Flip(removed=((0, 3),), words=("<i>",), text="t", label="b", probability=0.9)
    assert "Without “&lt;i&gt;” the answer is <b>b</b>, 90.0 %." in render_answers.flip_words([flip])
    assert "No removal" in render_answers.flip_words([])


def test_neighbours_show_label_text_and_row():
    row = Neighbour(row="train/7", text="x" * 400, label="a", similarity=0.98765)
    shown = render_answers.neighbour_table(Neighbours(rows=(row,), searched=1, of=1, note="")).iloc[0]
    assert (shown["nearness"], shown["label"], shown["row"], len(shown["text"])) == ("0.988", "a", "train/7", 300)


def test_a_file_s_rows_show_the_answers_of_both_models_and_no_share_of_a_label():
    """Once the other model's column was called as a label "2" would call its own."""
    row = {"text": "a", "label": "2", "probability": 0.9, "probability_1": 0.1, "probability_2": 0.9}
    shown = render_answers.file_rows([row | {"other_label": "x", "other_probability": 0.5}], ("1", "2"))
    assert shown.to_dict("records") == [
        {"text": "a", "label": "2", "probability": "90.0 %", "other_label": "x", "other_probability": "50.0 %"}
    ]
