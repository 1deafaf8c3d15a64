"""Columns of plain values: text, whole numbers, numbers, true/false. What is none of these becomes text."""

import json
from typing import Any

from tuner.errors import SourceError
from tuner.words import listed

# A browser and `datasets` both grow slow with columns; 3,000 are fine.
MOST_COLUMNS = 10_000
_NAMED_IN_A_NOTE = 5
_KINDS = {bool: "true/false", int: "numbers", float: "numbers", str: "text", dict: "objects", list: "lists"}


def unique_names(name: str, header: list[str], notes: list[str]) -> list[str]:
    """Strips the names; numbers repeated and empty ones, so that no column is lost, and notes the new names.

    Raises:
        SourceError: more columns than can be handled.
    """
    check_width(name, len(header))
    taken = {raw.strip() for raw in header}
    names: list[str] = []
    seen: set[str] = set()
    counts: dict[str, int] = {}
    for position, raw in enumerate(header, 1):
        base = chosen = raw.strip() or f"column_{position}"
        while chosen in seen or (chosen != raw.strip() and chosen in taken):
            counts[base] = counts.get(base, 1) + 1
            chosen = f"{base}_{counts[base]}"
        seen.add(chosen)
        names.append(chosen)
    made = [new for new, raw in zip(names, header, strict=True) if new != raw.strip()]
    if made:
        listing = listed([f"'{new[:60]}'" for new in made], _NAMED_IN_A_NOTE)
        notes.append(f"Repeated or empty column names were changed: the new ones are {listing}.")
    return names


def check_width(name: str, count: int) -> None:
    """Raises SourceError for more than MOST_COLUMNS."""
    if count > MOST_COLUMNS:
        raise SourceError(f"{name} has {count:,} columns; at most {MOST_COLUMNS:,} can be read.", "Keep the texts and labels.")


def to_table(columns: dict[str, list[Any]], notes: list[str]) -> Any:  # noqa: ANN401
    """An Arrow table of plain columns; notes the columns that mixed kinds."""
    import pyarrow as pa

    arrays = {as_text(name): plain(name, values, notes) for name, values in columns.items()}
    return pa.table(arrays)


def plain(name: str, values: list[Any], notes: list[str]) -> Any:  # noqa: ANN401
    """One column as an Arrow array."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_() if kinds else pa.large_string())
    if kinds <= {int}:
        if all(v is None or -(2**63) <= v < 2**63 for v in values):
            return pa.array(values, pa.int64())
    elif kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if kinds == {list} and all(not v or (len(v) == 1 and not isinstance(v[0], (list, dict))) for v in values):
        notes.append(f"Column '{as_text(name)[:60]}' holds lists of one item each; the items were read.")
        return plain(name, [v[0] if v else None for v in values], notes)
    words = sorted({_KINDS.get(kind, kind.__name__) for kind in kinds})
    if kinds in ({list}, {dict}):
        example = as_text(next((v for v in values if v), {}))[:60]
        notes.append(f"Column '{as_text(name)[:60]}' holds {words[0]}; each was read as text, such as {example}.")
    elif len(words) > 1:
        notes.append(f"Column '{as_text(name)[:60]}' mixes {' and '.join(words)}; all of it was read as text.")
    return pa.array([None if v is None else as_text(v) for v in values], pa.large_string())


def as_text(value: Any) -> str:  # noqa: ANN401
    """A value in words; halves of characters, which JSON can hold and no file can, become U+FFFD."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    text = json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
