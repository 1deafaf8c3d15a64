"""Who may do what to which run, and how much of it: the rules for people who share a Space.

On a machine of one user everything is allowed. Where several people meet, a run is seen by who started it, by the Space's
owner, and by everybody once it is shared; a run one may not see does not exist (`runs.get` and `runs.list_runs` keep to that).
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner import queue, runs
from tuner.errors import AccessError
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


@dataclass(frozen=True)
class Limits:
    """What one person of a Space may take; None for no limit.

    Attributes:
        queued: runs that wait or are under way.
        minutes: from a run's turn to its end; a resumed one waits for another turn and has them anew.
        rows: of a training.
        gigabytes: of all their runs' folders.
    """

    queued: int | None = None
    minutes: float | None = None
    rows: int | None = None
    gigabytes: float | None = None


# A training of 100,000 tweets on a small GPU takes about half an hour; a run of a model of 120 M parameters takes 1.5 GB.
_ON_A_SPACE = Limits(queued=3, minutes=60, rows=100_000, gigabytes=10)


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


def limits() -> Limits:
    """What the person who asks may take: none for the machine's own and for the Space's owner.

    $TUNER_MAX_QUEUED, $TUNER_MAX_MINUTES, $TUNER_MAX_ROWS and $TUNER_MAX_GIGABYTES take the place of the defaults.
    """
    person = current()
    if person.local or person.owner:
        return Limits()
    usual = _ON_A_SPACE
    return Limits(
        queued=int(_setting("TUNER_MAX_QUEUED", usual.queued)),
        minutes=_setting("TUNER_MAX_MINUTES", usual.minutes),
        rows=int(_setting("TUNER_MAX_ROWS", usual.rows)),
        gigabytes=_setting("TUNER_MAX_GIGABYTES", usual.gigabytes),
    )


def _setting(name: str, usual: float | None) -> float:
    with contextlib.suppress(ValueError):
        value = float(os.environ.get(name, ""))
        if 0 <= value < float("inf"):
            return value
    return usual or 0.0


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
    if most.gigabytes is not None:
        used = sum(_bytes(run.folder) for run in own) / 1e9
        if used >= most.gigabytes:
            raise AccessError(
                f"Your runs take {used:.2f} GB, and {most.gigabytes:g} GB are allowed here.", "Delete runs you need no more."
            )
    return person


@contextlib.contextmanager
def admitted() -> Iterator[Person]:
    """`check_start` around what makes or requeues a run: of two that begin at once the second counts the first.

    Raises:
        AccessError: as `check_start`.
    """
    with _admitting:
        yield check_start()


def check_rows(rows: int) -> None:
    """Refuses more training rows than the person who asks may take.

    Raises:
        AccessError: with both numbers.
    """
    most = limits().rows
    if most is not None and rows > most:
        raise AccessError(f"{rows:,} training rows are more than the {most:,} allowed here.", "Set data.max_train_samples lower.")


def worker_limits(run: Run) -> dict[str, str]:
    """What a run's worker is told of the limits of who started it, as its environment."""
    minutes = limits().minutes
    return {"TUNER_MAX_MINUTES": "" if minutes is None else f"{minutes:g}"}


def token_for(run: Run) -> str | bool | None:
    """The token a run's worker is handed: of the person who asks where it is their own run, else none.

    Another's settings name the data; with the Space owner's token they would fetch what their author may not read.
    """
    return None if runs.is_own(run) else False


def _bytes(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, name)).st_size
    return total
