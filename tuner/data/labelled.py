"""From raw splits to labelled rows: find the columns, name the labels, make the splits, apply the fixes.

Everything that depends on the kind of label (one of several classes) stands here, in `reading` and in
`evaluation`; nothing is changed silently: what was left out or mended is counted in `notes`.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from tuner.config import SPLITS, DataConfig
from tuner.data import overlay
from tuner.data.columns import Column, find_label_column, find_text_columns
from tuner.data.extra import with_extra
from tuner.data.fixes import apply_fixes
from tuner.data.raw import RawData
from tuner.data.reading import LeftOut, Reader, label_names
from tuner.data.rows import Rows, row_name
from tuner.data.sources import load_raw
from tuner.data.splitting import fold_out, hold_out, in_shares
from tuner.errors import SourceError
from tuner.limits import check_rows

_VALIDATION_NAMES = ("validation", "valid", "val", "dev", "eval")
_TEST_NAMES = ("test", "testing")
MOST_CLASSES = 1_000
# The split of `load_whole`.
WHOLE = "all"
_HASHED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Split:
    """Labelled rows of one split; three sequences of one length.

    Attributes:
        origin: the split of the source they came from.
        row_ids: position of the row in that split; below 0 in the extra source, from -1 down.
        labels: indices into `LabelledData.labels`.
    """

    texts: tuple[str, ...]
    labels: tuple[int, ...]
    row_ids: tuple[int, ...]
    origin: str = "train"

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, positions: Sequence[int]) -> "Split":
        """The rows at these positions, in their order."""
        return Split(*(tuple([column[i] for i in positions]) for column in (self.texts, self.labels, self.row_ids)), self.origin)

    def row_name(self, position: int) -> str:
        """The stable id of a row: `train/17`, `extra/0`."""
        return row_name(self.origin, self.row_ids[position])

    @cached_property
    def label_array(self) -> np.ndarray:
        """`labels` as int64."""
        return np.asarray(self.labels, dtype=np.int64)

    @cached_property
    def by_length(self) -> np.ndarray:
        """Positions from the shortest text to the longest; rows of one length keep their order."""
        return np.argsort(np.fromiter(map(len, self.texts), np.int64, len(self)), kind="stable")


@dataclass(frozen=True)
class LabelledData:
    """What a training or an evaluation reads.

    Attributes:
        splits: "train", "validation", "test" → rows.
        labels: label names; a label's index is its id in the model.
        text, label: the columns taken, with the reason.
        columns: all columns of the source's training split.
        revision: commit of a Hub data set, pinned.
        identity: SHA-256 of the bytes the source was read from, or its commit on the Hub.
        fingerprint: SHA-256 over every text, label and split in order.
        notes: one sentence for everything that was left out, mended or made.
        cut: roles whose rows were cut from train, since the source has no split for them.
        left_out: reason → rows that no run can use.
        extra: `data.extra_source` as it was read, pinned: feedback to its first judgements, a Hub data set to its commit.
    """

    source: str
    splits: dict[str, Split]
    labels: tuple[str, ...]
    text: Column
    label: Column
    columns: tuple[str, ...]
    revision: str | None
    identity: str
    fingerprint: str
    notes: tuple[str, ...]
    cut: tuple[str, ...]
    left_out: dict[str, LeftOut]
    extra: str | None = None

    def counts(self, split: str) -> dict[str, int]:
        """Label name → rows of the split, in the order of the labels."""
        found = Counter(self.splits[split].labels)
        return {name: found.get(index, 0) for index, name in enumerate(self.labels)}


@dataclass(frozen=True)
class _Source:
    """A source with its columns found. `names`: role → source split that plays it."""

    raw: RawData
    names: dict[str, str]
    text: Column
    label: Column
    read: Reader

    @property
    def first(self) -> Any:  # noqa: ANN401
        return self.raw.splits[self.names["train"]]

    def labelled(
        self,
        parts: dict[str, Rows],
        labels: tuple[str, ...],
        notes: Sequence[str],
        cut: tuple[str, ...],
        extra: str | None = None,
    ) -> LabelledData:
        index = {name: position for position, name in enumerate(labels)}
        splits = {
            role: Split(tuple(part.texts), tuple([index[value] for value in part.values]), tuple(part.row_ids), part.origin)
            for role, part in parts.items()
        }
        return LabelledData(
            source=self.raw.source,
            splits=splits,
            labels=labels,
            text=self.text,
            label=self.label,
            columns=tuple(self.first.column_names),
            revision=self.raw.revision,
            identity=self.raw.identity,
            fingerprint=_fingerprint(splits, labels),
            notes=tuple(notes),
            cut=cut,
            left_out=self.read.left_out,
            extra=extra,
        )


def _open(config: DataConfig) -> _Source:
    raw = load_raw(config.source, config.config, config.revision)
    names = _split_names(raw, config)
    first = raw.splits[names["train"]]
    text = find_text_columns(first, config.text_column)
    label = find_label_column(first, config.label_column, text.names)
    return _Source(raw, names, text, label, Reader(raw, text, label, config))


def load_whole(config: DataConfig) -> LabelledData:
    """Every labelled row of a source's training (else first) split as the split "all": to score a model on, not to train one.

    None is cut off, none mended, and one class is enough.

    Raises:
        SourceError: it cannot be read, has no such column, or no row with text and label.
        NetworkError: it lies on the Hub, and the Hub does not answer.
    """
    found = _open(config)
    rows = found.read(found.names["train"])
    if not len(rows):
        raise SourceError(f"No row of '{config.source}' has both a text and a label.", "Choose other columns.")
    labels = label_names(found.first, found.label.names[0], set(rows.values), config)
    return found.labelled({WHOLE: rows}, labels, [*found.raw.notes, *found.read.notes()], cut=())


def load_for_scoring(config: DataConfig, split: str | None) -> tuple[LabelledData, str]:
    """The rows to score a model on, and the split they are.

    Args:
        split: one of "train", "validation", "test" as a training would see it, or "all"; None for the source's own test rows
            where it has such, else all.

    Raises:
        AccessError: more rows than the person who asks may score.
        SourceError, NetworkError: as `load_labelled` and `load_whole`.
    """
    if split is None:
        names = _split_names(load_raw(config.source, config.config, config.revision), config)
        split = "test" if "test" in names else WHOLE
    data = load_whole(config) if split == WHOLE else load_labelled(config)
    check_rows(len(data.splits[split]), "Evaluate on a smaller source, or on another split.")
    return data, split


def check_pinned(data: LabelledData, config: DataConfig) -> None:
    """Refuses rows that are others than those the settings of a run were made for.

    Raises:
        SourceError: they have changed.
    """
    if config.fingerprint and data.fingerprint != config.fingerprint:
        raise SourceError(
            f"The data of '{config.source}' has changed since the run was made "
            f"({config.fingerprint[:12]}… is now {data.fingerprint[:12]}…).",
            "Put the old rows back, or start a new run.",
        )


def load_labelled(config: DataConfig) -> LabelledData:
    """Reads a source and makes train, validation and test rows of it.

    Raises:
        SourceError: it cannot be read, has no such column or split, or fewer than two classes.
        NetworkError: it lies on the Hub, and the Hub does not answer.
    """
    found = _open(config)
    raw, names, label, read = found.raw, found.names, found.label, found.read
    # Several of the three may come from one source split: each source split is read once.
    rows = {source_split: read(source_split) for source_split in dict.fromkeys(names.values())}
    _check_classes({value for part in rows.values() for value in part.values}, label)
    notes = [*raw.notes, *read.notes()]
    if not len(rows[names["train"]]):
        raise SourceError(f"No row of '{config.source}' has both a text and a label.", "Choose other columns.")
    if config.overlay is None and config.extra_source is None:  # these may bring another class
        _check_trained(set(rows[names["train"]].values), label)
    parts = _roles(names, rows, config, notes)
    parts = _decided(parts, raw, config, notes)
    parts, mended = apply_fixes(parts, config.fixes)
    notes += mended
    parts = _limited(parts, config, notes)
    labels = label_names(found.first, label.names[0], {value for part in parts.values() for value in part.values}, config)
    parts, extra = with_extra(parts, labels, config, notes)
    data = found.labelled(parts, labels, notes, cut=tuple(role for role in SPLITS if role not in names), extra=extra)
    _check(data.splits, labels, config, label)
    return data


def _split_names(raw: RawData, config: DataConfig) -> dict[str, str]:
    """Role → name of the source split that plays it; roles without one are cut from train later."""

    def given(role: str, name: str | None) -> str | None:
        if name is not None and name not in raw.splits:
            raise SourceError(
                f"'{raw.source}' has no split '{name[:80]}', only {', '.join(raw.splits)}.",
                f"Set data.{role}_split to one of these.",
            )
        return name

    def found(candidates: tuple[str, ...], taken: str = "") -> str | None:
        return next((name for name in candidates if name in raw.splits and name != taken), None)

    train = given("train", config.train_split) or found(("train", "training")) or next(iter(raw.splits))
    # Sizes and folds ask for rows cut from train, also where the source has a split of that name.
    roles = {
        "train": train,
        "validation": given("validation", config.validation_split)
        or (None if config.validation_size or config.num_folds else found(_VALIDATION_NAMES, train)),
        "test": given("test", config.test_split) or (None if config.test_size else found(_TEST_NAMES, train)),
    }
    for role in ("validation", "test"):
        if roles[role] == train:
            raise SourceError(f"data.{role}_split and the training split are both '{train}'.", "Choose another one.")
    return {role: name for role, name in roles.items() if name}


def _roles(names: dict[str, str], rows: dict[str, Rows], config: DataConfig, notes: list[str]) -> dict[str, Rows]:
    """The three roles' rows: source splits where they exist, else stratified parts of train."""
    parts = {role: rows[name] for role, name in names.items()}
    if "test" not in parts:
        parts["train"], parts["test"] = hold_out(parts["train"], config.test_size, config.seed)
    if "validation" not in parts and config.num_folds:
        parts["train"], parts["validation"] = fold_out(parts["train"], config.num_folds, config.fold, config.seed)
        notes.append(f"Fold {config.fold} of {config.num_folds} ({len(parts['validation']):,} rows) validates.")
    elif "validation" not in parts:
        parts["train"], parts["validation"] = hold_out(parts["train"], config.validation_size, config.seed)
    cut = [role for role in ("test", "validation") if role not in names and not (role == "validation" and config.num_folds)]
    notes += [f"{len(parts[role]):,} rows were cut from {names['train']} as {role} rows (stratified)." for role in cut]
    return {role: parts[role] for role in SPLITS}


def _decided(parts: dict[str, Rows], raw: RawData, config: DataConfig, notes: list[str]) -> dict[str, Rows]:
    """The rows after the decisions on suspicious labels that `data.overlay` names."""
    if config.overlay is None:
        return parts
    decisions = overlay.load(raw.identity, config.overlay)
    decided: dict[str, Rows] = {}
    total: Counter[str] = Counter()
    for role, rows in parts.items():
        names = [row_name(rows.origin, row) for row in rows.row_ids]
        applied = overlay.apply(decisions, rows.texts, rows.values, names, role)
        kept = rows.take(applied.positions)
        decided[role] = Rows(rows.origin, kept.texts, tuple(applied.labels), kept.row_ids)
        total.update(applied.counts)
    said = ", ".join(f"{count:,} {what.replace('_', ' ')}" for what, count in total.items() if count)
    notes.append(f"Decisions {config.overlay}: {said or 'none fits a row'}.")
    return decided


def _limited(parts: dict[str, Rows], config: DataConfig, notes: list[str]) -> dict[str, Rows]:
    """At most as many rows of each role as asked for; the rows stand in random order, so that fewer are the first of more."""
    limits = {"train": config.max_train_samples, "validation": config.max_eval_samples, "test": config.max_eval_samples}
    for role, most in limits.items():
        available = len(parts[role])
        if most is not None and most < available:
            order = range(available)
            if role == "train" and config.train_samples_seed is not None:
                order = in_shares(parts[role].values, config.train_samples_seed)
            parts = {**parts, role: parts[role].take(order[:most])}
            notes.append(f"{most:,} of {available:,} {role} rows were drawn (seed {config.seed}).")
    return parts


def _check_classes(names: set[str], label: Column) -> None:
    if len(names) > MOST_CLASSES:
        raise SourceError(
            f"Column '{label.names[0]}' has {len(names):,} different values; at most {MOST_CLASSES:,} classes are possible.",
            "Choose another label column.",
        )


def _check(splits: dict[str, Split], labels: tuple[str, ...], config: DataConfig, label: Column) -> None:
    if not len(splits["train"]):
        raise SourceError("data.fixes and data.overlay leave no training row.", "Take one of them back.")
    _check_trained({labels[index] for index in set(splits["train"].labels)}, label)
    for role, split in splits.items():
        if not len(split):
            raise SourceError(
                f"The {role} split ('{split.origin}') has no row with both a text and a label; some sets hide their test labels.",
                f"Set data.{role}_split to one with labels, or data.{role}_size to cut {role} rows from train.",
            )


def _check_trained(names: set[str], label: Column) -> None:
    if len(names) < 2:
        raise SourceError(
            f"Column '{label.names[0]}' has one class ('{next(iter(names))[:80]}') in the training rows; a classifier needs two.",
            "Choose another label column, or fewer labels to leave out (data.label_map).",
        )


def _fingerprint(splits: dict[str, Split], labels: tuple[str, ...]) -> str:
    digest = hashlib.sha256(repr(labels).encode())
    for name, split in splits.items():
        digest.update(f"\x1d{name}".encode())
        for start in range(0, len(split), _HASHED_AT_ONCE):
            part = slice(start, start + _HASHED_AT_ONCE)
            lines = [f"\x1e{label}\x1f{text}" for text, label in zip(split.texts[part], split.labels[part], strict=True)]
            digest.update("".join(lines).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()
