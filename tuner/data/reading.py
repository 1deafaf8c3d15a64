"""Reads one split of a source into rows: joins text columns, turns label values into names, and says what it left out."""

import ast
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.config import DataConfig
from tuner.data.columns import Column
from tuner.data.raw import RawData
from tuner.data.rows import Rows, row_name
from tuner.errors import SourceError

if TYPE_CHECKING:
    from datasets import Dataset

# Rows left out that are kept for showing; the count is that of all.
_MOST_SHOWN = 1_000
# Characters of a label that is looked into.
_LONGEST_LIST = 10_000
# Blanks, and signs that take no room: zero-width spaces and joiners, byte-order marks, soft hyphens.
_SOMETHING = re.compile("[^\\s\u200b-\u200f\u2060\ufeff\u00ad]")


def is_blank(text: str) -> bool:
    """Whether there is nothing to see in a text."""
    return not _SOMETHING.search(text)


@dataclass
class LeftOut:
    """Rows that no run can use, for one reason.

    Attributes:
        counts: split of the source → how many.
        rows: the first 1,000 as {"row", "label", "text"}.
    """

    counts: Counter[str] = field(default_factory=Counter)
    rows: list[dict[str, str]] = field(default_factory=list)

    def add(self, split: str, row: int, label: str | None, text: str) -> None:
        """Counts a row, and keeps it while there are few."""
        self.counts[split] += 1
        if len(self.rows) < _MOST_SHOWN:
            self.rows.append({"row": row_name(split, row), "label": label or "", "text": text})


@dataclass(frozen=True)
class Reader:
    """Reads splits of a source in the order that the seed shuffles them into.

    Attributes:
        left_out: "empty_text", "missing_label", "label_map" → the rows so far.
    """

    raw: RawData
    text: Column
    label: Column
    config: DataConfig
    left_out: dict[str, LeftOut] = field(
        default_factory=lambda: {r: LeftOut() for r in ("empty_text", "missing_label", "label_map")}
    )

    def __call__(self, split: str) -> Rows:
        """The rows of one split that have both a text and a label.

        Raises:
            SourceError: the split lacks a column, or its labels are no classes.
        """
        table = self.raw.splits[split]
        for column in (*self.text.names, *self.label.names):
            if column not in table.column_names:
                raise SourceError(
                    f"Split '{split}' has no column '{column}', only {', '.join(table.column_names)}.",
                    "Choose columns that every split has, or other splits.",
                )
        to_name = _namer(table, self.label.names[0])
        # The order `Dataset.shuffle(seed=…)` gives, so that the guide's 1,000 rows are the same ones.
        order = np.random.default_rng(self.config.seed).permutation(len(table)).tolist()
        columns = [table[column][:] for column in self.text.names]
        values = table[self.label.names[0]][:]
        mapped = self.config.label_map or {}
        separator = self.config.text_separator
        texts: list[str] = []
        names: list[str] = []
        row_ids: list[int] = []
        for row in order:
            text = separator.join([str(column[row]) for column in columns if column[row] is not None])
            given = to_name(values[row])
            name = mapped.get(given, given) if given is not None else None
            if is_blank(text):
                self.left_out["empty_text"].add(split, row, given, text)
            elif name is None:
                self.left_out["missing_label" if given is None else "label_map"].add(split, row, given, text)
            else:
                texts.append(text)
                names.append(name)
                row_ids.append(row)
        return Rows(split, tuple(texts), tuple(names), tuple(row_ids))

    def notes(self) -> list[str]:
        """One sentence for every reason rows were left out for."""
        whys = {
            "empty_text": "without text were left out",
            "missing_label": "without a label were left out",
            "label_map": "were left out by data.label_map",
        }
        return [
            f"{count:,} of {len(self.raw.splits[split]):,} rows of {split} {whys[reason]}."
            for reason, found in self.left_out.items()
            for split, count in found.counts.items()
        ]


def _is_several(value: Any) -> bool:  # noqa: ANN401
    """Whether a value is a list of labels in words: '["joy", "pride"]' in JSON, "['joy', 'pride']" as pandas writes it."""
    if not (isinstance(value, str) and len(value) < _LONGEST_LIST and value.startswith("[") and value.endswith("]")):
        return False
    try:
        return len(ast.literal_eval(value)) > 1
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False


def _namer(table: "Dataset", column: str) -> Callable[[Any], str | None]:
    """How a raw label value becomes a name; None for a missing one."""
    from datasets import ClassLabel

    feature = table.features[column]
    if isinstance(feature, ClassLabel):
        return lambda value: None if value is None or value < 0 else feature.int2str(value)
    companion = _companion(table, column)
    values = table.unique(column) if hasattr(feature, "dtype") else []
    several = next(filter(_is_several, values), None)
    if several or (not values and len(table)):
        example = f" such as {several[:60]}" if several else ""
        raise SourceError(
            f"Column '{column}' holds lists{example}.", "Several labels per text are not supported: choose another column."
        )
    fraction = next((v for v in values if isinstance(v, float) and not (v.is_integer() or math.isnan(v))), None)
    if fraction is not None:
        raise SourceError(
            f"Column '{column}' holds fractions such as {fraction}.", "A classifier needs classes: choose another label column."
        )

    def name(value: Any) -> str | None:  # noqa: ANN401
        if value is None or value != value or (isinstance(value, str) and not value.strip()):  # NaN differs from itself
            return None
        if value in companion:
            return companion[value]
        return str(int(value)) if isinstance(value, float) else str(value).strip()

    return name


def _companion(table: "Dataset", column: str) -> dict[Any, str]:
    """Names for whole-number labels from a column beside them (`label` 0, 1 with `label_text` no, yes), if one to one."""
    beside = next((f"{column}{end}" for end in ("_text", "_name", "_names") if f"{column}{end}" in table.column_names), None)
    dtype = getattr(table.features[column], "dtype", None)  # lists have none
    if beside is None or dtype is None or dtype.startswith(("string", "large_string")):
        return {}
    both = zip(table[column][:], table[beside][:], strict=True)
    pairs = {(value, name) for value, name in both if name and value is not None}
    return {value: str(name) for value, name in pairs} if len(pairs) == len({v for v, _ in pairs}) else {}


def label_names(table: "Dataset", column: str, present: set[str], config: DataConfig) -> tuple[str, ...]:
    """Label names in the order of a ClassLabel or of whole numbers, else sorted.

    Args:
        present: the names that rows have.
    """
    from datasets import ClassLabel

    feature = table.features[column]
    if isinstance(feature, ClassLabel) and not config.label_map:
        return tuple(feature.names)
    companion = _companion(table, column)
    if companion and not config.label_map:
        in_order = [companion[value] for value in sorted(companion)]
        return tuple(dict.fromkeys([*in_order, *sorted(present)]))
    try:
        return tuple(sorted(present, key=lambda name: (int(name), name)))  # "1" and "01" are one number
    except ValueError:
        return tuple(sorted(present))
