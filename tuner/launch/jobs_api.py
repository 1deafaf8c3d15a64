"""Hugging Face Jobs, asked with a deadline: what machines there are and cost, start, look at, find and cancel a job, its log."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.errors import NetworkError, SettingsError, TunerError
from tuner.hub.client import Client
from tuner.hub_read import log_in_again, login_place, within_deadline

if TYPE_CHECKING:
    from huggingface_hub import HfApi, JobInfo

# For a question; shorter than the 20 s without a sign of life after which a worker that was asked to stop is ended.
SECONDS = 10.0
ENDED = frozenset({"COMPLETED", "CANCELED", "ERROR", "DELETED"})
# The label by which a run's job is found again.
LABEL = "tuner-run"
_MINUTES = {"minute": 1, "hour": 60, "second": 1 / 60}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LEAST_SECONDS, _MOST_SECONDS = 60, 7 * 86_400


class Refused(NetworkError):
    """The Hub's answer is no; asking again gives the same.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, cause: str, cure: str) -> None:
        super().__init__(cause, cure)
        self.status = status


@dataclass(frozen=True)
class Flavor:
    """A machine that can be hired.

    Attributes:
        memory: bytes of a GPU's memory, or of the machine's where it has none; None where the Hub does not say.
        disk: bytes, likewise.
        per_hour: US dollars.
    """

    name: str
    title: str
    gpus: int
    memory: int | None
    disk: int | None
    per_hour: float


def timeout_seconds(timeout: str) -> int:
    """Seconds of "90m", "1h", "2d" or "3600".

    Raises:
        SettingsError: it is none of these, or not between a minute and a week.
    """
    found = re.fullmatch(r"(\d{1,7}(?:\.\d{1,3})?)([smhd]?)", str(timeout).strip().lower())
    seconds = int(float(found[1]) * _UNITS[found[2] or "s"]) if found else 0
    if not _LEAST_SECONDS <= seconds <= _MOST_SECONDS:
        raise SettingsError([f"timeout = '{str(timeout)[:40]}': give between 1m and 7d, such as 30m, 1h or 2d."])
    return seconds


def flavors(token: str | bool | None, endpoint: str | None = None) -> list[Flavor]:
    """The machines of Jobs and their prices, the cheapest first.

    Args:
        endpoint: as for `Client`.

    Raises:
        NetworkError: the Hub does not answer.
    """
    from huggingface_hub import HfApi

    found = _asked(HfApi(endpoint, token=token or False), lambda api: api.list_jobs_hardware())
    return sorted(map(_flavor, found), key=lambda each: (each.per_hour, each.name))


def flavor_named(name: str, offered: list[Flavor]) -> Flavor:
    """The machine of that name.

    Raises:
        SettingsError: there is none; names those there are, with their prices.
    """
    for each in offered:
        if each.name == name:
            return each
    allowed = ", ".join(f"{each.name} ({each.per_hour:.2f} $/h)" for each in offered)
    raise SettingsError([f"flavor = '{name[:60]}': give one of {allowed}."])


class Jobs:
    """The jobs of one namespace, asked as one person.

    Args:
        client: the person's.
        namespace: whose jobs, and who pays; None: the person's own.

    Raises:
        SettingsError: the person does not belong to it.
        NetworkError: the Hub does not know the token, or cannot be reached.
    """

    def __init__(self, client: Client, namespace: str | None = None) -> None:
        own = client.owners()
        if namespace and namespace not in own:
            raise SettingsError([f"namespace = '{namespace[:80]}': give one of {', '.join(own)}."])
        self.namespace = namespace or own[0]
        self._client = client

    @property
    def _api(self) -> "HfApi":
        return self._client._api

    def run(self, **job: Any) -> "JobInfo":  # noqa: ANN401
        """Starts a job; arguments as for `HfApi.run_job`.

        Raises:
            Refused, NetworkError: it was not started, or it is not known whether it was.
        """
        return _asked(self._api, lambda api: api.run_job(namespace=self.namespace, **job), 30.0)

    def look(self, job_id: str) -> "JobInfo":
        """The job as it stands.

        Raises:
            Refused: with status 404 where there is none.
            NetworkError: the Hub does not answer.
        """
        return _asked(self._api, lambda api: api.inspect_job(job_id=job_id, namespace=self.namespace))

    def find(self, run_id: str) -> "JobInfo | None":
        """The job of a run that has not ended; None where there is none.

        Raises:
            Refused, NetworkError: as `look`.
        """

        def question(api: "HfApi") -> list["JobInfo"]:
            found = api.list_jobs(labels={LABEL: run_id}, namespace=self.namespace, timeout=int(SECONDS), token=api.token)
            return [job for job in found if job.status.stage not in ENDED and (job.labels or {}).get(LABEL) == run_id]

        return next(iter(_asked(self._api, question)), None)

    def cancel(self, job_id: str) -> None:
        """Ends the job, whatever it is doing.

        Raises:
            Refused, NetworkError: as `look`.
        """
        _asked(self._api, lambda api: api.cancel_job(job_id=job_id, namespace=self.namespace))

    def log(self, job_id: str) -> Iterator[str]:
        """Its lines from the first on, until the job has ended; blocks between them.

        Raises:
            Refused, NetworkError: the stream broke, and the client could not take it up again.
        """
        with _translated():
            yield from self._api.fetch_job_logs(job_id=job_id, namespace=self.namespace, follow=True)


def _asked(api: "HfApi", question: Callable[["HfApi"], Any], seconds: float = SECONDS) -> Any:  # noqa: ANN401
    with _translated():
        return within_deadline(lambda: question(api), seconds)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    from huggingface_hub import errors
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()
    try:
        yield
    except errors.HfHubHTTPError as error:
        raise _of_status(error.response.status_code, error.server_message or "") from None
    except (errors.HTTPError, OSError, TimeoutError, RuntimeError):
        raise NetworkError("The Hugging Face Hub cannot be reached.", "Check the network, and resume.") from None
    except (ValueError, KeyError, TypeError):
        raise NetworkError("The Hub's answer about the job cannot be understood.", "Try again in a minute.") from None


def _of_status(status: int, message: str) -> TunerError:
    said = re.sub(r"\s*\(Request ID:[^)]*\)", "", " ".join(message.split()))[:200].rstrip(".")
    said = f" ({said})" if said else ""
    if status == 401:
        return Refused(401, "The Hub does not accept your token.", log_in_again())
    if status == 402:
        cure = "Add credit at https://huggingface.co/settings/billing, or train on this machine."
        return Refused(402, f"Hugging Face Jobs want to be paid first{said}.", cure)
    if status == 403:
        cure = "Make a token with the right to run Jobs at https://huggingface.co/settings/tokens, and log in with it."
        if login_place() == "page":
            cure = "Log in again above the list of runs, or train on this machine."
        return Refused(403, f"Your token may not run Jobs there{said}.", cure)
    if status == 404:
        return Refused(404, "The Hub has no such job.", "Resume: another one is started.")
    if status == 400:
        return Refused(400, f"Hugging Face Jobs refuse that{said}.", "Choose another flavor or timeout.")
    if status == 429:
        return NetworkError("The Hub was asked too often by you or your network (429).", "Wait some minutes, and resume.")
    return NetworkError(f"The Hub answered {status}{said}.", "Try again in a minute.")


def _flavor(found: Any) -> Flavor:  # noqa: ANN401
    gpus = int(found.accelerator.quantity) if found.accelerator else 0
    # Of several GPUs the Hub gives the sum.
    memory = _bytes(found.accelerator.vram) if found.accelerator else _bytes(found.ram)
    share = memory // max(gpus, 1) if memory else None
    price = found.unit_cost_usd * 60 / _MINUTES.get(found.unit_label, 1)
    return Flavor(found.name, found.pretty_name, gpus, share, _bytes(found.ephemeral_storage), round(price, 4))


def _bytes(text: str) -> int | None:
    """ "24 GB" as bytes."""
    found = re.match(r"(\d+(?:\.\d+)?)\s*([GT])B", text or "")
    return int(float(found[1]) * {"G": 1e9, "T": 1e12}[found[2]]) if found else None
