"""The process that sends a run to Hugging Face Jobs and follows it: `python -m tuner.launch.follower RUN_ID`.

It owns the run's state here as a worker would. Where it is gone the job goes on, and the next one finds it again.
"""

import sys
import time
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tuner import hub_read, runs
from tuner.errors import NetworkError, TunerError, explain
from tuner.hub.client import Client
from tuner.hub.commit import push_files
from tuner.launch import job_files, job_result, job_state, jobs
from tuner.launch.job_stream import Beating, Copy, LogStream
from tuner.launch.job_taking import no_result, take
from tuner.launch.jobs_api import ENDED, Jobs, Refused
from tuner.launch.on_job import stop_file
from tuner.runs import Run
from tuner.words import duration

if TYPE_CHECKING:
    from huggingface_hub import JobInfo

_POLL_SECONDS, _MOST_POLL_SECONDS = 3.0, 60.0
# So long without an answer, and the run is given up as lost from sight; its job goes on.
_PATIENCE_SECONDS = 3600.0
_LAST_LINES_SECONDS = 10.0
# Between the attempts to fetch a result.
_WAITS = (3.0, 10.0, 20.0, 60.0)


class LostSight(TunerError):
    """The job goes on, but nothing more of it can be seen from here."""


class Stopped(Exception):
    """A stop was asked for before the job began."""


def main(run_id: str, endpoint: str | None = None) -> int:
    """Follows the run to its end; 0 for completed and stopped, 1 for others, whose cause is written in words.

    Args:
        endpoint: as for `Client`.
    """
    hub_read.take_token()
    run = runs.get(run_id)
    runs.take_over(run, state="starting", message="Looking for its job", started=runs.read_status(run).started or time.time())
    try:
        return _Follower(run, endpoint).follow()
    except Stopped:
        return _end(run, "stopped", "Stopped before its job began.")
    except LostSight as error:
        return _end(run, "lost", str(error))
    except Exception as error:
        traceback.print_exc()
        return _end(run, "failed", explain(error))


def _end(run: Run, state: str, message: str) -> int:
    code = int(state != "stopped")
    runs.append_event(run, "state", state=state, message=message)
    runs.write_status(run, state=state, message=message, exit_code=code, finished=time.time(), eta=None)
    return code


class _Follower:
    """One run and its job."""

    def __init__(self, run: Run, endpoint: str | None) -> None:
        self.run = run
        self.state = job_state.read(run)
        self.client = Client(hub_read.token(), endpoint)
        self.beating = Beating(run)
        self.jobs: Jobs = self.beating.during(lambda: Jobs(self.client, self.state.namespace))
        self.asked_to_stop = self.cancelled = False
        self.seen: tuple[bool, ...] = ()

    def follow(self) -> int:
        """Returns the exit code when the run has ended."""
        job = self._found() or self._begun()
        copy = Copy(self.run, self.state)
        self.beating.copy = copy
        stream = LogStream(lambda: self.jobs.log(self.state.job_id))
        self.beating.stream = stream
        job = self._watched(job)
        if job.status.stage != "DELETED":
            stream.finish(_LAST_LINES_SECONDS)
        self.beating.beat()
        return self._finish(job, copy)

    def _found(self) -> "JobInfo | None":
        """The job that was begun already and whose end was not seen; None where another is to be begun."""
        state, job = self.state, None
        if not state.attempt or state.ended:
            return None
        if state.job_id:
            try:
                job = self.beating.during(lambda: self.jobs.look(state.job_id))
            except Refused as error:
                if error.status != 404:
                    raise
        else:
            job = self.beating.during(lambda: self.jobs.find(self.run.id))
        if job is None:
            return None
        if job.status.stage in ENDED and not self._result():
            return None
        runs.append_event(self.run, "note", message=f"Its job was found again: {job.url}")
        if not state.job_id:
            self._tell(job)
        return job

    def _result(self) -> job_result.Parcel | None:
        """The result of this attempt's job; None where it left none."""
        found = self._patiently(lambda: job_result.listed(self.client, self.state.repo, job_result.RESULT))
        return found if found and found.status and found.attempt == self.state.attempt else None

    def _begun(self) -> "JobInfo":
        log = self.run.folder / "train.log"
        begins = log.stat().st_size if log.exists() else 0
        self._note(attempt=self.state.attempt + 1, job_id="", link="", ended=False, began=time.time(), log_begins=begins)

        def send() -> Any:  # noqa: ANN401
            return job_files.send(self.run, self.state, self.client, lambda text: self.beating.say(text))

        state, sent = self.beating.during(send, give_up=self._refuse_stopped)
        self.state = job_state.write(self.run, state)
        self._refuse_stopped()
        self.beating.say("Asking for a machine")
        job = self.beating.during(lambda: jobs.begin(self.jobs, self.run, self.state, sent.commit, self.client.token))
        self._tell(job)
        return job

    def _tell(self, job: "JobInfo") -> None:
        """Notes which job it is; the events that follow are this one's."""
        self._note(job_id=job.id, link=job.url, began=time.time())
        price = jobs.price_line(self.state, self.state.timeout)
        runs.append_event(self.run, "job", id=job.id, message=f"Job {job.url} on {price}.")

    def _refuse_stopped(self) -> None:
        if self.run.stop_requested:
            raise Stopped

    def _watched(self, job: "JobInfo") -> "JobInfo":
        """The job when it has ended. A broken connection is tried again, in longer and longer intervals."""
        failed_since, wait = None, _POLL_SECONDS
        while job.status.stage not in ENDED:
            self.seen = self._signs()
            self._heed_stop(job)
            self._show(job)
            self.beating.wait(wait, until=lambda: self._signs() != self.seen)
            try:
                job = self.beating.during(lambda: self.jobs.look(self.state.job_id))
                failed_since, wait = None, _POLL_SECONDS
                self.beating.trouble = ""
            except Refused as error:
                if error.status == 404:
                    return _gone(job)
                raise LostSight(error.cause, f"{error.cure} Then resume: the job goes on at {self.state.link}.") from None
            except NetworkError as error:
                failed_since = failed_since or time.monotonic()
                gone = time.monotonic() - failed_since
                if gone > _PATIENCE_SECONDS:
                    raise LostSight(error.cause, f"Resume later: the job goes on at {self.state.link}.") from None
                wait = min(2 * wait, _MOST_POLL_SECONDS)
                self.beating.trouble = f"No answer from the Hub for {duration(gone)}; the job goes on there. Trying again"
        return job

    def _signs(self) -> tuple[bool, ...]:
        """What is not to wait for the next look, once it has changed: a stop, a second one, the end of the log."""
        stream = self.beating.stream
        return self.run.stop_requested, (self.run.folder / "CANCEL").exists(), bool(stream and stream.ended)

    def _show(self, job: "JobInfo") -> None:
        if job.status.stage == "SCHEDULING":
            self.beating.say(f"Waiting for a machine ({self.state.flavor})")
        else:
            self.beating.say("Preparing the machine")

    def _heed_stop(self, job: "JobInfo") -> None:
        """Asks the job to save and end; cancels it where it has not begun, or a second stop says so."""
        now = (self.run.folder / "CANCEL").exists() or (self.run.stop_requested and job.status.stage == "SCHEDULING")
        try:
            if now and not self.cancelled:
                self.beating.during(lambda: self.jobs.cancel(self.state.job_id))
                self.cancelled = True
            elif self.run.stop_requested and not (self.asked_to_stop or self.cancelled):
                self.beating.during(self._ask_to_stop)
                self.asked_to_stop = True
        except TunerError as error:
            self.beating.trouble = f"The stop is not there yet: {error.cause} Trying again"

    def _ask_to_stop(self) -> None:
        repo = self.client.readable(self.state.repo, "model", private=True)
        push_files(self.client, repo, {stop_file(self.state.attempt): b"stop\n"}, "Stop")

    def _finish(self, job: "JobInfo", copy: Copy) -> int:
        self.beating.say("Fetching the result", own=True)
        parcel = self._result()
        if parcel is None:
            checkpoint = self._patiently(lambda: job_result.listed(self.client, self.state.repo, job_result.CHECKPOINT))
            state, message = no_result(self.run, job, self.state, checkpoint)
            self._note(ended=True)
            return _end(self.run, state, message)

        def fetch() -> None:
            with job_result.fetched(self.client, self.state.repo, job_result.RESULT, parcel, self.run.folder) as part:
                take(self.run, part, copy)

        self._patiently(fetch)
        status = parcel.status
        state = status.state if status.state in ("completed", "stopped") else "failed"
        runs.append_event(self.run, "state", state=state, step=status.step, message=status.message)
        about = {"state": state, "finished": time.time(), "exit_code": int(state == "failed")}
        runs.write_status(self.run, **{**status.changes(), **about})
        self._note(ended=True)
        if state == "completed":
            self._tidy()
        return about["exit_code"]

    def _patiently(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        """`Beating.during`, tried again where the Hub does not answer: for a minute and a half. A resume tries once more."""
        for wait in _WAITS:
            try:
                return self.beating.during(work)
            except NetworkError as error:
                self.beating.trouble = f"{error.cause} Trying again"
                self.beating.wait(wait, until=lambda: False)
            finally:
                self.beating.trouble = ""
        return self.beating.during(work)

    def _tidy(self) -> None:
        try:
            jobs.forget(self.client, self.state)
        except TunerError:
            message = f"{self.state.repo} is not needed any more and could not be deleted: delete it on the Hub."
            runs.append_event(self.run, "note", message=message)

    def _note(self, **changes: Any) -> None:  # noqa: ANN401
        self.state = job_state.write(self.run, self.state.model_copy(update=changes))


def _gone(job: "JobInfo") -> "JobInfo":
    job.status.stage = "DELETED"
    return job


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
