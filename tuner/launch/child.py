"""What a child process that loads models must not be started beside."""

from tuner import runs
from tuner.errors import RunError
from tuner.runs import LIVING


def refuse_beside_a_run() -> None:
    """Raises RunError while a run is going on; two at once would take many times as long."""
    going_on = next((run for run in runs.list_runs() if runs.summary(run)["state"] in LIVING), None)
    if going_on:
        raise RunError(f"{going_on.title} is being trained.", "Wait until it has ended, or stop it.")
