"""Reading from the Hub with a deadline: the client itself has none.

Asks for a repository's commit before anything is loaded, so that a machine without network hears
of it within seconds instead of after 23 s of retries, and so that the revision is pinned.
"""

import re
import threading
from collections.abc import Callable
from typing import Any

from tuner.errors import ModelError, NetworkError, SourceError, TunerError

HUB_ID = re.compile(r"(?!\.)[\w.-]{1,96}(?<!\.)/(?!\.)[\w.-]{1,96}(?<!\.)", re.ASCII)
DEADLINE_SECONDS = 4.0


def dataset_revision(repo_id: str, revision: str | None) -> str:
    """The commit a data set's revision stands for now.

    Raises:
        SourceError: no such data set or revision, or no access.
        NetworkError: no answer within the deadline.
    """
    info = _ask(lambda api: api.dataset_info(repo_id, revision=revision, timeout=DEADLINE_SECONDS), repo_id, SourceError)
    return info.sha


def model_info(repo_id: str, revision: str | None) -> Any:  # noqa: ANN401
    """The Hub's `ModelInfo` of a base model: `.sha`, `.siblings`.

    Raises:
        ModelError: no such model or revision, or no access.
        NetworkError: no answer within the deadline.
    """
    return _ask(lambda api: api.model_info(repo_id, revision=revision, timeout=DEADLINE_SECONDS), repo_id, ModelError)


def _ask(question: Callable[[Any], Any], repo_id: str, error_class: type[TunerError]) -> Any:  # noqa: ANN401
    from huggingface_hub import HfApi, errors

    unreachable = NetworkError(
        f"The Hugging Face Hub cannot be reached, and '{repo_id}' lies there.",
        "Check the network, or use sample:tweets and sample:minilm, which need none.",
    )
    try:
        return _within_deadline(lambda: question(HfApi()))
    except errors.GatedRepoError:
        raise error_class(
            f"'{repo_id}' is gated.", f"Ask for access at https://huggingface.co/{repo_id} and log in with `hf auth login`."
        ) from None
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
        raise unreachable from None


def _within_deadline(call: Callable[[], Any]) -> Any:  # noqa: ANN401
    """Runs `call` in a thread that is left behind when the deadline passes (a name look-up cannot be broken off)."""
    outcome: dict[str, Any] = {}

    def work() -> None:
        try:
            outcome["value"] = call()
        except BaseException as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(DEADLINE_SECONDS)
    if "error" in outcome:
        raise outcome["error"]
    if "value" not in outcome:
        raise TimeoutError
    return outcome["value"]
