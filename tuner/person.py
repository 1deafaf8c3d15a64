"""Who asks: the person a request is answered for. What they may do stands in `tuner.access`."""

import contextlib
import hashlib
import os
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from tuner.errors import AccessError


@dataclass(frozen=True)
class Person:
    """Somebody who asks.

    Attributes:
        name: on the Hub; empty for who is not logged in.
        token: their Hub token; False: none, and nobody else's either; None: the one of this machine's login. Kept in memory,
            and left out of every text that is made of a person.
        local: whether this is a machine of one user, where everything belongs to everybody.
        owner: whether they may do everything.
        expired: whether they were logged in, and the login's time is over.
        until: when the login, and with it the token, ends, seconds since the epoch; None where that is not known.
    """

    name: str
    token: str | bool | None = field(repr=False)
    local: bool = False
    owner: bool = False
    expired: bool = False
    until: float | None = None


LOCAL = Person("", None, local=True, owner=True)
# Over the network, at an app that is no Space: as the person of the machine, without their token.
GUEST = Person("", False, local=True, owner=True)
VISITOR = Person("", False)
EXPIRED = Person("", False, expired=True)
_acting: ContextVar[Person | None] = ContextVar("person", default=None)
_nobody = LOCAL


@contextlib.contextmanager
def acting(person: Person) -> Iterator[None]:
    """Within the block everything is done for this person; a thread started there needs `contextvars.copy_context()`."""
    before = _acting.set(person)
    try:
        yield
    finally:
        _acting.reset(before)


def current() -> Person:
    """The person everything is done for now; outside `acting` the machine's own, or nobody where strangers come."""
    return _acting.get() or _nobody


def strangers_come() -> None:
    """From here on this process serves strangers: what is done outside `acting` is done for nobody."""
    global _nobody
    _nobody = VISITOR


def login_offered() -> bool:
    """Whether this is a Space whose visitors can log in: then the Hub has set all of these."""
    needed = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OAUTH_SCOPES", "OPENID_PROVIDER_URL")
    return os.environ.get("SYSTEM") == "spaces" and all(os.environ.get(name) for name in needed)


def logged_in(what: str) -> Person:
    """The person everything is done for now, if they have a name or the machine to themselves.

    Args:
        what: "start a training": what they may not do without.

    Raises:
        AccessError: they are not logged in, or not any more.
    """
    person = current()
    if person.local or person.name:
        return person
    if person.expired:
        raise AccessError(
            "Your login has expired.", "Log in again, in a tab of its own, then do this once more; what you filled in stays."
        )
    if login_offered():
        raise AccessError(f"You have to log in to {what}.", "The button for it stands above the list of runs.")
    raise AccessError(
        f"You have to log in to {what}, and this Space offers no login.",
        "Its owner adds `hf_oauth: true` to its README, or you start Tuner on a machine of your own.",
    )


def own_folder_name() -> str:
    """A name for folders that hold what the person alone may see; empty on a machine of one user.

    No two people have the same, also where their names differ in letters alone that a file system takes for equal ones.
    """
    person = current()
    return "" if person.local else folder_name(person.name)


def folder_name(name: str) -> str:
    """A person's name as part of a file's: letters a-z, digits, "-", and 12 digits that no other name has."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:20] or "visitor"
    return f"{plain}-{hashlib.sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"
