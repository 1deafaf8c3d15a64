"""train --backend jobs: what the commands of a run do where Hugging Face Jobs train it."""

import argparse
import sys
from typing import Any

from tuner import hub_read
from tuner.config import RunConfig
from tuner.errors import RunError, SettingsError
from tuner.runs import Run


def add_backend(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say where a run is trained."""
    parser.add_argument(
        "--backend",
        choices=("local", "jobs"),
        default="local",
        help="train here (local), or on Hugging Face Jobs, which cost money",
    )
    add_machine(parser, " of the job (default a10g-small, 1h)")
    parser.add_argument(
        "--namespace", metavar="OWNER", help="who pays for the job, you or an organisation of yours (default you)"
    )


def add_machine(parser: argparse.ArgumentParser, when: str) -> None:
    """Adds the flags that choose a job's machine and time."""
    parser.add_argument("--flavor", metavar="F", help=f"machine{when}; a name it does not know lists all with their prices")
    parser.add_argument("--timeout", metavar="T", help=f"time{when}: 30m, 1h, 2d; shortly before, the run stops and is saved")


def refuse_machine(options: argparse.Namespace) -> None:
    """Refuses flags of a job where there is none.

    Raises:
        SettingsError: naming them.
    """
    given = [f"--{name}" for name in ("flavor", "timeout", "namespace") if getattr(options, name)]
    if given:
        raise SettingsError([f"{', '.join(given)} belongs to --backend jobs."], "Add it, or leave them out.")


def start(config: RunConfig, options: argparse.Namespace) -> Run:
    """Says what it costs, then starts the run on Jobs.

    Raises:
        TunerError: as `jobs.start`.
    """
    from tuner.hub.client import Client
    from tuner.launch import jobs

    token = Client(hub_read.token()).token  # first: without one there is nothing to tell
    flavor, timeout = options.flavor or jobs.DEFAULT_FLAVOR, options.timeout or jobs.DEFAULT_TIMEOUT
    machine = jobs.flavor_named(flavor, jobs.flavors(token))
    print(f"{jobs.price_line(machine, jobs.timeout_seconds(timeout))}.", file=sys.stderr, flush=True)
    about = {"flavor": flavor, "timeout": timeout, "namespace": options.namespace, "token": token}
    return jobs.start(config, proceed_anyway=options.proceed_anyway, **about)


def resume(run: Run, options: argparse.Namespace) -> Run:
    """Resumes a run, of Jobs or of this machine.

    Raises:
        TunerError: as `jobs.resume` and `local.resume`.
    """
    from tuner.launch import jobs, local

    if run.is_job:
        return jobs.resume(run, hub_read.token(), options.flavor, options.timeout)
    if options.flavor or options.timeout:
        raise RunError(f"Run {run.id} was not trained on Jobs.", "Leave out --flavor and --timeout.")
    return local.resume(run)


def document(run: Run) -> dict[str, Any]:
    """What `--json` adds for a run of Jobs: the job, its machine and price; nothing for others."""
    from tuner.launch import job_state

    if not run.is_job:
        return {}
    state = job_state.read(run)
    return {"job": state.model_dump(include={"job_id", "link", "flavor", "timeout", "namespace", "repo", "per_hour"})}


def lines(run: Run) -> list[str]:
    """The same for people."""
    from tuner.launch import job_state, jobs

    if not run.is_job:
        return []
    state = job_state.read(run)
    return [f"Job: {state.link or 'not begun yet'}, {jobs.price_line(state, state.timeout)}"]
