"""What is wrong with a data set before it costs a training: each finding with its rows, why it matters and a fix.

A fix is a change of settings, never of data: it stands in the run's config.yaml, and the run can be repeated from it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner import patterns
from tuner.config import RunConfig
from tuner.data import fixes
from tuner.data.labelled import LabelledData
from tuner.data.repeats import near_duplicates
from tuner.data.rows import Rows
from tuner.words import listed

# Row ids a finding names; the count is that of all.
MOST_NAMED = 100
# Fewer training rows of a class than this are hardly learnt, and a tenth of them measures nothing.
LEAST_ROWS = 10
# From this ratio of the largest class to the smallest on, the loss is better weighted.
IMBALANCE = 5.0
# Texts over max_length are worth a finding from this share on; the automatic length cuts 0.5 %.
SHARE_CUT = 0.01
WHO = {"email": "an e-mail address", "account": "an account number", "card": "a card number", "phone": "a phone number"}
WHO["handle"] = "a person's handle"

Severity = Literal["high", "medium", "low"]
Positions = dict[str, np.ndarray]


class Fix(BaseModel):
    """A change of settings that mends a finding.

    Attributes:
        title: what the button says.
        changes: `{"section": {"field": value}}`; lists and maps are added to those that stand there.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    changes: dict[str, dict[str, Any]]

    def applied_to(self, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
        """The changes, lists and maps joined with those of `settings` (as `RunConfig.model_dump` gives them)."""
        joined: dict[str, dict[str, Any]] = {}
        for section, fields in self.changes.items():
            for name, value in fields.items():
                before = settings.get(section, {}).get(name)
                if isinstance(value, list):
                    value = [*(before or []), *value]
                elif isinstance(value, dict):
                    value = {**(before or {}), **value}
                joined.setdefault(section, {})[name] = value
        return joined


class Finding(BaseModel):
    """One thing worth knowing before a training.

    Attributes:
        key: stable name, for filters and tests.
        count: rows it is about; `rows` names the first 100 of them.
        what, why: a sentence each.
        fix: None where settings cannot mend it.
    """

    model_config = ConfigDict(frozen=True)

    key: str
    severity: Severity
    count: int
    what: str
    why: str
    fix: Fix | None
    rows: list[str]


@dataclass(frozen=True)
class Look:
    """What the searches read: the data, its settings and token counts.

    Attributes:
        tokens: of the training texts counted.
        max_length: where texts will be cut; needed: what 99.5 % of the texts fit in; limit: the model's own.
    """

    config: RunConfig
    data: LabelledData
    tokens: np.ndarray
    max_length: int
    needed: int
    limit: int
    positions: dict[str, Positions] = field(default_factory=dict)

    @cached_property
    def keys(self) -> fixes.Keys:
        """Role → repeat keys of its rows."""
        return fixes.keys_of(self.parts)

    @cached_property
    def parts(self) -> dict[str, Rows]:
        """The rows as `fixes` takes them, with label ids for names."""
        return {role: Rows(s.origin, s.texts, s.labels, s.row_ids) for role, s in self.data.splits.items()}  # type: ignore[arg-type]

    def finding(self, key: str, severity: Severity, found: Positions, what: str, why: str, fix: Fix | None = None) -> Finding:
        """A finding about rows of splits; keeps their positions for the table."""
        self.positions[key] = found
        names = [self.data.splits[role].row_name(int(i)) for role, rows in found.items() for i in rows[:MOST_NAMED]]
        count = sum(len(rows) for rows in found.values())
        return Finding(key=key, severity=severity, count=count, what=what, why=why, fix=fix, rows=names[:MOST_NAMED])


def find(look: Look) -> list[Finding]:
    """All findings, the gravest first. `look.positions` then holds the rows of each."""
    searches: tuple[Callable[[Look], Iterator[Finding]], ...] = (
        _leaks, _conflicts, _label_spellings, _rare_classes, _left_out, _duplicates, _near_duplicates,
        _imbalance, _too_long, _personal_data, _cut_splits,
    )  # fmt: skip
    found = [finding for search in searches for finding in search(look)]
    order = {"high": 0, "medium": 1, "low": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _data_fix(title: str, name: str) -> Fix:
    return Fix(title=title, changes={"data": {"fixes": [name]}})


def _leaks(look: Look) -> Iterator[Finding]:
    rows = fixes.leaked(look.parts, look.keys)
    if len(rows):
        yield look.finding(
            "leaked", "high", {"train": rows},
            f"{_rows(len(rows), 'training ')} with a text that is also in validation or test.",
            "The score counts what was learnt by heart: it will look too good.",
            _data_fix("Drop them from train", "drop_leaked"),
        )  # fmt: skip


def _conflicts(look: Look) -> Iterator[Finding]:
    rows = fixes.conflicting(look.parts, look.keys)
    if len(rows):
        yield look.finding(
            "conflicting", "high", {"train": rows},
            f"{_rows(len(rows), 'training ')} with a text that also has another label.",
            "One of the labels is wrong, and the model is taught both.",
            _data_fix("Drop all of them", "drop_conflicting"),
        )  # fmt: skip


def _duplicates(look: Look) -> Iterator[Finding]:
    import pandas as pd

    rows = fixes.duplicates(look.parts, look.keys)
    if len(rows):
        exact = int(pd.Series(look.data.splits["train"].texts).duplicated().to_numpy()[rows].sum())
        yield look.finding(
            "duplicates", "medium", {"train": rows},
            f"{_rows(len(rows), 'repeated training ')}"
            + ("." if exact == len(rows) else f": {exact:,} exactly, {len(rows) - exact:,} but for case and blanks."),
            "Repeats cost time and make the model sure of what was copied often.",
            _data_fix("Drop the repeats", "drop_duplicates"),
        )  # fmt: skip


def _near_duplicates(look: Look) -> Iterator[Finding]:
    rows, compared = near_duplicates(look.data.splits["train"].texts)
    total = len(look.data.splits["train"])
    where = f" of the first {compared:,}" if compared < total else ""
    if len(rows):
        yield look.finding(
            "near_duplicates", "low", {"train": rows},
            f"{_rows(len(rows), 'nearly repeated training ')}{where}: four fifths of their letter groups agree.",
            "Copies with small changes weigh like repeats." + (f" Only {compared:,} rows are compared." if where else ""),
            _data_fix("Drop the near repeats", "drop_near_duplicates"),
        )  # fmt: skip


def _spelled_alike(data: LabelledData) -> list[list[str]]:
    """Labels equal but for case and blanks, the most frequent of each group first."""
    counts = data.counts("train")
    alike: dict[str, list[str]] = {}
    for name in data.labels:
        alike.setdefault("".join(name.casefold().split()), []).append(name)
    return [sorted(names, key=lambda name: -counts[name]) for names in alike.values() if len(names) > 1]


def _label_spellings(look: Look) -> Iterator[Finding]:
    groups = _spelled_alike(look.data)
    if groups:
        merged = {other: names[0] for names in groups for other in names[1:]}
        shown = "; ".join(" = ".join(f"'{name[:40]}'" for name in names[:5]) for names in groups[:5])
        yield look.finding(
            "label_spelling", "high", _with_labels(look.data, set(merged)),
            f"{_labels(len(merged))} spelled like another but for case or blanks: {shown}.",
            "The model would learn to tell apart what means the same.",
            Fix(title="Merge them", changes={"data": {"label_map": _raw_names(look, merged)}}),
        )  # fmt: skip


def _rare_classes(look: Look) -> Iterator[Finding]:
    counts = {role: look.data.counts(role) for role in look.data.splits}
    misspelled = {name for names in _spelled_alike(look.data) for name in names[1:]}
    rare = [name for name, count in counts["train"].items() if count < LEAST_ROWS and name not in misspelled]
    if rare:
        shown = listed([f"'{name[:40]}' ({counts['train'][name]})" for name in rare], 8)
        left = len(look.data.labels) - len(rare)
        leave_out = Fix(title="Leave them out", changes={"data": {"label_map": _raw_names(look, dict.fromkeys(rare))}})
        yield look.finding(
            "rare_class", "high", _with_labels(look.data, set(rare)),
            f"{_labels(len(rare))} with fewer than {LEAST_ROWS} training rows: {shown}.",
            "That is too few to be learnt. Collect more, merge them into others by label_map, or leave them out.",
            leave_out if left >= 2 else None,
        )  # fmt: skip
    for role in ("validation", "test"):
        missing = [name for name, count in counts[role].items() if not count and name not in {*rare, *misspelled}]
        if missing:
            shown = listed([f"'{name[:40]}'" for name in missing], 8)
            changes = {"data": {f"{role}_split": None, f"{role}_size": 0.1}}
            cut = Fix(title=f"Cut {role} rows from train instead", changes=changes)
            yield look.finding(
                f"missing_in_{role}", "medium", _with_labels(look.data, set(missing)),
                f"{_labels(len(missing))} without a {role} row: {shown}.",
                f"How well they are told apart cannot be measured on {role}.",
                None if role in look.data.cut else cut,
            )  # fmt: skip


def _left_out(look: Look) -> Iterator[Finding]:
    sentences = {
        "empty_text": ("without text", "They teach nothing, and every run leaves them out."),
        "missing_label": ("without a label", "Every run leaves them out. They can be labelled and added later."),
    }
    for reason, (what, why) in sentences.items():
        found = look.data.left_out[reason]
        count = found.counts.total()
        if count:
            names = [row["row"] for row in found.rows[:MOST_NAMED]]
            yield Finding(
                key=reason, severity="medium", count=count, what=f"{_rows(count)} {what}.", why=why, fix=None, rows=names
            )


def _imbalance(look: Look) -> Iterator[Finding]:
    counts = {name: count for name, count in look.data.counts("train").items() if count}
    most, least = max(counts, key=lambda n: counts[n]), min(counts, key=lambda n: counts[n])
    ratio = counts[most] / counts[least]
    if ratio >= IMBALANCE and look.config.training.class_weights is None:
        yield look.finding(
            "imbalance", "medium", _with_labels(look.data, {least}),
            f"'{most[:40]}' has {ratio:,.0f} times the training rows of '{least[:40]}' ({counts[most]:,} and {counts[least]:,}).",
            "A model that always says the common label looks accurate. Watch macro F1; weights make rare labels count.",
            Fix(title="Weight the classes", changes={"training": {"class_weights": "balanced"}}),
        )  # fmt: skip


def _too_long(look: Look) -> Iterator[Finding]:
    over = np.flatnonzero(look.tokens > look.max_length)
    share = len(over) / max(1, len(look.tokens))
    if share >= SHARE_CUT:
        better = min(look.needed, look.limit)
        of = "" if len(look.tokens) == len(look.data.splits["train"]) else f" of the {len(look.tokens):,} counted"
        yield look.finding(
            "too_long", "medium" if share >= 0.1 else "low", {"train": over},
            f"{_rows(len(over), 'training ')}{of} ({share:.1%}) longer than {look.max_length} tokens: they will be cut.",
            "What stands after the cut is never read."
            + ("" if better > look.max_length else f" {look.limit} tokens are the base model's own limit."),
            Fix(title=f"Read {better} tokens", changes={"model": {"max_length": better}}) if better > look.max_length else None,
        )  # fmt: skip


def _personal_data(look: Look) -> Iterator[Finding]:
    total = sum(len(split) for split in look.data.splits.values())
    found = {role: patterns.personal(patterns.strings(split.texts)) for role, split in look.data.splits.items()}
    for kind in patterns.PERSONAL:
        rows = {role: by_kind[kind] for role, by_kind in found.items()}
        count = sum(len(positions) for positions in rows.values())
        if count:
            yield look.finding(
                f"personal_{kind}", "low" if kind == "handle" else "medium", rows,
                f"{_rows(count)} ({count / total:.1%}) with {WHO[kind]}.",
                "A model can remember what it read, and a shared one gives it away.",
                _data_fix(f"Mask as {patterns.PLACEHOLDERS[kind]}", f"mask_{kind}"),
            )  # fmt: skip


def _cut_splits(look: Look) -> Iterator[Finding]:
    given = {"validation": look.config.data.validation_size or look.config.data.num_folds, "test": look.config.data.test_size}
    cut = [role for role in look.data.cut if not given[role]]
    if cut:
        sizes = " and ".join(f"{len(look.data.splits[role]):,} as {role}" for role in cut)
        yield look.finding(
            "no_split", "low", {role: np.arange(len(look.data.splits[role])) for role in cut},
            f"The source has no {' and no '.join(cut)} split: rows were cut from train, {sizes} (stratified, seeded).",
            "Repeats of a text are kept on one side. A split of your own, fixed for good, lets scores be compared over time.",
            Fix(title="Cut 10 % each", changes={"data": dict.fromkeys([f"{role}_size" for role in cut], 0.1)}),
        )  # fmt: skip


def _with_labels(data: LabelledData, names: set[str]) -> Positions:
    wanted = [i for i, name in enumerate(data.labels) if name in names]
    return {role: np.flatnonzero(np.isin(split.label_array, wanted)) for role, split in data.splits.items()}


def _raw_names(look: Look, new: Mapping[str, str | None]) -> dict[str, str | None]:
    """A label map in the names of the source, where a map renamed them before: its targets are followed."""
    before = look.config.data.label_map or {}
    followed = {raw: new[name] for raw, name in before.items() if name in new}
    return {**{raw: name for raw, name in new.items() if raw not in before}, **followed}


def _rows(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}row" + ("" if count == 1 else "s")


def _labels(count: int) -> str:
    return f"{count:,} label" + ("" if count == 1 else "s")
