"""The child process that runs one study: `python -m tuner.study.worker RUN_ID`.

It trains the trials one after another in the study's turn of the queue. What is finished stands in `trials.jsonl`; a trial
that was broken off has no row there, and is run again with the same settings.
"""

import sys
import time
import traceback
from typing import TYPE_CHECKING

from tuner import runs
from tuner.errors import RunFailed, TunerError, disk_is_full, explain
from tuner.runs import Run
from tuner.study.plan import StudyConfig, changes_of, plan_of
from tuner.study.results import StudyResult, TrialRow, add_row, results, rows_of
from tuner.study.words import outcome_in_words, trial_in_words
from tuner.training import trackers, worker

if TYPE_CHECKING:
    from tuner.data.labelled import LabelledData
    from tuner.study.trial import Bench
    from tuner.training.callbacks import StopOnRequest

_STATUS_SECONDS = 0.5


def main(run_id: str) -> int:
    """Runs the study; 0 for completed and stopped, 1 for failed, whose cause is written in words."""
    return worker.main(run_id, _work)


class _Board:
    """Writes the study's progress into its status.

    Attributes:
        rows: split → how many the base settings give.
        used: seconds of all sessions up to the last word.
    """

    def __init__(self, run: Run, plan: StudyConfig, data: "LabelledData") -> None:
        self.run = run
        self.plan = plan
        self.rows = {split: len(rows) for split, rows in data.splits.items()}
        self._before = runs.read_status(run).train_runtime or 0.0
        self._began = self._trial_began = time.monotonic()
        self._written = 0.0
        self._sign = self._began
        self._longest = 0.0

    @property
    def used(self) -> float:
        """Seconds that all sessions took together."""
        return self._before + time.monotonic() - self._began

    @property
    def is_done(self) -> bool:
        """Whether the budget is used up."""
        finished = len(rows_of(self.run))
        in_time = self.plan.minutes is None or self.used < self.plan.minutes * 60
        return not in_time or 0 < self.plan.planned <= finished

    def begin(self) -> None:
        """A trial begins."""
        self._trial_began = self._sign = time.monotonic()
        self._written = 0.0
        self.tell(0, 0)

    def tell(self, step: int, steps: int) -> None:
        """Writes how far the trial in hand is, at most twice a second."""
        now = time.monotonic()
        if step:  # what is loaded before a trial's first takes as long as it takes
            self._longest = max(self._longest, now - self._sign)
        self._sign = now
        if self._written and now - self._written < _STATUS_SECONDS:
            return
        self._written = now
        found = results(self.run)
        runs.write_status(
            self.run,
            state="stopping" if self.run.stop_requested else "running",
            message=trial_in_words(found, self.plan.planned, step, steps),
            step=len(found.rows),
            max_steps=self.plan.planned,
            longest_silence=self._longest,
            train_runtime=self.used,
            eta=self._seconds_left(found.rows, step / steps if steps else 0.0),
        )

    def _seconds_left(self, rows: list[TrialRow], share: float) -> float | None:
        """By the mean time of a trial so far, or the minutes left, whichever ends first; None while nothing is known."""
        elapsed = time.monotonic() - self._trial_began
        left = []
        if self.plan.minutes is not None:
            left.append(max(self.plan.minutes * 60 - self.used, 0.0))
        # In whole trainings: one on a tenth of the rows takes a tenth of the time.
        done, planned = (sum(map(self.plan.share_of, range(count))) for count in (len(rows), self.plan.planned))
        begun = self.plan.share_of(len(rows)) * share
        each = sum(row.seconds for row in rows) / done if rows else elapsed / begun if begun else None
        if self.plan.planned and each is not None:
            left.append(max((planned - done) * each - elapsed, 0.0))
        return min(left) if left else None


def _work(run: Run) -> None:
    status = runs.read_status(run)
    runs.write_status(run, state="starting", message="Loading the libraries", started=status.started or time.time())
    import transformers

    from tuner.data.labelled import check_pinned
    from tuner.study.trial import Bench
    from tuner.training.callbacks import StopOnRequest

    transformers.logging.disable_progress_bar()
    config, plan = run.config, plan_of(run)
    stop = StopOnRequest(run)
    runs.write_status(run, message="Reading the data")
    bench = Bench(config)
    data = bench.data(config.data)
    check_pinned(data, config.data)
    runs.append_event(run, "state", state="running", step=len(rows_of(run)), max_steps=plan.planned)
    board = _Board(run, plan, data)
    while not board.is_done and not stop.requested():
        row = _trial(run, bench, board, stop)
        if row:
            add_row(run, row)
            runs.append_event(run, "trial", step=row.number, **row.model_dump())
    _finish(run, board, stopped=not board.is_done)


def _finish(run: Run, board: _Board, stopped: bool) -> None:
    found = results(run)
    if not stopped and not found.complete:
        raise _none_complete(found)
    message = outcome_in_words(found, board.plan.planned)
    state = "stopped" if stopped else "completed"
    if stopped:
        message = f"{run.stop_reason or 'Stopped.'} {message} Resume goes on with the next trial."
    runs.append_event(run, "state", state=state, step=len(found.rows), message=message)
    runs.write_status(
        run,
        state=state,
        message=message,
        step=len(found.rows),
        max_steps=board.plan.planned,
        train_runtime=board.used,
        metrics=_headline(found),
        exit_code=0,
        finished=time.time(),
        eta=None,
    )


def _headline(found: StudyResult) -> dict[str, float]:
    """The best trial's scores, or the repeats' means, or those of the most rows, named as a run's: validation's with `eval_`."""
    scores = found.best.metrics if found.best else found.points[-1].scores if found.points else found.mean
    return {f"eval_{name}" if found.split == "validation" else name: value for name, value in scores.items()}


def _none_complete(found: StudyResult) -> RunFailed:
    if not found.rows:
        return RunFailed("The minutes were used up before a trial was finished.", "Start a study with more of them.")
    what = "repeats" if found.kind == "repeat" else "trials"
    return RunFailed(f"All {len(found.rows)} {what} failed. The last one: {found.rows[-1].cause}", "Change the settings.")


def _trial(run: Run, bench: "Bench", board: _Board, stop: "StopOnRequest") -> TrialRow | None:
    """Runs the next trial; None where it was stopped."""
    from tuner.study.proposals import propose
    from tuner.study.trial import Watch, train_trial

    config, plan, rows = run.config, board.plan, rows_of(run)
    metric = config.training.metric_for_best_model
    proposal = propose(plan, config, rows, board.rows["train"])
    watch = Watch(proposal, metric, stop, board.tell)
    if config.training.report_to:
        trackers.write_into(run.folder / "trackers" / f"trial-{len(rows) + 1}")
    began = time.monotonic()
    board.begin()
    state, cause, metrics = "complete", "", {}
    try:
        changed = config.with_changes(changes_of(proposal.settings))
        metrics = train_trial(bench, changed, watch, run.folder / "trial", on_test=plan.seeds is not None)
    except Exception as error:
        if disk_is_full(error):  # no settings' fault: the study fails, and this trial is run again when it is resumed
            raise
        traceback.print_exc()
        state, cause = "failed", error.cause if isinstance(error, TunerError) else explain(error)
    if stop.stopped:
        return None
    if watch.pruned:
        state, cause = "pruned", f"worse than the median of the earlier trials at evaluation {len(watch.evaluations)}"
    evaluations = [scores[metric] for scores in watch.evaluations]
    seconds = round(time.monotonic() - began, 2)
    return TrialRow(
        number=len(rows) + 1,
        settings=proposal.settings,
        state=state,
        metrics=metrics,
        evaluations=evaluations,
        seconds=seconds,
        cause=cause,
        rows=proposal.settings.get("data.max_train_samples"),
        share=plan.share_of(len(rows)) if plan.shares else None,
        scored=board.rows["validation"] if plan.shares else None,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
