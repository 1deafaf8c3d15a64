"""Two or more models on the same rows: which is better, whether that may be luck, where they disagree."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tuner import evaluations, runs
from tuner.config import sections
from tuner.errors import RunError, SourceError
from tuner.evaluation.compare import Comparison, Scored
from tuner.evaluation.compare import compare as compare_scored
from tuner.evaluation.label_map import UnknownLabels, map_labels
from tuner.evaluation.report import EvaluationReport
from tuner.evaluations import Evaluation
from tuner.inference import run_or_none
from tuner.runs import Run
from tuner.scoring import Extras, Progress, evaluation_of

# What says nothing about how two runs were trained.
_NO_SETTINGS = {"fingerprint"}


@dataclass(frozen=True)
class ComparedModels:
    """Models scored on rows they share.

    Attributes:
        names: what each is called.
        reports: each model's own report.
        n: rows that all of them were scored on.
        pairs: the first model against each other one.
        predictions: those rows: row, text, label, and for each model predicted_NAME and confidence_NAME.
    """

    names: list[str]
    reports: list[EvaluationReport]
    n: int
    pairs: list[Comparison]
    predictions: pd.DataFrame

    @property
    def disagreements(self) -> pd.DataFrame:
        """The rows to which the models give different answers, the surest of them first."""
        answers = self.predictions[[f"predicted_{name}" for name in self.names]]
        sure = self.predictions[[f"confidence_{name}" for name in self.names]].min(axis=1)
        found = self.predictions[answers.nunique(axis=1) > 1]
        return found.loc[sure[found.index].sort_values(ascending=False, kind="stable").index]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON; of the rows only how many."""
        return {
            "names": self.names,
            "n": self.n,
            "disagreements": len(self.disagreements),
            "models": [{"name": name, **report.numbers} for name, report in zip(self.names, self.reports, strict=True)],
            "comparisons": [pair.model_dump(mode="json") for pair in self.pairs],
        }


def compare(
    models: Sequence[Run | str],
    source: str | Path | None = None,
    split: str | None = None,
    on_progress: Progress | None = None,
    *,
    text_column: Sequence[str] = (),
    label_column: str | None = None,
) -> ComparedModels:
    """Compares the first of the models with each other one, on the rows that all were scored on.

    Args:
        models: runs, run ids, local folders or Hub ids, two or more.
        source: where the rows come from; None for each run's own data. Of one source each model gets the texts of the columns
            that its own run was trained with.
        split: as in `evaluate`.
        text_column, label_column: other columns of the source, for all of them; see `Extras`.

    Raises:
        RunError: fewer than two models, or one named twice.
        SettingsError: columns are named without a source.
        SourceError: they share no row, or their labels differ.
    """
    found = [model if isinstance(model, Run) else run_or_none(model) or str(model) for model in models]
    names = [model.id if isinstance(model, Run) else model for model in found]
    if len(names) < 2 or len(set(names)) < len(names):
        raise RunError(f"{len(set(names))} model is nothing to compare.", "Name two or more different ones.")
    alone = Extras(baselines=False, behaviour=False, text_column=tuple(text_column), label_column=label_column)
    own = source is None and split in (None, "test") and not (text_column or label_column)
    stored = [evaluations.of_run(model) if own and isinstance(model, Run) else None for model in found]
    scored = []
    for done, model, name in zip(stored, found, names, strict=True):
        try:
            scored.append(done or evaluation_of(model, source, split, alone, on_progress))
        except UnknownLabels as error:
            data = f" --data {source}" if source else ""
            command = f"python -m tuner evaluate {names[0]} --against {names[1]}{data} --label-map …"
            raise SourceError(f"'{name}': {error.cause}", f"Take data with its labels, or `{command}`.") from None
    return compared(scored, names, by_row=source is not None)


def compared(found: Sequence[Evaluation], names: Sequence[str], *, by_row: bool = False) -> ComparedModels:
    """Compares evaluations on the rows they share.

    Args:
        by_row: all are of one split of one source, so that a row is the same one whichever of its columns each model read;
            else rows are the same where text and label are.

    Raises:
        SourceError: they share no row, or their labels differ.
    """
    labels = tuple(found[0].report.labels)
    shared = _shared([evaluation.predictions for evaluation in found], "row" if by_row else "text")
    if not len(shared):
        raise SourceError(
            "The models were scored on different rows, and none of these is the same.",
            "Name a source to score all of them on, e.g. --data sample:tweets.",
        )
    all_runs = all(run_or_none(name) for name in names)
    truth, scored = _truth(found[0], labels)[shared[:, 0]], []
    for place, (evaluation, name) in enumerate(zip(found, names, strict=True)):
        own = tuple(evaluation.report.labels)
        try:
            columns = map_labels(labels, own, None)
        except UnknownLabels as error:
            lacking = " or ".join(f"'{label[:40]}'" for label in error.unknown[:5])
            cause = f"'{name}' has no label {lacking}, as '{names[0]}' has."
            raise SourceError(cause, "Compare models of the same labels.") from None
        probabilities = evaluations.probabilities_of(evaluation.predictions, own)[shared[:, place]][:, columns]
        probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
        scored.append(Scored(name, probabilities, truth, labels, _settings(name) if all_runs else {}))
    pairs = [compare_scored(scored[0], other) for other in scored[1:]]
    first = found[0].predictions.iloc[shared[:, 0]].reset_index(drop=True)
    frame = first[["row", "text", "label"]].copy()
    for one in scored:
        frame[f"predicted_{one.name}"] = np.asarray(labels, dtype=object)[one.probabilities.argmax(axis=1)]
        frame[f"confidence_{one.name}"] = one.probabilities.max(axis=1)
    return ComparedModels(list(names), [evaluation.report for evaluation in found], len(frame), pairs, frame)


def leaderboard(rows_fingerprint: str | None = None) -> pd.DataFrame:
    """Every run with a report, the best macro F1 first: run, title, source, split, n, numbers, seconds, and `rows`.

    Runs whose `rows` are equal were scored on the same rows; only such may be held against each other.

    Args:
        rows_fingerprint: only those scored on these rows; None for all.
    """
    found = []
    for run in runs.list_runs():
        report = run.report
        if report is None or (rows_fingerprint and report.rows_fingerprint != rows_fingerprint):
            continue
        try:
            title, seconds = run.title, runs.read_status(run).train_runtime
        except RunError:  # a damaged run hides no other one
            continue
        found.append(
            {
                "run": run.id,
                "title": title,
                "source": report.source,
                "n": report.n,
                **{name: getattr(report, name) for name in ("accuracy", "macro_f1", "macro_recall", "log_loss", "ece")},
                "low": report.intervals["macro_f1"][0],
                "high": report.intervals["macro_f1"][1],
                "seconds": seconds,
                "rows": report.rows_fingerprint,
            }
        )
    frame = pd.DataFrame(found)
    return frame.sort_values("macro_f1", ascending=False, ignore_index=True) if len(frame) else frame


def _shared(frames: Sequence[pd.DataFrame], by: str) -> np.ndarray:
    """Places (shared rows × frames) of the rows with the same label and `by`; one that repeats counts as often as in all."""
    keyed = []
    for place, frame in enumerate(frames):
        keys = pd.DataFrame({by: frame[by].to_numpy(), "label": frame["label"].str.lower().to_numpy()})
        keys["time"] = keys.groupby([by, "label"]).cumcount()
        keyed.append(keys.assign(**{str(place): np.arange(len(frame))}))
    joined = keyed[0]
    for other in keyed[1:]:
        joined = joined.merge(other, on=[by, "label", "time"], how="inner")
    return joined.sort_values("0")[[str(place) for place in range(len(frames))]].to_numpy(dtype=np.int64)


def _truth(evaluation: Evaluation, labels: Sequence[str]) -> np.ndarray:
    return evaluations.truth_of(evaluation.predictions, labels)


def _settings(run_id: str) -> dict[str, str]:
    """Setting → its value."""
    run = runs.get(run_id)
    return {
        f"{section}.{field}": "" if value is None else str(value)
        for section in sections()
        for field, value in getattr(run.config, section).model_dump().items()
        if field not in _NO_SETTINGS
    }
