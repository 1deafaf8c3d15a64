"""Predictions for a whole file: a table or lines of text in, a table out."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuner.data.columns import find_text_columns
from tuner.data.files import FILE_SUFFIXES, MOST_FILE_BYTES
from tuner.data.sources import load_raw
from tuner.data.tables.opening import format_of
from tuner.errors import SourceError
from tuner.export import check_suffix, write_table
from tuner.inference import Classifier

_CHUNK = 1_024


def read_texts(path: Path, text_column: str | None = None) -> list[str]:
    """The texts of a table's text column, or the lines of a `.txt` file (each may be a `.gz` too).

    Raises:
        SourceError: the file cannot be read, or holds no text.
    """
    kind = format_of(path)
    if kind == ".txt":
        return _read_lines(path)
    if kind is None:
        raise SourceError(f"{path} has the ending '{path.suffix}'.", f"Give a file that ends in {' '.join(FILE_SUFFIXES)}.")
    table = next(iter(load_raw(str(path)).splits.values()))
    column = find_text_columns(table, text_column).names[0]
    return [text or "" for text in table[column][:]]


def _read_lines(path: Path) -> list[str]:
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig") as file:
            lines = file.read(MOST_FILE_BYTES).split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise SourceError(f"{path} cannot be read ({type(error).__name__}).", "Give a text file in UTF-8.") from None
    return [line for line in lines if line.strip()]


def predict_texts(
    classifier: Classifier, texts: list[str], on_progress: Callable[[int], None] | None = None
) -> Iterator[dict[str, Any]]:
    """One row per text, in order: text, label, probability, one probability per label. Empty texts get an empty label."""
    for start in range(0, len(texts), _CHUNK):
        chunk = texts[start : start + _CHUNK]
        answers = iter(classifier.predict([text for text in chunk if text.strip()]))
        for text in chunk:
            answer = next(answers) if text.strip() else None
            yield {
                "text": text,
                "label": answer.label if answer else "",
                "probability": answer.probabilities[answer.label] if answer else None,
                **{f"probability_{name}": answer.probabilities[name] if answer else None for name in classifier.labels},
            }
        if on_progress:
            on_progress(start + len(chunk))


def write_rows(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """Writes rows as CSV (cells made safe against spreadsheet formulas), JSONL or Parquet (both exact); returns their number.

    Raises:
        SourceError: another ending, or the file cannot be written.
    """
    import pandas as pd

    check_suffix(path)
    frame = pd.DataFrame(list(rows))
    write_table(frame, path)
    return len(frame)
