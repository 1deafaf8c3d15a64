"""How much a person of a Space may take; what they may do to which run stands in `tuner.access`."""

import contextlib
import os
from dataclasses import dataclass

from tuner import runs
from tuner.data import uploads
from tuner.errors import AccessError
from tuner.person import current


@dataclass(frozen=True)
class Limits:
    """What one person of a Space may take; None for no limit.

    Attributes:
        queued: runs that wait or are under way.
        minutes: from a run's turn to its end; a resumed one waits for another turn and has them anew.
        rows: of a training with those it is validated and tested on, and of an evaluation.
        gigabytes: of all their runs' folders and their uploads.
    """

    queued: int | None = None
    minutes: float | None = None
    rows: int | None = None
    gigabytes: float | None = None


# A training of 100,000 tweets on a small GPU takes about half an hour; a run of a model of 120 M parameters takes 1.5 GB.
_ON_A_SPACE = Limits(queued=3, minutes=60, rows=100_000, gigabytes=10)


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


def taken_bytes() -> int:
    """What the runs and uploads of the person who asks take."""
    return uploads.own_bytes() + sum(uploads.size(run.folder) for run in runs.list_runs() if runs.is_own(run))


def storage_in_words() -> str:
    """ "0.25 GB of the 10 GB allowed here": what the person who asks takes, who has a limit."""
    return f"{taken_bytes() / 1e9:.2f} GB of the {limits().gigabytes:g} GB allowed here"


def left_bytes() -> float:
    """What the person who asks may still take; infinite without a limit, below 0 where they take more than they may."""
    most = limits().gigabytes
    return float("inf") if most is None else most * 1e9 - taken_bytes()


def check_rows(rows: int, cure: str) -> None:
    """Refuses more rows than the person who asks may take.

    Raises:
        AccessError: with both numbers.
    """
    most = limits().rows
    if most is not None and rows > most:
        raise AccessError(f"{rows:,} rows are more than the {most:,} allowed here.", cure)
