"""What the Hub's client raises while something is written, as one sentence of cause and one of cure; never with a token."""

import contextlib
import json
import re
from collections.abc import Iterator

from tuner.errors import NetworkError, SettingsError, TunerError
from tuner.hub_read import how_to_log_in, log_in_again, login_place

AGAIN = "Push again: what arrived already is not sent twice."
# What the Hub says of Spaces: since 2026 those on a CPU need a paid plan, too.
OTHER_HARDWARE = (
    "Take the hardware zero-a10g (a free account may have two Spaces on it), or add a plan or credit at "
    "https://huggingface.co/settings/billing."
)
_ABOUT_HARDWARE = re.compile("hardware|billing|payment|credit|subscri|paid|upgrade|zerogpu|\\bpro\\b", re.IGNORECASE)
_MOST_CHARACTERS = 200


class Trouble(NetworkError):
    """What may be over in a while: a broken connection, a fault of the Hub's own, too many questions, somebody else's commit."""


def no_token() -> TunerError:
    """The refusal of a push by nobody."""
    way = how_to_log_in() + (", or set HF_TOKEN." if login_place() == "machine" else ".")
    return NetworkError("There is no Hugging Face token to push with.", way[0].upper() + way[1:])


def read_only(repo_id: str) -> TunerError:
    """The refusal of a token that may read alone."""
    cure = "Make a token with write access at https://huggingface.co/settings/tokens, and log in with it: `hf auth login`."
    if login_place() == "page":  # scope `contribute-repos`
        cure = "Choose a new name of your own: a login on a Space may write only to repositories that were made with it."
    return NetworkError(f"Your token may not write to '{repo_id}'.", cure)


@contextlib.contextmanager
def translated(repo_id: str, what: str) -> Iterator[None]:
    """Turns what the client raises into a TunerError with a cure.

    Args:
        what: the repository in words: "a data set".
    """
    from huggingface_hub import errors
    from huggingface_hub.utils import disable_progress_bars, logging

    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    except errors.HFValidationError:
        raise invalid_name(repo_id) from None
    except errors.RepositoryNotFoundError:
        raise NetworkError(
            f"'{repo_id}' is not {what} you may write to, or it is something else on the Hub.", "Choose another name."
        ) from None
    except errors.HfHubHTTPError as error:
        raise of_status(error.response.status_code, error.server_message or "", repo_id, what) from None
    except (errors.HTTPError, OSError, TimeoutError, RuntimeError) as error:
        cause = error.__cause__
        if isinstance(cause, errors.HfHubHTTPError):  # of a file sent apart
            raise of_status(cause.response.status_code, cause.server_message or "", repo_id, what) from None
        raise _of_text(str(error), repo_id) from None
    except (json.JSONDecodeError, KeyError):  # a page of whatever stands before the Hub
        raise Trouble(f"The Hub's answer for '{repo_id}' cannot be understood.", f"Try again in a minute. {AGAIN}") from None
    except ValueError as error:
        if str(error).startswith("Invalid metadata"):
            problem = f"The Hub refuses the card of '{repo_id}' ({_short(str(error).partition('- ')[2])})."
            raise SettingsError([problem], "Mend the card, and push again.") from None
        raise NetworkError(f"The Hub refuses '{repo_id}' ({_short(str(error))}).", AGAIN) from None


def invalid_name(repo_id: str) -> TunerError:
    """The refusal of a name that no repository may have."""
    return SettingsError(
        [f"'{repo_id[:120]}' is no name of a repository."],
        "Give owner/name, of letters, digits, '-', '_' and '.', at most 96 characters each.",
    )


def of_status(status: int, message: str, repo_id: str, what: str = "") -> TunerError:
    """What an answer of the Hub means for a push.

    Args:
        message: what it says beside the number.
        what: the repository in words.
    """
    said = f" ({_short(message)})" if message else ""
    if status == 401:
        return NetworkError("The Hub does not accept your token.", log_in_again())
    if what == "a Space" and (status == 402 or (status == 403 and _ABOUT_HARDWARE.search(message))):
        return NetworkError(f"The Hub does not give '{repo_id}' that hardware{said}.", OTHER_HARDWARE)
    if status == 402 or (status == 403 and re.search(r"\b(quota|storage)\b", message, re.IGNORECASE)):
        return NetworkError(f"The Hub has no more room for '{repo_id}'{said}.", "Delete something there, and push again.")
    if status == 403:
        return read_only(repo_id)
    if status == 409:
        return NetworkError(
            f"The Hub refuses '{repo_id}' since it is there already as something else{said}.", "Choose another name."
        )
    if status == 412:
        return Trouble(f"'{repo_id}' was changed by somebody else during the push.", "Push again.")
    if status == 429:
        return Trouble("The Hub was asked too often by you or your network (429).", f"Wait some minutes. {AGAIN}")
    kind = Trouble if status >= 500 else NetworkError
    return kind(f"The Hub answered {status} for '{repo_id}'{said}.", f"Try again in a minute. {AGAIN}")


def _of_text(text: str, repo_id: str) -> TunerError:
    """A broken connection; hf_xet and the LFS upload hide the status of a refusal in such an error's text."""
    status = re.search(r"\b(401|402|403|429|5\d\d) [A-Z]", text)
    if status:
        return of_status(int(status[1]), "", repo_id)
    return Trouble(f"The connection to the Hub broke, or it did not answer, at work on '{repo_id}'.", AGAIN)


def _short(text: str) -> str:
    """One line of it, without the client's own additions."""
    return re.sub(r"\s*\(Request ID:[^)]*\)", "", " ".join(text.split()))[:_MOST_CHARACTERS].rstrip(".")
