"""Variants of a text and the answers to them."""

import re

import pytest

from tests import tiny
from tuner.errors import SourceError
from tuner.explain import Word, explain
from tuner.inference import load_classifier
from tuner.what_if import variants

TEXT = "@bob Mary really loves the wonderful coffee http://t.co/x"


def words(text, **scores):
    """Every word of a text, with the scores given by name."""
    found, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        found.append(Word(word, at, at + len(word), scores.get(word, 0.0)))
        at += len(word)
    return found


def changed(learnt, text, **more):
    return {found.kind: (found.text, found.what) for found in variants(learnt, text, words(text), **more)}


def test_every_change_is_made_and_said(learnt):
    found = {v.kind: (v.text, v.what) for v in variants(learnt, TEXT, words(TEXT, coffee=-0.4, loves=0.3))}
    typo, what = found.pop("typos")
    assert (typo != TEXT, sorted(typo)) == (True, sorted(TEXT))
    assert re.fullmatch(r"two letters of '\w+' swapped", what)
    name, what = found.pop("swap_name")
    new = what.removeprefix("'Mary' made '").removesuffix("'")
    assert name == TEXT.replace("Mary", new)
    assert new not in ("Mary", "")
    assert found == {
        "capitals": ("@bob MARY REALLY LOVES THE WONDERFUL COFFEE http://t.co/x", "in capitals"),
        "no_handle_url": ("Mary really loves the wonderful coffee", "'@bob', 'http://t.co/x' taken out"),
        "strongest": ("@bob Mary really loves the wonderful http://t.co/x", "'coffee' taken out"),
    }


def test_negation_goes_both_ways(learnt):
    assert changed(learnt, "I love this")["negate"] == ("I do not love this", "'love' made 'do not love'")
    assert changed(learnt, "I don't love it")["remove_negation"] == ("I love it", "'don't' taken out")


def test_capitals_become_small_letters(learnt):
    assert changed(learnt, "OH NO")["capitals"] == ("oh no", "in small letters")


def test_answers_are_those_of_predict(learnt):
    before = learnt.predict([TEXT])[0]
    for found in variants(learnt, TEXT, words(TEXT)):
        alone = learnt.predict([found.text])[0]
        assert found.label == alone.label
        assert found.flipped == (alone.label != before.label)
        assert found.probability == pytest.approx(alone.probabilities[before.label], abs=1e-5)
        assert found.change == pytest.approx(alone.probabilities[before.label] - before.probabilities[before.label], abs=1e-5)


def test_without_words_they_come_from_leaving_one_out(learnt):
    text = "the coffee was superb today"
    assert variants(learnt, text) == variants(learnt, text, explain(learnt, text).words)


def test_the_same_seed_makes_the_same_changes(learnt):
    assert variants(learnt, TEXT, words(TEXT), seed=3) == variants(learnt, TEXT, words(TEXT), seed=3)
    assert len({changed(learnt, TEXT, seed=seed)["typos"] for seed in range(9)}) > 1


def test_what_the_model_does_not_read_is_not_drawn(learnt):
    text = f"good coffee {'wonderful ' * 500}"
    read = words("good coffee")
    assert {v.what for v in variants(learnt, text, read) if v.kind == "typos"} <= {
        f"two letters of '{word}' swapped" for word in ("good", "coffee")
    }


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("word", {"typos", "capitals"}),
        ("😀", set()),
        ("😀 😀", {"strongest"}),
        ("@bob", set()),
        ("שלום עולם", {"strongest"}),
        ("<script>alert(1)</script>", {"typos", "capitals"}),
        ("\x07", set()),
        ("猫が好き", set()),
    ],
)
def test_only_what_changes_the_text_is_there(text, kinds, learnt):
    assert set(changed(learnt, text)) == kinds


@pytest.mark.parametrize("text", ["", "  ", "\u200b\n"])
def test_an_empty_text_is_refused(text, learnt):
    with pytest.raises(SourceError, match="nothing to see"):
        variants(learnt, text, [])


@pytest.mark.parametrize("text", ["!" * 600 + " good", "hello \x01", "good \ue000"])
def test_a_text_of_which_one_word_is_read_has_variants(text, learnt):
    """The explanation that they begin with refused it as empty."""
    assert "capitals" in {v.kind for v in variants(learnt, text)}


def test_half_a_character_is_refused_in_words(learnt):
    """It ended in a TypeError of the tokenizer."""
    with pytest.raises(SourceError, match="half a character"):
        variants(learnt, "good \ud83d film")


@pytest.mark.parametrize("part", ["great ", "@ab cd ", "http://t.co/x great ", "a"])
def test_a_megabyte_is_cut(part, learnt):
    found = variants(learnt, part * (1_000_000 // len(part)), [])
    assert found
    assert all(len(v.text) <= 100_000 for v in found)


def test_labels_may_be_no_sentiments(train_here, tiny_config, jsonl):
    rows = [{"text": text, "label": f"topic {label}"} for text, label in tiny.labelled_rows(40)]
    learnt = load_classifier(train_here(tiny_config(source=jsonl(rows), max_steps=1)))
    assert {v.label for v in variants(learnt, TEXT, words(TEXT))} <= {"topic neg", "topic pos"}
