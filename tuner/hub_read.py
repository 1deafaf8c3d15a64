"""Reading from the Hub with a deadline: the client itself has none.

Asks for a repository's commit before anything is loaded, so that a machine without network hears
of it within seconds instead of after 23 s of retries, and so that the revision is pinned.
"""

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tuner.errors import ModelError, NetworkError, SourceError, TunerError

HUB_ID = re.compile(r"(?!\.)[\w.-]{1,96}(?<!\.)/(?!\.)[\w.-]{1,96}(?<!\.)", re.ASCII)
DEADLINE_SECONDS = 4.0


def dataset_info(repo_id: str, revision: str | None) -> Any:  # noqa: ANN401
    """The Hub's `DatasetInfo` of a data set: `.sha`, the commit its revision stands for now, `.siblings`, `.gated`.

    Raises:
        SourceError: no such data set or revision, or no access.
        NetworkError: no answer within the deadline.
    """
    return _ask(lambda api: api.dataset_info(repo_id, revision=revision, timeout=DEADLINE_SECONDS), repo_id, SourceError)


def model_info(repo_id: str, revision: str | None) -> Any:  # noqa: ANN401
    """The Hub's `ModelInfo` of a base model: `.sha`, `.siblings`.

    Raises:
        ModelError: no such model or revision, or no access.
        NetworkError: no answer within the deadline.
    """
    return _ask(lambda api: api.model_info(repo_id, revision=revision, timeout=DEADLINE_SECONDS), repo_id, ModelError)


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
        return Path(_within_deadline(lambda: hf_hub_download(repo_id, file, repo_type=kind, revision=revision), seconds))


def gated(repo_id: str, error_class: type[TunerError]) -> TunerError:
    """The refusal of a repository whose files need its owner's consent."""
    path = f"datasets/{repo_id}" if error_class is SourceError else repo_id
    return error_class(
        f"'{repo_id}' is gated.", f"Ask for access at https://huggingface.co/{path} and log in with `hf auth login`."
    )


def _ask(question: Callable[[Any], Any], repo_id: str, error_class: type[TunerError]) -> Any:  # noqa: ANN401
    from huggingface_hub import HfApi

    with _translated(repo_id, error_class):
        return _within_deadline(lambda: question(HfApi()), DEADLINE_SECONDS)


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
        raise error_class(
            f"'{repo_id}' is not on the Hub, or it is private.", "Check the name, or log in with `hf auth login`."
        ) from None
    except errors.HfHubHTTPError as error:
        status = error.response.status_code if error.response is not None else "no status"
        raise NetworkError(f"The Hub answered {status} for '{repo_id}'.", "Try again in a minute.") from None
    except (errors.HTTPError, OSError, TimeoutError):
        raise NetworkError(
            f"The Hugging Face Hub cannot be reached, and '{repo_id}' lies there.",
            "Check the network, or use sample:tweets and sample:minilm, which need none.",
        ) from None


def _within_deadline(call: Callable[[], Any], seconds: float) -> Any:  # noqa: ANN401
    """Runs `call` in a thread that is left behind when the deadline passes (a name look-up cannot be broken off)."""
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = call()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeoutError
    return outcome["value"]
