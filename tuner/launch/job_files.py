"""What a job needs, sent to private repositories before it begins: Tuner itself, the settings, local rows, a local base model.

Rows go as the bytes they are, so that they are read on the job just as here and keep their fingerprint; a repository of rows
or of a base model is named after its content and sent once, however many runs use it.
"""

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

import tuner
from tuner import environment, feedback, modeling, runs
from tuner.config import RunConfig
from tuner.data import overlay
from tuner.data.extra import name_and_revision
from tuner.data.files import uploaded_path
from tuner.data.sources import kind_of, load_raw
from tuner.errors import SourceError
from tuner.hub.client import Client, Kind
from tuner.hub.commit import Pushed, push_files
from tuner.hub.files import local_model_files
from tuner.launch.job_state import JobState
from tuner.runs import Run

Files = dict[str, bytes | Path]
# A run's rows on the job, below its run folder, where the worker stands.
OWN_FOLDER = "rows"
# Rows that lie in Tuner's own folders, below its home there as here.
HOME_FOLDER = "home"
TASK = "job/task.json"
# A commit for each: the Hub allows about 128 an hour to a repository.
_CHECKPOINT_SECONDS = 300.0
_ZIP_TIME = (2020, 1, 1, 0, 0, 0)
_CODE = ("*.py", "*.md", "*.html", "*.yaml")
_CARD = """---
tags:
- tuner
---

Working files of Tuner's run `{run}`, private: what its job needs, its checkpoints and its result. Delete it when the run is
completed, or has been deleted.
"""
_ROWS_CARD = "---\ntags:\n- tuner\n---\n\nRows of a training on Hugging Face Jobs, as they are, sent by Tuner. Private.\n"


class Task(BaseModel):
    """What `on_job` reads: the run, and where its rows lie.

    Attributes:
        attempt: as `JobState.attempt`; a result tells by it which job it is of.
        data_repo, data_commit: empty for rows that anybody finds.
        checkpoint_seconds: a checkpoint is sent at most so often.
        timeout: seconds after which the Hub ends the job.
        train_runtime: seconds the run has trained before.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    attempt: int
    config: dict[str, Any]
    data_repo: str = ""
    data_commit: str = ""
    checkpoint_seconds: float
    timeout: int
    train_runtime: float | None = None


def send(run: Run, state: JobState, client: Client, say: Callable[[str], None]) -> tuple[JobState, Pushed]:
    """Puts everything the job needs on the Hub; what is there already is not sent twice.

    Args:
        say: told what is being sent.

    Returns:
        The state with the names of the repositories, and the commit of the run's own that the job begins from.

    Raises:
        ModelError: a local base model is not the one the run was made with any more.
        SourceError, NetworkError, SettingsError: as `push_files`.
    """
    config = run.config
    data, files = _rows_of(config)
    commit = base_commit = ""
    if files:
        say("Sending the rows to a private data set repository")
        state = state.model_copy(update={"data_repo": _named(state, "data", files)})
        files["README.md"] = _ROWS_CARD.encode()
        commit = _send(client, state.data_repo, "dataset", files, "Rows for a job").commit
    model: dict[str, str | None] = {}
    if base := _local_base(config):
        say("Sending the base model to a private repository")
        state = state.model_copy(update={"base_repo": _named(state, "base", base)})
        base_commit = _send(client, state.base_repo, "model", base, "Base model for a job").commit
        # The commit says there which weights they are, as the fingerprint does here.
        model = {"name": state.base_repo, "revision": base_commit, "fingerprint": None}
    say("Sending Tuner and the settings to a private repository")
    there = config.with_changes({"data": data, "model": model})
    task = Task(
        run_id=run.id, attempt=state.attempt, config=there.model_dump(mode="json"), data_repo=state.data_repo,
        data_commit=commit, checkpoint_seconds=_checkpoint_seconds(), timeout=state.timeout,
        train_runtime=runs.read_status(run).train_runtime,
    )  # fmt: skip
    own = {
        "job/tuner.zip": _code(),
        "job/requirements.txt": _requirements().encode(),
        "job/constraints.txt": _constraints().encode(),
        TASK: task.model_dump_json(indent=1).encode(),
        "README.md": _CARD.format(run=run.id).encode(),
    }
    return state, _send(client, state.repo, "model", own, f"Job {state.attempt} of run {run.id}")


def _checkpoint_seconds() -> float:
    """$TUNER_JOBS_CHECKPOINT_SECONDS where it is a number, else five minutes."""
    given = os.environ.get("TUNER_JOBS_CHECKPOINT_SECONDS", "")
    return float(given) if given.isdecimal() else _CHECKPOINT_SECONDS


def _send(client: Client, repo_id: str, kind: Kind, files: Files, message: str) -> Pushed:
    return push_files(client, client.writable(repo_id, kind, private=True), files, message)


def _named(state: JobState, what: str, files: Mapping[str, bytes | Path]) -> str:
    """A repository's name that follows from its content."""
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        digest.update(json.dumps([name, _sha256(content)]).encode())
    return f"{state.namespace}/tuner-{what}-{digest.hexdigest()[:16]}"


def _rows_of(config: RunConfig) -> tuple[dict[str, Any], Files]:
    """Changes to the settings' data section for the job, and the files its rows are read from there."""
    changes: dict[str, Any] = {}
    files: Files = {}
    for field, source in (("source", config.data.source), ("extra_source", config.data.extra_source)):
        if source is None:
            continue
        name, _ = name_and_revision(source)
        kind = kind_of(name)
        if kind == "file":
            path = Path(name)
            changes[field] = f"./{OWN_FOLDER}/{field}/{path.name}"
            files |= _below(path, f"{OWN_FOLDER}/{field}/{path.name}")
        elif kind == "upload":
            folder = name.replace(":", "s/")
            path = uploaded_path(name)
            files |= _below(path, f"{HOME_FOLDER}/{folder}" + (f"/{path.name}" if path.is_file() else ""))
        elif kind == "feedback":
            path = feedback.path(feedback.named(name).name)
            files[f"{HOME_FOLDER}/{path.relative_to(runs.home()).as_posix()}"] = path.read_bytes()  # it may grow
    if config.data.overlay:
        raw = load_raw(config.data.source, config.data.config, config.data.revision)
        path = overlay.file_of(raw.identity, config.data.overlay)
        files[f"{HOME_FOLDER}/{path.relative_to(runs.home()).as_posix()}"] = path
    return changes, files


def _below(path: Path, name: str) -> Files:
    """A file under its name, or every file of a folder."""
    if path.is_file():
        return {name: path}
    found: Files = {
        f"{name}/{each.relative_to(path).as_posix()}": each
        for each in sorted(path.rglob("*"))
        if each.is_file() and not any(part.startswith(".") for part in each.relative_to(path).parts)
    }
    if not found:
        raise SourceError(f"{path} is not there any more, or is empty.", "Put it back, and resume.")
    return found


def _local_base(config: RunConfig) -> Files:
    """The files of a base model that lies on this machine alone; none for others."""
    name = config.model.name
    if not name.startswith(runs.RUN_PREFIX) and not modeling.folder_of(name):
        return {}
    return local_model_files(Path(modeling.find_pinned(config.model).location))


def _code() -> bytes:
    """Tuner's own files as a zip; the same files give the same bytes."""
    root = Path(tuner.__file__).parent
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(path for pattern in _CODE for path in root.rglob(pattern)):
            inside = path.relative_to(root)
            if inside.parts[0] != "ui":  # the page, which needs Gradio
                packed.writestr(zipfile.ZipInfo(f"tuner/{inside.as_posix()}", _ZIP_TIME), path.read_bytes())
    return buffer.getvalue()


def _requirements() -> str:
    """What Tuner requires, but for Gradio, which a job has no use for."""
    beside = Path(tuner.__file__).parents[1] / "requirements.txt"
    lines = beside.read_text(encoding="utf-8").splitlines() if beside.is_file() else metadata.requires("tuner") or []
    return "\n".join(line for line in lines if line.strip() and not re.match(r"#|gradio\b|.*\bextra ==", line)) + "\n"


def _constraints() -> str:
    """The versions of this machine, so that a job trains as it would."""
    versions = environment.installed()["packages"]
    return "".join(f"{name}=={version.partition('+')[0]}\n" for name, version in versions.items() if name != "tuner")


def _sha256(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
