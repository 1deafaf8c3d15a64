"""How a job tells of its run: by lines of its log, which the Hub keeps in order and gives again from the first one.

Progress by commits would need one every 20 s; the Hub allows about 128 an hour to a repository. A line that begins with the
mark holds one JSON object, an event with its number or the status; every other line is one of `train.log`.
"""

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from tuner.runs import RunStatus, State

_MARK = "::tuner:: "
# Longer lines are cut by some log collectors (16 KB); what is lost here comes whole with the result.
_MOST_BYTES = 12_000


class Told(BaseModel):
    """What a job tells of its run's status, each as in `RunStatus`; never whose process owns it."""

    model_config = ConfigDict(frozen=True)

    state: State
    message: str = ""
    started: float | None = None
    step: int = 0
    max_steps: int = 0
    epoch: float = 0.0
    eta: float | None = None
    train_samples_per_second: float | None = None
    train_runtime: float | None = None
    metrics: dict[str, float] = {}

    @classmethod
    def of(cls, status: RunStatus) -> "Told":
        """What is told of a status."""
        return cls(**status.model_dump(include=set(cls.model_fields)))

    def changes(self) -> dict[str, Any]:
        """The same for `runs.write_status`."""
        return self.model_dump(exclude_none=True) | {"eta": self.eta}


@dataclass(frozen=True)
class Line:
    """One line of a job's log.

    Attributes:
        event, number: of an event, its number from 0 in its job.
        status: of a status.
        text: of a log line.
    """

    kind: Literal["event", "status", "log"]
    event: dict[str, Any] | None = None
    number: int = 0
    status: Told | None = None
    text: str = ""


def event_line(number: int, event: dict[str, Any]) -> str | None:
    """The line that tells of an event; None where it is too long for one."""
    return _marked({"event": event, "n": number})


def status_line(status: Told) -> str | None:
    """The line that tells the state of the run on the job."""
    return _marked({"status": status.model_dump()})


def log_line(text: str) -> str:
    """A line of the worker's own log; one that looks like the job's is told from those by a blank."""
    return f" {text}" if text.startswith(_MARK) else text


def parse(line: str) -> Line | None:
    """What a line says; None for one that is damaged."""
    if not line.startswith(_MARK):
        return Line("log", text=line)
    try:
        said = json.loads(line.removeprefix(_MARK))
        if "event" in said:
            event = said["event"]
            return Line("event", event, int(said["n"])) if isinstance(event.get("event"), str) else None
        return Line("status", status=Told.model_validate(said["status"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _marked(said: dict[str, Any]) -> str | None:
    line = _MARK + json.dumps(said)  # ASCII alone: what stands between need not keep UTF-8
    return line if len(line) <= _MOST_BYTES else None
