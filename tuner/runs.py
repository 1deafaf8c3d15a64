"""Runs: the sole owner of the run folder, its files and its states.

A run is one folder below `$TUNER_HOME/runs`; everything about it stands there, and the app, the
CLI and the tests read it through this module alone. Nothing here imports torch or Gradio.
"""

import contextlib
import fcntl
import functools
import json
import os
import re
import secrets
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import platformdirs
import psutil
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuner.config import RunConfig
from tuner.errors import RunError, SettingsError, TunerError, disk_is_full
from tuner.evaluation.report import EvaluationReport
from tuner.person import current

State = Literal["queued", "starting", "running", "stopping", "completed", "stopped", "failed", "lost"]
Kind = Literal["run", "search", "repeat", "learning-curve"]
LIVING: frozenset[str] = frozenset({"queued", "starting", "running", "stopping"})
RESUMABLE: frozenset[str] = frozenset({"stopped", "failed", "lost"})
# A worker that was asked to stop and shows no sign of life for so long is ended.
STOP_SECONDS = 20.0
_TITLES = {"search": "Search: ", "repeat": "Repeats: ", "learning-curve": "Learning curve: "}
# Room for what a worker says last, also where the disk is full by then: a status, an event and a traceback. Random bytes,
# since a file system that compresses would keep no room for noughts.
_ROOM_FILE = ".room"
_ROOM_BYTES = 64 * 1024
# Of a run that a job on the Hub trains; `tuner.launch.job_state` reads it.
JOB_FILE = "job.json"
# Before a run's id where its model is another run's base model.
RUN_PREFIX = "run:"
_NO_HOME = "Free some disk space, or set TUNER_HOME to a folder that can be written."
_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}")
_STAMP = "%Y%m%d-%H%M%S"


class RunStatus(BaseModel):
    """What `status.json` holds. Times are seconds since the epoch; durations are seconds.

    Attributes:
        kind: one training, or a study of many: then `step` counts its finished trials, and `max_steps` those planned
            (0 where only minutes are).
        process: identity of the process that owns the state; a bare pid may be used again by another. None: it was gone
            before it could be looked at.
        heartbeat: when the owner last wrote.
        metrics: validation metrics as `eval_accuracy` …, the latest while it trains, at its end those of the kept weights;
            the final test report's as `accuracy` ….
        eta: seconds of training left, None while unknown.
        train_runtime: seconds of training, those before a resume included.
        longest_silence: the longest time a worker's batch took so far, in which it gives no sign of life.
    """

    model_config = ConfigDict(frozen=True)

    kind: Kind = "run"
    state: State
    message: str = ""
    owner: str = ""
    created: float
    queued: float
    started: float | None = None
    finished: float | None = None
    heartbeat: float
    pid: int | None = None
    process: str | None = None
    step: int = 0
    max_steps: int = 0
    epoch: float = 0.0
    eta: float | None = None
    train_samples_per_second: float | None = None
    train_runtime: float | None = None
    longest_silence: float = 0.0
    exit_code: int | None = None
    metrics: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A handle to one run folder; every property reads the file anew."""

    id: str
    folder: Path

    @property
    def config(self) -> RunConfig:
        """The settings the run was made with.

        Raises:
            RunError: the file is missing or damaged, or says what this version cannot honour.
        """
        try:
            written = (self.folder / "config.yaml").stat().st_mtime_ns
        except OSError:
            written = 0
        return _config_of(self, written)

    @property
    def status(self) -> RunStatus:
        """The state as last written, or `lost` where its owner is gone without a word.

        Raises:
            RunError: the file is missing or damaged.
        """
        return settle(self)

    @property
    def title(self) -> str:
        """The name a person gave, or one made of the settings."""
        config = self.config
        return config.name or f"{short_name(config.model.name)} on {short_name(config.data.source)}"

    @property
    def model_folder(self) -> Path:
        """Where the trained model is (or will be)."""
        return self.folder / "model"

    @property
    def has_model(self) -> bool:
        """Whether a trained model was written to the end."""
        return (self.model_folder / "config.json").is_file()

    @property
    def model_written(self) -> float | None:
        """When the model, or how it answers, was last written, seconds since the epoch; None while there is none."""
        found = [path for name in ("config.json", "tuner.json") if (path := self.model_folder / name).is_file()]
        return max((path.stat().st_mtime for path in found), default=None)

    @property
    def report(self) -> EvaluationReport | None:
        """The report of the final evaluation; None where there is none (yet)."""
        try:
            return EvaluationReport.model_validate_json((self.folder / "report.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):  # of older versions, or damaged
            return None

    @property
    def environment(self) -> dict[str, Any]:
        """What it was trained with, as `tuner.environment.record` noted it; empty where that is missing or damaged."""
        try:
            found = json.loads((self.folder / "environment.json").read_text(encoding="utf-8"))
            return found if isinstance(found, dict) and isinstance(found.get("packages"), dict) else {}
        except (OSError, ValueError):
            return {}

    @property
    def stop_requested(self) -> bool:
        """Whether somebody asked for a stop."""
        return (self.folder / "STOP").exists()

    @property
    def is_job(self) -> bool:
        """Whether a job on the Hub trains it; the process that owns its state only follows that."""
        return (self.folder / JOB_FILE).is_file()

    @property
    def stop_reason(self) -> str:
        """Why it was asked to stop, a sentence; empty where a person wanted it."""
        try:
            return (self.folder / "STOP").read_text(encoding="utf-8").strip()
        except OSError:
            return ""

    @property
    def shared(self) -> bool:
        """Whether everybody who comes to this Space may see it and use its model."""
        return (self.folder / "SHARED").exists()

    @property
    def plan_text(self) -> str:
        """The plan of a study, `study.yaml`; `tuner.study` reads it.

        Raises:
            RunError: the run is no study, or the file is damaged.
        """
        return self._read("study.yaml")

    def log_tail(self, lines: int = 40, most_bytes: int = 16_384) -> str:
        """The last lines of `train.log`; reads at most `most_bytes`."""
        try:
            with (self.folder / "train.log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - most_bytes))
                return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])
        except OSError:
            return ""

    def last_words(self, lines: int = 5, most: int = 800) -> str:
        """The last lines of `train.log` that are not blank, in one line of at most so many characters: often a cause."""
        said = [line.strip() for line in self.log_tail().splitlines() if line.strip()]
        return " / ".join(said[-lines:])[-most:]

    def _read(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.damaged(name, type(error).__name__) from None

    def damaged(self, name: str, why: str) -> RunError:
        """The error that says that a file of the run cannot be read."""
        cause = f"Run {self.id} cannot be read: {name} is missing or damaged ({why})."
        return RunError(cause, "Delete the run, or put the file back.")


@functools.lru_cache(maxsize=4_096)
def _config_of(run: Run, written: int) -> RunConfig:
    """Parsing YAML takes 5 ms, and a list of runs asks for every config at every tick."""
    try:
        return RunConfig.from_yaml(run._read("config.yaml"))
    except SettingsError as error:
        raise run.damaged("config.yaml", " ".join(error.problems)[:500].rstrip(".")) from None


def short_name(name: str) -> str:
    """`owner/model` → `model`, `sample:tweets` → `tweets`, `/data/a.csv` → `a.csv`."""
    return re.split(r"[/:\\]", name.rstrip("/"))[-1] or name


def home() -> Path:
    """`$TUNER_HOME`; by default the user's data folder, on a Space `/data/tuner` where that can be written."""
    if os.environ.get("TUNER_HOME"):
        return Path(os.environ["TUNER_HOME"]).expanduser().absolute()
    if os.environ.get("SPACE_ID") and os.access("/data", os.W_OK):
        return Path("/data/tuner")
    return Path(platformdirs.user_data_dir("tuner"))


def make_home(*below: str) -> Path:
    """A folder below `home()`, or that itself; made where it is not there.

    Raises:
        RunError: it cannot be made.
    """
    folder = home().joinpath(*below)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"The folder {folder} cannot be made ({error.strerror}).", _NO_HOME) from None
    return folder


def home_lasts() -> bool:
    """Whether runs outlive a restart of the machine: not on a Space, unless a volume is mounted at /data and they lie there."""
    if not os.environ.get("SPACE_ID"):
        return True
    return home().is_relative_to("/data") and os.access("/data", os.W_OK)


def trains() -> bool:
    """Whether models are trained here; `TUNER_TRAINS=0` says no."""
    return os.environ.get("TUNER_TRAINS") != "0"


def check_trains() -> None:
    """Refuses trainings where this server answers and evaluates alone, as on ZeroGPU.

    Raises:
        RunError: it does.
    """
    if not trains():
        raise RunError(
            "Nothing is trained here: this server answers and evaluates alone.",
            "Train on a machine of your own, or on a Space with hardware of its own.",
        )


def create(config: RunConfig, owner: str = "", kind: Kind = "run", plan: str = "", run_id: str = "", job: str = "") -> Run:
    """Makes the folder of a new, queued run; the process that calls owns it until a worker takes over.

    Args:
        plan: of a study, the text of its `study.yaml`.
        run_id: on a job, the id the run has at home; empty: a new one.
        job: of a run that a job on the Hub trains, the text of its `job.json`.

    Raises:
        RunError: the folder cannot be made, or nothing is trained here.
    """
    check_trains()
    run_id = run_id or _new_id()
    run = Run(run_id, home() / "runs" / run_id)
    try:
        run.folder.mkdir(parents=True, mode=0o700)
        (run.folder / "config.yaml").write_text(config.to_yaml(), encoding="utf-8")
        if plan:
            (run.folder / "study.yaml").write_text(plan, encoding="utf-8")
        if job:
            (run.folder / JOB_FILE).write_text(job, encoding="utf-8")
        now = time.time()
        first = RunStatus(kind=kind, state="queued", owner=owner, created=now, queued=now, heartbeat=now)
        _write_status(run, first.model_copy(update=_this_process()))
    except OSError as error:
        shutil.rmtree(run.folder, ignore_errors=True)
        raise RunError(f"The run folder {run.folder} cannot be written ({error.strerror}).", _NO_HOME) from None
    return run


def _new_id() -> str:
    """Now, in UTC, but after the newest run, by a second where both are of one second or the clock was set back."""
    now = f"{datetime.now(UTC):{_STAMP}}"
    newest = next((run.id[: len(now)] for run in all_runs()), "")
    if newest >= now:
        with contextlib.suppress(ValueError, OverflowError):  # a folder with an impossible date
            now = f"{datetime.strptime(newest, _STAMP).replace(tzinfo=UTC) + timedelta(seconds=1):{_STAMP}}"
    return f"{now}-{secrets.token_hex(3)}"


def is_run_id(name: str) -> bool:
    """Whether the name has the form of a run id."""
    return bool(_RUN_ID.fullmatch(name))


def get(run_id: str) -> Run:
    """The run with this id; `latest` is the newest one of the person who asks. One they may not see is not there.

    Raises:
        RunError: there is none.
    """
    if run_id == "latest":
        newest = next((run for run in list_runs() if is_own(run)), None)
        if newest:
            return newest
        raise RunError("There is no run yet.", "Start one with `python -m tuner train`.")
    run = Run(run_id, home() / "runs" / run_id)
    if not is_run_id(run_id) or not run.folder.is_dir() or not may_see(run):
        raise RunError(f"There is no run '{run_id[:80]}'.", "`python -m tuner runs` lists the runs there are.")
    return run


def list_runs() -> list[Run]:
    """The runs that the person who asks may see, newest first."""
    return [run for run in all_runs() if may_see(run)]


def is_own(run: Run) -> bool:
    """Whether the run belongs to the person who asks (`tuner.person.current`); on a machine of one user each does."""
    person = current()
    return person.local or (bool(person.name) and _owner_of(run) == person.name)


def may_see(run: Run) -> bool:
    """Whether the person who asks may know of the run: their own, shared ones; the Space's owner of all."""
    return current().owner or is_own(run) or run.shared


def may_change(run: Run) -> bool:
    """Whether the person who asks may do with the run what they like."""
    return current().owner or is_own(run)


def _owner_of(run: Run) -> str:
    try:
        return read_status(run).owner
    except RunError:  # damaged: nobody's
        return ""


def all_runs() -> list[Run]:
    """Everybody's runs, newest first, for what concerns the machine; folders that are no run folders are passed over."""
    try:
        names = sorted((entry.name for entry in os.scandir(home() / "runs") if entry.is_dir()), reverse=True)
    except OSError:
        return []
    return [Run(name, home() / "runs" / name) for name in names if is_run_id(name)]


def summary(run: Run) -> dict[str, Any]:
    """One run or study as a row of a list, without its pid; a damaged one has the state "unreadable"."""
    try:
        row = run.status.model_dump(exclude={"pid", "process"})
        return {"run_id": run.id, "title": f"{_TITLES.get(row['kind'], '')}{run.title}", **row, "shared": run.shared}
    except TunerError as error:
        blank = {"kind": "run", "metrics": {}, "step": 0, "max_steps": 0, "eta": None, "created": 0.0}
        return {"run_id": run.id, "title": run.id, "state": "unreadable", "message": str(error), **blank}


def share(run: Run, shared: bool = True) -> None:
    """Lets everybody who comes to this Space see the run, or its owner alone again.

    Raises:
        RunError: the folder cannot be written.
    """
    with _writing(run):
        (run.folder / "SHARED").touch() if shared else (run.folder / "SHARED").unlink(missing_ok=True)


@contextlib.contextmanager
def _writing(run: Run) -> Iterator[None]:
    """Says in words that what a person asked for could not be written."""
    try:
        yield
    except OSError as error:
        raise RunError(
            f"Run {run.id} cannot be changed: its folder cannot be written ({error.strerror}).",
            f"Free some disk space, or make {run.folder} writable.",
        ) from None


def request_stop(run: Run, why: str = "") -> None:
    """Asks the worker to finish its step, save, evaluate and end; asked a second time, ends its process group at once.

    A job's follower is asked to cancel the job then: ended itself, it would leave a machine running that costs money.

    Args:
        why: a sentence that the run's last message begins with.

    Raises:
        RunError: the run is not going on, or its folder cannot be written.
    """
    state = run.status.state
    if state not in LIVING:
        raise RunError(f"Run {run.id} is {state}: there is nothing to stop.", "")
    with _writing(run):
        if run.stop_requested and run.is_job:
            (run.folder / "CANCEL").touch()
        elif run.stop_requested:
            _end_worker(run)
        (run.folder / "STOP").write_text(why, encoding="utf-8")


def _end_worker(run: Run) -> None:
    """Kills the worker with all its children. A pid that is another process by now, or no worker, is left alone: a run that is
    about to be handed to its worker still belongs to the server, whoever asks."""
    status = read_status(run)
    pid = status.pid
    if not pid or process_identity(pid) != status.process or not _is_worker_of(run, pid):
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while process_identity(pid) == status.process and time.monotonic() < deadline:
        time.sleep(0.02)
    settle(run, -signal.SIGKILL)


def _is_worker_of(run: Run, pid: int) -> bool:
    """Whether a process leads a group of its own and was begun in the run's folder, as workers are and stay."""
    try:
        return os.getpgid(pid) == pid and os.path.samefile(psutil.Process(pid).cwd(), run.folder)
    except (OSError, psutil.Error):
        return False


def delete(run: Run) -> None:
    """Removes a run with its model and checkpoints.

    Raises:
        RunError: as `check_delete`, or its files cannot be removed.
    """
    check_delete(run)
    try:
        shutil.rmtree(run.folder)
    except OSError as error:
        raise RunError(f"Run {run.id} could not be deleted whole ({error.strerror}).", "Delete it again.") from None


def check_delete(run: Run) -> None:
    """Refuses to delete what is needed yet; a damaged run may be deleted.

    Runs of other people count only while they go on: what these left behind must not keep a run from being its owner's.

    Raises:
        RunError: the run is going on, or another one that begins with its model is not at its end.
    """
    if is_living(run):
        raise RunError(f"Run {run.id} is {run.status.state} and was not deleted.", "Stop it first.")
    _check_needed(run, "deleted")


def _check_needed(run: Run, what: str) -> None:
    """Refuses where the run's model would go from under another one that is not at its end."""
    for other in resting_on(run):
        state = summary(other)["state"]
        if state in LIVING or (state in RESUMABLE and may_change(other)):
            name = f"Run {other.id}" if may_see(other) else "Another run"
            cure = "Let it train to its end, or delete it, first." if may_change(other) else "Wait until it has ended."
            raise RunError(f"{name} is {state} and begins with the model of run {run.id}, which was not {what}.", cure)


def resting_on(run: Run) -> list[Run]:
    """Everybody's runs and studies that begin with the model of this one."""
    found = []
    for other in all_runs():
        with contextlib.suppress(RunError):  # damaged: it cannot be gone on with
            if other.config.model.name == f"{RUN_PREFIX}{run.id}":
                found.append(other)
    return found


def is_living(run: Run) -> bool:
    """Whether the run is queued or going on; a damaged run is not."""
    try:
        return run.status.state in LIVING
    except RunError:
        return False


def requeue(run: Run) -> None:
    """Makes a stopped, failed or lost run ready to be resumed by a new worker.

    Raises:
        RunError: the run is in another state, its folder cannot be written, nothing is trained here, or another run that begins
            with its model, which would become another one, is not at its end.
    """
    check_trains()
    before, settled = read_status(run), settle(run)
    if settled.state in RESUMABLE:
        _check_needed(run, "resumed")
    with _writing(run), _alone(run):
        now = read_status(run)
        status = settled if now == before else now  # what is settled may not have found room in the file
        if status.state not in RESUMABLE:
            raise RunError(f"Run {run.id} is {status.state} and cannot be resumed.", "Only stopped, failed and lost runs can.")
        for request in ("STOP", "PLACE", "CANCEL"):
            (run.folder / request).unlink(missing_ok=True)
        begun = {"state": "queued", "message": "", "queued": time.time(), "finished": None, "exit_code": None}
        _lay_over(run, status, begun | _this_process())


def read_status(run: Run) -> RunStatus:
    """`status.json` as it stands; see `Run.status` for the settled one."""
    try:
        return RunStatus.model_validate_json(run._read("status.json"))
    except ValidationError:
        raise RunError(f"Run {run.id} cannot be read: status.json is damaged.", "Delete the run.") from None


def write_status(run: Run, **changes: Any) -> RunStatus:  # noqa: ANN401
    """Lays changes over the status and replaces the file atomically (write, fsync, rename)."""
    with _alone(run):
        return _lay_over(run, read_status(run), changes)


def _lay_over(run: Run, status: RunStatus, changes: dict[str, Any]) -> RunStatus:
    status = status.model_copy(update={**changes, "heartbeat": time.time()})
    _write_status(run, status)
    return status


@contextlib.contextmanager
def _alone(run: Run) -> Iterator[None]:
    """Inside nobody else changes the status, no thread of this process either: what was read is still so when it is written."""
    with contextlib.ExitStack() as held:
        with contextlib.suppress(OSError):  # some network file systems lock nothing
            folder = os.open(run.folder, os.O_RDONLY)
            held.callback(os.close, folder)
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield


def take_over(run: Run, **changes: Any) -> RunStatus:  # noqa: ANN401
    """`write_status` that also makes the calling process the owner of the state."""
    return write_status(run, **_this_process(), **changes)


def keep_room(run: Run) -> None:
    """Takes some of the disk, so that `give_room` leaves enough for a last word; on a disk that is full already nothing."""
    file = run.folder / _ROOM_FILE
    try:
        file.write_bytes(os.urandom(_ROOM_BYTES))
    except OSError:
        give_room(run)


def give_room(run: Run) -> None:
    """Frees what `keep_room` took."""
    with contextlib.suppress(OSError):
        (run.folder / _ROOM_FILE).unlink(missing_ok=True)


def settle(run: Run, exit_code: int | None = None) -> RunStatus:
    """The status; a living state whose owner is gone becomes `lost` (`stopped` after a stop), in the file too.

    It is a reader's as well: where the file cannot be written, the status is returned all the same.

    What is lost gets the last lines of its log as its message's end.

    A worker that was asked to stop and gave no sign of life for 20 s, or for thrice the time its slowest batch took, is ended by
    whoever looks, unless its model is saved: what is left then is its report, which takes longer without a word where there are
    many rows. A checkpoint that grows is a sign of life.

    Args:
        exit_code: of the worker, where the caller waited for it; negative for a signal.
    """
    status = read_status(run)
    if status.state not in LIVING:
        return status
    if status.pid and status.process and process_identity(status.pid) == status.process:
        if _hangs(run, status):
            _end_worker(run)
            return read_status(run)
        return status
    status = read_status(run)  # the worker may have written its last word in between
    if status.state not in LIVING:
        return status
    if exit_code is not None and exit_code < 0:
        how = f"was ended by signal {-exit_code}" + (", often for want of memory" if exit_code == -9 else "")
    else:
        how = "is gone without giving a reason"
    unit, mark = (
        ("step", "from the last whole checkpoint") if status.kind == "run" else ("trial", "after the last finished trial")
    )
    where = f" at {unit} {status.step} of {status.max_steps}" if status.max_steps else ""
    state: State = "lost"
    if run.stop_requested:
        state, how = "stopped", "was ended before it had " + ("its report" if _has_saved(run, status) else "saved")
    message = f"{run.stop_reason} The worker {how}{where}. Resume goes on {mark}.".strip()
    if state == "lost" and (last := run.last_words()):
        message = f"{message} Its last lines: {last}"
    if run.is_job:
        message = f"The process that followed the job is gone{where}. The job may go on: resume finds it again."
    changes = {"state": state, "message": message, "exit_code": exit_code, "finished": status.heartbeat, "eta": None}
    give_room(run)
    with _alone(run):
        if (now := read_status(run)) != status:  # somebody else has settled it, or has it begun anew already
            return now
        try:
            return _lay_over(run, status, changes)
        except OSError:
            return status.model_copy(update=changes)


def _hangs(run: Run, status: RunStatus) -> bool:
    try:
        asked = (run.folder / "STOP").stat().st_mtime
    except OSError:
        return False
    written = max(_last_written(run.folder / "checkpoints"), _last_written(run.folder / "trial"))  # a study's lie there
    silence = time.time() - max(asked, status.heartbeat, written)
    return silence > max(STOP_SECONDS, 3 * status.longest_silence) and not _has_saved(run, status)


def _last_written(folder: Path) -> float:
    """When one of the files below a folder last changed, seconds since the epoch; 0 where there is none."""
    newest = 0.0
    for place, _, names in os.walk(folder):  # which passes over folders that are removed meanwhile
        for name in names:
            with contextlib.suppress(OSError):
                newest = max(newest, os.stat(os.path.join(place, name)).st_mtime)
    return newest


def _has_saved(run: Run, status: RunStatus) -> bool:
    """Whether the model is there since the run was last begun or gone on with."""
    try:
        return (run.model_folder / "config.json").stat().st_mtime > status.queued
    except OSError:
        return False


def append_event(run: Run, event: str, **values: Any) -> None:  # noqa: ANN401
    """Adds one JSON line to `events.jsonl`. On a full disk it is left out: a training must not die of its log."""
    line = (json.dumps({"time": time.time(), "event": event, **values}, ensure_ascii=False) + "\n").encode()
    try:
        with (run.folder / "events.jsonl").open("ab", buffering=0) as file:
            before = file.tell()
            if file.write(line) < len(line):  # half a line would spoil the next one
                file.truncate(before)
    except OSError as error:
        if not disk_is_full(error):
            raise


def read_events(run: Run, offset: int = 0) -> tuple[list[dict[str, Any]], int]:
    """Events written since a byte offset, and the offset to go on from; a half-written last line waits."""
    try:
        with (run.folder / "events.jsonl").open("rb") as file:
            file.seek(max(0, offset))
            whole = file.read().rpartition(b"\n")[0]
    except FileNotFoundError:
        return [], 0
    if not whole:
        return [], offset
    return list(_json_lines(whole)), offset + len(whole) + 1


def process_identity(pid: int) -> str | None:
    """What tells a process from a later one with the same pid; None if it is gone or a zombie.

    On Linux boot id and start time in clock ticks since boot, which no change of the clock moves.
    """
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        try:
            # Field 22 of /proc/PID/stat; the name in field 2 may hold spaces and parentheses.
            start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
            return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{start}"
        except OSError:
            return f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def _this_process() -> dict[str, Any]:
    return {"pid": os.getpid(), "process": process_identity(os.getpid())}


def _write_status(run: Run, status: RunStatus) -> None:
    write_atomically(run.folder / "status.json", status.model_dump_json(indent=1))


def write_atomically(path: Path, text: str) -> None:
    """Replaces a file so that a reader sees the old or the new text, never a part, also after a crash."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _json_lines(lines: bytes) -> Iterator[dict[str, Any]]:
    for line in lines.split(b"\n"):
        with contextlib.suppress(ValueError):
            value = json.loads(line)
            if isinstance(value, dict):
                yield value
