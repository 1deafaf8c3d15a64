"""Starts, resumes and follows runs whose worker is a process on this machine."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from tuner import access, hub_read, modeling, runs
from tuner.children import token_pipe, worker_environment
from tuner.config import RunConfig, check_settings, merge
from tuner.data.extra import pinned_source
from tuner.data.labelled import load_labelled
from tuner.errors import DoubtError, RunError, RunFailed, SettingsError, TunerError, gathering, raise_all
from tuner.hub import Client
from tuner.launch.estimate import estimate
from tuner.launch.storage import check_storage
from tuner.limits import check_rows
from tuner.runs import LIVING, Run
from tuner.training.build import loss_weights
from tuner.training.estimate import Estimate
from tuner.training.fitting import Machine, fitted

_FOLLOW_SECONDS = 0.3
# Settings that mean nothing, or something else, with other data.
_SAID_OF_A_SOURCE = (
    "config", "revision", "train_split", "validation_split", "test_split", "text_column", "label_column", "label_map", "overlay",
    "fingerprint",
)  # fmt: skip


def prepare(config: RunConfig, machine: Machine | None = None) -> RunConfig:
    """Checks everything that would fail later and pins what could change: paths, revisions, the rows.

    Args:
        machine: where it is to be trained; None: here.

    Raises:
        AccessError: not logged in where people share a Space, or more rows or storage than one may take there.
        SourceError, ModelError, NetworkError, SettingsError: all that would fail, at once; nothing was started.
    """
    access.logged_in("train here")
    check_settings(config)
    found: list[TunerError] = []
    changes: dict[str, dict[str, Any]] = {"data": {}, "model": {}}
    base = data = None
    with gathering(found):
        if config.training.hub_model_id:  # hours later it would be too late to hear of it
            Client(hub_read.token()).check(config.training.hub_model_id, "model", private=False)
    with gathering(found):
        base = modeling.find_base_model(config.model.name, config.model.revision)
        changes["model"] |= {"revision": base.revision, "fingerprint": modeling.fingerprint(base)}
        if folder := modeling.folder_of(config.model.name):
            changes["model"]["name"] = str(folder)
    with gathering(found):
        config = fitted(config, base, machine)
    with gathering(found):
        if base and machine is None:
            check_storage(config, base)
    with gathering(found):
        config = config.with_changes({"data": {"source": pinned_source(config.data.source)}})
        data = load_labelled(config.data)
        changes["data"] |= {"revision": data.revision, "fingerprint": data.fingerprint, "extra_source": data.extra}
    if data is not None:
        with gathering(found):
            check_rows(
                sum(map(len, data.splits.values())),
                "Training, validation and test rows count: set data.max_train_samples or data.max_eval_samples lower.",
            )
        with gathering(found):
            loss_weights(config.training, data)
        with gathering(found):
            if base and config.model.keep_head:
                modeling.check_head(base, data.labels)
    raise_all(found)
    return config.with_changes(changes)


def start(config: RunConfig, owner: str = "", proceed_anyway: bool = False) -> Run:
    """Makes a run and starts its worker, which waits for its turn; what the estimate warns of is noted in the run.

    Args:
        owner: whose it is; empty: the person's who asks.
        proceed_anyway: start also where memory or disk seem too small.

    Raises:
        AccessError: the person may not start one, or no more (`tuner.access`).
        SourceError, ModelError, NetworkError, SettingsError: the run would fail; none was made.
        DoubtError: it would probably fail; none was made.
        RunError: the run folder cannot be written, or nothing is trained here.
    """
    runs.check_trains()
    access.check_start()
    prepared = prepare(config)
    found = estimate(prepared)
    if found.doubts and not proceed_anyway:
        raise DoubtError(" ".join(found.doubts), "Change the settings, or proceed anyway.")
    with access.admitted() as person:
        run = runs.create(prepared, owner or person.name)
    note_warnings(run, found)
    spawn(run)
    return run


def note_warnings(run: Run, found: Estimate) -> None:
    """Makes the estimate's warnings the run's first notes: who starts it by a command or an endpoint sees no estimate."""
    for warning in found.warnings:
        runs.append_event(run, "note", message=warning)


def continuation(run: Run, changes: Mapping[str, Any] | None = None) -> RunConfig:
    """Settings that train a finished run's model further: its own, with its model as the base model, head and all.

    What shaped the model (layers, width) or cut its texts is done already and not done again.

    Args:
        changes: `{"section": {"field": value}}`, laid over the run's settings. With another `data.source` columns, splits,
            revision and whatever else was said of the run's own one are empty where they do not give them, too.

    Raises:
        RunError: the run has no model, or is going on.
        SourceError: the other source means nothing.
        SettingsError: changes that cannot be honoured.
    """
    if runs.is_living(run) or not run.has_model:
        raise RunError(f"Run {run.id} is {run.status.state} and has no finished model.", "Train it to the end first.")
    base = {
        "name": f"{runs.RUN_PREFIX}{run.id}", "revision": None, "fingerprint": None, "keep_head": True,
        "num_hidden_layers": None, "intermediate_size": None, "mean_pooling": False,
    }  # fmt: skip
    changes = changes or {}
    source = changes.get("data", {}).get("source")
    moved = source is not None and pinned_source(source) != run.config.data.source
    data = dict.fromkeys(_SAID_OF_A_SOURCE if moved else ["fingerprint"])
    name = f"{run.title}, further"[:200]
    return run.config.with_changes(merge({"name": name, "model": base, "data": data}, changes))


def resume(run: Run, token: str | None = None) -> Run:
    """Starts a new worker for a stopped, failed or lost run; it goes on from the last whole checkpoint.

    A run of Hugging Face Jobs finds its job again where that still goes on, or ended meanwhile; else another one begins.

    Args:
        token: as for `spawn`.

    Raises:
        AccessError: the person may not resume it, or may have no more runs under way.
        RunError: the run is in another state.
    """
    access.check(run, "resume")
    with access.admitted():
        runs.requeue(run)
    spawn(run, token)
    return run


def follow(run: Run, on_event: Callable[[dict[str, Any]], None] | None = None, skip: int = 0) -> Run:
    """Waits until the run has ended, handing on its events as they come.

    Args:
        on_event: called with every event.
        skip: so many of its first events are not handed on.

    Interrupted (Ctrl-C), it asks the run to stop and save, and lets the KeyboardInterrupt pass; a run that was asked before is
    left to itself. What `on_event` raises passes, too, and the run goes on. Both bear a note that says so.

    Raises:
        RunFailed: it ended as failed or lost.
    """
    offset = 0
    try:
        while True:
            status = run.status
            events, offset = runs.read_events(run, offset)
            for event in events[skip:] if on_event else []:
                _hand_on(run, event, on_event)
            skip = max(0, skip - len(events))
            if status.state not in LIVING and not events:
                break
            time.sleep(_FOLLOW_SECONDS)
    except KeyboardInterrupt as interrupt:
        with contextlib.suppress(RunError):  # it has ended meanwhile
            if not run.stop_requested:  # a second request would end it without saving
                runs.request_stop(run)
            interrupt.add_note(f"Run {run.id} is stopping and saves. To go on with it: python -m tuner resume {run.id}")
        raise
    if status.state in ("failed", "lost"):
        raise RunFailed(f"Run {run.id} {status.state}: {status.message}", f"Its log is {run.folder / 'train.log'}.")
    return run


def _hand_on(run: Run, event: dict[str, Any], on_event: Callable[[dict[str, Any]], None]) -> None:
    try:
        on_event(event)
    except Exception as error:
        error.add_note(f"Run {run.id} is not stopped by this. To end it: python -m tuner stop {run.id}")
        raise


def train(config: RunConfig, on_event: Callable[[dict[str, Any]], None] | None = None, proceed_anyway: bool = False) -> Run:
    """Trains to the end in a child process and returns the run.

    Interrupted (Ctrl-C, a notebook's stop button), it asks the run to stop and save, and raises the KeyboardInterrupt.

    Args:
        on_event: called with every event of the run as it is written. What it raises is raised here, and the run goes on.
        proceed_anyway: as for `start`.

    Raises:
        RunFailed: the training failed.
        SourceError, ModelError, NetworkError, SettingsError, RunError: it was not started.
    """
    return follow(start(config, proceed_anyway=proceed_anyway), on_event)


def spawn(run: Run, token: str | None = None) -> None:
    """Starts the worker of a queued run or study, or the process that follows its job on the Hub.

    Args:
        token: the Hub token it is handed; None: that of the person this process works for.

    Raises:
        SettingsError: the process cannot be made.
    """
    worker = "tuner.training.worker" if runs.read_status(run).kind == "run" else "tuner.study.worker"
    log_name = "train.log"
    if run.is_job:  # its train.log is the job's
        worker, log_name = "tuner.launch.follower", "follower.log"
    handed = access.token_for(run) if token is None else token
    try:
        with (run.folder / log_name).open("ab") as log, token_pipe(handed) as reader:
            process = subprocess.Popen(
                [sys.executable, "-m", worker, run.id],
                cwd=run.folder,
                env={**worker_environment(), **access.worker_limits(run), "TUNER_TOKEN_FD": str(reader)},
                pass_fds=(reader,),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _hand_over(run, process)
    except OSError as error:
        message = f"The worker could not be started ({error.strerror or error})."
        if not _could_say(run, message):  # a run that waits for nobody holds up the queue
            threading.Thread(target=_say, args=(run, message), daemon=True).start()
        raise SettingsError([message]) from None
    threading.Thread(target=_reap, args=(run, process), daemon=True).start()


def _hand_over(run: Run, process: "subprocess.Popen[bytes]") -> None:
    """From here on the state stands and falls with the worker, not with this process.

    Raises:
        OSError: that cannot be written; the worker is ended.
    """
    try:
        if runs.read_status(run).pid == os.getpid():
            runs.write_status(run, pid=process.pid, process=runs.process_identity(process.pid))
    except OSError:
        process.kill()
        process.wait()
        raise


def _could_say(run: Run, message: str) -> bool:
    """Writes that the run failed; False where the disk does not take it."""
    try:
        runs.write_status(run, state="failed", message=message)
    except RunError:  # deleted meanwhile
        return True
    except OSError:
        return False
    return True


def _say(run: Run, message: str) -> None:
    while not _could_say(run, message):
        time.sleep(1)


def _reap(run: Run, process: "subprocess.Popen[bytes]") -> None:
    """Waits for the worker, so that it leaves no zombie, and settles a state it could not write."""
    code = None
    while code is None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = process.wait(timeout=1)
        with contextlib.suppress(RunError):  # the run was deleted
            runs.settle(run, code)
