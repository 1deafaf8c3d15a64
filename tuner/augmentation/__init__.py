"""Data augmentation: altered copies of training rows, by strategies that each touch a share of a text's words.

It is given training rows alone; validation and test rows never come here. Everything is decided by the seed.
"""

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from tuner import modeling
from tuner.augmentation import lexicon, masked, neighbours, noise, pretrained
from tuner.augmentation.words import Piece, content_words, join, shaped_like, split, words_of
from tuner.config import RunConfig
from tuner.data.labelled import LabelledData, Split
from tuner.errors import SettingsError

# In the order they are applied: words are replaced in the text as it was written, before it is spoilt.
STRATEGIES = ("synonyms", "neighbours", "masked", "swap", "delete", "typos", "case")
_FROM_BASE = ("neighbours", "masked")
_NOISE: dict[str, Callable[[list[Piece], float, random.Random], None]] = {
    "swap": noise.swap,
    "delete": noise.drop,
    "typos": noise.typos,
    "case": noise.case,
}
# Rows a preview tries for each example it shows: short texts often have nothing to replace.
_TRIED_PER_EXAMPLE = 10


class Settings(Protocol):
    """What the config's section `augmentation` holds: a rate in 0 … 1 for each strategy, 0 switches it off.

    A rate is the share of the words that may be changed; one word at least is touched where any can be.
    """

    synonyms: float
    neighbours: float
    masked: float
    swap: float
    delete: float
    typos: float
    case: float
    copies: int


@dataclass
class _Copy:
    """One copy on its way: `text` is what it came from, `strategies` those that changed it."""

    row: int
    text: str
    key: bytes
    pieces: list[Piece]
    strategies: list[str] = field(default_factory=list)

    def draws(self, strategy: str) -> random.Random:
        """The random numbers of one strategy; another strategy's rate does not move them."""
        return random.Random(hashlib.blake2b(self.key + strategy.encode(), digest_size=16).digest())


def augment(
    texts: Sequence[str], labels: Sequence[int], config: Settings, base: modeling.BaseModel | None, seed: int
) -> tuple[list[str], list[int], list[int]]:
    """Altered copies of training rows, to be added to these; the rows themselves are not among them.

    A copy depends on the seed and its row's text alone: rows before or behind it, or left out, do not change it. A copy that
    equals its row or an earlier copy of it (but for blanks and, unless `case` is on, capitals) is left out.

    Args:
        texts: of the training rows.
        labels: of the same rows, of any kind; each copy gets its row's.
        base: needed by `neighbours` and `masked`.

    Returns:
        The copies' texts, their labels, and the position of the row each was made of; rows in order, copies of one together.

    Raises:
        SettingsError: a strategy needs a base model, and there is none.
        ModelError: the base model has no masked-word head, or cannot be read.
        TunerError: the package that holds the synonyms is not installed.
    """
    if len(texts) != len(labels):
        raise ValueError(f"{len(texts)} texts, but {len(labels)} labels")
    made = _altered(texts, config, base, seed)
    return [text for text, _ in made], [labels[copy.row] for _, copy in made], [copy.row for _, copy in made]


def with_copies(config: RunConfig, data: LabelledData, base: modeling.BaseModel) -> LabelledData:
    """The data with altered copies behind its training rows, as the config's section `augmentation` asks for.

    The fingerprint stays that of the rows themselves; a copy has the row id of the row it was made of.

    Raises:
        SettingsError, ModelError, TunerError: as `augment`.
    """
    settings, train = config.augmentation, data.splits["train"]
    if not is_on(settings):
        return data
    texts, labels, rows = augment(train.texts, train.labels, settings, base, settings.seed)
    row_ids = (*train.row_ids, *(train.row_ids[row] for row in rows))
    more = Split((*train.texts, *texts), (*train.labels, *labels), row_ids, train.origin)
    note = f"{len(texts):,} altered copies were added to the {len(train):,} training rows."
    return replace(data, splits={**data.splits, "train": more}, notes=(*data.notes, note))


def preview(
    texts: Sequence[str], config: Settings, base: modeling.BaseModel | None, seed: int, count: int = 5
) -> list[tuple[str, str, list[str]]]:
    """Some training rows with what augmentation makes of them: (text, altered text, strategies that changed it).

    Rows are drawn by the seed; each comes once, with the first copy that `augment` makes of it.

    Raises:
        SettingsError, ModelError, TunerError: as `augment`.
    """
    different = list(dict.fromkeys(texts))
    drawn = random.Random(seed).sample(different, min(len(different), count * _TRIED_PER_EXAMPLE))
    first: dict[int, tuple[str, str, list[str]]] = {}
    for text, copy in _altered(drawn, config, base, seed):
        first.setdefault(copy.row, (copy.text, text, copy.strategies))
    return list(first.values())[:count]


def is_on(config: Settings) -> bool:
    """Whether any strategy is on."""
    return any(getattr(config, name) > 0 for name in STRATEGIES)


def refuse_unfit(config: Settings, base: modeling.BaseModel | None) -> None:
    """Says before a run starts what `augment` would say: names and files are looked at, no weights loaded.

    Raises:
        SettingsError, ModelError, TunerError: as `augment`.
    """
    wanting = [name for name in _FROM_BASE if getattr(config, name) > 0 and base is None]
    if wanting:
        raise SettingsError([f"augmentation.{name} = {getattr(config, name):g} needs a base model." for name in wanting])
    if config.masked > 0 and base is not None:
        pretrained.refuse_without_head(base, config.masked)
    if config.synonyms > 0 or config.neighbours > 0 or config.masked > 0:
        lexicon.check_installed()


def _altered(texts: Sequence[str], config: Settings, base: modeling.BaseModel | None, seed: int) -> list[tuple[str, _Copy]]:
    """(altered text, its copy) for each copy that differs."""
    refuse_unfit(config, base)
    if not is_on(config):
        return []
    copies = _copies(texts, config.copies, seed)
    if config.synonyms > 0:
        _replace(copies, "synonyms", config.synonyms, lexicon.synonyms)
    if config.neighbours > 0 and base is not None:
        words = {copy.pieces[i].word.lower() for copy in copies for i in content_words(copy.pieces)}
        near = neighbours.nearest(words, base)
        _replace(copies, "neighbours", config.neighbours, lambda word: near.get(word, ()))
    if config.masked > 0 and base is not None:
        _fill_masks(copies, config.masked, base)
    for name, spoil in _NOISE.items():
        if (rate := getattr(config, name)) > 0:
            for copy in copies:
                _noting(copy, name, lambda copy, name=name, rate=rate, spoil=spoil: spoil(copy.pieces, rate, copy.draws(name)))
    return _different(copies, exact=config.case > 0)


def _copies(texts: Sequence[str], count: int, seed: int) -> list[_Copy]:
    """Unaltered copies, each with its source of chance: the seed, the text, how often it stood before, the copy's number."""
    seen: Counter[str] = Counter()
    copies = []
    for row, text in enumerate(texts):
        for number in range(count):
            key = hashlib.blake2b(f"{seed} {number} {seen[text]} {text}".encode("utf-8", "surrogatepass"), digest_size=16)
            copies.append(_Copy(row, text, key.digest(), split(text)))
        seen[text] += 1
    return copies


def _replace(copies: list[_Copy], strategy: str, rate: float, alternatives: Callable[[str], Sequence[str]]) -> None:
    """Puts one of its alternatives in the place of each chosen word; only words that have any are chosen from."""
    for copy in copies:
        content = [(i, alternatives(copy.pieces[i].word.lower())) for i in content_words(copy.pieces)]
        found = [(i, others) for i, others in content if others]
        draws = copy.draws(strategy)
        for i, others in draws.sample(found, min(len(found), noise.how_many(rate, len(words_of(copy.pieces))))):
            copy.pieces[i].word = shaped_like(draws.choice(others), copy.pieces[i].word)
        copy.strategies += [strategy] if found else []


def _fill_masks(copies: list[_Copy], rate: float, base: modeling.BaseModel) -> None:
    maskings = []
    for copy in copies:
        draws, found = copy.draws("masked"), words_of(copy.pieces)
        chosen = sorted(draws.sample(found, noise.how_many(rate, len(found))))
        maskings.append(masked.Masking(copy.pieces, chosen, [draws.random() for _ in chosen]))
    before = [join(copy.pieces) for copy in copies]
    masked.fill([masking for masking in maskings if masking.at], base)
    for copy, text in zip(copies, before, strict=True):
        copy.strategies += ["masked"] if join(copy.pieces) != text else []


def _noting(copy: _Copy, strategy: str, change: Callable[[_Copy], None]) -> None:
    before = join(copy.pieces)
    change(copy)
    copy.strategies += [strategy] if join(copy.pieces) != before else []


def _different(copies: list[_Copy], exact: bool) -> list[tuple[str, _Copy]]:
    """The copies that differ from their row and from earlier copies of it."""
    kept, seen = [], set()
    for copy in copies:
        text = join(copy.pieces).strip()
        seen.add((copy.row, _compared(copy.text, exact)))
        if (copy.row, _compared(text, exact)) not in seen and text:
            kept.append((text, copy))
            seen.add((copy.row, _compared(text, exact)))
    return kept


def _compared(text: str, exact: bool) -> str:
    joined = " ".join(text.split())
    return joined if exact else joined.casefold()
