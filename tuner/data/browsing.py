"""Pages of rows for a table: filtered, sorted, and cut on the server."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np

from tuner.data.labelled import LabelledData

MOST_CHARACTERS = 300
Order = Literal["", "shortest", "longest"]


def rows_page(
    data: LabelledData, split: str, start: int, count: int, label: str | None = None, search: str = "", order: Order = ""
) -> list[dict[str, Any]]:
    """Rows `start`… of a split as {"row", "label", "text"}, texts cut at 300 characters for showing."""
    chosen = matching(data, split, label, search, order=order)
    return shown(data, split, chosen[start : start + count])


def shown(data: LabelledData, split: str, positions: Sequence[int] | np.ndarray) -> list[dict[str, Any]]:
    """The rows at these positions as {"row", "label", "text"}, texts cut at 300 characters."""
    part = data.splits[split]
    return [{"row": part.row_name(i), "label": data.labels[part.labels[i]], "text": cut(part.texts[i])} for i in positions]


def matching(
    data: LabelledData,
    split: str,
    label: str | None = None,
    search: str = "",
    *,
    of: Mapping[str, np.ndarray] | None = None,
    order: Order = "",
) -> np.ndarray:
    """Positions of the split's rows that fit.

    Args:
        label: None for any.
        search: words the text must hold, case ignored.
        of: role → positions to choose from, as `DataProfile.rows_of` gives them; None for all.
        order: "" as the split has them, else by the length of the text in characters.
    """
    part = data.splits[split]
    found = np.arange(len(part)) if not order else part.by_length if order == "shortest" else part.by_length[::-1]
    if of is not None:
        found = found[np.isin(found, of.get(split, np.empty(0, dtype=np.int64)))]
    if label:
        found = found[part.label_array[found] == data.labels.index(label)]
    if search:
        needle = search.lower()
        found = found[np.fromiter((needle in part.texts[i].lower() for i in found), bool, len(found))]
    return found


def whole_text(data: LabelledData, split: str, name: str) -> str | None:
    """The text of the row with this id, uncut; None where the split has no such row."""
    part = data.splits[split]
    return next((text for i, text in enumerate(part.texts) if part.row_name(i) == name), None)


def cut(text: str, most: int = MOST_CHARACTERS) -> str:
    """The first 300 characters, and how many there are."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
