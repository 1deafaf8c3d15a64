"""Runs that Hugging Face Jobs train: the same settings, checks, worker and run folder, on a machine hired by the minute."""

import contextlib
import os
import platform
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import access, runs
from tuner.config import RunConfig
from tuner.data import uploads
from tuner.errors import DoubtError, NetworkError, RunError, SettingsError, TunerError
from tuner.hub.client import Client
from tuner.launch import boot, job_state, local
from tuner.launch.estimate import estimate
from tuner.launch.job_state import JobState
from tuner.launch.jobs_api import LABEL, Flavor, Jobs, Refused, flavor_named, flavors, timeout_seconds
from tuner.runs import RESUMABLE, Run
from tuner.training.estimate import Estimate, doubts_about
from tuner.training.fitting import Machine
from tuner.words import duration

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

DEFAULT_FLAVOR, DEFAULT_TIMEOUT = "a10g-small", "1h"


def start(
    config: RunConfig,
    *,
    flavor: str = DEFAULT_FLAVOR,
    timeout: str = DEFAULT_TIMEOUT,
    namespace: str | None = None,
    token: str | bool | None,
    owner: str = "",
    proceed_anyway: bool = False,
    endpoint: str | None = None,
) -> Run:
    """Makes a run and starts the process that sends it to Hugging Face Jobs and follows it there.

    Args:
        flavor: a machine's name, one of `flavors`; with several GPUs, each gets a process.
        timeout: how long the job may take at most, "30m", "1h"; the run stops and is saved shortly before.
        namespace: who pays, and under whose name the private repositories lie; None: the person.
        token: the person's; it is kept nowhere.
        owner: whose run it is; empty: the person's who asks.
        proceed_anyway: start also where memory or disk of the machine seem too small, or the login may end before the job.
        endpoint: as for `Client`; what follows the run asks that of HF_ENDPOINT.

    Raises:
        AccessError: the person may not start one, or no more.
        SettingsError: no such flavor, timeout or namespace, or settings the machine cannot honour; nothing was made.
        DoubtError: it would probably fail; nothing was made.
        NetworkError: no token, it may not write there, or the Hub cannot be reached; nothing was made.
        SourceError, ModelError, RunError: as `local.start`.
    """
    access.check_start()
    client = Client(token, endpoint)
    seconds = timeout_seconds(timeout)
    if not proceed_anyway:
        _doubt_login(seconds)
    machine = flavor_named(flavor, flavors(client.token, endpoint))
    jobs = Jobs(client, namespace or None)
    client.check(f"{jobs.namespace}/tuner-run", "model", private=True)
    place = Machine("cuda" if machine.gpus else "cpu", machine.gpus)
    prepared = local.prepare(_for_machine(config, machine), place)
    found = estimate(prepared, machine=place)
    if (doubts := _doubts(found, machine)) and not proceed_anyway:
        raise DoubtError(" ".join(doubts), "Take a larger flavor, change the settings, or proceed anyway.")
    state = JobState(
        namespace=jobs.namespace, flavor=machine.name, title=machine.title, timeout=seconds, per_hour=machine.per_hour, repo="",
    )  # fmt: skip
    with access.admitted() as person:
        run = runs.create(prepared, owner or person.name, job=state.model_dump_json(indent=1))
    job_state.write(run, state.model_copy(update={"repo": f"{jobs.namespace}/tuner-run-{run.id}"}))
    local.note_warnings(run, found)
    local.spawn(run, client.token)
    return run


def resume(
    run: Run, token: str | bool | None, flavor: str | None = None, timeout: str | None = None, endpoint: str | None = None
) -> Run:
    """`local.resume` of a run that Jobs train, on another machine or with more time where another job must begin.

    Args:
        token: the person's; it is kept nowhere.
        endpoint: as for `Client`.

    Raises:
        SettingsError: no such flavor or timeout.
        RunError: the run is no run of Jobs, or in another state.
        NetworkError: no token, or the Hub cannot be reached.
    """
    state = job_state.read(run)
    changes: dict[str, object] = {}
    if timeout:
        changes["timeout"] = timeout_seconds(timeout)
    if flavor:
        machine = flavor_named(flavor, flavors(Client(token).token, endpoint))
        changes |= {"flavor": machine.name, "title": machine.title, "per_hour": machine.per_hour}
    if run.status.state in RESUMABLE:  # else `requeue` says why not
        job_state.write(run, state.model_copy(update=changes))
    return local.resume(run, Client(token).token)


def delete(run: Run, token: str | bool | None = None, endpoint: str | None = None) -> None:
    """Removes a run that is needed no more; one of Jobs only when its job has ended or is cancelled.

    On a Space its uploads go with it where nobody else sent them and no other run uses them.

    Args:
        token: of the person, to cancel a job and delete the run's repository with.
        endpoint: as for `Client`.

    Raises:
        RunError: as `runs.delete`; or its job may still go on, and cannot be cancelled.
    """
    runs.check_delete(run)
    state = None
    with contextlib.suppress(RunError):  # a damaged run may be deleted
        state = job_state.read(run) if run.is_job else None
    if state and state.may_run:
        try:
            Jobs(Client(token, endpoint), state.namespace).cancel(state.job_id)
        except TunerError as error:
            if getattr(error, "status", 0) != 404:
                cure = f"Cancel it at {state.link}, or try again."
                raise RunError(
                    f"The job of run {run.id} may still go on and could not be cancelled. {error.cause}", cure
                ) from None
    named = uploads.named_by(run)
    runs.delete(run)
    for upload in named:
        uploads.forget(upload)
    if state and state.attempt:
        with contextlib.suppress(TunerError):
            forget(Client(token, endpoint), state)


def forget(client: Client, state: JobState) -> None:
    """Deletes the run's own repository on the Hub; those of rows and base model stay, other runs may use them.

    Raises:
        NetworkError: it is still there.
    """
    client.call(lambda api: api.delete_repo(state.repo, missing_ok=True), state.repo, "model")


def price_line(state: JobState | Flavor, timeout: int) -> str:
    """ "a10g-small: 1.00 US dollars an hour, at most 0.50 for 30 min"; more is charged for no run."""
    name = state.flavor if isinstance(state, JobState) else state.name
    most = state.per_hour * timeout / 3600
    price, most = (f"{value:.2f}" if value >= 0.095 else f"{value:.2g}" for value in (state.per_hour, most))
    hours = f"{timeout / 3600:g} h" if timeout % 3600 == 0 else f"{timeout / 60:g} min"
    return f"{name}: {price} US dollars an hour, at most {most} for {hours}"


def begin(jobs: Jobs, run: Run, state: JobState, commit: str, token: str) -> "JobInfo":
    """Starts the run's job; one whose start got no answer is looked for before that counts as a failure.

    Args:
        commit: of `state.repo`, that the job begins from.
        token: what the job reads and writes with; a secret of the job's.

    Raises:
        NetworkError: it was not started.
    """
    wanted = {
        "image": image(), "command": command(state.repo, commit), "env": environment(), "secrets": {"HF_TOKEN": token},
        "flavor": state.flavor, "timeout": state.timeout, "labels": {LABEL: run.id}, "name": f"tuner-{run.id}",
    }  # fmt: skip
    try:
        return jobs.run(**wanted)
    except Refused:
        raise
    except NetworkError:
        if found := jobs.find(run.id):
            return found
        raise


def command(repo: str, commit: str) -> list[str]:
    """What the job runs: `boot`, whose source goes along, since nothing of Tuner is there yet."""
    return ["python", "-c", Path(boot.__file__).read_text(encoding="utf-8"), repo, commit]


def environment() -> dict[str, str]:
    """What the job's environment needs beside the token: the Hub, where it is another than huggingface.co."""
    return {name: os.environ[name] for name in ("HF_ENDPOINT",) if name in os.environ}


def image() -> str:
    """Docker's own image of this Python; torch with CUDA comes from PyPI. Another one by $TUNER_JOBS_IMAGE."""
    return os.environ.get("TUNER_JOBS_IMAGE") or "python:" + ".".join(platform.python_version_tuple()[:2])


def _for_machine(config: RunConfig, machine: Flavor) -> RunConfig:
    """A process for each GPU, which changes neither the batch a step sees nor, beyond rounding, the result."""
    if config.training.report_to:
        raise SettingsError(["training.report_to: a job installs no trackers; empty it."])
    if machine.gpus > 1 and config.training.num_processes == 1:
        return config.with_changes({"training": {"num_processes": machine.gpus}})
    return config


def _doubt_login(seconds: int) -> None:
    """A job reads and writes with the token of who started it: one that ends before the job does costs the result."""
    left = (access.current().until or float("inf")) - time.time()
    if left < seconds:
        cause = f"The job may take {duration(seconds)}, but your login ends in {duration(max(left, 0))}: then it sends no result."
        raise DoubtError(cause, "Give it less time, log in again first, or proceed anyway.")


def _doubts(here: Estimate, machine: Flavor) -> list[str]:
    """What speaks against the run on that machine; nothing where the Hub does not tell its memory or disk."""
    unknown = shutil.disk_usage("/").total + here.memory + here.disk
    return doubts_about(here.memory, machine.memory or unknown, here.disk, machine.disk or unknown)
