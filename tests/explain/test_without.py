"""Words taken out of a text."""

import pytest

from tuner.explain.spans import without


@pytest.mark.parametrize(
    ("text", "words", "left"),
    [
        ("a good film", ["good"], "a film"),
        ("good film", ["good"], "film"),
        ("a film", ["film"], "a"),
        ("so good, really", ["good"], "so, really"),
        ("so good.", ["good"], "so."),
        ("a good old film", ["good", "old"], "a film"),
        ("a good\nold film", ["good"], "a \nold film"),
        ("(good) film", ["good"], "() film"),
        ("良い映画", ["い"], "良映画"),
        ("only", ["only"], ""),
        ("a film", [], "a film"),
    ],
)
def test_blanks_that_kept_words_apart_go_with_them(text, words, left):
    assert without(text, [(text.index(word), text.index(word) + len(word)) for word in words]) == left
