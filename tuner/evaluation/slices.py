"""Accuracy in parts of the rows: short and long texts, texts with a link, each label, each value of a column.

A slice keeps no rows: `members` finds them again by its `key`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.evaluation.parts import PARTS, Rows
from tuner.evaluation.search import fits
from tuner.evaluation.wilson import Interval, wilson

Kind = Literal["length", "trait", "label", "prediction", "column", "combination", "search"]
FEWEST_ROWS = 30
# Of the answers, these many are combined with lengths and traits: at most 265 combinations.
_MOST_COMBINED_ANSWERS = 10
_COMBINED = ("length", "trait", "prediction")


class Slice(BaseModel):
    """How right the classifier is on a part of the rows.

    Attributes:
        key: what `members` finds its rows by; empty for a search, which gives them itself.
        n: its rows.
        value: share of right answers, 0 … 1; None where it has no rows.
        interval: 95 %, Wilson.
        difference: `value` minus that of all other rows; None where there are none.
        small: fewer than 30 rows.
        note: a sentence where there is something to know: no rows, few rows, or a column that was left out.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Kind
    key: str = ""
    n: int
    metric: str = "accuracy"
    value: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    small: bool
    note: str = ""


class _Count(NamedTuple):
    kind: Kind
    key: str
    name: str
    n: int
    good: int
    note: str = ""


def slices(
    texts: Sequence[str],
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> list[Slice]:
    """Slices by length, trait, true label, answer and column, then every two of length, trait and answer together.

    A combination equal to one of its parts, or without rows, is left out. Of a column with at most 20 different values each
    one is a slice; another column of numbers is cut at its quartiles; any other is one entry whose note says so.

    Args:
        truth: label ids, one per text.
        probabilities: texts × labels.
        columns: name → values, one per text.

    Raises:
        ValueError: the arguments differ in length.
    """
    rows = _rows(texts, truth, probabilities, labels, columns or {})
    right = rows.truth == rows.guesses
    found, masks = [], []
    for kind in PARTS:
        for part in PARTS[kind](rows):
            mask = np.zeros(len(right), dtype=bool) if part.mask is None else part.mask
            n, good = int(np.count_nonzero(mask)), int(np.count_nonzero(mask & right))
            found.append(_Count(kind, f"{kind}:{part.key}", part.name, n, good, part.note))
            if kind in _COMBINED and n:
                masks.append((found[-1], mask))
    return _measured(found + _combinations(masks, right), len(right), int(right.sum()))


def members(
    key: str,
    texts: Sequence[str],
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Sequence[Any]] | None = None,
) -> np.ndarray:
    """Positions of a slice's rows, ascending; the other arguments as `slices` had them.

    Raises:
        KeyError: `slices` gives no such key for these rows.
    """
    rows = _rows(texts, truth, probabilities, labels, columns or {})
    inside = np.ones(len(rows.truth), dtype=bool)
    for single in key.split(" & "):
        kind, _, rest = single.partition(":")
        mask = {part.key: part.mask for part in PARTS[kind](rows)}[rest]
        inside &= False if mask is None else mask
    return np.flatnonzero(inside)


def search_slice(
    texts: Sequence[str], truth: np.ndarray, probabilities: np.ndarray, pattern: str, *, regular_expression: bool = False
) -> tuple[Slice, np.ndarray]:
    """The slice of the texts that hold what a person typed, and the positions of its rows.

    Raises:
        SettingsError: as `search.fits`.
        ValueError: the arguments differ in length.
    """
    rows = _rows(texts, truth, probabilities, range(probabilities.shape[1]), {})
    mask, right = fits(texts, pattern, regular_expression=regular_expression), rows.truth == rows.guesses
    name = f"matching {pattern}" if regular_expression else f"with “{pattern}”"
    found = _Count("search", "", name, int(mask.sum()), int((mask & right).sum()))
    return _measured([found], len(right), int(right.sum()))[0], np.flatnonzero(mask)


def worst_slices(found: Sequence[Slice], most: int = 5) -> list[Slice]:
    """The slices that are clearly worse than the other rows, the one with the lowest upper bound first; at most `most`.

    Clearly: 30 rows or more, and an interval wholly below the accuracy of the other rows. A combination must also be clearly
    worse than each of its two parts, which say the same in fewer words otherwise.
    """
    values = {slice_.key: slice_.value for slice_ in found}
    low = [slice_ for slice_ in _judged(found) if slice_.interval[1] < _bar(slice_, values)]
    return sorted(low, key=lambda slice_: (slice_.interval[1], slice_.key))[:most]


def searched(found: Sequence[Slice], worst: Sequence[Slice]) -> str:
    """What `worst_slices` did, in a sentence that says how many slices were looked at."""
    count = len(_judged(found))
    if not count:
        return f"No slice has the {FEWEST_ROWS} rows it takes to be compared."
    looked_at = f"{count:,} slices of {FEWEST_ROWS} rows or more looked at"
    if not worst:
        return f"None of {looked_at} is clearly worse than the other rows."
    return f"The lowest of {looked_at}; of so many, some come out low by chance, so look at their rows before you act on one."


def _judged(found: Sequence[Slice]) -> list[Slice]:
    return [slice_ for slice_ in found if not slice_.small and slice_.difference is not None]


def _bar(found: Slice, values: Mapping[str, float | None]) -> float:
    """What a slice's upper bound has to stay below."""
    parts = [values[key] for key in found.key.split(" & ") if " & " in found.key and values.get(key) is not None]
    return min([found.value - found.difference, *parts])


def _rows(
    texts: Sequence[str],
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
) -> Rows:
    lengths = {len(texts), len(truth), len(probabilities), *map(len, columns.values())}
    if len(lengths) > 1 or probabilities.shape[1:] != (len(labels),):
        raise ValueError(
            f"{len(texts)} texts, {len(truth)} labels, probabilities of shape {probabilities.shape} for {len(labels)} labels, "
            f"columns of {sorted(set(map(len, columns.values())))} rows"
        )
    return Rows(texts, np.asarray(truth), np.argmax(probabilities, axis=1), labels, columns)


def _combinations(parts: list[tuple[_Count, np.ndarray]], right: np.ndarray) -> list[_Count]:
    """Every two parts of different kinds, and every two traits; counted by one product of matrices."""
    answers = sorted((part for part in parts if part[0].kind == "prediction"), key=lambda part: -part[0].n)
    kept = [part for part in parts if part[0].kind != "prediction"] + answers[:_MOST_COMBINED_ANSWERS]
    if not kept:
        return []
    masks = np.stack([mask for _, mask in kept]).astype(np.float32)  # exact: counts stay below 2**24
    counts, good = masks @ masks.T, (masks * right) @ masks.T
    found = []
    for i, (second, _) in enumerate(kept):
        for j, (first, _) in enumerate(kept[:i]):
            both = int(counts[i, j])
            if (first.kind != second.kind or first.kind == "trait") and 0 < both < min(first.n, second.n):
                key, name = f"{first.key} & {second.key}", f"{first.name}, {second.name}"
                found.append(_Count("combination", key, name, both, int(good[i, j])))
    return found


def _measured(found: list[_Count], total: int, right: int) -> list[Slice]:
    counts, good = (np.array([getattr(one, name) for one in found], dtype=np.int64) for name in ("n", "good"))
    lower, upper = wilson(good, np.maximum(1, counts))
    made = []
    for one, low, high in zip(found, lower.tolist(), upper.tolist(), strict=True):
        value = one.good / one.n if one.n else None
        others = (right - one.good) / (total - one.n) if total > one.n else None
        made.append(
            Slice(
                name=one.name,
                kind=one.kind,
                key=one.key,
                n=one.n,
                value=value,
                interval=(low, high) if one.n else None,
                difference=None if value is None or others is None else value - others,
                small=one.n < FEWEST_ROWS,
                note=one.note or _note(one.n),
            )
        )
    return made


def _note(n: int) -> str:
    if not n:
        return "No row is in this slice."
    return f"Only {n} row{'s' if n > 1 else ''}: too few to tell much." if n < FEWEST_ROWS else ""
