"""The smallest removals that flip an answer."""

import itertools

import pytest

from tests import tiny
from tuner.errors import SettingsError, SourceError
from tuner.explain import Word, word_spans
from tuner.explain.spans import without
from tuner.what_if import flips
from tuner.what_if.flipping import MOST_TRIED, _removals


def test_they_flip_and_no_part_of_them_does(learnt):
    sizes = set()
    for text, _ in tiny.labelled_rows(20):
        text = f"{text} and {tiny.labelled_rows(40)[17][0]}"
        label = learnt.predict([text])[0].label
        for flip in flips(learnt, text):
            assert flip.text == without(text, flip.removed)
            assert flip.words == tuple(text[start:end] for start, end in flip.removed)
            new = learnt.predict([flip.text])[0]
            assert new.label == flip.label != label
            assert new.probabilities[new.label] == pytest.approx(flip.probability, abs=1e-5)
            sizes.add(len(flip.removed))
            for size in range(1, len(flip.removed)):
                for part in itertools.combinations(flip.removed, size):
                    assert learnt.predict([without(text, part)])[0].label == label
    assert sizes >= {1, 2}


def test_a_single_word_that_decides_is_found_first(learnt):
    text = "awful film so superb wonderful brilliant"
    found = flips(learnt, text, most=4)
    assert learnt.predict([text])[0].label == "pos"
    assert len({len(flip.removed) for flip in found}) == 1
    assert [flip.probability for flip in found] == sorted((flip.probability for flip in found), reverse=True)
    assert len(found) <= 5


def test_fewer_words_are_taken_out_than_asked_for_at_most(learnt):
    text = "awful film so superb wonderful brilliant"
    needed = len(flips(learnt, text, most=4)[0].removed)
    assert needed > 1
    assert flips(learnt, text, most=needed - 1) == []


def test_the_words_given_are_the_ones_taken_out(learnt):
    text = "the awful film was superb"
    found = flips(learnt, text, [Word("awful", 4, 9, 0.0), Word("superb", 19, 25, 0.0)])
    assert {flip.words for flip in found} <= {("awful",), ("superb",)}
    assert found
    assert flips(learnt, text, []) == []


def test_at_most_so_many_texts_are_scored_for_each_size():
    text = " ".join(f"w{i}" for i in range(600))
    spans = word_spans(text)
    assert [len(_removals(text, spans, size, MOST_TRIED)) for size in (1, 2, 3, 4)] == [400, 378, 364, 330]


def test_the_same_text_is_scored_once():
    text = "so so so good"
    assert list(_removals(text, word_spans(text), 1, 400)) == ["so so good", "so so so"]


def test_progress_counts_texts(learnt):
    seen = []
    flips(learnt, "a film " * 4, most=2, on_progress=seen.append)
    assert seen
    assert seen == sorted(seen)


@pytest.mark.parametrize("text", ["word", "😀", "שלום", "\x07", "superb"])
def test_the_only_word_stays(text, learnt):
    assert flips(learnt, text) == []


@pytest.mark.parametrize("text", ["😀😀 😀", "שלום עולם", "<b>superb</b> film", "awful \x00 superb", "great film " * 90_000])
def test_any_text_can_be_asked(text, learnt):
    for flip in flips(learnt, text, most=1):
        assert learnt.predict([flip.text])[0].label == flip.label


@pytest.mark.parametrize("most", [0, 5])
def test_other_numbers_of_words_are_refused(most, learnt):
    with pytest.raises(SettingsError, match=f"{most} words cannot be tried"):
        flips(learnt, "a film", most=most)


def test_an_empty_text_is_refused(learnt):
    with pytest.raises(SourceError, match="nothing to see"):
        flips(learnt, "\u200b")


def test_half_a_character_is_refused_in_words(learnt):
    """It ended in a TypeError of the tokenizer."""
    with pytest.raises(SourceError, match="half a character"):
        flips(learnt, "good \ud83d film")
