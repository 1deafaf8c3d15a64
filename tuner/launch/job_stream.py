"""A job's log, read in a thread, copied into the run's folder, while the run's status shows that somebody looks after it."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from tuner import runs
from tuner.errors import TunerError
from tuner.launch.job_lines import Told, parse
from tuner.launch.job_state import JobState
from tuner.runs import LIVING, Run

_TICK_SECONDS, _BEAT_SECONDS = 0.3, 2.0
_FIRST_WAIT, _MOST_WAIT = 1.0, 30.0


class LogStream:
    """The lines of a job's log, each once, also when the connection breaks: the Hub then gives it from its start again.

    Args:
        lines: opens the log at its first line.
    """

    def __init__(self, lines: Callable[[], Iterator[str]]) -> None:
        self._lines = lines
        self._read: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._ended = threading.Event()
        threading.Thread(target=self._follow, daemon=True).start()

    def new(self) -> list[str]:
        """What came since the last call."""
        found = []
        while not self._read.empty():
            found.append(self._read.get())
        return found

    @property
    def ended(self) -> bool:
        """Whether the Hub said that there is no more."""
        return self._ended.is_set()

    def finish(self, seconds: float) -> None:
        """Waits for the last lines of a job that has ended, at most so long."""
        self._ended.wait(seconds)

    def _follow(self) -> None:
        seen, wait = 0, _FIRST_WAIT
        while True:
            try:
                for number, line in enumerate(self._lines()):
                    if number >= seen:
                        seen, wait = number + 1, _FIRST_WAIT
                        self._read.put(line)
                self._ended.set()
                return
            except TunerError:
                time.sleep(wait)
                wait = min(2 * wait, _MOST_WAIT)


class Copy:
    """Writes what the lines tell into the run's folder; what stands there of this job already is not written twice."""

    def __init__(self, run: Run, state: JobState) -> None:
        self.run = run
        self.status: Told | None = None
        self.events = self._events_of(state.job_id)
        self.log_begins = state.log_begins
        self.log_lines = 0
        self._have = self._lines_there()

    def write(self, lines: list[str]) -> None:
        """Adds what these lines tell."""
        log = []
        for line in filter(None, map(parse, lines)):
            if line.kind == "log":
                self.log_lines += 1
                if self.log_lines > self._have:
                    log.append(line.text)
            elif line.kind == "status":
                self.status = line.status
            else:
                self.add_event(line.number, line.event or {})
        if log:
            with (self.run.folder / "train.log").open("a", encoding="utf-8") as file:
                file.writelines(f"{text}\n" for text in log)

    def add_event(self, number: int, event: dict[str, Any]) -> None:
        """Adds the job's event of that number. How the run ended is not told before its result is here."""
        if number in self.events:
            return
        self.events.add(number)
        if event.get("event") != "state" or event.get("state") in LIVING:
            runs.append_event(self.run, **{**event, "job_event": number})

    def _events_of(self, job_id: str) -> set[int]:
        found: set[int] = set()
        for event in runs.read_events(self.run)[0]:
            if event.get("event") == "job":
                found = set()
            elif "job_event" in event:
                found.add(event["job_event"])
        return found

    def _lines_there(self) -> int:
        try:
            with (self.run.folder / "train.log").open("rb") as file:
                file.seek(self.log_begins)
                return file.read().count(b"\n")
        except OSError:
            return 0


class Beating:
    """Keeps the run's status alive while something is waited for.

    Attributes:
        copy, stream: once there is a job: its lines are taken at every beat.
        trouble: what is wrong with the connection; empty where nothing is.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.copy: Copy | None = None
        self.stream: LogStream | None = None
        self.trouble = ""
        self._message, self._own = "Looking for its job", False
        self._written: dict[str, Any] = {}
        self._at = 0.0

    def say(self, message: str, own: bool = False) -> None:
        """What is being done, until the job itself says more; `own`: also after that."""
        self._message, self._own = message, own

    def beat(self) -> None:
        """Takes what is new and writes the status, where it is another one or 2 s old."""
        told: dict[str, Any] = {}
        if self.copy and self.stream:
            self.copy.write(self.stream.new())
            told = self.copy.status.changes() if self.copy.status else {}
        state = told.pop("state", "starting")
        message = told.pop("message", "") if told and not self._own else self._message
        if self.run.stop_requested:
            state = "stopping"
        elif state not in LIVING or state == "queued":
            state = "running" if told.get("step") else "starting"
        new = {**told, "state": state, "message": self.trouble or message}
        if new != self._written or time.monotonic() - self._at > _BEAT_SECONDS:
            self._written, self._at = new, time.monotonic()
            runs.write_status(self.run, **new)

    def wait(self, seconds: float, until: Callable[[], bool]) -> None:
        """Beats for so long, or until something wants to be done."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            self.beat()
            time.sleep(_TICK_SECONDS)

    def during(self, work: Callable[[], Any], give_up: Callable[[], None] = lambda: None) -> Any:  # noqa: ANN401
        """What `work` gives or raises; it is done in a thread, and the status is kept alive meanwhile.

        Args:
            give_up: raises where it is not to be waited for any longer; the thread is left behind.
        """
        done: list[tuple[Any, BaseException | None]] = []

        def call() -> None:
            try:
                done.append((work(), None))
            except BaseException as error:  # raised below
                done.append((None, error))

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        while thread.is_alive():
            self.beat()
            give_up()
            thread.join(_TICK_SECONDS)
        value, error = done[0]
        if error:
            raise error
        return value
