"""Changes that leave the meaning of a text as it is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluation.behaviour import changes


def changed(change, text, seed=0):
    return change(text, random.Random(seed))


def results(change, text):
    return {change(text, random.Random(seed)) for seed in range(40)}


def test_a_typo_swaps_two_neighbours_inside_one_word():
    assert results(changes.typo, "it is great") == {"it is gerat", "it is graet"}


@pytest.mark.parametrize("text", ["https://example.com/letters", "@someone #hashtag", "it is so", "don't", "привет", ""])
def test_no_typo_where_there_is_no_plain_word(text):
    assert changed(changes.typo, text) is None


def test_case_changes_words_but_no_link_handle_or_hashtag():
    found = results(changes.case, "See https://a.com/Xy @Bob #Tag &amp; Go")
    assert found == {"SEE https://a.com/Xy @Bob #Tag &amp; GO", "see https://a.com/Xy @Bob #Tag &amp; go"}


def test_case_takes_the_other_form_where_one_changes_nothing():
    assert results(changes.case, "all small") == {"ALL SMALL"}
    assert changed(changes.case, "これは 12") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I do not know", "I don't know"),
        ("I DON'T KNOW", "I DO NOT KNOW"),
        ("Can't say", "Cannot say"),
        ("it isn’t so and we are late", "it is not so and we're late"),
        ("I've seen it", "I have seen it"),
        ("I have seen it", "I've seen it"),
        ("I have a car", None),
        ("don't you think", None),
        ("yes, I am.", None),
        ("his dont", None),
        ("this İS NOT good, he dıd not know, it doeſn't work", None),
        ("", None),
    ],
)
def test_contractions(text, expected):
    assert changed(changes.contraction, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good", "Good."),
        ("Good.", "Good"),
        ("Good!!", "Good"),
        ("Good...", None),
        ("Good?", None),
        ("see #tag", None),
        ("!", None),
    ],
)
def test_final_punctuation(text, expected):
    assert changed(changes.punctuation, text) == expected


def test_a_number_moves_by_a_fifth_at_most():
    found = {int(text.split()[1]) for text in results(changes.number, "waited 45 minutes")}
    assert found <= set(range(36, 55)) - {45}
    assert len(found) > 5


def test_a_year_stays_near():
    assert {int(text[3:]) for text in results(changes.number, "in 2015")} <= set(range(2012, 2019)) - {2015}


@pytest.mark.parametrize(
    "text",
    [
        "8/10",
        "24/7",
        "$45",
        "45%",
        "45 %",
        "9 out of 10",
        "38 stars",
        "100",
        "12:30",
        "3.45",
        "#1234",
        "B52",
        "12th",
        "5 pm",
        "017",
    ],
)
def test_numbers_with_a_meaning_of_their_own_stay(text):
    assert changed(changes.number, text) is None


def test_a_link_is_put_behind_and_a_handle_on_either_side():
    assert results(changes.add(["http://a.b"]), "text") == {"text http://a.b"}
    assert results(changes.add(["@bob"]), "text") == {"text @bob", "@bob text"}


def test_a_word_is_replaced_by_one_of_its_own_list_wherever_it_stands():
    swap = changes.swap([["Anna", "Mary"], ["John", "Kyle"]])
    assert results(swap, "Anna met Anna") == {"Mary met Mary"}
    assert results(swap, "John and Anna") == {"Kyle and Anna", "John and Mary"}


@pytest.mark.parametrize("text", ["anna", "Annabel", "@Anna", "#Anna", "Anna, TX", "Anna.com", "nobody", "Anna and Mary"])
def test_what_is_no_name_of_the_list_stays(text):
    assert changed(changes.swap([["Anna", "Mary"]]), text) is None


def test_the_longest_name_counts():
    assert changed(changes.swap([["New York", "Rome"], ["York", "Bath"]]), "in New York") == "in Rome"


@pytest.mark.parametrize("change", changes.CHANGES.values(), ids=changes.CHANGES)
@given(st.text(max_size=300), st.integers(0, 99))
def test_a_change_changes_any_text_or_says_none(change, text, seed):
    new = change(text, random.Random(seed))
    assert new is None or (new != text and new.strip())


@pytest.mark.timeout(10)
@pytest.mark.parametrize("change", changes.CHANGES.values(), ids=changes.CHANGES)
@pytest.mark.parametrize("sign", ["a", "@", "1", ".", " ", "do not ", "&", "http://"])
def test_no_text_makes_it_hang(change, sign):
    change(sign * 5_000, random.Random(0))
