"""Keeps the runs of a Space whose disk does not last, and goes on with them after a restart: a thread of the server.

It never touches a training: what cannot be kept now is kept later, and is said in the server's log and on the page.
"""

import contextlib
import logging
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace

from tuner import runs
from tuner.access import GUEST, acting
from tuner.errors import NetworkError, SettingsError, TunerError, explain
from tuner.hub.client import Client
from tuner.hub.keep import Found, Keep
from tuner.hub.living import living
from tuner.launch.resuming import resume

_log = logging.getLogger("tuner")
# The Hub's advice is at most about a hundred commits an hour for a repository.
_MINUTES = 10.0
_LOOK_SECONDS = 10.0
# A Hub that was away is asked again so soon.
_AGAIN_SECONDS = 60.0
# After these waits for the workers it is kept what they saved; a container has 10 to 30 s as a rule.
_SAVE_SECONDS = (5.0, 20.0)
_TOKEN = "TUNER_KEEP_TOKEN"
_CURE = "Look at TUNER_KEEP_REPO and TUNER_KEEP_TOKEN in the settings of the Space."


@dataclass(frozen=True)
class Standing:
    """How the keeping stands.

    Attributes:
        fetching: what was kept is not on the disk yet.
        kept_at: when the Hub had all there was last, seconds since the epoch; None: not yet.
        trouble: why it does not now; empty where it does.
    """

    fetching: bool = True
    kept_at: float | None = None
    trouble: str = ""


class Keeper:
    """Fetches, resumes, then keeps what changes.

    Args:
        seconds: the least time between two commits; one that deletes a run comes within a minute.
    """

    def __init__(self, keep: Keep, seconds: float = _MINUTES * 60) -> None:
        self.seconds = seconds
        self.standing = Standing()
        self._keep = keep
        self._to_resume: list[str] | None = None
        self._last = -math.inf
        self._began = time.time()
        self._closing = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        """Begins, and comes back at once: a Hub that is away must not keep the page from opening."""
        self._thread.start()

    def close(self) -> None:
        """Lets the workers save, and keeps what is whole: the machine is going down.

        Nobody says how long a Space has then: what is there after 5 s is kept, and once more when all have saved.
        """
        self._closing.set()
        with acting(GUEST):
            going_on = living(self._began)
            for run_id in going_on:
                with contextlib.suppress(TunerError):  # it was deleted meanwhile
                    _terminate(run_id)
            for seconds in _SAVE_SECONDS:
                all_saved = _all_ended(going_on, seconds)
                if not self.standing.fetching:  # else there is no telling what would be overwritten
                    self._try(lambda: self._keep.push([*going_on, *(self._to_resume or [])]))
                if all_saved and not self.standing.trouble:
                    break

    def _work(self) -> None:
        again = min(self.seconds, _AGAIN_SECONDS)
        while self.standing.fetching and not self._closing.is_set():
            if not self._try(self._restore):
                self._closing.wait(again)
        look = min(self.seconds, _LOOK_SECONDS)
        while not self._closing.is_set():
            waited = time.monotonic() - self._last
            # A run that was deleted is not to come back with a restart, as one does that is still there.
            if waited >= self.seconds or (waited >= again and self._keep.has_deleted):
                self._try(self._push)
            self._closing.wait(again if self.standing.trouble else look)

    def _try(self, step: Callable[[], bool]) -> bool:
        """Whether the Hub was written to, or all fetched; what goes wrong is noted, and the thread lives on."""
        try:
            with acting(GUEST), self._one_at_a_time:  # everybody's runs, and the token of nobody
                done = step()
        except Exception as error:
            cause = error.cause if isinstance(error, TunerError) else explain(error)
            if cause != self.standing.trouble:
                _log.warning("Runs are not kept: %s It is tried again. %s", cause, _CURE)
            self.standing = replace(self.standing, trouble=cause)
            return False
        self.standing = replace(self.standing, trouble="", kept_at=None if self.standing.fetching else time.time())
        return done

    def _push(self) -> bool:
        if self._closing.is_set():
            return False
        done = self._keep.push([*living(self._began), *(self._to_resume or [])])
        if done:
            self._last = time.monotonic()
        if self._keep.absent:
            self._restore()
        return done

    def _restore(self) -> bool:
        found = self._keep.find()
        if self._to_resume is None:
            self._to_resume = list(found.living)
        self._fetch(found, [folder for folder in found.folders if not folder.startswith("runs/") or folder[5:] in found.living])
        if self._closing.is_set():
            return False
        ready = self._keep.complete(found, self._to_resume)
        self._to_resume = [run_id for run_id in self._to_resume if run_id not in ready]
        resume(ready)
        trouble = self._fetch(found, found.folders)
        if self._closing.is_set():
            return False
        self._keep.take(found)
        self.standing = replace(self.standing, fetching=False)
        if trouble:
            raise NetworkError(trouble, "")
        return True

    def _fetch(self, found: Found, folders: Sequence[str]) -> str:
        """Fetches what can be, and says what cannot.

        Raises:
            NetworkError: it is the Hub that is away, or refuses.
        """
        trouble = ""
        for folder in folders:
            if self._closing.is_set():
                break
            try:
                self._keep.fetch(found, folder)
            except (TunerError, OSError) as error:
                self._keep.find()
                cause = error.cause if isinstance(error, TunerError) else explain(error)
                trouble = f"{folder} cannot be fetched, all else is kept. {cause}"
        return trouble


def keeper(environment: MutableMapping[str, str] = os.environ) -> Keeper | None:
    """The keeper that the environment asks for; None where the disk lasts, or no repository is named.

    The token is taken out of `os.environ`: it is the owner's, and neither a child process's environment nor a library is to have
    it. Linux still shows what a process began with, in /proc/PID/environ, to every process of the same user.

    Raises:
        SettingsError: the token is missing, or TUNER_KEEP_MINUTES is no number above 0.
    """
    token = environment.pop(_TOKEN, "")
    repo_id = environment.get("TUNER_KEEP_REPO", "")
    if runs.home_lasts() or not repo_id:
        return None
    if not token:
        raise SettingsError([f"TUNER_KEEP_REPO names '{repo_id}', but there is no {_TOKEN}."], "Add it as a secret of the Space.")
    return Keeper(Keep(Client(token), repo_id, environment["SPACE_ID"]), _minutes(environment) * 60)


def _terminate(run_id: str) -> None:
    """Asks a worker to save and end; one that is not there any more, or another process by now, is left alone."""
    status = runs.read_status(runs.get(run_id))
    if status.pid and status.pid != os.getpid() and runs.process_identity(status.pid) == status.process:
        with contextlib.suppress(ProcessLookupError):
            os.kill(status.pid, signal.SIGTERM)


def _all_ended(run_ids: Sequence[str], seconds: float) -> bool:
    """Waits until none of the runs goes on; False where one still does after so many seconds."""
    end = time.monotonic() + seconds
    while set(living()) & set(run_ids):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def _minutes(environment: Mapping[str, str]) -> float:
    given = environment.get("TUNER_KEEP_MINUTES") or str(_MINUTES)
    try:
        minutes = float(given)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < math.inf:
        raise SettingsError([f"TUNER_KEEP_MINUTES is '{given[:40]}', and must be a number above 0."], "Leave it out for 10.")
    return minutes
