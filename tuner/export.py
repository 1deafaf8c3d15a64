"""Tables written for people: CSV for spreadsheets, JSONL and Parquet exact."""

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".jsonl", ".parquet")
# A spreadsheet runs a cell that starts with one of these as a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def check_suffix(path: Path) -> None:
    """Refuses an ending that cannot be written, before any work is done for it.

    Raises:
        SourceError: it is none of `SUFFIXES`.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise SourceError(f"{path} has the ending '{path.suffix}'.", f"Give an output that ends in {' '.join(SUFFIXES)}.")


def write_table(frame: "pd.DataFrame", path: Path) -> None:
    """Writes a table by its ending; a CSV cell or column name that starts like a formula gets a leading '.

    Raises:
        SourceError: another ending, or the file cannot be written.
    """
    check_suffix(path)
    try:
        if path.suffix.lower() == ".csv":
            # Every cell in quotes: pandas leaves a lone carriage return bare, and a spreadsheet begins a new row there.
            frame.map(_safe).rename(columns=_safe).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
        elif path.suffix.lower() == ".jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            frame.to_parquet(path, index=False)
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from None


def _safe(value: Any) -> Any:  # noqa: ANN401
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
