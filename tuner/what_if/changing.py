"""Changes of a text by one click, and what a classifier answers to each."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.data.reading import is_blank
from tuner.evaluation.behaviour import load_tests
from tuner.evaluation.behaviour.changes import recased, swap, typo
from tuner.explain.spans import without
from tuner.inference import Classifier
from tuner.patterns import links_and_handles
from tuner.what_if.negation import negate, remove_negation
from tuner.what_if.reading import read_part
from tuner.words import listed

if TYPE_CHECKING:
    from tuner.explain import Word

_NAMES = ("female_name", "male_name")
_MOST_NAMED = 3
_MOST_SHOWN = 40


@dataclass(frozen=True)
class Variant:
    """A changed text and its answer.

    Attributes:
        kind: negate, remove_negation, typos, capitals, no_handle_url, swap_name or strongest.
        what: what was done, in words.
        text: the changed text, up to a little behind what the model reads.
        label: the answer to it.
        probability: of the label that the text had before, now.
        change: by how much that is more than before.
        flipped: whether the answer is another one.
    """

    kind: str
    what: str
    text: str
    label: str
    probability: float
    change: float
    flipped: bool


def variants(classifier: Classifier, text: str, words: "Sequence[Word] | None" = None, seed: int = 0) -> list[Variant]:
    """Every change that changes this text, scored together with it; the same for the same arguments.

    Negation follows rules of English, and names are English first names: other texts get fewer variants.

    Args:
        words: with their scores, of an explanation of the text; None for those by leave-one-out. The one with the largest score,
            for or against, is the strongest, and what stands behind the last of them is not read by the model: what is drawn by
            the seed is drawn before it.
        seed: for the letters that are swapped and for the other name.

    Raises:
        SourceError: there is nothing to see in the text.
    """
    text, _ = read_part(classifier, text)
    if words is None:
        from tuner.explain import explain

        words = explain(classifier, text).words
    changed = _changed(text, words, seed)
    before, *after = classifier.predict([text, *(new for _, new, _ in changed)])
    old = before.probabilities[before.label]
    return [
        Variant(kind, what, new, found.label, now := found.probabilities[before.label], now - old, found.label != before.label)
        for (kind, new, what), found in zip(changed, after, strict=True)
    ]


def _changed(text: str, words: "Sequence[Word]", seed: int) -> list[tuple[str, str, str]]:
    """(kind, changed text, what was done) of every change that leaves something to see."""
    end = min(len(text), max((word.end for word in words), default=len(text)))
    found = {
        "negate": negate(text),
        "remove_negation": remove_negation(text),
        "typos": _drawn(typo, text, end, seed, "two letters of {old} swapped"),
        "capitals": _capitals(text),
        "no_handle_url": _no_handle_url(text),
        "swap_name": _drawn(_swap_name(), text, end, seed, "{old} made {new}"),
        "strongest": _strongest(text, words),
    }
    return [(kind, *new) for kind, new in found.items() if new and new[0] != text and not is_blank(new[0])]


def _drawn(
    change: Callable[[str, random.Random], str | None], text: str, end: int, seed: int, what: str
) -> tuple[str, str] | None:
    """A change by chance of what stands before `end`."""
    new = change(text[:end], random.Random(seed))
    if new is None:
        return None
    old, now = _first_difference(text[:end], new)
    return new + text[end:], what.format(old=_quoted(old), new=_quoted(now))


def _first_difference(one: str, other: str) -> tuple[str, str]:
    pairs = zip(one.split(), other.split(), strict=False)
    return next(((a, b) for a, b in pairs if a != b), (one, other))


def _capitals(text: str) -> tuple[str, str] | None:
    if new := recased(text, str.upper):
        return new, "in capitals"
    new = recased(text, str.lower)
    return (new, "in small letters") if new else None


def _no_handle_url(text: str) -> tuple[str, str] | None:
    spans = links_and_handles(text)
    if not spans:
        return None
    named = listed([_quoted(text[start:end]) for start, end in spans], _MOST_NAMED)
    return without(text, spans), f"{named} taken out"


def _swap_name() -> Callable[[str, random.Random], str | None]:
    lists = load_tests().lists
    return swap([lists[name] for name in _NAMES])


def _strongest(text: str, words: "Sequence[Word]") -> tuple[str, str] | None:
    if len(words) < 2:
        return None
    word = max(words, key=lambda word: abs(word.score))
    return without(text, [(word.start, word.end)]), f"{_quoted(text[word.start : word.end])} taken out"


def _quoted(word: str) -> str:
    return f"'{word}'" if len(word) <= _MOST_SHOWN else f"'{word[:_MOST_SHOWN]}…'"
