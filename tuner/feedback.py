"""What people say of a model's answers: rows kept under `$TUNER_HOME/feedback/NAME/`, in the shape of training data.

Judgements are added and never changed: a set may grow while a run is trained on its first N, which `feedback:NAME@N` names.
So a run trains on the same rows however late it starts, and is resumed on them. One that is taken back is said so in a line of
its own.
"""

import contextlib
import hashlib
import json
import re
import secrets
import shutil
import time
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from tuner import runs
from tuner.config import RunConfig
from tuner.data import journal
from tuner.data.reading import is_blank
from tuner.errors import RunError, SourceError
from tuner.person import current, own_folder_name
from tuner.runs import Run
from tuner.words import listed

PREFIX = "feedback:"
MOST_CHARACTERS = 100_000
# Some 500,000 judgements of tweets.
MOST_BYTES = 256 * 2**20
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_SOURCE = re.compile(rf"{PREFIX}({_NAME.pattern})(?:@([1-9][0-9]{{0,8}}))?")
_SUFFIX = re.compile(r", with [\d,]+ corrections?$")
_LISTED = 5


class Feedback(BaseModel):
    """What somebody said of one text.

    Attributes:
        text: at most 100,000 characters.
        label: the right one, at most 200 characters.
        predicted: the model's label for it; empty where none was shown.
        probability: the model's, of its label.
        model: run id, folder or Hub id.
        kind: "right" or "wrong" of an answer, "labelled" of a text without one; "withdrawn" takes back the judgement with the
            same text, time and person.
        at: seconds since the epoch.
        by: who said it; empty where people have no names.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    text: Annotated[str, Field(max_length=MOST_CHARACTERS)]
    label: Annotated[str, Field(max_length=200)]
    predicted: Annotated[str, Field(max_length=200)] = ""
    probability: Annotated[float, Field(ge=0, le=1)] | None = None
    model: Annotated[str, Field(max_length=1024)] = ""
    kind: Literal["right", "wrong", "labelled", "withdrawn"] = "labelled"
    at: float = Field(default_factory=time.time)
    by: Annotated[str, Field(max_length=200)] = ""

    def __init__(self, text: str = "", label: str = "", **more: object) -> None:
        """Checks what is given.

        Raises:
            SourceError: an empty text or label, or one that is too long.
        """
        try:
            super().__init__(text=text, label=label, **more)
        except ValidationError as error:
            first = error.errors()[0]
            field, message = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
            raise SourceError(f"The feedback cannot be kept ({field}: {message}).", "Give a text and its label.") from None

    @field_validator("text", "label", "predicted", "model", "by", mode="before")
    @classmethod
    def _can_be_written(cls, value: object) -> object:
        """Halves of a character, which some programs send, have no place in a file."""
        return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value

    @field_validator("text", "label")
    @classmethod
    def _not_empty(cls, value: str) -> str:
        if is_blank(value):
            raise ValueError("it is empty")
        return value

    @field_validator("label")
    @classmethod
    def _without_blanks(cls, value: str) -> str:
        return value.strip()


class Named(NamedTuple):
    """What `feedback:NAME@N` names: a set, and how many of its judgements; None for all there are."""

    name: str
    judgements: int | None

    @property
    def source(self) -> str:
        """The name of the source."""
        return f"{PREFIX}{self.name}" + (f"@{self.judgements}" if self.judgements else "")


def add(name: str, *judged: Feedback) -> int:
    """Keeps judgements; returns how many rows the set has now. Many may do so at once, also from several processes.

    Raises:
        SourceError: no name of a set, or the rows cannot be written: then none of them was kept.
    """
    lines = [row.model_dump_json() for row in judged]
    journal.append(path(name), lines, MOST_BYTES, "Export it, and begin a set of another name.")
    return count(name)


def withdraw(name: str, *judged: Feedback) -> int:
    """Takes judgements back; returns how many rows the set has now. What others said of the same texts counts on.

    Raises:
        SourceError: no name of a set, or it cannot be written: then all of them stand.
    """
    return add(name, *(row.model_copy(update={"kind": "withdrawn"}) for row in judged))


def withdraw_text(name: str, text: str) -> int:
    """Takes every judgement of a text back, case and blanks aside; returns how many rows the set has now.

    Raises:
        SourceError: there is no such set or no such text in it, or it cannot be written.
    """
    from tuner.data.repeats import repeat_keys

    found = _standing(all_rows(name))
    keys, asked = repeat_keys([row.text for row in found], [text.encode("utf-8", "replace").decode("utf-8")])
    judged = [row for row, key in zip(found, keys, strict=True) if key == asked[0]]
    if not judged:
        raise SourceError(f"The feedback '{name}' has no text '{text[:80]}'.", "Give one of those it lists, in full.")
    return withdraw(name, *judged)


def count(name: str) -> int:
    """How many rows a set has; in a quarter of the time `rows` takes (0.14 s of 10,000), since a page asks after every click.

    Raises:
        SourceError: there is no such set, or it is damaged.
    """
    from tuner.data.repeats import repeat_keys

    try:
        said = [json.loads(line) for line in journal.read(path(name)).splitlines()]
        standing = _stand([(row["text"], row.get("at"), row.get("by"), row.get("kind")) for row in said])
        texts = [row["text"] for row, stands in zip(said, standing, strict=True) if stands]
        return len(set(repeat_keys(texts)[0].tolist())) if said else len(rows(name))
    except (ValueError, LookupError, TypeError):
        return len(rows(name))  # which says what is wrong


def rows(name: str, judgements: int | None = None) -> list[Feedback]:
    """The rows of a set, in the order their texts first came; of several judgements of a text the last one counts.

    Texts that differ in case and blanks alone are one, as everywhere in Tuner.

    Args:
        judgements: only the first so many, in the order they came; None for all.

    Raises:
        SourceError: there is no such set, it is damaged, it has fewer judgements, or all of them were taken back.
    """
    from tuner.data.repeats import repeat_keys

    found = all_rows(name)
    if judgements is not None and len(found) < judgements:
        raise SourceError(
            f"The feedback '{name}' has {len(found):,} judgements, fewer than the {judgements:,} asked for.",
            "It was removed and begun anew: name it without a number.",
        )
    found = _standing(found[:judgements])
    if not found:
        raise SourceError(f"All that was said in the feedback '{name}' was taken back.", "Judge or label some texts first.")
    latest = dict(zip(repeat_keys([row.text for row in found])[0].tolist(), found, strict=True))
    return list(latest.values())


def texts(name: str) -> list[str]:
    """The texts that have a label in a set; none where there is no such set (yet).

    Raises:
        SourceError: it is damaged.
    """
    return [row.text for row in rows(name)] if name in names() and count(name) else []


def all_rows(name: str) -> list[Feedback]:
    """Every judgement of a set in the order they came.

    Raises:
        SourceError: there is no such set, or it is damaged.
    """
    file = path(name)
    content = journal.read(file)
    if not content:
        raise _unknown(name)
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            found.append(Feedback.model_validate_json(line))
        except (ValueError, SourceError):
            raise SourceError(
                f"Line {number} of the feedback '{name}' is damaged.", "Mend or remove that line in its file."
            ) from None
    return found


def _standing(found: list[Feedback]) -> list[Feedback]:
    """Those that count: none that was taken back, and no line that says so."""
    stand = _stand([(row.text, row.at, row.by, row.kind) for row in found])
    return [row for row, stands in zip(found, stand, strict=True) if stands]


def _stand(said: list[tuple[str, Any, Any, str | None]]) -> list[bool]:
    gone = {row[:3] for row in said if row[3] == "withdrawn"}
    return [row[:3] not in gone for row in said]


def names() -> list[str]:
    """The sets there are that the person who asks may read, in the order of the alphabet."""
    try:
        found = sorted(p.name for p in _root().iterdir() if _NAME.fullmatch(p.name) and (p / "rows.jsonl").is_file())
        return [name for name in found if _may_read(name)]
    except OSError:
        return []


def remove(name: str) -> None:
    """Removes a set with all its judgements; a run trained on them cannot be repeated any more.

    Raises:
        SourceError: there is no such set, or it cannot be removed.
    """
    folder = path(name).parent
    # Under a name of its own first: nobody adds to what is being removed.
    gone = folder.with_name(f".{name}.{secrets.token_hex(4)}")
    try:
        folder.rename(gone)
        shutil.rmtree(gone)
    except FileNotFoundError:
        raise _unknown(name) from None
    except OSError as error:
        raise journal.unwritable(folder, error) from None


def check_name(name: str) -> str:
    """The name, if it is one a set may have.

    Raises:
        SourceError: it is none.
    """
    if not _NAME.fullmatch(name):
        raise SourceError(
            f"'{name[:80]}' is no name of feedback.",
            "A name has up to 64 of a-z, 0-9, '.', '_' and '-', and begins with a letter or a digit.",
        )
    return name


def path(name: str) -> Path:
    """The set's file: JSON lines that are a source of examples themselves, `text` and `label` first; it may not be there.

    Raises:
        SourceError: no name of a set, or the set of somebody else.
    """
    check_name(name)
    if not _may_read(name):
        raise _unknown(name)
    return _root() / name / "rows.jsonl"


def named(source: str) -> Named | None:
    """What a source's name says of feedback: `feedback:NAME` or `feedback:NAME@N`; None for every other source."""
    match = _SOURCE.fullmatch(source.strip())
    return Named(match[1], int(match[2]) if match[2] else None) if match else None


def pinned(source: str) -> str:
    """`feedback:NAME` as `feedback:NAME@N`, N being the judgements there are now; every other source as it is.

    Raises:
        SourceError: there is no such set.
    """
    found = named(source)
    if found is None or found.judgements:
        return source
    return Named(found.name, len(all_rows(found.name))).source


def name_for(model: str) -> str:
    """The set that corrections of a model go to: its own, or for a run trained with feedback the set that was.

    On a Space the sets of each person have names of their own, that of a shared run another for everybody.

    Args:
        model: run id, "latest", `run:ID`, `untouched:ID`, folder or Hub id.
    """
    name = model.strip().removeprefix("run:").removeprefix("untouched:")
    if name == "latest":  # another run soon: corrections of one are none of the next
        with contextlib.suppress(RunError):  # there is none, and nothing that it answered
            name = runs.get(name).id
    if runs.is_run_id(name):
        with contextlib.suppress(RunError):  # deleted: what people said of it stays
            data = runs.get(name).config.data
            before = named(data.extra_source or "") or named(data.source)
            if before and is_own(before.name):
                return before.name
        return _own(name)
    # The Hub allows no "--" in names: owner and name cannot be confused with another pair.
    slug = re.sub(r"[^a-z0-9._-]+", "-", name.strip("/").lower().replace("/", "--")).lstrip("._-")
    if name.startswith(("/", "~", ".")) or not _NAME.fullmatch(slug):  # a folder: its last part, and which one
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
        slug = f"{slug.split('--')[-1][:48].lstrip('._-') or 'model'}-{digest}"
    return _own(slug)


def is_own(name: str) -> bool:
    """Whether the set is one of the person who asks; on a machine of one user each is."""
    return name.startswith(_own_prefix())


def _may_read(name: str) -> bool:
    return current().owner or is_own(name)


def _own_prefix() -> str:
    folder = own_folder_name()
    return f"{folder}--" if folder else ""


def _own(name: str) -> str:
    """The name in the person's own sets, cut to the 64 characters a name has."""
    whole = f"{_own_prefix()}{name}"
    if len(whole) <= 64:
        return whole
    return f"{whole[:55]}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def retrain_config(run: Run, name: str) -> RunConfig:
    """The run's settings with its corrections as further training rows, those there are now.

    Raises:
        SourceError: there is no such feedback, the run's data cannot be read, or none of the corrections can be trained on.
        NetworkError: the data lies on the Hub, and the Hub does not answer.
        RunError: the run is a study, or trains with further rows of another source already.
    """
    if run.status.kind != "run":
        raise RunError(f"{run.id} is a study of many trainings.", "Give a run, such as one made with its best settings.")
    extra = run.config.data.extra_source
    before = named(extra or "")
    if extra and (before is None or before.name != name):
        raise RunError(
            f"Run {run.id} has further training rows already, those of '{extra}'.",
            "Name that feedback, or add its rows to the feedback and set data.extra_source yourself.",
        )
    source = pinned(f"{PREFIX}{check_name(name)}")
    config = run.config.with_changes({"data": {"extra_source": source, "fingerprint": None}})
    corrected = _trained_on(config, rows(name))
    if not corrected:
        raise SourceError(
            f"None of the corrections in '{name}' can be trained on: their texts stand in validation or test.",
            "Correct answers to other texts; scores are honest only on rows that were not trained on.",
        )
    title = f"{_SUFFIX.sub('', run.title)[:160]}, with {corrected:,} correction{'' if corrected == 1 else 's'}"
    return config.model_copy(update={"name": title})


def _trained_on(config: RunConfig, corrections: list[Feedback]) -> int:
    """How many of the corrections the settings train on: none whose text is held out, or whose label is none of the data's."""
    from tuner.data.labelled import load_labelled
    from tuner.data.repeats import overlap

    data = load_labelled(config.data)
    known = [row.text for row in corrections if row.label in data.labels]
    return len(known) - overlap(known, [*data.splits["validation"].texts, *data.splits["test"].texts])


def _root() -> Path:
    return runs.home() / "feedback"


def _unknown(name: str) -> SourceError:
    some = names()
    cure = f"There is {listed(some, _LISTED)}." if some else "Nothing was judged yet: the Playground keeps what is."
    return SourceError(f"There is no feedback '{name[:80]}'.", cure)
