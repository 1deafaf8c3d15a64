"""What a child process that loads models must not be started beside."""

from tuner import runs
from tuner.errors import RunError
from tuner.runs import LIVING


def refuse_beside_a_run() -> None:
    """Raises RunError where nothing is trained, and while a run is going on, whoever's it is: two at once would take many times
    as long."""
    runs.check_trains()
    going_on = next((run for run in runs.all_runs() if not run.is_job and runs.summary(run)["state"] in LIVING), None)
    if going_on:
        title, cure = (going_on.title, ", or stop it") if runs.may_see(going_on) else ("A run of somebody else", "")
        raise RunError(f"{title} is being trained.", f"Wait until it has ended{cure}.")
