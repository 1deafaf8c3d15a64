"""Searching texts by what a person typed."""

import time

import pytest

from tuner.errors import SettingsError
from tuner.evaluation.search import fits

TEXTS = ["Not GOOD at all", "good", "50% (really)\nÄpfel", ""]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("good", [1, 1, 0, 0]),
        ("not good", [1, 0, 0, 0]),
        ("50% (", [0, 0, 1, 0]),
        (".", [0, 0, 0, 0]),
        (")\näpf", [0, 0, 1, 0]),
        ("\\", [0, 0, 0, 0]),
    ],
)
def test_words_are_found_as_they_stand_without_regard_to_case(words, expected):
    assert fits(TEXTS, words).tolist() == expected


def test_an_expression_is_read_as_one():
    assert fits(TEXTS, r"^(?i:not) G|\d+%", regular_expression=True).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize(("pattern", "reason"), [("(", "missing )"), ("(?<=a)b", "invalid perl operator"), ("a{2000}", "2000")])
def test_what_re2_cannot_read_is_refused_with_its_reason(pattern, reason):
    with pytest.raises(SettingsError, match=r"no regular expression") as caught:
        fits(TEXTS, pattern, regular_expression=True)
    assert reason in str(caught.value)


@pytest.mark.parametrize("pattern", ["", "  ", "a" * 1_001, "\ud800"])
def test_a_search_for_nothing_or_for_too_much_is_refused(pattern):
    with pytest.raises(SettingsError, match="search"):
        fits(TEXTS, pattern)


@pytest.mark.parametrize("texts", [["a b " * 50] * 50_000, ["a b " * 250_000]])
def test_a_slow_expression_ends_with_a_sentence(texts):
    """RE2 takes 1 ms per character for this one: three hours for 10 MB."""
    began = time.monotonic()
    with pytest.raises(SettingsError, match="longer than 5 s"):
        fits(texts, r"(?i)(?:\pL?\pN?){300}Q$", regular_expression=True)
    assert time.monotonic() - began < 30


def test_an_evil_expression_for_other_engines_is_quick():
    assert not fits(["a" * 100_000], r"(a+a+)+b", regular_expression=True).any()


def test_blocks_cover_every_row():
    texts = ["needle" if i % 997 == 0 else "hay " * (i % 50) for i in range(20_000)]
    assert fits(texts, "needle").nonzero()[0].tolist() == list(range(0, 20_000, 997))


def test_no_texts_hold_nothing_but_a_bad_pattern_is_still_one():
    assert fits([], "a").shape == (0,)
    with pytest.raises(SettingsError):
        fits([], "(", regular_expression=True)
