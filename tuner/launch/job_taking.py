"""The end of a run that a job trained: its result taken into the run's folder, or why there is none in words."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import runs
from tuner.evaluation.report import EvaluationReport
from tuner.launch.job_result import Parcel, is_result, take_events
from tuner.launch.job_state import JobState
from tuner.launch.job_stream import Copy
from tuner.runs import Run
from tuner.words import duration

if TYPE_CHECKING:
    from huggingface_hub import JobInfo


def take(run: Run, part: Path, copy: Copy) -> None:
    """Moves a whole result into the run's folder; what its log did not tell is added.

    Args:
        part: a folder on the same file system, whose files were checked.
    """
    for number, event in enumerate(take_events(part / "events.jsonl", 0)):
        copy.add_event(number, event)
    _take_log(run, part / "train.log", copy)
    report = part / "report.json"
    if report.is_file():  # there the rows stand in another place
        found = EvaluationReport.model_validate_json(report.read_text(encoding="utf-8"))
        found = found.model_copy(update={"source": run.config.data.source})
        report.write_text(found.model_dump_json(indent=1), encoding="utf-8")
    for path in sorted(part.iterdir()):
        if path.name in ("events.jsonl", "train.log", "files.json") or not is_result(path.name):
            continue
        target = run.folder / path.name
        if target.is_dir():
            shutil.rmtree(target)
        path.replace(target)


def _take_log(run: Run, path: Path, copy: Copy) -> None:
    """The worker's whole log in place of what came of it, where lines are missing."""
    whole = path.read_bytes() if path.is_file() else b""
    if copy.log_lines >= whole.count(b"\n"):
        return
    log = run.folder / "train.log"
    before = log.read_bytes()[: copy.log_begins] if log.is_file() else b""
    log.write_bytes(before + whole)


def no_result(run: Run, job: "JobInfo", state: JobState, checkpoint: Parcel | None) -> tuple[runs.State, str]:
    """State and message of a run whose job ended and left no result.

    Args:
        checkpoint: the last one in the repository, of whichever job.
    """
    cure = "Resume begins another job, from the start."
    if checkpoint:
        cure = f"Resume begins another job, from {checkpoint.name}."
    if run.stop_requested:
        return "stopped", f"The job was cancelled before it had saved. {cure}"
    stage, said = job.status.stage, (job.status.message or "").strip().rstrip(".")[:200]
    ran = job.durations.running_secs if job.durations else None
    if stage == "CANCELED":
        return "failed", f"The job was cancelled on the Hub. {cure}"
    if stage == "DELETED":
        return "failed", f"The job was deleted on the Hub. {cure}"
    if stage == "COMPLETED":
        return "failed", f"The job ended as if all were well, but left no result in {state.repo}. {cure}"
    if "timeout" in said.lower() or (ran or 0) >= state.timeout:
        return "failed", f"The job's time of {duration(state.timeout)} was over before it had saved. {cure} Give it more time."
    last = run.last_words() or "none"
    return "failed", f"The job ended with an error{f' ({said})' if said else ''}. Its last lines: {last}. {cure}"
