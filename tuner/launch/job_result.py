"""What a job leaves in the run's repository: its last whole checkpoint while it goes on, and at its end the result.

Each comes in one commit with a list of its files, their sizes and hashes. Only what is whole by that list is taken.
"""

import contextlib
import hashlib
import itertools
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tuner.errors import NetworkError, RunFailed, TunerError
from tuner.hub.client import Client
from tuner.hub.commit import push_files, seconds_for
from tuner.hub.errors import Trouble
from tuner.launch.job_lines import Told
from tuner.runs import JOB_FILE, Run

RESULT, CHECKPOINT, BEST = "result", "checkpoint", "best"
_LIST = "files.json"
# Also after a refusal, as where another commit comes in between: somebody asks the job to stop. Then 3, 6, 9, … 60 s are waited.
_ATTEMPTS, _WAIT_SECONDS, _MOST_WAIT_SECONDS = 6, 3.0, 60.0
# What stays on the job: what it was given, and what only its machine needs.
_STAYS = frozenset(
    {"config.yaml", "status.json", "STOP", "PLACE", "CANCEL", JOB_FILE, "checkpoints", "rows", "model.part", "adapter.part"}
)


class Parcel(BaseModel):
    """The list that comes with the files.

    Attributes:
        attempt: of the job that sent it.
        status: of a result, that of the run on the job.
        name: of a checkpoint, its folder's.
        best: of a checkpoint, that of the best one, whose files come in `BEST`; empty where it is the same, or there is none.
        files: path → bytes and SHA-256.
    """

    model_config = ConfigDict(frozen=True)

    attempt: int
    status: Told | None = None
    name: str = Field("", pattern=r"^(checkpoint-\d{1,12})?$")
    best: str = Field("", pattern=r"^(checkpoint-\d{1,12})?$")
    files: dict[str, tuple[int, str]] = {}


def send_result(run: Run, client: Client, repo_id: str, attempt: int, until: float = 0.0) -> None:
    """Sends all that the run has become, and its state.

    Args:
        until: so long trouble of the Hub's is waited out, seconds since the epoch; six attempts are made in any case.

    Raises:
        TunerError: it could not be sent.
    """
    sent = {name: path for name, path in _files_of(run.folder).items() if is_result(name)}
    _send(client, repo_id, RESULT, Parcel(attempt=attempt, status=Told.of(run.status)), sent, until)


def is_result(name: str) -> bool:
    """Whether a file of the job's run folder is one of the result."""
    first = name.split("/")[0]
    return first not in _STAYS and not first.startswith(".")


def send_checkpoint(folder: Path, best: Path | None, client: Client, repo_id: str, attempt: int, until: float = 0.0) -> None:
    """Sends a whole checkpoint in place of the one before, and with it the best one, which the run may end with.

    Args:
        until: as `send_result`.

    Raises:
        TunerError: it could not be sent.
    """
    files = _files_of(folder) | ({f"{BEST}/{name}": path for name, path in _files_of(best).items()} if best else {})
    parcel = Parcel(attempt=attempt, name=folder.name, best=best.name if best else "")
    _send(client, repo_id, CHECKPOINT, parcel, files, until)


def _files_of(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def listed(client: Client, repo_id: str, what: str) -> Parcel | None:
    """The list of what lies there; None where nothing does.

    Raises:
        NetworkError: the Hub does not answer.
    """
    from huggingface_hub.errors import EntryNotFoundError

    def question(api: Any) -> str | None:  # noqa: ANN401
        with tempfile.TemporaryDirectory() as folder:
            try:
                path = api.hf_hub_download(repo_id, f"{what}/{_LIST}", local_dir=folder)
            except EntryNotFoundError:
                return None
            return Path(path).read_text(encoding="utf-8")

    try:
        text = client.call(question, repo_id, "model")
        return Parcel.model_validate_json(text) if text else None
    except ValueError:
        raise NetworkError(f"What the job left in '{repo_id}' cannot be understood.", "Resume: it begins anew.") from None


@contextlib.contextmanager
def fetched(client: Client, repo_id: str, what: str, parcel: Parcel, beside: Path) -> Iterator[Path]:
    """A folder with the files of a list, each as it was sent, until the block ends.

    Args:
        beside: a folder of the file system they will be moved to.

    Raises:
        RunFailed: a file is missing or another one.
        NetworkError: the Hub does not answer.
    """
    part = Path(tempfile.mkdtemp(prefix=f".{what}-", dir=beside))
    try:
        names = [f"{what}/{name}" for name in parcel.files]
        seconds = seconds_for(sum(size for size, _ in parcel.files.values()))

        def question(api: Any) -> Any:  # noqa: ANN401
            return api.snapshot_download(repo_id, allow_patterns=[_literal(name) for name in names], local_dir=part)

        if names:
            client.call(question, repo_id, "model", seconds)
        for name, (size, digest) in parcel.files.items():
            path = part / what / name
            inside = path.resolve().is_relative_to(part.resolve())
            if not inside or not path.is_file() or path.stat().st_size != size or _sha256(path) != digest:
                raise RunFailed(f"The job's {what} is not whole: {name[:80]} is missing or damaged.", "Resume: it is sent again.")
        yield part / what
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _send(client: Client, repo_id: str, what: str, parcel: Parcel, files: dict[str, Path], until: float) -> None:
    sizes = {name: (path.stat().st_size, _sha256(path)) for name, path in files.items()}
    parcel = parcel.model_copy(update={"files": sizes})
    contents: dict[str, bytes | Path] = {f"{what}/{name}": path for name, path in files.items()}
    contents[f"{what}/{_LIST}"] = parcel.model_dump_json(indent=1).encode()
    for attempt in itertools.count(1):
        try:
            repo = client.readable(repo_id, "model", private=True)
            push_files(client, repo, contents, f"{what.capitalize()} of job {parcel.attempt}")
            return
        except TunerError as error:
            wait = min(_WAIT_SECONDS * attempt, _MOST_WAIT_SECONDS)
            if attempt >= _ATTEMPTS and not (isinstance(error, Trouble) and time.time() + wait < until):
                raise
            time.sleep(wait)


def take_events(path: Path, begin: int) -> list[dict[str, Any]]:
    """The events of a job's `events.jsonl` from a number on."""
    with contextlib.suppress(OSError, ValueError):
        lines = path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines[begin:]]
    return []


def _literal(name: str) -> str:
    """A path as a pattern that means it alone."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
