"""The mends of `data.fixes`, applied to the rows of a run. Rows are dropped from train alone; masks reach every row."""

from collections.abc import Callable

import numpy as np

from tuner import patterns
from tuner.data.repeats import near_duplicates, repeat_keys
from tuner.data.rows import Rows
from tuner.sections.data import Fix

Parts = dict[str, Rows]
Keys = dict[str, np.ndarray]


def apply_fixes(parts: Parts, fixes: list[Fix]) -> tuple[Parts, list[str]]:
    """Role → rows with the fixes applied, and one sentence for each that changed something.

    Args:
        fixes: in the order of `tuner.sections.data.Fix`, as DataConfig holds them.
    """
    notes = []
    for fix in fixes:
        if fix.startswith("mask_"):
            parts, note = _mask(parts, fix.removeprefix("mask_"))
        else:
            parts, note = _drop(parts, fix)
        notes += [note] if note else []
    return parts, notes


def keys_of(parts: Parts) -> Keys:
    """Role → a whole number per row, equal where texts are repeats (see `repeats`)."""
    return dict(zip(parts, repeat_keys(*(rows.texts for rows in parts.values())), strict=True))


def conflicting(parts: Parts, keys: Keys) -> np.ndarray:
    """Positions of training rows whose text stands in train under another label, too."""
    train, labels = keys["train"], _numbers(parts["train"])
    lowest = np.full(train.max(initial=-1) + 1, np.iinfo(np.int64).max)
    highest = np.full(len(lowest), -1)
    np.minimum.at(lowest, train, labels)
    np.maximum.at(highest, train, labels)
    return np.flatnonzero(lowest[train] != highest[train])


def duplicates(parts: Parts, keys: Keys) -> np.ndarray:
    """Positions of training rows that repeat the text and the label of an earlier one."""
    labels = _numbers(parts["train"])
    pairs = keys["train"] * (labels.max(initial=0) + 1) + labels
    repeated = np.ones(len(pairs), dtype=bool)
    repeated[np.unique(pairs, return_index=True)[1]] = False
    return np.flatnonzero(repeated)


def leaked(parts: Parts, keys: Keys) -> np.ndarray:
    """Positions of training rows whose text stands in the validation or test rows, too."""
    others = [keys[role] for role in parts if role != "train"]
    return np.flatnonzero(np.isin(keys["train"], np.concatenate(others)))


_DROPS: dict[str, tuple[Callable[[Parts, Keys], np.ndarray], str]] = {
    "drop_conflicting": (conflicting, "whose text stands under two labels"),
    "drop_duplicates": (duplicates, "that repeat{s} an earlier one"),
    "drop_leaked": (leaked, "that stand{s} in validation or test, too,"),
    "drop_near_duplicates": (lambda parts, _: near_duplicates(parts["train"].texts)[0], "that nearly repeat{s} an earlier one"),
}


def _drop(parts: Parts, fix: str) -> tuple[Parts, str]:
    find, which = _DROPS[fix]
    gone = find(parts, keys_of(parts))
    if not len(gone):
        return parts, ""
    keep = np.ones(len(parts["train"]), dtype=bool)
    keep[gone] = False
    left = parts["train"].take(np.flatnonzero(keep).tolist())
    what = "row {} was" if len(gone) == 1 else "rows {} were"
    return {**parts, "train": left}, f"{len(gone):,} training {what.format(which.format(s='s' * (len(gone) == 1)))} dropped."


def _mask(parts: Parts, kind: str) -> tuple[Parts, str]:
    masked, total = {}, 0
    for role, rows in parts.items():
        texts, count = patterns.mask(rows.texts, kind)
        masked[role] = rows.with_texts(tuple(texts))
        total += count
    return masked, f"{patterns.PLACEHOLDERS[kind]} replaces the {kind} in {total:,} texts." if total else ""


def _numbers(rows: Rows) -> np.ndarray:
    """The rows' labels as whole numbers."""
    import pandas as pd

    return pd.factorize(np.asarray(rows.values, dtype=object))[0].astype(np.int64)
