"""Parts of the rows by the values of a column that is neither text nor label."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_VALUES = 20
_MOST_CHARACTERS = 60


@dataclass(frozen=True)
class Part:
    """Some of the rows.

    Attributes:
        key: the same for the same kind of rows, whatever they hold.
        mask: whether each row is one of them; None for a column that was left out.
        note: why it was.
    """

    key: str
    name: str
    mask: np.ndarray | None
    note: str = ""


def column_parts(name: str, values: Sequence[Any]) -> Iterator[Part]:
    """Each value where there are at most 20, quarters of a column of numbers, else one part without rows that says why.

    Rows without a value are a part of their own.
    """
    import pandas as pd

    column = pd.Series(list(values), dtype=object)
    missing = column.isna().to_numpy(dtype=bool)
    try:
        codes, kinds = pd.factorize(column, use_na_sentinel=True)
    except TypeError:  # lists and the like
        yield Part("", _short(name), None, f"Column '{_short(name)}' holds lists or objects and was left out.")
        return
    if len(kinds) <= MOST_VALUES:
        for i, kind in sorted(enumerate(kinds), key=lambda item: str(item[1])):
            yield Part(str(i), f"{_short(name)} = {_short(kind)}", codes == i)
    elif (numbers := _numbers(column, missing)) is not None:
        yield from _quarters(_short(name), numbers)
    else:
        reason = f"holds {len(kinds):,} different values that are no numbers and was left out"
        yield Part("", _short(name), None, f"Column '{_short(name)}' {reason}.")
        return
    if missing.any():
        yield Part("missing", f"{_short(name)} is missing", missing)


def _numbers(column: "pd.Series", missing: np.ndarray) -> np.ndarray | None:
    """The column as floats, NaN where a value is missing; None where another one is no finite number."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    return numbers if np.isfinite(numbers[~missing]).all() else None


def _quarters(name: str, numbers: np.ndarray) -> Iterator[Part]:
    """Cut at the quartiles, each a value of the column; fewer parts where quartiles coincide."""
    cuts = np.unique(np.nanquantile(numbers, (0.25, 0.5, 0.75), method="inverted_cdf"))
    top = np.nanmax(numbers)
    cuts = cuts[cuts < top]
    shown = [f"{cut:g}" if len({f"{other:g}" for other in cuts}) == len(cuts) else repr(float(cut)) for cut in cuts]
    classes = np.where(np.isnan(numbers), -1, np.searchsorted(cuts, numbers))
    names = [f"{name} ≤ {shown[0]}"] if shown else [f"{name} = {top:g}"]
    names += [f"{low} < {name} ≤ {high}" for low, high in itertools.pairwise(shown)]
    names += [f"{name} > {shown[-1]}"] if shown else []
    for i, title in enumerate(names):
        yield Part(str(i), title, classes == i)


def _short(value: Any) -> str:  # noqa: ANN401
    text = " ".join(str(value).split())
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"
