"""`job.json` in a run's folder: which job on the Hub trains it, where its files lie there, and what it costs; never a token."""

import time

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuner import runs
from tuner.errors import RunError
from tuner.runs import JOB_FILE, Run


class JobState(BaseModel):
    """A run's job.

    Attributes:
        namespace: whose job it is, who pays, and under whose name its repositories lie.
        timeout: seconds after which the Hub ends it.
        per_hour: US dollars, when it was started.
        repo: private model repository of the run: what the job needs, its checkpoints, its result.
        data_repo, base_repo: private repositories of rows and base model; empty where these were local to nobody.
        attempt: how many jobs were begun for the run; each resume that finds none begins another.
        job_id: empty until it was begun.
        link: the job's page.
        began: when it was sent, seconds since the epoch.
        ended: whether the Hub said that it has ended.
        log_begins: byte of `train.log` at which this job's lines begin.
    """

    model_config = ConfigDict(frozen=True)

    namespace: str = Field(pattern=r"^[\w.-]{1,96}$")
    flavor: str
    title: str = ""
    timeout: int
    per_hour: float
    repo: str
    data_repo: str = ""
    base_repo: str = ""
    attempt: int = 0
    job_id: str = Field("", pattern=r"^[\w-]{0,96}$")
    link: str = ""
    began: float = 0.0
    ended: bool = False
    log_begins: int = 0

    @property
    def may_run(self) -> bool:
        """Whether it may still be going on and cost money, as far as is known here; a day is allowed for waiting."""
        return bool(self.job_id) and not self.ended and time.time() < self.began + self.timeout + 86_400


def read(run: Run) -> JobState:
    """The run's job.

    Raises:
        RunError: it has none, or the file is damaged.
    """
    try:
        return JobState.model_validate_json((run.folder / JOB_FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError):
        raise RunError(f"Run {run.id} cannot be read: {JOB_FILE} is missing or damaged.", "Start the run again.") from None


def write(run: Run, state: JobState) -> JobState:
    """Replaces the file, and gives the state back."""
    runs.write_atomically(run.folder / JOB_FILE, state.model_dump_json(indent=1))
    return state
