"""What the Share tab and the endpoint /push have in common: whose token, under which names, and a push in a thread of its own."""

import contextvars
import hashlib
import logging
import re
import threading
import time
import unicodedata

from tuner import hub_read
from tuner.errors import NetworkError, TunerError
from tuner.hub import Client, Wanted
from tuner.hub.push import begin
from tuner.person import logged_in, login_offered
from tuner.runs import Run

_log = logging.getLogger("tuner")
# The Hub limits how often it may be asked whose a token is.
_KEPT_SECONDS = 600
# Digest of a token → when it was asked for, and whose it is.
_owners: dict[str, tuple[float, list[str]]] = {}


def own_token(local: bool) -> str:
    """The person's token.

    Raises:
        AccessError: they are not logged in where one can.
        NetworkError: they have none here.
    """
    if login_offered():
        logged_in("write to the Hub")
    elif not local:  # a token that lies here is its owner's, not the visitor's
        raise NetworkError(
            "This page knows no login of yours, so it cannot push for you.",
            "Push from a machine of your own: `python -m tuner push RUN OWNER/NAME`.",
        )
    found = hub_read.token()
    if isinstance(found, str):
        return found
    raise NetworkError(
        "You are not logged in to the Hugging Face Hub.", "Run `hf auth login` in a terminal, then open this tab again."
    )


def owners(token: str) -> list[str]:
    """The names a person may write under, their own first; asked for once in ten minutes.

    Raises:
        NetworkError: the Hub does not know the token, or cannot be reached.
    """
    key = hashlib.sha256(token.encode()).hexdigest()
    at, names = _owners.get(key, (0.0, []))
    if not names or time.monotonic() - at > _KEPT_SECONDS:
        names = Client(token).owners()
        _owners[key] = (time.monotonic(), names)
    return names


def name_for(title: str) -> str:
    """A run's title as the name of a repository: letters, digits, '-', '_' and '.', at most 80."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", plain)
    return re.sub(r"-{2,}|\.{2,}", "-", words).strip("-._")[:80].strip("-._") or "text-classifier"


def start(run: Run, wanted: Wanted, token: str) -> None:
    """Begins a push and lets it go on in a thread; `push_state` says how far it is.

    Raises:
        RunError, SettingsError, NetworkError: it was not begun.
    """
    push = begin(run, wanted, token)

    def finish() -> None:
        try:
            push.finish()
        except TunerError:
            pass  # stands in push.json
        except Exception:
            _log.exception("the push of %s failed", run.id)

    threading.Thread(target=contextvars.copy_context().run, args=(finish,), daemon=True).start()
