"""Who may do what to which run, and how much of it: the rules for people who share a Space.

On a machine of one user everything is allowed. Where several people meet, a run is seen by who started it, by the Space's
owner, and by everybody once it is shared; a run one may not see does not exist (`runs.get` and `runs.list_runs` keep to that).
"""

import contextlib
import os
import threading
from collections.abc import Iterator

from tuner import queue, runs
from tuner.errors import AccessError
from tuner.limits import Limits, left_bytes, limits, storage_in_words
from tuner.person import GUEST, LOCAL, VISITOR, Person, acting, current, logged_in
from tuner.runs import LIVING, Run

__all__ = ["GUEST", "LOCAL", "VISITOR", "Person", "acting", "current", "logged_in"]

# Right → in words.
RIGHTS = {
    "see": "see", "evaluate": "evaluate", "stop": "stop", "resume": "resume", "move": "move", "push": "push",
    "delete": "delete", "share": "share", "threshold": "set the threshold of", "rows": "read the training rows of",
}  # fmt: skip
_OF_SHARED_RUNS = {"see", "evaluate"}
_WITHOUT_LOGIN = {"see", "evaluate"}
_admitting = threading.Lock()


def is_owner(name: str) -> bool:
    """Whether a person is the Space's owner: its author, or in $TUNER_OWNERS (names with commas between)."""
    named = [os.environ.get("SPACE_AUTHOR_NAME", ""), *os.environ.get("TUNER_OWNERS", "").split(",")]
    return name.lower() in {owner.strip().lower() for owner in named if owner.strip()}


def may(run: Run, right: str) -> bool:
    """Whether the person who asks has the right, one of `RIGHTS`."""
    if right not in RIGHTS:
        raise ValueError(f"there is no right '{right}'")
    return runs.may_change(run) or (right in _OF_SHARED_RUNS and runs.may_see(run))


def check(run: Run, right: str) -> Run:
    """The run, if the person who asks has the right.

    Raises:
        RunError: they may not know of it: the same words as for one that is not there.
        AccessError: they may see it, and no more.
    """
    if not may(run, right):
        runs.get(run.id)
        if right not in _WITHOUT_LOGIN:
            logged_in(f"{RIGHTS[right]} a run")
        raise AccessError(f"You may not {RIGHTS[right]} run {run.id}.", "It is shared with you: see it and use its model.")
    return run


def get(run_id: str, right: str = "see") -> Run:
    """The run with this id ("latest": the person's own newest), if they have the right.

    Raises:
        RunError, AccessError: as `check`.
    """
    return check(runs.get(run_id), right)


def visible() -> list[Run]:
    """The runs the person who asks may see, newest first."""
    return runs.list_runs()


def share(run_id: str, shared: bool = True) -> Run:
    """Shows a run to everybody who comes to this Space, or hides it again.

    Raises:
        RunError, AccessError: as `check`.
    """
    run = get(run_id, "share")
    runs.share(run, shared)
    return run


def move(run: Run, place: int) -> None:
    """`queue.move`, but past no run of somebody else.

    Raises:
        RunError, AccessError: as `queue.move` and `check`.
    """
    check(run, "move")
    waiting = queue.waiting()
    ids = [other.id for other in waiting]
    if not current().owner and run.id in ids:
        here, there = sorted((ids.index(run.id), min(max(place, 1), len(ids)) - 1))
        if not all(runs.is_own(other) for other in waiting[here : there + 1]):
            raise AccessError("Runs of other people wait there.", "Only runs of your own can change places.")
    queue.move(run, place)


def check_start() -> Person:
    """The person, if they may begin or resume a training, a study or the like now.

    Raises:
        AccessError: not logged in, too many runs under way, or too much kept.
    """
    person, most = logged_in("train here"), limits()
    own = [run for run in runs.list_runs() if runs.is_own(run)] if most != Limits() else []
    living = sum(runs.summary(run)["state"] in LIVING for run in own)
    if most.queued is not None and living >= most.queued:
        raise AccessError(
            f"{living} of your runs wait{'s' if living == 1 else ''} or train, and {most.queued} at a time are allowed here.",
            "Wait until one has ended, or stop one.",
        )
    if left_bytes() <= 0:
        raise AccessError(f"Your runs and uploads take {storage_in_words()}.", "Delete runs you need no more.")
    return person


@contextlib.contextmanager
def admitted() -> Iterator[Person]:
    """`check_start` around what makes or requeues a run: of two that begin at once the second counts the first.

    Raises:
        AccessError: as `check_start`.
    """
    with _admitting:
        yield check_start()


def worker_limits(run: Run) -> dict[str, str]:
    """What a run's worker is told of the limits of who started it, as its environment."""
    minutes = limits().minutes
    return {"TUNER_MAX_MINUTES": "" if minutes is None else f"{minutes:g}"}


def token_for(run: Run) -> str | bool | None:
    """The token a run's worker is handed: of the person who asks where it is their own run, else none.

    Another's settings name the data; with the Space owner's token they would fetch what their author may not read.
    """
    return None if runs.is_own(run) else False
