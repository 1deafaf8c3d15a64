"""From tests to cases: the texts of each, and what must hold of their answers."""

import itertools
import math
import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from tuner.evaluation.behaviour.changes import CHANGES, add, swap
from tuner.evaluation.behaviour.suite import GROUP, SLOT, DirectionTest, InvarianceTest, MinimumTest, Suite, Test
from tuner.words import listed

# With fewer cases from the given texts, templates fill up to these many.
FEWEST_FROM_TEXTS = 20
_FROM_TEMPLATES = 30
# Short texts, since each is scored again for each change; a tweet has at most 280 characters.
_MOST_CHARACTERS = 300
_POOL = 5_000
_SHORT = {"pos": "positive", "neg": "negative", "neu": "neutral"}
_ENGLISH = re.compile(
    r"\b(?:the|and|you|is|are|to|of|it|my|this|that|for|with|was|have|has|not|we|they|but|your|what|just)\b", re.IGNORECASE
)
# Of 2,000 tweets 89 % have one of these words.
_LEAST_ENGLISH = 0.2
_FEWEST_TO_JUDGE = 20


@dataclass(frozen=True)
class Case:
    """Texts whose answers are judged together.

    Attributes:
        texts: one (MFT), a text and its change (INV, DIR), or all variants of a sentence (INV over groups).
        accepted: label ids that are right (MFT), or the one whose probability counts (DIR).
        must_not: "fall" or "rise" (DIR).
    """

    texts: tuple[str, ...]
    accepted: tuple[int, ...] = ()
    must_not: str = ""


def make_cases(
    name: str, test: Test, suite: Suite, labels: Sequence[str], pool: Sequence[str], seed: int
) -> tuple[list[Case], str]:
    """The cases of a test, and why there are none.

    Args:
        pool: what `pool_of` made.
    """
    ids = label_ids(labels)
    missing = [need for need in test.needs if _plain(need) not in ids]
    if missing:
        return [], f"The classifier has no label {' or '.join(missing)}; its labels are {listed(labels, 8)}."
    if test.language == "en" and not looks_english(pool):
        return [], "The texts do not look English, and the sentences of this test are."
    rng = random.Random(f"{seed}-{name}")
    if isinstance(test, MinimumTest):
        return _minimum(test, suite.lists, ids, rng), "The classifier has none of the labels that the test expects."
    if isinstance(test, DirectionTest):
        return _direction(test, suite.lists, ids, rng), "The classifier has none of the labels that the test speaks of."
    if test.change == "groups":
        return _groups(test, suite.lists, rng), "There are no templates."
    return _changed(test, suite.lists, pool, rng), "None of the texts can be changed in this way."


def pool_of(texts: Sequence[str], seed: int) -> list[str]:
    """At most 5,000 different texts of at most 300 characters, drawn by the seed."""
    short = list(dict.fromkeys(text for text in texts if text.strip() and len(text) <= _MOST_CHARACTERS))
    return random.Random(seed).sample(short, min(len(short), _POOL))


def label_ids(labels: Sequence[str]) -> dict[str, int]:
    """Name in small letters, abbreviations of sentiments written out → label id."""
    return {_plain(name): i for i, name in reversed(list(enumerate(labels)))}


def looks_english(texts: Sequence[str]) -> bool:
    """Whether a fifth of the texts or more has a common English word; of fewer than 20 texts nothing is known against it."""
    return len(texts) < _FEWEST_TO_JUDGE or sum(_ENGLISH.search(text) is not None for text in texts) >= _LEAST_ENGLISH * len(
        texts
    )


def _plain(label: str) -> str:
    name = label.strip().lower()
    return _SHORT.get(name, name)


def _minimum(test: MinimumTest, lists: Mapping[str, Sequence[str]], ids: dict[str, int], rng: random.Random) -> list[Case]:
    drawn = []
    for expectation in test.cases:
        accepted = tuple(dict.fromkeys(ids[_plain(name)] for name in expectation.expect if _plain(name) in ids))
        if accepted:
            makers = [_fillings((template,), lists, rng) for template in expectation.templates]
            drawn.append([Case(texts, accepted) for texts in _in_turn(makers, math.ceil(test.most / len(test.cases)))])
    return _mixed(drawn, test.most)


def _direction(test: DirectionTest, lists: Mapping[str, Sequence[str]], ids: dict[str, int], rng: random.Random) -> list[Case]:
    drawn = []
    for move in test.cases:
        if _plain(move.label) in ids:
            makers = [_fillings((move.template, changed), lists, rng) for changed in move.changed]
            found = _in_turn(makers, math.ceil(test.most / len(test.cases)))
            drawn.append([Case(texts, (ids[_plain(move.label)],), move.must_not) for texts in found])
    return _mixed(drawn, test.most)


def _groups(test: InvarianceTest, lists: Mapping[str, Sequence[str]], rng: random.Random) -> list[Case]:
    """One case for each template and list: the sentence with every word of the list."""
    found = []
    for template, name in itertools.product(test.templates, test.lists):
        variants = tuple(
            SLOT.sub(lambda slot, word=word: word if slot[1] == GROUP else slot[0], template) for word in lists[name]
        )
        found.append(Case(next(_fillings(variants, lists, rng))))
    rng.shuffle(found)
    return found[: test.most]


def _changed(test: InvarianceTest, lists: Mapping[str, Sequence[str]], pool: Sequence[str], rng: random.Random) -> list[Case]:
    change = _change_of(test, lists)
    found = list(itertools.islice(_pairs(pool, change, rng), test.most))
    if len(found) < FEWEST_FROM_TEXTS and test.templates:
        makers = [_fillings((template,), lists, rng) for template in test.templates]
        made = [text for (text,) in _in_turn(makers, 2 * _FROM_TEMPLATES)]
        found += itertools.islice(_pairs(made, change, rng), min(test.most, _FROM_TEMPLATES) - len(found))
    return found


def _change_of(test: InvarianceTest, lists: Mapping[str, Sequence[str]]) -> Callable[[str, random.Random], str | None]:
    if test.change == "add":
        return add([word for name in test.lists for word in lists[name]])
    if test.change == "swap":
        return swap([lists[name] for name in test.lists])
    return CHANGES[test.change]


def _pairs(texts: Sequence[str], change: Callable[[str, random.Random], str | None], rng: random.Random) -> Iterator[Case]:
    return (Case((text, new)) for text in texts if (new := change(text, rng)) is not None)


def _fillings(templates: tuple[str, ...], lists: Mapping[str, Sequence[str]], rng: random.Random) -> Iterator[tuple[str, ...]]:
    """The templates with their slots filled, the same words in all of them; every filling at most once, at random."""
    slots = list(dict.fromkeys(slot for template in templates for slot in SLOT.findall(template)))
    sizes = [len(lists[slot]) for slot in slots]
    total = math.prod(sizes)
    for number in rng.sample(range(total), min(total, 1_000)):
        words = {}
        for slot, size in zip(slots, sizes, strict=True):
            number, at = divmod(number, size)
            words[slot] = lists[slot][at]
        yield tuple(SLOT.sub(lambda slot, words=words: words[slot[1]], template) for template in templates)


def _in_turn(makers: list[Iterator[tuple[str, ...]]], most: int) -> list[tuple[str, ...]]:
    """So many fillings in all, one of each template in turn."""
    rounds = itertools.zip_longest(*makers)
    found = dict.fromkeys(filling for turn in rounds for filling in turn if filling is not None)
    return list(itertools.islice(found, most))


def _mixed(drawn: list[list[Case]], most: int) -> list[Case]:
    """One case of each group in turn, so that a cut leaves all of them."""
    turns = itertools.zip_longest(*drawn)
    return [case for turn in turns for case in turn if case is not None][:most]
