"""Files written for people: tables (CSV for spreadsheets, JSONL and Parquet exact) and whole folders."""

import contextlib
import csv
import json
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from tuner.errors import SourceError

if TYPE_CHECKING:
    import pandas as pd

_BATCH_ROWS = 1_024
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
    with writable(path):
        if path.suffix.lower() == ".csv":
            # Every cell in quotes: pandas leaves a lone carriage return bare, and a spreadsheet begins a new row there.
            frame.map(_safe).rename(columns=_safe).to_csv(path, index=False, quoting=csv.QUOTE_ALL)
        elif path.suffix.lower() == ".jsonl":
            frame.to_json(path, orient="records", lines=True, force_ascii=False)
        else:
            frame.to_parquet(path, index=False)


class TableWriter:
    """Writes rows bit by bit, as `write_table` would write them at once; the file is there when it is whole.

    Args:
        path: its ending says how.
        columns: name → str, float or bool.

    Raises:
        SourceError: another ending, or the file cannot be written.
    """

    def __init__(self, path: Path, columns: dict[str, type]) -> None:
        check_suffix(path)
        self._path = path
        self._part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
        begin = {".csv": _CsvLines, ".jsonl": _JsonLines, ".parquet": _RowGroups}[path.suffix.lower()]
        with writable(path):
            self._rows = begin(self._part, columns)

    def write(self, rows: list[dict[str, Any]]) -> None:
        """Adds rows."""
        with writable(self._path):
            self._rows.write(rows)

    def __enter__(self) -> "TableWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            with writable(self._path):
                self._rows.close()
                if error is None:
                    self._part.replace(self._path)
        finally:
            self._part.unlink(missing_ok=True)


def convert(source: Path, target: Path) -> None:
    """Writes a Parquet file that `TableWriter` made once more, by another ending and bit by bit.

    Raises:
        SourceError: another ending, or the file cannot be written.
    """
    import pyarrow as pa
    from pyarrow import parquet

    with parquet.ParquetFile(source) as file:
        kinds = {pa.float64(): float, pa.bool_(): bool}
        with TableWriter(target, {column.name: kinds.get(column.type, str) for column in file.schema_arrow}) as writer:
            for batch in file.iter_batches(_BATCH_ROWS):
                writer.write(batch.to_pylist())


class _CsvLines:
    def __init__(self, path: Path, columns: dict[str, type]) -> None:
        self._file = path.open("w", encoding="utf-8", errors="replace", newline="")
        self._writer = csv.writer(self._file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        self._writer.writerow([_safe(name) for name in columns])

    def write(self, rows: list[dict[str, Any]]) -> None:
        self._writer.writerows([[_safe(value) for value in row.values()] for row in rows])

    def close(self) -> None:
        self._file.close()


class _JsonLines:
    def __init__(self, path: Path, columns: dict[str, type]) -> None:
        self._file = path.open("w", encoding="utf-8", errors="replace")

    def write(self, rows: list[dict[str, Any]]) -> None:
        finite = ({name: None if value != value else value for name, value in row.items()} for row in rows)
        self._file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in finite)

    def close(self) -> None:
        self._file.close()


class _RowGroups:
    def __init__(self, path: Path, columns: dict[str, type]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        kinds = {str: pa.string(), float: pa.float64(), bool: pa.bool_()}
        self._schema = pa.schema([(name, kinds[kind]) for name, kind in columns.items()])
        self._file = parquet.ParquetWriter(path, self._schema)

    def write(self, rows: list[dict[str, Any]]) -> None:
        import pyarrow as pa

        self._file.write_table(pa.Table.from_pylist(rows, self._schema))

    def close(self) -> None:
        self._file.close()


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder beside that takes the place of `folder`, whatever it holds, at the end; gone where something failed.

    Raises:
        SourceError: it cannot be written.
    """
    with writable(folder):
        place = folder.resolve()
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{place.name[:100]}.{secrets.token_hex(4)}.part")
        part.mkdir()
        try:
            yield part
            if place.exists():
                shutil.rmtree(place)
            part.rename(place)
        finally:
            shutil.rmtree(part, ignore_errors=True)


@contextlib.contextmanager
def writable(path: Path) -> Iterator[None]:
    """Says in words that a path cannot be written.

    Raises:
        SourceError: in place of an OSError.
    """
    try:
        yield
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from None


def _safe(value: Any) -> Any:  # noqa: ANN401
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
