"""The words that explanations speak of."""

import time

import hypothesis
import pytest
from hypothesis import strategies

from tuner.explain import word_spans

TEXTS = {
    "I don't like it.": ["I", "don't", "like", "it", "."],
    "great!!! (really)": ["great", "!!!", "(", "really", ")"],
    "@user_ see #fun, $5": ["@user_", "see", "#fun", ",", "$5"],
    ":) :D <3 a:b": [":)", ":D", "<3", "a:b"],
    "你好 world": ["你", "好", "world"],
    "かがテレビ": ["か", "が", "テ", "レ", "ビ"],
    "cool😀👩‍👩‍👧🇩🇪👍🏽": ["cool", "😀", "👩‍👩‍👧", "🇩🇪", "👍🏽"],
    "cafe\u0301s nai\u0308ve": ["cafe\u0301s", "nai\u0308ve"],
    "مرحبا، عالم": ["مرحبا", "،", "عالم"],
    "می\u200cخواهم": ["می\u200cخواهم"],
    "\u200bword\u200b \ufeffother": ["word", "other"],
    "<script>alert(1)</script>": ["<script>alert(1)</script>"],
    " \u200b\u200d\n\t": [],
    "": [],
}


@pytest.mark.parametrize(("text", "words"), TEXTS.items())
def test_words(text, words):
    assert [text[start:end] for start, end in word_spans(text)] == words


@hypothesis.given(strategies.text(alphabet=strategies.characters(exclude_categories=["Cs"])))
def test_every_visible_character_is_in_one_word(text):
    spans = word_spans(text)
    ends = [0, *(end for _, end in spans)]
    assert all(before <= start < end for before, (start, end) in zip(ends, spans, strict=False))
    outside = set(range(len(text))) - {i for start, end in spans for i in range(start, end)}
    assert all(not text[i].isprintable() or text[i].isspace() for i in outside)


@pytest.mark.parametrize("text", ["a" * 100_000, "a" + "!" * 100_000, "a!" * 50_000, ":'" * 50_000, "\u200d" * 100_000])
def test_no_text_takes_long(text):
    start = time.perf_counter()
    word_spans(text)
    assert time.perf_counter() - start < 2
