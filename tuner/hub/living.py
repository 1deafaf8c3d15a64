"""The runs that are to go on after a restart of the machine."""

import contextlib
import math
import signal

from tuner import queue, runs
from tuner.errors import TunerError
from tuner.runs import Run, RunStatus


def living(since: float = math.inf) -> list[str]:
    """The ids of the runs under way, then of the queued ones, the next to train first.

    Args:
        since: seconds since the epoch; also those that the machine ended after that, which nobody asked to stop.
    """
    found = []
    for run in runs.list_runs():
        with contextlib.suppress(TunerError, OSError):  # deleted meanwhile, or damaged
            # One look at each: between two looks a run may have got its turn, and be in neither list.
            status = run.status
            if status.state == "queued":
                found.append(queue.order(run))
            elif status.state in runs.LIVING or _machine_ended(run, status, since):
                found.append((-math.inf, run.id))
    return [run_id for _, run_id in sorted(found)]


def _machine_ended(run: Run, status: RunStatus, since: float) -> bool:
    """Whether SIGTERM ended it: a container that is ended may send it to the workers before the server, or to all at once."""
    told = status.state == "stopped" or (status.state == "lost" and status.exit_code == -signal.SIGTERM)
    return told and not run.stop_requested and (status.finished or 0.0) >= since
