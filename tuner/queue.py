"""Who may train now: one worker at a time, the oldest queued run first.

The worker itself waits for its turn; there is no dispatcher that could die. The turn is a file lock
(`lockf`) that the kernel frees when the worker ends, however it ends.
"""

import contextlib
import fcntl
import time
from collections.abc import Iterator

from tuner import runs
from tuner.runs import Run

_POLL_SECONDS = 0.5


def position(run: Run) -> int:
    """How many living runs go before this one: those under way and those queued earlier."""
    own = runs.read_status(run)
    before = 0
    for other in runs.list_runs():
        if other.id != run.id and runs.is_living(other):
            status = runs.read_status(other)
            before += status.state != "queued" or (status.queued, other.id) < (own.queued, run.id)
    return before


@contextlib.contextmanager
def turn(run: Run) -> Iterator[bool]:
    """Waits for the run's turn and holds it for the block.

    Yields:
        True with the turn; False when a stop was asked for while the run waited.
    """
    lock = runs.home() / "training.lock"
    with lock.open("a") as file:
        while not run.stop_requested:
            ahead = position(run)
            if ahead == 0 and _lock(file.fileno()):
                yield True
                return
            runs.write_status(run, message=f"Waiting for {ahead} run{'s' if ahead != 1 else ''} before this one" if ahead else "")
            time.sleep(_POLL_SECONDS)
        yield False


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
