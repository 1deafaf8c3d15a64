"""How far the push of a run is: `push.json` in its folder, without any token. The training's own files are never touched."""

import contextlib
import os
import time
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tuner import runs
from tuner.hub.answers import Answers
from tuner.hub.commit import Pushed
from tuner.runs import Run

_FILE = "push.json"


class Wanted(BaseModel):
    """What a push is to do.

    Attributes:
        private: as a new repository is made; a public one is refused then.
        branch: where the commit goes; None: main.
        pull_request: it is proposed instead.
        adapter: with the LoRA adapter.
        compare: the answers are compared afterwards.
    """

    model_config = ConfigDict(frozen=True)

    repo_id: str
    private: bool = True
    branch: str | None = None
    pull_request: bool = False
    adapter: bool = False
    compare: bool = True


class PushState(BaseModel):
    """The last push of a run. Times are seconds since the epoch.

    Attributes:
        at: when this was written.
        since: when its stage began.
        stage: what is being done, while it is pending: "files", "sending" or "comparing".
        sent, total: bytes.
        cause, cure: of a failed one.
        pushed: of a done one.
        answers: how the model on the Hub answers, in words; empty while that is not known.
        process: identity of the process that pushes.
    """

    model_config = ConfigDict(frozen=True)

    wanted: Wanted
    state: Literal["pending", "failed", "done"] = "pending"
    started: float = Field(default_factory=time.time)
    at: float = Field(default_factory=time.time)
    since: float = Field(default_factory=time.time)
    stage: Literal["files", "sending", "comparing"] = "files"
    sent: int = 0
    total: int = 0
    cause: str = ""
    cure: str = ""
    pushed: Pushed | None = None
    answers: str = ""
    compared: Answers | None = None
    pid: int = Field(default_factory=os.getpid)
    process: str | None = Field(default_factory=lambda: runs.process_identity(os.getpid()))


def push_state(run: Run) -> PushState | None:
    """The last push of a run; None for none. One whose process is gone counts as failed."""
    try:
        found = PushState.model_validate_json((run.folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # damaged: as if it had never been
        return None
    if found.state == "pending" and runs.process_identity(found.pid) != found.process:
        cause = "The push was broken off: the program that sent it has ended."
        return found.model_copy(update={"state": "failed", "cause": cause, "cure": "Push again: what arrived is not sent twice."})
    return found


def note(run: Run, state: PushState) -> PushState:
    """Writes it. Where that cannot be (a full disk, a run deleted meanwhile) the push goes on all the same."""
    with contextlib.suppress(OSError):
        runs.write_atomically(run.folder / _FILE, state.model_dump_json(indent=1))
    return state
