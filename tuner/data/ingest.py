"""The child process that parses one file a person gave into an Arrow file Tuner can trust.

`python -m tuner.data.ingest FILE OUTPUT` writes an Arrow stream with plain columns (text, whole
numbers, numbers, true/false). It runs apart because parsers can be made to crash or to unfold a
small file into gigabytes: it has limits on memory, time and bytes, and when it dies the server
does not. A refusal is printed as JSON with cause and cure, exit code 3.
"""

import csv
import io
import json
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tuner.errors import SourceError

MOST_BYTES = 2 * 2**30  # of text after unfolding
_MOST_MEMORY = 12 * 2**30
_MOST_CPU_SECONDS = 300
_BINARY_SIGNATURES = {
    b"PK\x03\x04": "a ZIP archive or spreadsheet",
    b"\x1f\x8b": "a gzip archive",
    b"\x89PNG": "a picture",
    b"%PDF": "a PDF",
    b"PAR1": "a Parquet file",
}

Columns = dict[str, list[Any]]


def read(path: Path) -> Columns:
    """Column name → values; every column of the same length.

    Raises:
        SourceError: the file is empty, damaged, too large once unfolded, or not what its ending says.
    """
    suffix = path.suffix.lower()
    if path.stat().st_size == 0:
        raise SourceError(f"{path.name} is empty.", "Choose a file with a header and rows.")
    if suffix == ".parquet":
        return _read_parquet(path)
    text = _decode(path)
    if suffix == ".jsonl":
        return _from_objects(path.name, _objects_in_lines(path.name, text))
    if suffix == ".json":
        return _from_objects(path.name, _objects_in_array(path.name, text))
    return _read_delimited(path.name, text, "\t" if suffix == ".tsv" else None)


def _decode(path: Path) -> str:
    raw = path.read_bytes()
    if len(raw) > MOST_BYTES:
        raise SourceError(f"{path.name} holds more than {MOST_BYTES >> 30} GiB.", "Give a smaller file.")
    for signature, what in _BINARY_SIGNATURES.items():
        if raw.startswith(signature):
            raise SourceError(f"{path.name} is no table: it is {what}.", "Save the table as CSV, JSONL or Parquet.")
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{path.name} is not UTF-8 text (byte 0x{raw[error.start]:02X} in line {line}).",
            "Save it as UTF-8 and choose it again.",
        ) from None
    control = sum(text.count(chr(code), 0, 65_536) for code in (0, 1, 2, 3, 4, 5, 6))
    if control > 16:
        raise SourceError(f"{path.name} is no table: it holds binary data.", "Save the table as CSV, JSONL or Parquet.")
    if not text.strip():
        raise SourceError(f"{path.name} is empty.", "Choose a file with a header and rows.")
    return text.replace("\0", "")


def _read_delimited(name: str, text: str, delimiter: str | None) -> Columns:
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype", "<html", "<?xml")):
        raise SourceError(f"{name} is no table: it is a web page.", "Download the data itself and choose that file.")
    if start.startswith(("{", "[")) and _is_json(text):
        raise SourceError(f"{name} holds JSON, not a table with delimiters.", "Give it the ending .jsonl or .json.")
    csv.field_size_limit(MOST_BYTES)
    header_line = text.lstrip("\r\n").splitlines()[0]
    delimiter = delimiter or max(",;\t|", key=lambda sign: _count_outside_quotes(header_line, sign))
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = next(row for row in rows if row)
        columns: list[list[str]] = [[] for _ in header]
        for row in rows:
            if not row:
                continue
            if len(row) > len(header):
                raise SourceError(
                    f"{name}, line {rows.line_num}: {len(row)} fields where the header has {len(header)}.",
                    "Put quotes around texts that hold the delimiter, or mend that line.",
                )
            for index, column in enumerate(columns):
                column.append(row[index] if index < len(row) else "")
    except csv.Error as error:
        raise SourceError(f"{name}, line {rows.line_num}: {error}.", "Mend the quotes in that line.") from None
    return dict(zip(_unique_names(header), columns, strict=True))


def _count_outside_quotes(line: str, sign: str) -> int:
    return sum(part.count(sign) for part in line.split('"')[::2])


def _unique_names(header: list[str]) -> list[str]:
    """Strips the names; numbers repeated and empty ones, so that no column is lost."""
    names: list[str] = []
    for position, raw in enumerate(header, 1):
        base = raw.strip() or f"column_{position}"
        name, count = base, 2
        while name in names:
            name, count = f"{base}_{count}", count + 1
        names.append(name)
    return names


def _is_json(text: str) -> bool:
    for candidate in (text.lstrip().splitlines()[0], text):
        try:
            return isinstance(json.loads(candidate), (dict, list))
        except (ValueError, RecursionError):
            continue
    return False


def _objects_in_lines(name: str, text: str) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(io.StringIO(text), 1):
        if line.strip():
            yield f"line {number}", _load_json(f"{name}, line {number}", line)


def _objects_in_array(name: str, text: str) -> Iterator[tuple[str, Any]]:
    loaded = _load_json(name, text)
    if isinstance(loaded, dict) and isinstance(loaded.get("data"), list):
        loaded = loaded["data"]
    if not isinstance(loaded, list):
        raise SourceError(f"{name} holds a {type(loaded).__name__}, not a list of objects.", "Give a list of objects.")
    yield from ((f"item {number}", item) for number, item in enumerate(loaded, 1))


def _load_json(where: str, text: str) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except RecursionError:
        raise SourceError(f"{where} is nested too deeply.", "Give flat objects, one per row.") from None
    except ValueError as error:
        raise SourceError(f"{where} is not JSON ({error}).", "Mend it, or leave it out.") from None


def _from_objects(name: str, objects: Iterable[tuple[str, Any]]) -> Columns:
    columns: Columns = {}
    for count, (where, item) in enumerate(objects):
        if not isinstance(item, dict):
            raise SourceError(
                f"{name}, {where} holds a {type(item).__name__}, not an object.", 'Give objects like {"text": …, "label": …}.'
            )
        for key, value in item.items():
            columns.setdefault(key, [None] * count).append(value)
        for values in columns.values():
            if len(values) == count:
                values.append(None)
    return columns


def _read_parquet(path: Path) -> Columns:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        names = _class_names(file.schema_arrow)
        batches, size = [], 0
        for batch in file.iter_batches(batch_size=1024):
            size += batch.nbytes
            if size > MOST_BYTES:
                raise SourceError(f"{path.name} unfolds to more than {MOST_BYTES >> 30} GiB.", "Give fewer rows.")
            batches.append(batch)
        table = pa.Table.from_batches(batches, schema=file.schema_arrow)
    except (pa.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:120]
        raise SourceError(f"{path.name} is no whole Parquet file ({reason}).", "Choose or upload it again.") from None
    columns = {field: table.column(field).to_pylist() for field in table.column_names}
    for field, labels in names.items():
        columns[field] = [labels[v] if isinstance(v, int) and 0 <= v < len(labels) else v for v in columns[field]]
    return columns


def _class_names(schema: Any) -> dict[str, list[str]]:  # noqa: ANN401
    """Label names that `datasets` stored beside whole-number columns (its ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {field: info["names"] for field, info in features.items() if info.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def to_table(columns: Columns) -> Any:  # noqa: ANN401
    """An Arrow table of plain columns; what is neither text, number nor true/false becomes JSON text."""
    import pyarrow as pa

    return pa.table({name: _plain(values) for name, values in columns.items()})


def _plain(values: list[Any]) -> Any:  # noqa: ANN401
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if kinds <= {bool}:
        return pa.array(values, pa.bool_() if kinds else pa.large_string())
    if kinds <= {int}:
        if all(v is None or -(2**63) <= v < 2**63 for v in values):
            return pa.array(values, pa.int64())
    elif kinds <= {int, float}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    return pa.array([v if v is None or isinstance(v, str) else _as_text(v) for v in values], pa.large_string())


def _as_text(value: Any) -> str:  # noqa: ANN401
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (dict, list)) else str(value)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ValueError, OSError):  # macOS refuses RLIMIT_AS
        print(f"limit {kind} not set", file=sys.stderr)


def main(path: str, output: str) -> int:
    """Parses `path` into the Arrow stream `output`; 0, or 3 with the refusal on stdout."""
    _limit(resource.RLIMIT_AS, _MOST_MEMORY)
    _limit(resource.RLIMIT_CPU, _MOST_CPU_SECONDS)
    import pyarrow as pa

    try:
        source = Path(path)
        columns = read(source)
        if not columns or not next(iter(columns.values())):
            raise SourceError(f"{source.name} has a header but no rows.", "Choose a file with rows.")
        table = to_table(columns)
        with pa.OSFile(output, "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=10_000)
    except SourceError as error:
        print(json.dumps({"cause": error.cause, "cure": error.cure}))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
