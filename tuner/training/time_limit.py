"""The minutes a run may take where people share a machine; the server tells them to its worker in $TUNER_MAX_MINUTES."""

import contextlib
import os
import threading
from collections.abc import Iterator

from tuner import runs
from tuner.errors import RunError
from tuner.runs import Run


@contextlib.contextmanager
def time_limit(run: Run) -> Iterator[None]:
    """Within the block the run is asked to stop once its minutes are over: it finishes its step, saves and evaluates."""
    minutes = os.environ.get("TUNER_MAX_MINUTES", "")
    if not minutes:
        yield
        return

    def end() -> None:
        with contextlib.suppress(RunError):  # it has ended, or was deleted
            if not run.stop_requested:
                runs.request_stop(run, f"It has taken the {float(minutes):g} minutes that a run may take here.")

    clock = threading.Timer(float(minutes) * 60, end)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()
