"""What a study found: the rows of its `trials.jsonl`, the best of them, mean and spread. Pure: trains nothing."""

import json
import statistics
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tuner.config import RunConfig
from tuner.errors import RunError
from tuner.evaluation.learning import CurvePoint, Outlook, curve_points, outlook
from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.runs import Run, write_atomically
from tuner.sections.training import Metric
from tuner.study.plan import StudyConfig, changes_of, plan_of

SCORES = ("accuracy", "macro_f1", "macro_recall")


class TrialRow(BaseModel):
    """One finished trial.

    Attributes:
        number: counted from 1.
        settings: "section.field" → value, what was laid over the study's base settings.
        metrics: scores without prefix: of the validation rows; of the test rows where seeds are repeated. Empty for a failed
            trial; of a pruned one those of its last evaluation.
        evaluations: the study's metric at each evaluation, in order.
        seconds: wall-clock time it took.
        cause: why it failed or was pruned.
        rows, share: of a learning curve: training rows, and their share of all.
        scored: of a learning curve: validation rows behind the scores.
    """

    model_config = ConfigDict(frozen=True)

    number: int
    settings: dict[str, Any]
    state: Literal["complete", "pruned", "failed"]
    metrics: dict[str, float] = Field(default_factory=dict)
    evaluations: list[float] = Field(default_factory=list)
    seconds: float
    cause: str = ""
    rows: int | None = None
    share: float | None = None
    scored: int | None = None


class StudyResult(BaseModel):
    """What a study has found so far.

    Attributes:
        state: of the run.
        metric: what a search compares by.
        split: the rows that were scored.
        config: the base settings.
        mean, std, low, high: of accuracy, macro F1 and macro recall over the complete repeats; `std` divides by n − 1
            (ddof = 1). Empty for a search and a learning curve, and with fewer than two repeats `std` is, too.
        points: of a learning curve, one for each number of training rows, ascending.
        outlook: of a learning curve, what more rows would bring.
    """

    model_config = ConfigDict(frozen=True)

    run_id: str
    folder: str
    state: str
    kind: Literal["search", "repeat", "learning-curve"]
    metric: Metric
    split: Literal["validation", "test"]
    config: RunConfig
    rows: list[TrialRow]
    mean: dict[str, float] = Field(default_factory=dict)
    std: dict[str, float] = Field(default_factory=dict)
    low: dict[str, float] = Field(default_factory=dict)
    high: dict[str, float] = Field(default_factory=dict)
    points: list[CurvePoint] = Field(default_factory=list)
    outlook: Outlook | None = None

    @property
    def complete(self) -> list[TrialRow]:
        """The trials that were trained to their end."""
        return [row for row in self.rows if row.state == "complete"]

    @property
    def best(self) -> TrialRow | None:
        """The complete trial with the best metric, the earlier one of two alike; None for other studies, or while none is."""
        if self.kind != "search" or not self.complete:
            return None
        return best_of(self.complete, self.metric)

    @property
    def best_config(self) -> RunConfig | None:
        """Settings of a normal run that trains the best trial's model."""
        return self.config.with_changes(changes_of(self.best.settings)) if self.best else None


def best_of(rows: list[TrialRow], metric: Metric) -> TrialRow:
    """The row with the best metric, the highest or the lowest by what it is; the earlier one of two alike."""
    return (max if metric in HIGHER_IS_BETTER else min)(rows, key=lambda row: row.metrics[metric])


def results(run: Run) -> StudyResult:
    """The rows of a study and what follows from them, also while it is going on.

    Raises:
        RunError: the run is no study, or a file of it is damaged.
    """
    status = run.status
    if status.kind == "run":
        raise RunError(
            f"Run {run.id} is one training, not a search, repeats or a learning curve.", "`python -m tuner show` tells of it."
        )
    plan, config, rows = plan_of(run), run.config, rows_of(run)
    return StudyResult(
        run_id=run.id,
        folder=str(run.folder),
        state=status.state,
        kind=plan.kind,
        metric=config.training.metric_for_best_model,
        split=split_of(plan),
        config=config,
        rows=rows,
        **(spread(rows) if plan.kind == "repeat" else _curve(rows) if plan.kind == "learning-curve" else {}),
    )


def _curve(rows: list[TrialRow]) -> dict[str, Any]:
    """Points and outlook of a learning curve; macro F1 is what it is judged by."""
    complete = [row for row in rows if row.state == "complete" and row.rows]
    points = curve_points([(row.rows, row.share or 1.0, row.metrics) for row in complete])
    scored = complete[-1].scored if complete else None
    return {"points": points, "outlook": outlook(points, "macro_f1", "macro F1", scored)}


def split_of(plan: StudyConfig) -> Literal["validation", "test"]:
    """The rows a study scores."""
    return "test" if plan.seeds else "validation"


def spread(rows: list[TrialRow]) -> dict[str, dict[str, float]]:
    """Mean, standard deviation (ddof = 1), lowest and highest of the scores over the complete rows."""
    values = {name: [row.metrics[name] for row in rows if row.state == "complete"] for name in SCORES}
    some = {name: found for name, found in values.items() if found}
    return {
        "mean": {name: statistics.fmean(found) for name, found in some.items()},
        "std": {name: statistics.stdev(found) for name, found in some.items() if len(found) > 1},
        "low": {name: min(found) for name, found in some.items()},
        "high": {name: max(found) for name, found in some.items()},
    }


def rows_of(run: Run) -> list[TrialRow]:
    """The finished trials, in their order.

    Raises:
        RunError: the file is damaged.
    """
    try:
        lines = _file(run).read_text(encoding="utf-8").splitlines()
        return [TrialRow.model_validate_json(line) for line in lines]
    except FileNotFoundError:
        return []
    except (OSError, ValidationError, UnicodeDecodeError) as error:
        raise RunError(f"The trials of run {run.id} cannot be read ({type(error).__name__}).", "Delete the run.") from None


def add_row(run: Run, row: TrialRow) -> None:
    """Adds a finished trial; the file is replaced whole, so that a kill never leaves half a line for the next to follow."""
    lines = [json.dumps(known.model_dump(), ensure_ascii=False) for known in [*rows_of(run), row]]
    write_atomically(_file(run), "\n".join(lines) + "\n")


def _file(run: Run) -> Path:
    return run.folder / "trials.jsonl"
