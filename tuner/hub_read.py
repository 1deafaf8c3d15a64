"""Reading from the Hub with a deadline: the client itself has none.

Asks for a repository's commit before anything is loaded, so that a machine without network hears
of it within seconds instead of after 23 s of retries, and so that the revision is pinned.
Whose token the Hub is shown is decided here, in `token`, and nowhere else.
"""

import contextlib
import contextvars
import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from tuner.errors import ModelError, NetworkError, SourceError, TunerError
from tuner.person import current, login_offered

HUB_ID = re.compile(r"(?!\.)[\w.-]{1,96}(?<!\.)/(?!\.)[\w.-]{1,96}(?<!\.)", re.ASCII)
DEADLINE_SECONDS = 4.0
# The sizes of thousands of files take the Hub longer; they are asked for when it has answered already.
_SIZES_SECONDS = 30.0
_handed: str | bool | None = None


def token() -> str | bool:
    """The Hub token of the person who asks (`tuner.person.current`); False, which sends none, where there is none.

    Where people log in it is the one of their login. A worker's is the one handed to it (`use_token`). On a Space it is
    False otherwise: the token that lies there is the owner's, and strangers must not read with it. Everywhere else it is
    what `hf auth login` or HF_TOKEN left.
    """
    own = current().token
    if own is not None and (_handed is None or own):
        return own
    if _handed is not None:
        return _handed
    if os.environ.get("SPACE_ID"):
        return False
    from huggingface_hub import get_token

    return get_token() or False


def login_place() -> Literal["page", "none", "machine"]:
    """Where a person can log in: on the page of a Space, nowhere (a Space without a login), or on this machine.

    A child process knows nothing of the page: `children.worker_environment` tells it.
    """
    told = os.environ.get("TUNER_LOGIN_PLACE")
    if told == "page" or login_offered():
        return "page"
    return "none" if told == "none" or os.environ.get("SPACE_ID") else "machine"


def how_to_log_in() -> str:
    """What a person does where they may not read, as the end of a sentence."""
    ways = {"page": "log in above the list of runs", "none": "use Tuner on a machine of your own"}
    return ways.get(login_place(), "log in with `hf auth login`")


def log_in_again() -> str:
    """The cure of a token that the Hub does not accept."""
    if login_place() == "page":
        return "Log in again above the list of runs."
    return "Log in again with `hf auth login`, or take the token out of HF_TOKEN."


def use_token(value: str) -> None:
    """Makes `value` this process's token, in memory alone; empty: it has none, and looks for none."""
    global _handed
    _handed = value or False


def take_token() -> None:
    """Takes the Hub token out of the pipe `launch.local` hands to a child process; from here on it is in memory alone."""
    number = os.environ.pop("TUNER_TOKEN_FD", None)
    if number is not None:
        with os.fdopen(int(number), encoding="utf-8") as pipe:
            use_token(pipe.read())


def dataset_info(repo_id: str, revision: str | None, sizes: bool = False) -> Any:  # noqa: ANN401
    """The Hub's `DatasetInfo` of a data set: `.sha`, the commit its revision stands for now, `.siblings`, `.gated`.

    Args:
        sizes: with the size of every file (`.siblings[…].size`).

    Raises:
        SourceError: no such data set or revision, or no access.
        NetworkError: no answer within the deadline.
    """
    seconds = _SIZES_SECONDS if sizes else DEADLINE_SECONDS

    def question(api: Any) -> Any:  # noqa: ANN401
        return _open_to(api, "dataset", api.dataset_info(repo_id, revision=revision, files_metadata=sizes, timeout=seconds))

    return _ask(question, repo_id, SourceError, seconds)


def model_info(repo_id: str, revision: str | None) -> Any:  # noqa: ANN401
    """The Hub's `ModelInfo` of a base model: `.sha`, `.siblings`.

    Raises:
        ModelError: no such model or revision, or no access.
        NetworkError: no answer within the deadline.
    """

    def question(api: Any) -> Any:  # noqa: ANN401
        return _open_to(api, "model", api.model_info(repo_id, revision=revision, timeout=DEADLINE_SECONDS))

    return _ask(question, repo_id, ModelError)


def _open_to(api: Any, kind: str, info: Any) -> Any:  # noqa: ANN401
    """The description of a repository whose files this person may read.

    Anybody may read that of a gated one, and files that another person fetched lie in the cache for everybody.
    """
    if info.gated:
        api.auth_check(info.id, repo_type=kind)
    return info


def asker() -> str:
    """A name for whose token `token` gives, for keys of what is remembered; it tells nothing of the token."""
    found = token()
    return hashlib.sha256(found.encode()).hexdigest()[:16] if isinstance(found, str) else ""


def fetch_file(repo_id: str, file: str, revision: str, error_class: type[TunerError], seconds: float = DEADLINE_SECONDS) -> Path:
    """The local copy of one small file; downloads it where there is none.

    Left to itself the client asks a Hub that does not answer five times, 60 s each.

    Args:
        error_class: SourceError for a file of a data set, ModelError for one of a model.

    Raises:
        error_class: the repository is gated: anybody may ask for its description, the files are refused.
        NetworkError: the file is not there within `seconds`, or the download breaks off.
    """
    from huggingface_hub import hf_hub_download

    kind = "dataset" if error_class is SourceError else "model"
    with _translated(repo_id, error_class):
        return Path(
            within_deadline(lambda: hf_hub_download(repo_id, file, repo_type=kind, revision=revision, token=token()), seconds)
        )


def gated(repo_id: str, error_class: type[TunerError]) -> TunerError:
    """The refusal of a repository whose files need its owner's consent."""
    path = f"datasets/{repo_id}" if error_class is SourceError else repo_id
    return error_class(f"'{repo_id}' is gated.", f"Ask for access at https://huggingface.co/{path} and {how_to_log_in()}.")


def within_deadline(call: Callable[[], Any], seconds: float) -> Any:  # noqa: ANN401
    """Runs `call` in a thread that is left behind when the deadline passes (a name look-up cannot be broken off).

    Raises:
        TimeoutError: the deadline has passed.
    """
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = call()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    # In the context of the caller: the call is made for the same person.
    thread = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeoutError
    return outcome["value"]


def broke_off(error: BaseException | None) -> bool:
    """Whether it is what hf_xet, by which the Hub's client fetches large files, makes of a download that failed."""
    return isinstance(error, RuntimeError) and str(error).startswith("Task error")


def _ask(question: Callable[[Any], Any], repo_id: str, error_class: type[TunerError], seconds: float | None = None) -> Any:  # noqa: ANN401
    from huggingface_hub import HfApi

    with _translated(repo_id, error_class):
        return within_deadline(lambda: question(HfApi(token=token())), seconds or DEADLINE_SECONDS)


@contextlib.contextmanager
def _translated(repo_id: str, error_class: type[TunerError]) -> Iterator[None]:
    """What the client raises becomes a TunerError with a cure."""
    from huggingface_hub import errors
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # its warnings (a card without metadata, a retry) are no concern of the person
    try:
        yield
    except errors.GatedRepoError:
        raise gated(repo_id, error_class) from None
    except errors.RevisionNotFoundError:
        raise error_class(f"'{repo_id}' has no such revision.", "Leave the revision empty for the newest.") from None
    except errors.RepositoryNotFoundError:
        raise error_class(f"'{repo_id}' is not on the Hub, or it is private.", f"Check the name, or {how_to_log_in()}.") from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        if status == 401:  # of a token alone: what needs one is "not on the Hub" to the Hub
            cause = f"The Hub does not accept your token, and was asked for '{repo_id}' with it."
            raise NetworkError(cause, log_in_again()) from None
        raise NetworkError(f"The Hub answered {status} for '{repo_id}'.", "Try again in a minute.") from None
    except (errors.HTTPError, OSError, TimeoutError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not broke_off(error):
            raise
        sample = (
            "the data sample:tweets, which need" if error_class is SourceError else "the base model sample:minilm, which needs"
        )
        raise NetworkError(
            f"The Hugging Face Hub cannot be reached, and '{repo_id}' lies there.", f"Check the network, or choose {sample} none."
        ) from None
