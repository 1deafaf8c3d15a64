"""Decisions of people about single rows of a source: another label, keep as it is, or drop.

They lie in `$TUNER_HOME/overlays/<first 16 digits of RawData.identity>/`, never in the source. `draft.jsonl` (on a Space
one for each person) is the one being edited; `freeze` makes a copy of it that never changes, named by its content, which a
run's `data.overlay` holds: so a run can be repeated exactly although people go on deciding.
Nothing here reads a source, and no test row is ever dropped: scores would be of easier rows.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tuner import runs
from tuner.data import journal
from tuner.errors import SourceError
from tuner.export import write_table
from tuner.person import own_folder_name

Action = Literal["relabel", "keep", "drop"]
# Some 300,000 decisions.
_MOST_BYTES = 64 * 2**20
_NAME = re.compile(r"[0-9a-f]{12}")
_IDENTITY = re.compile(r"[0-9a-f]{16,64}")
_LabelName = Annotated[str, Field(min_length=1, max_length=1_000)]


class Decision(BaseModel):
    """What somebody decided about one row.

    Attributes:
        row_id: "split/position" in the source.
        text_sha: first 16 digits of the text's SHA-256, so that a decision never hits another text.
        label: the row's label name when the decision was made.
        new_label: only with "relabel", and then another name than `label`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    row_id: Annotated[str, Field(max_length=300, pattern=r"^[^\x00-\x1f]+/\d+$")]
    text_sha: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    label: _LabelName
    action: Action
    new_label: _LabelName | None = None

    @model_validator(mode="after")
    def _a_new_label_comes_with_relabel(self) -> Self:
        if (self.action == "relabel") != (self.new_label is not None):
            raise ValueError("a new label comes with relabel, and only with it")
        if self.new_label == self.label:
            raise ValueError("the new label is the old one")
        return self


class Applied(NamedTuple):
    """What decisions make of rows.

    Attributes:
        positions: of the rows that stay, ascending.
        labels: their label names, one per position.
        counts: "relabelled", "dropped", "kept" (decided to stay as they are), "stale" (text or
            label is no longer the one decided about; skipped) and "test_rows_kept" (drops ignored).
    """

    positions: list[int]
    labels: list[str]
    counts: dict[str, int]


def decide(row_id: str, text: str, label: str, action: Action, new_label: str | None = None) -> Decision:
    """A decision about this text.

    Raises:
        SourceError: an unknown action, a relabel without another label, or a malformed row id.
    """
    try:
        return Decision(row_id=row_id, text_sha=text_sha(text), label=label, action=action, new_label=new_label)
    except ValidationError as error:
        first = error.errors()[0]
        what = ".".join(map(str, first["loc"])) or "decision"
        raise SourceError(
            f"The decision about row '{str(row_id)[:80]}' cannot be taken ({what}: {first['msg']}).",
            "Choose relabel with another label, keep, or drop.",
        ) from None


def text_sha(text: str) -> str:
    """First 16 hexadecimal digits of the text's SHA-256."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def add(identity: str, decisions: Sequence[Decision]) -> None:
    """Appends decisions to the draft; of several about one row the last one wins.

    Args:
        identity: `RawData.identity` of the source.

    Raises:
        SourceError: the draft cannot be written, or is full.
    """
    _append(identity, [decision.model_dump_json(exclude_none=True) for decision in decisions])


def undo(identity: str, row_id: str) -> None:
    """Takes the decision about a row back; a row without one stays so.

    Raises:
        SourceError: the draft is damaged or cannot be written.
    """
    if row_id in draft(identity):
        _append(identity, [json.dumps({"undo": row_id})])


def draft(identity: str) -> dict[str, Decision]:
    """The decisions as they stand now, by row id.

    Raises:
        SourceError: the draft is damaged.
    """
    path = _draft(identity)
    return _parse(journal.read(path), path)


def freeze(identity: str) -> str:
    """Writes the draft's decisions as a file that never changes, and returns its name; "" where there are none.

    The name is made of the content: the same decisions, in whatever order, give the same one.

    Raises:
        SourceError: the draft is damaged, or the file cannot be written.
    """
    decisions = draft(identity)
    if not decisions:
        return ""
    content = "".join(f"{decisions[row_id].model_dump_json(exclude_none=True)}\n" for row_id in sorted(decisions))
    name = hashlib.sha256(content.encode()).hexdigest()[:12]
    path = file_of(identity, name)
    try:
        runs.write_atomically(path, content)
    except OSError as error:
        raise journal.unwritable(path, error) from None
    return name


def load(identity: str, name: str) -> dict[str, Decision]:
    """The decisions of a frozen overlay, by row id.

    Raises:
        SourceError: there is none of this name for this source, or its file was changed.
    """
    path = file_of(identity, name)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise SourceError(
            f"There is no overlay '{name}' for this source.",
            f"Copy it to {journal.shown(path)}, choose the source it was made for, or leave data.overlay empty.",
        ) from None
    except OSError as error:
        raise journal.unreadable(path, error) from None
    if hashlib.sha256(content).hexdigest()[:12] != name:
        raise SourceError(
            f"The overlay {journal.shown(path)} is damaged: its content is not the one it was named after.", "Put the file back."
        )
    return _parse(content, path)


def file_of(identity: str, name: str) -> Path:
    """Where a frozen overlay lies, for those who take it to another machine; it may not be there.

    Raises:
        SourceError: the name is none `freeze` gives (it may come from anybody's text).
    """
    if not _NAME.fullmatch(name):
        raise SourceError(f"'{name[:80]}' is no name of an overlay.", "An overlay's name is 12 digits from 0-9 and a-f.")
    return _folder(identity) / f"{name}.jsonl"


def apply(
    decisions: Mapping[str, Decision], texts: Sequence[str], labels: Sequence[str], row_ids: Sequence[str], role: str
) -> Applied:
    """Lays decisions over the rows of one role.

    Decisions about rows that are not among these are passed over: they belong to another role.

    Args:
        labels: label names, of the same length as `texts` and `row_ids`.
        role: "train", "validation" or "test"; a test row is never dropped.
    """
    positions: list[int] = []
    names: list[str] = []
    counts = dict.fromkeys(("relabelled", "dropped", "kept", "stale", "test_rows_kept"), 0)
    for position, (text, label, row_id) in enumerate(zip(texts, labels, row_ids, strict=True)):
        decision = decisions.get(row_id)
        outcome = _outcome(decision, text, label, role) if decision else None
        if outcome:
            counts[outcome] += 1
        if outcome != "dropped":
            positions.append(position)
            names.append(decision.new_label if decision and decision.new_label and outcome == "relabelled" else label)
    return Applied(positions, names, counts)


def export(decisions: Mapping[str, Decision], texts: Mapping[str, str], path: Path) -> int:
    """Writes decisions as a table, by row id: row_id, text, label, action, new_label, text_sha; returns its rows.

    Args:
        texts: row id → text; a row that is not there, or whose text is another one by now, has an empty text.
        path: its ending decides, see `tuner.export`.

    Raises:
        SourceError: another ending, or the file cannot be written.
    """
    import pandas as pd

    rows = [_exported(decisions[row_id], texts.get(row_id)) for row_id in sorted(decisions)]
    write_table(pd.DataFrame(rows, columns=["row_id", "text", "label", "action", "new_label", "text_sha"], dtype="str"), path)
    return len(rows)


def _outcome(decision: Decision, text: str, label: str, role: str) -> str:
    """Which count of `Applied` a decision falls under."""
    # A changed label, too, is another question: another column was chosen, or a label was renamed.
    if decision.text_sha != text_sha(text) or decision.label != label:
        return "stale"
    if decision.action == "drop":
        return "test_rows_kept" if role == "test" else "dropped"
    return "relabelled" if decision.action == "relabel" else "kept"


def _folder(identity: str) -> Path:
    if not _IDENTITY.fullmatch(identity):
        raise SourceError(f"'{identity[:80]}' does not identify a source.", "Read the source again.")
    return runs.home() / "overlays" / identity[:16]


def _draft(identity: str) -> Path:
    """The decisions in hand of the person who asks."""
    own = own_folder_name()
    return _folder(identity) / (f"draft-{own}.jsonl" if own else "draft.jsonl")


def _append(identity: str, lines: list[str]) -> None:
    journal.append(_draft(identity), lines, _MOST_BYTES, "Correct the source itself, and start a new draft.")


def _parse(content: bytes, path: Path) -> dict[str, Decision]:
    found: dict[str, Decision] = {}
    for number, line in enumerate(content.splitlines(), 1):
        try:
            value: dict[str, Any] = json.loads(line)
            if set(value) == {"undo"}:
                found.pop(value["undo"], None)
            else:
                decision = Decision.model_validate(value)
                found[decision.row_id] = decision
        except (ValueError, TypeError, RecursionError):  # ValidationError is a ValueError
            raise SourceError(
                f"{journal.shown(path)}, line {number}, is no decision: the file is damaged.", "Mend or remove that line."
            ) from None
    return found


def _exported(decision: Decision, text: str | None) -> dict[str, str | None]:
    known = text is not None and text_sha(text) == decision.text_sha
    return {**decision.model_dump(), "text": text if known else ""}
