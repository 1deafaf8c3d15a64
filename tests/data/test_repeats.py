"""Texts that stand in the data more than once."""

import random

import pytest

from tests import tiny
from tuner.data import repeats
from tuner.data.repeats import first_of_each, near_duplicates, overlap, repeat_keys

TEXTS = [text for text, _ in tiny.labelled_rows(40)]
LONG = "the committee met on monday to talk about the new bridge over the river and its price"


@pytest.mark.parametrize("other", ["I Love it", " i love it\n", "i\tlove  it", "i\u00a0love it", "ｉ love it"])
def test_texts_equal_but_for_case_and_blanks_have_one_key(other):
    first, second = repeat_keys(["i love it"], [other])
    assert first[0] == second[0]


@pytest.mark.parametrize("other", ["i love it!", "ilove it", "i love", "í love it", ""])
def test_other_texts_have_another_key(other):
    first, second = repeat_keys(["i love it"], [other])
    assert first[0] != second[0]


@pytest.mark.parametrize("parts", [[()], [("a",), (), ("b", "A")], [(), ("a",)], [(), ()]])
def test_parts_without_texts_have_no_keys(parts):
    """Once an empty part had no list of its own, and dropping every training row ended in a ValueError."""
    assert [len(keys) for keys in repeat_keys(*parts)] == [len(part) for part in parts]


def test_the_first_row_of_every_key_is_kept():
    assert first_of_each(repeat_keys(["b", "a", "B", "c", "a"])[0]).tolist() == [0, 1, 3]


def test_planted_near_duplicates_are_found():
    found, compared = near_duplicates([LONG, *TEXTS[:3], f"{LONG}!", LONG.replace("monday", "sunday"), LONG.upper() + " now"])
    assert found.tolist() == [4, 5, 6]
    assert compared == 7


def test_of_50_planted_near_duplicates_each_is_found():
    draw = random.Random(1)
    texts = [" ".join(draw.sample(tiny.WORDS, 16)) for _ in range(50)]
    assert near_duplicates([*texts, *(f"{text[:-1]}?" for text in texts)])[0].tolist() == list(range(50, 100))


def test_unrelated_texts_are_no_near_duplicates():
    texts = [f"{word} {number * 7919}" for number in range(10) for word in ("river", "monday", "coffee and cake", "élan")]
    assert near_duplicates(texts)[0].tolist() == []


def test_exact_repeats_are_not_near_ones():
    assert near_duplicates([LONG, LONG, LONG.upper(), f" {LONG}"])[0].tolist() == []


def test_repeats_of_a_near_duplicate_are_found_with_it():
    """Once the second one stayed: dropping near duplicates left a near duplicate."""
    assert near_duplicates([LONG, f"{LONG}!", f"{LONG}! "])[0].tolist() == [1, 2]


def test_texts_shorter_than_a_letter_group_are_compared():
    assert near_duplicates(["a", "b", "ab", "", "no"])[0].tolist() == []


def test_only_so_many_rows_are_compared(monkeypatch):
    monkeypatch.setattr(repeats, "MOST_COMPARED", 3)
    found, compared = near_duplicates([LONG, "x", f"{LONG}!", f"{LONG}?"])
    assert (found.tolist(), compared) == ([2], 3)


def test_only_so_many_characters_are_compared(monkeypatch):
    """Once 20,000 long reviews took half a minute and 4 GB."""
    monkeypatch.setattr(repeats, "MOST_CHARACTERS", 2 * len(LONG) + 1)
    found, compared = near_duplicates([LONG, f"{LONG}!", f"{LONG}?"])
    assert (found.tolist(), compared) == ([1], 2)


def test_the_overlap_counts_texts_that_stand_in_training():
    training = ["I love it", "so so", "unseen"]
    assert overlap(["i LOVE  it", "so so", "so so", "new"], training) == 3
    assert overlap([], training) == overlap(["new"], []) == 0
