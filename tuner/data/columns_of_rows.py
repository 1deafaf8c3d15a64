"""What else the source says about rows: its columns beside text and label, for slices of an evaluation."""

from typing import Any

from tuner.config import DataConfig, check_split
from tuner.data.labelled import WHOLE, LabelledData
from tuner.data.sources import load_raw
from tuner.errors import SourceError

# Wide tables have hundreds; nobody reads as many slices.
MOST_COLUMNS = 50
# Of a text in such a column: no slice is named by more.
MOST_CHARACTERS = 200


def load_columns(config: DataConfig, data: LabelledData, split: str) -> dict[str, list[Any]]:
    """Column name → one value per row of a split, in its rows' order; missing values are None.

    Text and label columns are left out, and columns that hold lists, objects or files; the first 50 of the others are
    read. Of a text the first 200 characters are kept.

    Args:
        config: what `data` was read with.
        split: "train", "validation" or "test", or "all" of `load_whole`.

    Raises:
        SettingsError: no such split.
        SourceError, NetworkError: the source cannot be read any more, or is no longer the one the rows came from.
    """
    rows = data.splits[check_split(split, WHOLE)]
    raw = load_raw(config.source, config.config, data.revision or config.revision)
    if raw.identity != data.identity:
        raise SourceError(f"'{data.source}' has changed since its rows were read.", "Read it anew.")
    table = raw.splits[rows.origin]
    taken = {*data.text.names, *data.label.names}
    features = table.features  # a copy of all, each time it is read
    names = [name for name, feature in features.items() if name not in taken and _is_plain(feature)][:MOST_COLUMNS]
    if not names:
        return {}
    own = [row for row in rows.row_ids if row >= 0]  # rows of an extra source have no such columns; they stand last
    wanted = table.select_columns(names).select(own)
    missing = [None] * (len(rows) - len(own))
    return {name: _plain(wanted[name][:], features[name]) + missing for name in names}


def _is_plain(feature: Any) -> bool:  # noqa: ANN401
    """Whether a column holds texts, numbers, truth values, dates or classes."""
    from datasets import ClassLabel, Value

    return isinstance(feature, ClassLabel) or (isinstance(feature, Value) and "binary" not in feature.dtype)


def _plain(values: list[Any], feature: Any) -> list[Any]:  # noqa: ANN401
    """Names for classes, texts cut, None for what is missing."""
    from datasets import ClassLabel

    if isinstance(feature, ClassLabel):
        return [None if value is None or value < 0 else feature.int2str(value) for value in values]
    if feature.dtype.startswith("float"):
        return [None if value is None or value != value else value for value in values]
    return [value[:MOST_CHARACTERS] if isinstance(value, str) else value for value in values]
