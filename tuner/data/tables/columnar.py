"""Parquet."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.data.tables.opening import too_large, unfolded
from tuner.data.tables.plain import plain, unique_names
from tuner.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

_BATCH = 1024  # rows: small, because the size is known only after a batch is unfolded


def read(path: Path, most_bytes: int, rows: int | None) -> tuple["pa.Table", list[str]]:
    """All rows (or the first `rows`) as plain columns, and what was changed.

    Raises:
        SourceError: it is no Parquet, damaged, or unfolds to more than `most_bytes`.
    """
    import pyarrow as pa

    notes: list[str] = []
    with unfolded(path, most_bytes) as (file, _):
        if file.read(4) != b"PAR1":
            raise SourceError(f"{path.name} is no Parquet file.", "Give the file its own ending, such as .csv or .jsonl.")
        try:
            table = _unfold(file, path.name, most_bytes, rows)
            table.validate(full=True)  # flipped bits can leave text that is no UTF-8
        except pa.ArrowMemoryError:
            raise
        except (pa.ArrowException, OSError) as error:
            reason = " ".join(str(error).split())[:120]
            raise SourceError(f"{path.name} is no whole Parquet file ({reason}).", "Choose or upload it again.") from None
    labels = _class_names(table.schema)
    names = unique_names(path.name, table.column_names, notes)
    columns = [_column(name, column, labels.get(name), notes) for name, column in zip(names, table.columns, strict=True)]
    return pa.Table.from_arrays(columns, names), notes


def _unfold(file: Any, name: str, most_bytes: int, rows: int | None) -> "pa.Table":  # noqa: ANN401
    import pyarrow as pa
    import pyarrow.parquet as pq

    parquet = pq.ParquetFile(file, page_checksum_verification=True)
    batches, size, count = [], 0, 0
    for batch in parquet.iter_batches(batch_size=_BATCH):
        size += batch.nbytes
        count += batch.num_rows
        if size > most_bytes:
            raise too_large(name, most_bytes)
        batches.append(batch)
        if rows is not None and count >= rows:
            break
    return pa.Table.from_batches(batches, parquet.schema_arrow).slice(0, rows)


def _class_names(schema: Any) -> dict[str, list[str]]:  # noqa: ANN401
    """Label names that `datasets` stored beside whole-number columns (its ClassLabel)."""
    try:
        features = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
        return {field: info["names"] for field, info in features.items() if info.get("_type") == "ClassLabel"}
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}


def _column(name: str, column: "pa.ChunkedArray", labels: list[str] | None, notes: list[str]) -> Any:  # noqa: ANN401
    """Text, whole numbers, numbers and true/false stay what they are; everything else goes through Python."""
    import pyarrow as pa

    if labels is not None:
        values = [_label(value, labels) for value in column.to_pylist()]
        return plain(name, values, notes)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return column.cast(pa.large_string())
    if pa.types.is_boolean(kind):
        return column
    if pa.types.is_signed_integer(kind):
        return column.cast(pa.int64())
    if pa.types.is_floating(kind):
        return column.cast(pa.float64())
    return plain(name, column.to_pylist(), notes)


def _label(value: Any, labels: list[str]) -> Any:  # noqa: ANN401
    """A class's name; -1 is how the Hub writes that a row has no label."""
    if not isinstance(value, int):
        return value
    if value < 0:
        return None
    return labels[value] if value < len(labels) else str(value)
