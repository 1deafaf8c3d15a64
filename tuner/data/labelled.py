"""From raw splits to labelled rows: find the columns, name the labels, make the splits.

Everything that depends on the kind of label (one of several classes) stands here and in
`evaluation`; nothing is changed silently: what was left out is counted in `notes`.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.config import DataConfig
from tuner.data.columns import Column, find_label_column, find_text_columns
from tuner.data.sources import RawData, load_raw
from tuner.errors import SourceError

if TYPE_CHECKING:
    from datasets import Dataset

_TEXT_SEPARATOR = "\n\n"
_VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
_TEST_NAMES = ("test", "testing")
_HELD_OUT_SHARE = 0.1
_MOST_HELD_OUT = 2_000
MOST_CLASSES = 1_000


@dataclass(frozen=True)
class Split:
    """Labelled rows of one split; three sequences of one length.

    Attributes:
        row_ids: position of the row in the split of the source it came from.
        labels: indices into `LabelledData.labels`.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    row_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, positions: Sequence[int]) -> "Split":
        """The rows at these positions, in their order."""
        return Split(*(tuple(column[i] for i in positions) for column in (self.texts, self.labels, self.row_ids)))


@dataclass(frozen=True)
class LabelledData:
    """What a training or an evaluation reads.

    Attributes:
        splits: "train", "validation", "test" → rows; only those that were asked for.
        labels: label names; a label's index is its id in the model.
        text, label: the columns taken, with the reason.
        revision: commit of a Hub data set, pinned.
        fingerprint: SHA-256 over every text, label and split in order.
        notes: one sentence for everything that was left out or made.
    """

    source: str
    splits: dict[str, Split]
    labels: tuple[str, ...]
    text: Column
    label: Column
    revision: str | None
    fingerprint: str
    notes: tuple[str, ...]

    def counts(self, split: str) -> dict[str, int]:
        """Label name → rows of the split, in the order of the labels."""
        found = Counter(self.splits[split].labels)
        return {name: found.get(index, 0) for index, name in enumerate(self.labels)}


def load_labelled(config: DataConfig) -> LabelledData:
    """Reads a source and makes train, validation and test rows of it.

    Raises:
        SourceError: it cannot be read, has no such column or split, or fewer than two classes.
        NetworkError: it lies on the Hub, and the Hub does not answer.
    """
    raw = load_raw(config.source, config.config, config.revision)
    names = _split_names(raw, config)
    first = raw.splits[names["train"]]
    text = find_text_columns(first, config.text_column)
    label = find_label_column(first, config.label_column, text.names)
    notes: list[str] = []
    read = _Reader(raw, text, label, config, notes)
    # Several of the three may come from one source split: each source split is read once.
    rows = {source_split: read(source_split) for source_split in dict.fromkeys(names.values())}
    labels = _label_names(first, label.names[0], rows, config)
    splits = _cut(names, rows, config, notes)
    index = {name: position for position, name in enumerate(labels)}
    encoded = {
        name: Split(part.texts, tuple(index[value] for value in part.values), part.row_ids) for name, part in splits.items()
    }
    _check(encoded, labels, config, label)
    return LabelledData(
        source=raw.source,
        splits=encoded,
        labels=labels,
        text=text,
        label=label,
        revision=raw.revision,
        fingerprint=_fingerprint(encoded, labels),
        notes=tuple(notes),
    )


@dataclass(frozen=True)
class _Rows:
    texts: tuple[str, ...]
    values: tuple[str, ...]
    row_ids: tuple[int, ...]

    def take(self, positions: Sequence[int]) -> "_Rows":
        return _Rows(*(tuple(column[i] for i in positions) for column in (self.texts, self.values, self.row_ids)))


@dataclass(frozen=True)
class _Reader:
    """Reads one source split into texts and label names, shuffled by the seed."""

    raw: RawData
    text: Column
    label: Column
    config: DataConfig
    notes: list[str]

    def __call__(self, split: str) -> _Rows:
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
        texts = [table[column][:] for column in self.text.names]
        values = table[self.label.names[0]][:]
        kept: tuple[list[str], list[str], list[int]] = ([], [], [])
        empty = unlabelled = left_out = 0
        for row in order:
            words = _TEXT_SEPARATOR.join(str(column[row]) for column in texts if column[row] is not None)
            name = to_name(values[row])
            if name is not None and self.config.label_map and name in self.config.label_map:
                name = self.config.label_map[name]
                left_out += name is None
            elif name is None:
                unlabelled += 1
            if not words.strip():
                empty += 1
            elif name is not None:
                for column, value in zip(kept, (words, name, row), strict=True):
                    column.append(value)  # type: ignore[arg-type]
        whys = {
            "without text were left out": empty,
            "without a label were left out": unlabelled,
            "were left out by data.label_map": left_out,
        }
        for why, count in whys.items():
            if count:
                self.notes.append(f"{count:,} of {len(table):,} rows of {split} {why}.")
        return _Rows(tuple(kept[0]), tuple(kept[1]), tuple(kept[2]))


def _namer(table: "Dataset", column: str) -> Callable[[Any], str | None]:
    """How a raw label value becomes a name; None for a missing one."""
    from datasets import ClassLabel

    feature = table.features[column]
    if isinstance(feature, ClassLabel):
        return lambda value: None if value is None or value < 0 else feature.int2str(value)
    companion = _companion(table, column)
    if not hasattr(feature, "dtype"):
        raise SourceError(f"Column '{column}' holds lists.", "Several labels per text are not supported: choose another column.")
    fraction = next((v for v in table.unique(column) if isinstance(v, float) and not (v.is_integer() or math.isnan(v))), None)
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
    if beside is None or table.features[column].dtype.startswith(("string", "large_string")):
        return {}
    pairs = {(value, name) for value, name in zip(table[column][:], table[beside][:], strict=True) if name}
    return {value: str(name) for value, name in pairs} if len(pairs) == len({v for v, _ in pairs}) else {}


def _label_names(table: "Dataset", column: str, rows: dict[str, _Rows], config: DataConfig) -> tuple[str, ...]:
    """Label names in the order of a ClassLabel or of whole numbers, else sorted."""
    from datasets import ClassLabel

    present = {value for part in rows.values() for value in part.values}
    feature = table.features[column]
    if isinstance(feature, ClassLabel) and not config.label_map:
        return tuple(feature.names)
    companion = _companion(table, column)
    if companion and not config.label_map:
        in_order = [companion[value] for value in sorted(companion)]
        return tuple(dict.fromkeys([*in_order, *sorted(present)]))
    try:
        return tuple(sorted(present, key=int))
    except ValueError:
        return tuple(sorted(present))


def _split_names(raw: RawData, config: DataConfig) -> dict[str, str]:
    """Role → name of the source split that plays it; roles without one are cut from train later."""

    def given(role: str, name: str | None) -> str | None:
        if name is not None and name not in raw.splits:
            raise SourceError(
                f"'{raw.source}' has no split '{name[:80]}', only {', '.join(raw.splits)}.",
                f"Set data.{role}_split to one of these.",
            )
        return name

    def found(candidates: tuple[str, ...]) -> str | None:
        return next((name for name in candidates if name in raw.splits), None)

    roles = {
        "train": given("train", config.train_split) or found(("train", "training")) or next(iter(raw.splits)),
        "validation": given("validation", config.validation_split) or found(_VALIDATION_NAMES),
        "test": given("test", config.test_split) or found(_TEST_NAMES),
    }
    return {role: name for role, name in roles.items() if name}


def _cut(names: dict[str, str], rows: dict[str, _Rows], config: DataConfig, notes: list[str]) -> dict[str, _Rows]:
    """The three roles' rows: source splits where they exist, else stratified parts of train."""
    parts = {role: rows[name] for role, name in names.items()}
    for role in ("test", "validation"):
        if role not in parts:
            parts["train"], parts[role] = _hold_out(parts["train"], config.seed)
            notes.append(f"{len(parts[role].texts):,} rows were cut from {names['train']} as {role} rows (stratified).")
        elif names[role] == names["train"]:
            raise SourceError(f"data.{role}_split and the training split are both '{names['train']}'.", "Choose another one.")
    limits = {"train": config.max_train_samples, "validation": config.max_eval_samples, "test": config.max_eval_samples}
    for role, most in limits.items():
        available = len(parts[role].texts)
        if most is not None and most < available:
            parts[role] = parts[role].take(range(most))
            notes.append(f"{most:,} of {available:,} {role} rows were drawn (seed {config.seed}).")
    return parts


def _hold_out(rows: _Rows, seed: int) -> tuple[_Rows, _Rows]:
    """Cuts a tenth (at most 2,000 rows), stratified; a class too small to be cut stays in train."""
    from sklearn.model_selection import train_test_split

    counts = Counter(rows.values)
    total = len(rows.values)
    size = min(_MOST_HELD_OUT, max(round(total * _HELD_OUT_SHARE), len(counts)))
    cuttable = [i for i, value in enumerate(rows.values) if counts[value] >= 2]
    if size * 2 > len(cuttable):
        raise SourceError(
            f"{total} rows of {len(counts)} classes are too few to hold any out for validation and test.",
            "Give more rows, or name validation and test splits.",
        )
    stratify = [rows.values[i] for i in cuttable]
    kept, held = train_test_split(cuttable, test_size=size, random_state=seed, stratify=stratify)
    single = [i for i, value in enumerate(rows.values) if counts[value] < 2]
    return rows.take(sorted(kept + single)), rows.take(sorted(held))


def _check(splits: dict[str, Split], labels: tuple[str, ...], config: DataConfig, label: Column) -> None:
    column = label.names[0]
    if not len(splits["train"]):
        raise SourceError(f"No row of '{config.source}' has both a text and a label.", "Choose other columns.")
    trained = {labels[index] for index in set(splits["train"].labels)}
    if len(trained) < 2:
        raise SourceError(
            f"Column '{column}' has one class ('{next(iter(trained))[:80]}') in the training rows; a classifier needs two.",
            "Choose another label column.",
        )
    if len(labels) > MOST_CLASSES:
        raise SourceError(
            f"Column '{column}' has {len(labels):,} different values; at most {MOST_CLASSES:,} classes are possible.",
            "Choose another label column.",
        )
    for role, split in splits.items():
        if not len(split):
            raise SourceError(f"The {role} split has no row with both a text and a label.", "Choose another split.")


def _fingerprint(splits: dict[str, Split], labels: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr(labels).encode())
    for name, split in splits.items():
        digest.update(f"\x1d{name}".encode())
        for text, label in zip(split.texts, split.labels, strict=True):
            digest.update(f"\x1e{label}\x1f{text}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
