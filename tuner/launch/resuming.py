"""Goes on with runs that a restart of the machine broke off."""

import contextlib
import json
from collections.abc import Sequence

from tuner import access, queue, runs
from tuner.access import GUEST, Person, acting
from tuner.errors import TunerError
from tuner.launch import job_state, local
from tuner.runs import Run
from tuner.training import checkpoints

# A run that takes the machine down with it must not do so for ever.
_MOST_RESUMES = 3
_RESUMED = "resumed.json"
_GIVEN_UP = f"Begun again {_MOST_RESUMES} times after a restart and came no further. Resume tries once more."


def resume(run_ids: Sequence[str]) -> list[Run]:
    """Goes on with runs that a restart broke off, in the order given; returns those that were begun again.

    Those a person stopped stay stopped. One that was begun again three times and came no further is left as it is, and so is one
    that its person may not go on with just now, or that a job trains: its follower needs their token. The message says why.
    """
    begun = []
    for run_id in run_ids:
        with contextlib.suppress(TunerError, OSError):  # deleted, or damaged
            run = runs.get(run_id)
            if run.status.state not in ("lost", "stopped") or run.stop_requested:
                continue
            if run.is_job:  # its follower needs the person's token
                runs.write_status(run, message=_about_job(run))
                continue
            place, turns = _turns_at_place(run, first=len(begun) < queue.places())
            if turns > _MOST_RESUMES:
                runs.write_status(run, message=_GIVEN_UP)
                continue
            try:
                with acting(_as_owner(run)):
                    begun.append(local.resume(run))
            except TunerError as error:
                runs.write_status(run, message=f"It did not go on after the restart. {error}")
                continue
            runs.write_atomically(run.folder / _RESUMED, json.dumps({"place": place, "times": turns}))
    return begun


def _about_job(run: Run) -> str:
    state = job_state.read(run)
    goes_on = f"the job goes on at {state.link}" if state.may_run else "it looks for its job, and begins one where there is none"
    return f"The Space was restarted. Log in and press Resume: {goes_on}."


def _as_owner(run: Run) -> Person:
    """Whose run it is, with their limits and without a token; of one that nobody has to himself, the machine's person."""
    name = runs.read_status(run).owner
    return Person(name, token=False, owner=access.is_owner(name)) if name else GUEST


def _turns_at_place(run: Run, first: bool) -> tuple[str, int]:
    """Where the run stands, and how often it had its turn there; not counted is that it waited behind others.

    Args:
        first: whether it waits for nobody: then it had its turn, though what it did then may have been kept no more.
    """
    newest = checkpoints.newest_whole(run.folder / "checkpoints", checkpoints.identity_of(run.config))
    status = runs.read_status(run)
    place = newest.name if newest else str(status.step if status.kind != "run" else 0)
    try:
        before = json.loads((run.folder / _RESUMED).read_text(encoding="utf-8"))
        times = int(before["times"]) if before["place"] == place else 0
    except (OSError, ValueError, KeyError, TypeError):
        times = 0
    events, _ = runs.read_events(run)
    return place, times + (first or bool(events and events[-1]["time"] >= status.queued))
