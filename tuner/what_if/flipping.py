"""The smallest removals of words that flip a classifier's answer."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.data.reading import is_blank
from tuner.errors import SettingsError
from tuner.explain.spans import without
from tuner.inference import Classifier, Prediction
from tuner.what_if.reading import read_part

if TYPE_CHECKING:
    from tuner.explain import Word

# Texts scored for each number of words: all pairs of 28 words are 378, all triples of 14 are 364. Long ones are fewer: 117 of
# 512 tokens.
MOST_TRIED = 400
MOST_TOKENS = 60_000
MOST_SHOWN = 5
MOST_WORDS = 4
_AT_ONCE = 100

Spans = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Flip:
    """Words without which the text gets another label.

    Attributes:
        removed: where they stand in the text, in its order; `words` are those words.
        text: what is left, of what the model reads.
        label: the answer to that, with its probability.
    """

    removed: Spans
    words: tuple[str, ...]
    text: str
    label: str
    probability: float


def flips(
    classifier: Classifier,
    text: str,
    words: "Sequence[Word] | None" = None,
    most: int = 3,
    on_progress: Callable[[int], None] | None = None,
) -> list[Flip]:
    """At most five removals of as few words as flip the answer, the surest first; none where no removal of `most` words does.

    First every single word is taken out (of more than 400 the first 400), then pairs, then triples: all those of the words
    whose loss alone costs the label most, as many words as give at most 400 texts, or 60,000 tokens. A flip is thus minimal:
    no part of it, taken out alone, flips the answer. That none is found does not prove that there is none. One word always
    stays.

    Args:
        words: where the words of the text are; None for those of `tuner.explain.word_spans`.
        most: 1 … 4.
        on_progress: called with the number of texts scored so far.

    Raises:
        SettingsError: `most` out of its range.
        SourceError: there is nothing to see in the text.
    """
    if not 1 <= most <= MOST_WORDS:
        raise SettingsError([f"{most} words cannot be tried together; 1 to {MOST_WORDS} can."], "Ask for another number.")
    text, tokens = read_part(classifier, text)
    spans = [(start, end) for start, end in _spans(text, words) if end <= len(text)]
    before = classifier.predict([text])[0]
    order, done, texts = spans, 0, min(MOST_TRIED, max(1, MOST_TOKENS // tokens))
    for size in range(1, min(most, len(spans) - 1) + 1):
        tried = _removals(text, order, size, texts)
        left, answers = list(tried), []
        for start in range(0, len(left), _AT_ONCE):
            answers += classifier.predict(left[start : start + _AT_ONCE])
            done += len(answers) - start
            if on_progress:
                on_progress(done)
        found = [_flip(text, tried[new.text], new) for new in answers if new.label != before.label]
        if found:
            return sorted(found, key=lambda flip: -flip.probability)[:MOST_SHOWN]
        if size == 1:
            answers.sort(key=lambda new: new.probabilities[before.label])
            order = [tried[new.text][0] for new in answers]
    return []


def _spans(text: str, words: "Sequence[Word] | None") -> list[tuple[int, int]]:
    if words is not None:
        return [(word.start, word.end) for word in words]
    from tuner.explain import word_spans

    return word_spans(text)


def _removals(text: str, order: Sequence[tuple[int, int]], size: int, most: int) -> dict[str, Spans]:
    """What is left of the text → the `size` words that were taken out, of the first words in the order; at most `most`."""
    pool = size
    while pool < len(order) and math.comb(pool + 1, size) <= most:
        pool += 1
    removals = (tuple(sorted(chosen)) for chosen in itertools.combinations(order[:pool], size))
    found = {without(text, chosen): chosen for chosen in removals}
    return {left: chosen for left, chosen in found.items() if not is_blank(left)}


def _flip(text: str, removed: Spans, new: Prediction) -> Flip:
    words = tuple(text[start:end] for start, end in removed)
    return Flip(removed, words, new.text, new.label, new.probabilities[new.label])
