"""What trains a run on a job: `python -m tuner.launch.on_job FOLDER REPO BEGAN`, started by `boot`, on a hired machine.

The worker is the one of every other run. This process tells of it by lines of its log, sends its checkpoints and its result to
the run's private repository, and hands on a stop that was asked for there.
"""

import contextlib
import os
import shutil
import signal
import sys
import threading
import time
import warnings
from pathlib import Path
from typing import IO, Any

from tuner import hub_read, runs
from tuner.config import RunConfig
from tuner.errors import TunerError, explain
from tuner.hub.client import Client
from tuner.launch import job_result, local
from tuner.launch.job_files import HOME_FOLDER, OWN_FOLDER, Task
from tuner.launch.job_lines import Told, event_line, log_line, status_line
from tuner.runs import LIVING, Run
from tuner.training import checkpoints

_POLL_SECONDS, _STATUS_SECONDS, _STOP_SECONDS = 0.5, 2.0, 5.0
# Of its time, what is kept to save, score and send; at most five minutes.
_KEPT_SHARE, _KEPT_MOST = 0.1, 300.0


def stop_file(attempt: int) -> str:
    """The file in the run's repository that asks a job to stop; each job has its own."""
    return f"stop/{attempt}"


def main(folder: str, repo_id: str, began: str) -> int:
    """0 where the run's end, whichever it was but a failure, and all it became is on the Hub.

    Args:
        began: when the job itself began, seconds since the epoch.
    """
    warnings.filterwarnings("ignore", message=".*commit a data file")  # predictions.parquet beside a model is meant
    hub_read.take_token()
    try:
        task = Task.model_validate_json((Path(folder) / "task.json").read_text(encoding="utf-8"))
        client = Client(hub_read.token())
        run = _prepare(task, client, repo_id)
        local.spawn(run)
        ends = float(began) + task.timeout
        _Reporter(run, task, client, repo_id, ends).follow()
        _say("Sending the result")
        job_result.send_result(run, client, repo_id, task.attempt, ends)
    except Exception as error:
        _say(explain(error))
        return 1
    return 1 if run.status.state in ("failed", "lost") else 0


def _prepare(task: Task, client: Client, repo_id: str) -> Run:
    """The run's folder with its settings, rows, and the checkpoint an earlier job left."""
    run = runs.create(RunConfig(**task.config), run_id=task.run_id)
    runs.write_status(run, train_runtime=task.train_runtime)
    if task.data_repo:
        _say("Fetching the rows")
        rows = run.folder / ".rows"

        def question(api: Any) -> Any:  # noqa: ANN401
            return api.snapshot_download(task.data_repo, repo_type="dataset", revision=task.data_commit, local_dir=rows)

        client.call(question, task.data_repo, "dataset", task.timeout)
        place_rows(rows, run)
    if found := job_result.listed(client, repo_id, job_result.CHECKPOINT):
        _say(f"Fetching {found.name}")
        with job_result.fetched(client, repo_id, job_result.CHECKPOINT, found, run.folder) as part:
            (run.folder / "checkpoints").mkdir()
            if found.best:
                (part / job_result.BEST).rename(run.folder / "checkpoints" / found.best)
            shutil.copytree(part, run.folder / "checkpoints" / found.name)
    return run


def place_rows(rows: Path, run: Run) -> None:
    """Moves what was fetched to where the settings of the job look for it."""
    for there, here in ((OWN_FOLDER, run.folder / OWN_FOLDER), (HOME_FOLDER, runs.home())):
        if (rows / there).is_dir():
            shutil.copytree(rows / there, here, dirs_exist_ok=True)
    shutil.rmtree(rows)


class _Reporter:
    """Watches the worker until the run has ended."""

    def __init__(self, run: Run, task: Task, client: Client, repo_id: str, ends: float) -> None:
        self.run, self.task, self.client, self.repo_id = run, task, client, repo_id
        self.ends, self.last_moment = ends, ends - min(_KEPT_SHARE * task.timeout, _KEPT_MOST)
        self.offset = self.events = 0
        self.status_told: Told | None = None
        self.status_at = self.stop_at = 0.0
        self.checkpoint_at, self.sent = time.monotonic(), ""
        self.looked_at: set[str] = set()
        self.sending: threading.Thread | None = None

    def follow(self) -> None:
        """Returns when the run has ended and everything was told."""
        signal.signal(signal.SIGTERM, self._on_sigterm)
        with (self.run.folder / "train.log").open(encoding="utf-8", errors="replace") as log:
            while True:
                state = self.run.status.state
                self._tell(log, last=state not in LIVING)
                if state not in LIVING:
                    break
                self._heed_stop()
                self._send_checkpoint()
                time.sleep(_POLL_SECONDS)
        if self.sending:
            self.sending.join()
        if state != "completed":  # what a resume goes on from
            self.checkpoint_at, self.looked_at = float("-inf"), set()
            self._send_checkpoint((time.time() + self.ends) / 2)  # the other half of the time is the result's
            if self.sending:
                self.sending.join()

    def _tell(self, log: IO[str], last: bool) -> None:
        for line in log:
            _say(log_line(line.rstrip("\n")))
        events, self.offset = runs.read_events(self.run, self.offset)
        for event in events:
            if line := event_line(self.events, event):
                _say(line)
            self.events += 1
        if last or time.monotonic() - self.status_at > _STATUS_SECONDS:
            self.status_at = time.monotonic()
            status = Told.of(runs.read_status(self.run))
            if status != self.status_told and (line := status_line(status)):
                _say(line)
            self.status_told = status

    def _heed_stop(self) -> None:
        """A stop that was asked for in the repository, or time that is nearly over."""
        if self.run.stop_requested or time.monotonic() - self.stop_at < _STOP_SECONDS:
            return
        self.stop_at = time.monotonic()
        if time.time() > self.last_moment:
            runs.append_event(self.run, "note", message="The job's time is nearly over: the run stops and is saved.")
            (self.run.folder / "STOP").touch()
            return
        with contextlib.suppress(TunerError):  # asked again in 5 s
            name = stop_file(self.task.attempt)
            if self.client.call(lambda api: api.get_paths_info(self.repo_id, [name]), self.repo_id, "model"):
                (self.run.folder / "STOP").touch()

    def _send_checkpoint(self, until: float = 0.0) -> None:
        """The newest whole one and the best, in a thread of its own; by hard links: the worker deletes old ones meanwhile."""
        every = self.task.checkpoint_seconds
        if (self.sending and self.sending.is_alive()) or time.monotonic() - self.checkpoint_at < every:
            return
        folder = self.run.folder / "checkpoints"
        names = {manifest.parent.name for manifest in folder.glob(f"*/{checkpoints.MANIFEST}")}
        if names <= self.looked_at:  # looking for the newest whole one reads them all
            return
        self.looked_at |= names
        newest = checkpoints.newest_whole(folder, checkpoints.identity_of(self.run.config))
        if newest is None or newest.name == self.sent:
            return
        self.checkpoint_at, self.sent = time.monotonic(), newest.name
        best = checkpoints.best_beside(newest)
        held = self.run.folder.parent / f".{newest.name}"
        shutil.rmtree(held, ignore_errors=True)
        try:
            links = [shutil.copytree(one, held / one.name, copy_function=_link) for one in dict.fromkeys((newest, best)) if one]
        except OSError:  # deleted in between: the next one
            return
        self.sending = threading.Thread(target=self._send, args=(held, *links), kwargs={"until": until}, daemon=True)
        self.sending.start()

    def _send(self, held: Path, newest: Path, best: Path | None = None, until: float = 0.0) -> None:
        try:
            job_result.send_checkpoint(newest, best, self.client, self.repo_id, self.task.attempt, until)
            _say(f"{newest.name} is on the Hub")
        except Exception as error:  # the training goes on; the next one is tried again
            _say(f"{newest.name} could not be sent. {explain(error)}")
            self.sent, self.looked_at = "", set()
        finally:
            shutil.rmtree(held, ignore_errors=True)

    def _on_sigterm(self, *_: object) -> None:
        """The job is cancelled or its time is over: the worker saves what it has."""
        status = runs.read_status(self.run)
        if status.pid and runs.process_identity(status.pid) == status.process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(status.pid, signal.SIGTERM)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)


def _say(line: str) -> None:
    # In one piece: `print` writes the end of the line apart, and what another thread says got in between.
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
