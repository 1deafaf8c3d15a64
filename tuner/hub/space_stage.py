"""How far a Space is, in words; what its hardware costs; where it stands is kept with the run it shows."""

import contextlib
import time
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tuner import runs
from tuner.errors import NetworkError, SettingsError, TunerError
from tuner.hub.client import Client
from tuner.hub.space_files import ZERO_GPU
from tuner.runs import Run

_FILE = "space.json"
# Building torch's wheels into an image takes minutes; after this the Space is looked at by hand.
MOST_SECONDS = 900.0
_ASK_EVERY = 5.0
_MOST_CHARACTERS = 300
UNKNOWN = "UNKNOWN"
_IN_WORDS = {
    "BUILDING": "It is being built; that takes some minutes.",
    "APP_STARTING": "It is built, and its app is starting.",
    "RUNNING": "It is running.",
    "RUNNING_BUILDING": "It is running; its new version is being built.",
    "RUNNING_APP_STARTING": "It is running; its new version is starting.",
    "SLEEPING": "It is asleep; the next visitor wakes it.",
    "STOPPED": "It is stopped. Restart it in its settings.",
    "PAUSED": "It is paused. Restart it in its settings.",
    "DELETING": "It is being deleted.",
    "BUILD_ERROR": "It could not be built.",
    "CONFIG_ERROR": "The Hub cannot use the front matter of its README.md.",
    "RUNTIME_ERROR": "It was built, but its app ended.",
    "NO_APP_FILE": "It has no app.",
    UNKNOWN: "The Hub does not say how far it is.",
}
_FAILED = ("BUILD_ERROR", "CONFIG_ERROR", "RUNTIME_ERROR", "NO_APP_FILE")
_BETWEEN = ("BUILDING", "APP_STARTING", "RUNNING_BUILDING", "RUNNING_APP_STARTING")


class Space(BaseModel):
    """A Space as it stands on the Hub.

    Attributes:
        kind: "demo", "trainer" or "zerogpu".
        link: its page.
        commit: the one that holds the files.
        unchanged: they were there already; nothing was sent.
        model: what a demo shows; empty for others.
        stage: the Hub's word, or "UNKNOWN".
        hardware: what it runs on, or what was asked for; None where the Hub does not say.
        problem: what the Hub says went wrong.
        price: of the hardware that was asked for, in words; empty where none was.
        made: when it was made or brought up to date, seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True)

    repo_id: str
    kind: str
    link: str
    commit: str
    private: bool
    unchanged: bool = False
    model: str = ""
    stage: str = UNKNOWN
    hardware: str | None = None
    problem: str = ""
    price: str = ""
    made: float = Field(default_factory=time.time)

    @property
    def going_on(self) -> bool:
        """Whether its stage will change by itself."""
        return self.stage in _BETWEEN

    @property
    def failed(self) -> bool:
        """Whether it shows nothing until something is mended."""
        return self.stage in _FAILED

    @property
    def log(self) -> str:
        """The page of the log that says why it failed; empty where it did not."""
        if not self.failed:
            return ""
        return f"{self.link}?logs={'container' if self.stage == 'RUNTIME_ERROR' else 'build'}"

    @property
    def words(self) -> str:
        """How far it is, and what the Hub says went wrong."""
        words = _IN_WORDS.get(self.stage, f"The Hub says {self.stage}.")
        return f"{words} ({self.problem})" if self.problem else words

    def __str__(self) -> str:
        return f"{self.words} Its log: {self.log}" if self.log else self.words


def looked_at(space: Space, client: Client) -> Space:
    """The same Space with its stage as it is now; "UNKNOWN" where the Hub does not say within 20 s."""
    try:
        found = client.call(lambda api: api.get_space_runtime(space.repo_id), space.repo_id, "space")
    except TunerError:
        return space.model_copy(update={"stage": UNKNOWN, "problem": ""})
    problem = " ".join(str(found.raw.get("errorMessage") or "").split())[:_MOST_CHARACTERS]
    hardware = found.hardware or found.requested_hardware or space.hardware
    changes = {"stage": str(getattr(found.stage, "value", found.stage)), "hardware": hardware, "problem": problem}
    return space.model_copy(update=changes)


def wait(space: Space, client: Client, seconds: float = MOST_SECONDS, every: float = _ASK_EVERY) -> Space:
    """The Space when its stage does not change by itself any more, or after `seconds`."""
    end = time.monotonic() + seconds
    space = looked_at(space, client)
    while space.going_on and time.monotonic() < end:
        time.sleep(min(every, max(0.0, end - time.monotonic())))
        space = looked_at(space, client)
    return space


def price_of(hardware: str, client: Client) -> str:
    """What a Space's hardware is and costs, as the Hub says now.

    Raises:
        SettingsError: there is no such hardware.
        NetworkError: the Hub does not say.
    """
    if hardware == ZERO_GPU:
        return f"{hardware}: a GPU lent for each answer, at no price; each visitor has some minutes of it a day."
    offers = client.call(lambda api: api.list_spaces_hardware(), "the hardware of Spaces", "space")
    offer = next((offer for offer in offers if offer.name == hardware), None)
    if offer is None:
        names = ", ".join([*(offer.name for offer in offers), ZERO_GPU])
        raise SettingsError([f"hardware = '{hardware[:60]}': Spaces run on {names}."], "Choose one of them; nothing was made.")
    return f"{hardware}: {offer.pretty_name}, {offer.cpu}, {offer.ram}, {_hourly(offer)}"


def _hourly(offer: Any) -> str:  # noqa: ANN401
    each = {"minute": 60, "second": 3_600, "hour": 1}.get(offer.unit_label)
    if not offer.unit_cost_usd:
        return "at no price by the hour."
    if each is None:
        return f"{offer.unit_cost_usd:.6g} USD per {offer.unit_label} while it runs."
    return f"{offer.unit_cost_usd * each:.2f} USD an hour while it runs."


def ask_for(hardware: str, repo_id: str, sleep_seconds: int | None, client: Client) -> None:
    """Moves a Space that is there already to other hardware; nothing where it has that.

    Raises:
        NetworkError: the Hub refuses.
    """
    found = client.call(lambda api: api.get_space_runtime(repo_id), repo_id, "space")
    if hardware in (found.requested_hardware, None if found.requested_hardware else found.hardware):
        return
    more = {} if sleep_seconds is None else {"sleep_time": sleep_seconds}
    client.call(lambda api: api.request_space_hardware(repo_id, hardware, **more), repo_id, "space")


def note_space(run: Run, space: Space) -> Space:
    """Keeps with the run where its demo stands; no token is in it."""
    with contextlib.suppress(OSError):
        runs.write_atomically(run.folder / _FILE, space.model_dump_json(indent=1))
    return space


def space_of(run: Run) -> Space | None:
    """The demo that was made of a run; None for none."""
    try:
        return Space.model_validate_json((run.folder / _FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # damaged: as if it had never been
        return None


def refuse_other(repo_id: str, what: str) -> None:
    """Raises NetworkError for a Space that holds something else."""
    raise NetworkError(f"The Space '{repo_id}' is there already and holds {what}.", "Choose another name: nothing was changed.")
