"""Cuts validation and test rows from training rows: stratified, seeded, and repeats of a text never on both sides."""

from typing import TYPE_CHECKING

import numpy as np

from tuner.data.repeats import first_of_each, repeat_keys
from tuner.data.rows import Rows
from tuner.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence

# Held out where nobody says how many rows.
HELD_OUT_SHARE = 0.1
MOST_HELD_OUT = 2_000


def hold_out(rows: Rows, size: float | None, seed: int) -> tuple[Rows, Rows]:
    """(what is left, what was cut). A class of one text stays where it is.

    Args:
        size: a count, or a share below 1; None for a tenth, at most 2,000.

    Raises:
        SourceError: too few rows for it.
    """
    from sklearn.model_selection import train_test_split

    groups = _Groups(rows)
    wanted = _count(size, len(rows), groups.classes)
    amount = max(round(wanted * len(groups.first) / max(1, len(rows))), groups.classes)
    cuttable = groups.of_classes_with(2)
    if not len(rows) or amount + groups.classes > len(cuttable):
        texts, classes = len(groups.first), len(set(rows.values))
        repeats = f", with only {texts:,} different text{'s' * (texts != 1)}," if texts < len(rows) else ""
        given = f"{len(rows):,} row{'s' * (len(rows) != 1)} of {classes} class{'es' * (classes != 1)}{repeats}"
        raise SourceError(
            f"{given} {'is' if len(rows) == 1 else 'are'} too few to hold out {wanted:,} for validation or test.",
            "Give more rows, hold out fewer, or name validation and test splits.",
        )
    _, held = train_test_split(cuttable, test_size=amount, random_state=seed, stratify=groups.labels[cuttable])
    return groups.parted(held)


def fold_out(rows: Rows, num_folds: int, fold: int, seed: int) -> tuple[Rows, Rows]:
    """(the other folds, the fold). Every row is in just one fold.

    Raises:
        SourceError: fewer different texts than folds in every class.
    """
    from sklearn.model_selection import StratifiedKFold

    groups = _Groups(rows)
    most = int(np.bincount(groups.labels).max()) if len(rows) else 0
    if most < num_folds:
        raise SourceError(
            f"No class has {num_folds} different texts, as {num_folds} folds need; the largest has {most}.",
            "Set data.num_folds lower, or give more rows.",
        )
    folds = StratifiedKFold(num_folds, shuffle=True, random_state=seed)
    # A class of fewer texts than folds is missing from some of them: scikit-learn warns of what a finding shows.
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        _, held = list(folds.split(groups.first, groups.labels))[fold]
    return groups.parted(held)


def in_shares(values: "Sequence[str]", seed: int) -> list[int]:
    """All positions in a drawn order whose every beginning has the labels in their shares, to a row of each.

    Of a label with n rows, drawn row k stands at (k + ½) ⁄ n of the way, so that the beginnings of one order lie in each other.
    """
    random = np.random.default_rng(seed)
    kinds, places = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    way = np.empty(len(places))
    for kind in range(len(kinds)):
        own = random.permutation(np.flatnonzero(places == kind))
        way[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.lexsort((random.random(len(places)), way)).tolist()


class _Groups:
    """Rows whose texts are repeats of each other, taken as one.

    Attributes:
        first: position of each group's first row, in the order of the rows.
        labels: class of that row, as a whole number.
    """

    def __init__(self, rows: Rows) -> None:
        import pandas as pd

        self._rows = rows
        self._keys = repeat_keys(rows.texts)[0]
        self.first = first_of_each(self._keys)
        values = np.asarray(rows.values, dtype=object)
        self.labels = pd.factorize(values[self.first], sort=True)[0]

    @property
    def classes(self) -> int:
        return int(self.labels.max()) + 1 if len(self.labels) else 0

    def of_classes_with(self, least: int) -> np.ndarray:
        """Numbers of the groups whose class has at least so many groups."""
        return np.flatnonzero(np.bincount(self.labels)[self.labels] >= least) if len(self.labels) else self.labels

    def parted(self, held: "Sequence[int]") -> tuple[Rows, Rows]:
        out = np.isin(self._keys, self._keys[self.first[np.asarray(held, dtype=np.int64)]])
        return self._rows.take(np.flatnonzero(~out).tolist()), self._rows.take(np.flatnonzero(out).tolist())


def _count(size: float | None, rows: int, classes: int) -> int:
    if size is None:
        return min(MOST_HELD_OUT, max(round(rows * HELD_OUT_SHARE), classes))
    return int(size) if size >= 1 else max(1, round(rows * size))
