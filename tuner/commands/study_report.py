"""How a study is printed: as a document, a line per trial, and a table at its end."""

import shlex
from typing import Any

from tuner import runs
from tuner.commands.common import print_table
from tuner.evaluation.metrics import NAMES
from tuner.runs import Run
from tuner.study.plan import flags_of
from tuner.study.results import SCORES, StudyResult, TrialRow, results
from tuner.study.words import settings_in_words, table


def document(run: Run) -> dict[str, Any]:
    """What `--json` prints of a study: its trials and the best one or the learning curve, or its repeats with mean and spread."""
    found, status = results(run), runs.read_status(run)
    rows = [row.model_dump() for row in found.rows]
    head = {"run_id": run.id, "state": status.state, "message": status.message, "folder": str(run.folder), "kind": found.kind}
    if found.kind == "search":
        return {**head, "metric": found.metric, "trials": rows, "best": found.best and found.best.model_dump()}
    if found.kind == "learning-curve":
        points = [point.model_dump() for point in found.points]
        return {**head, "split": found.split, "trials": rows, "points": points, "outlook": found.outlook.model_dump()}
    spread = {"mean": found.mean, "std": found.std, "low": found.low, "high": found.high}
    return {**head, "split": found.split, "repeats": rows, **spread}


def trial_line(event: dict[str, Any]) -> str:
    """A finished trial in a line."""
    row = TrialRow.model_validate({key: event[key] for key in TrialRow.model_fields if key in event})
    scores = ", ".join(f"{NAMES[name]} {row.metrics[name]:.3f}" for name in (*SCORES, "loss") if name in row.metrics)
    said = ": ".join(filter(None, [row.state, row.cause]))
    what = f"{row.rows:,} rows ({row.share:.0%})" if row.rows and row.share else settings_in_words(row.settings)
    return f"{row.number:>4}  {what}  {scores}  {row.seconds:.1f} s  {said}"


def print_study(found: StudyResult) -> None:
    """The trials as a table, and the flags of the best settings."""
    print()
    print_table(*table(found))
    if found.kind == "repeat":
        print("\nstd: standard deviation of the repeats, dividing by n − 1.")
    if found.best:
        flags = " ".join(f"--set {shlex.quote(flag)}" for flag in flags_of(found.best.settings))
        print(f"\nThe best settings: {flags}")
