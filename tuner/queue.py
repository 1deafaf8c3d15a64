"""Who may train now: one worker per GPU, or one on a CPU; the first come first, unless a person moved one.

The worker itself waits for its turn; there is no dispatcher that could die. A turn is one of a few file locks
(`lockf`) that the kernel frees when the worker ends, however it ends.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from typing import IO

from tuner import hardware, runs
from tuner.errors import RunError
from tuner.runs import Run

_POLL_SECONDS = 0.5


def places() -> int:
    """Runs that may train at once: $TUNER_MAX_RUNS where it is a number above 0, else one per GPU, or one on a CPU."""
    wanted = os.environ.get("TUNER_MAX_RUNS", "")
    return int(wanted) if wanted.isdecimal() and int(wanted) > 0 else max(len(hardware.gpus()), 1)


def waiting() -> list[Run]:
    """The queued runs, the next one first."""
    queued = []
    for run in _of_this_machine():
        with contextlib.suppress(RunError):  # deleted meanwhile
            if runs.read_status(run).state == "queued":
                queued.append((order(run), run))
    return [run for _, run in sorted(queued, key=lambda found: found[0])]


def position(run: Run) -> int:
    """How many living runs go before this one: those under way and those queued earlier."""
    under_way = sum(runs.read_status(other).state != "queued" for other in _of_this_machine() if other.id != run.id)
    return under_way + _queued_before(run)


def move(run: Run, place: int) -> None:
    """Puts a queued run at a place among the queued ones, 1 being the next to train.

    Args:
        place: above their number means the last.

    Raises:
        RunError: the run is not waiting, or the place is below 1.
    """
    others = [other for other in waiting() if other.id != run.id]
    if runs.read_status(run).state != "queued":
        raise RunError(f"Run {run.id} is {run.status.state}: only a queued run can be moved.", "")
    if place < 1:
        raise RunError(f"Place {place} does not exist.", "1 is the next to train.")
    before = [order(other)[0] for other in others[: place - 1]]
    after = [order(other)[0] for other in others[place - 1 :]]
    if before and after:
        moment = (before[-1] + after[0]) / 2
    else:
        moment = after[0] - 1 if after else before[-1] + 1 if before else order(run)[0]
    runs.write_atomically(run.folder / "PLACE", repr(moment))


@contextlib.contextmanager
def turn(run: Run) -> Iterator[bool]:
    """Waits for the run's turn and holds it for the block. With several GPUs the process then sees its own alone.

    Yields:
        True with the turn; False when a stop was asked for while the run waited.
    """
    with contextlib.ExitStack() as held:
        said = ""
        while not run.stop_requested:
            if _queued_before(run) == 0 and _take(held, run):
                yield True
                return
            ahead = position(run)
            message = f"Waiting for {ahead} run{'s' if ahead != 1 else ''} before this one" if ahead else ""
            if message != said:
                runs.write_status(run, message=message)
                said = message
            time.sleep(_POLL_SECONDS)
        yield False


def _of_this_machine() -> list[Run]:
    """The living runs but for those that a job on the Hub trains: they take no place here."""
    return [run for run in runs.all_runs() if not run.is_job and runs.is_living(run)]


def _queued_before(run: Run) -> int:
    own = order(run)
    return sum(other.id != run.id and order(other) < own for other in waiting())


def order(run: Run) -> tuple[float, str]:
    """When the run was queued, in seconds since the epoch, or the moment it was moved to; equal ones by their ids."""
    try:
        return float((run.folder / "PLACE").read_text()), run.id
    except (OSError, ValueError):
        return runs.read_status(run).queued, run.id


def _take(held: contextlib.ExitStack, run: Run) -> bool:
    """Locks as many places as the run has processes; all or none."""
    taken: list[tuple[int, IO[str]]] = []
    needed = min(_places_of(run), places())
    for place in range(places()):
        if len(taken) == needed:
            break
        file = (runs.home() / f"training-{place}.lock").open("a")
        if _lock(file.fileno()):
            taken.append((place, file))
        else:
            file.close()
    if len(taken) < needed:
        for _, file in taken:
            file.close()
        return False
    for _, file in taken:
        held.enter_context(file)
    gpus = hardware.gpus()
    # Where there are more places than GPUs, runs share these evenly.
    own = {gpus[place % len(gpus)]: None for place, _ in taken} if len(gpus) > 1 else {}
    # A run of more processes than places holds all of these, so nobody trains beside it: it sees every GPU.
    if places() > 1 and _places_of(run) <= places() and len(own) == len(taken):
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(own)
    return True


def _places_of(run: Run) -> int:
    """A process needs a GPU of its own; on a CPU all processes share the one place."""
    return run.config.training.num_processes if hardware.gpus() else 1


def _lock(descriptor: int) -> bool:
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
