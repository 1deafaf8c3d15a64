"""EvaluationReport: how good a classifier is on a split. Tab, CLI, JSON, HTML and card render this one object."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

from tuner.evaluation.baselines import Baseline
from tuner.evaluation.behaviour import BehaviourResult
from tuner.evaluation.bootstrap import intervals
from tuner.evaluation.calibration import Calibration, CoveragePoint, Threshold, coverage_curve
from tuner.evaluation.curves import Curve, precision_recall_curves, roc_curves
from tuner.evaluation.metrics import HIGHER_IS_BETTER, LOWER_IS_BETTER, score
from tuner.evaluation.slices import Slice, slices

Interval = tuple[float, float]
Part = TypeVar("Part")
SCORES = (*HIGHER_IS_BETTER, *LOWER_IS_BETTER)
# Balanced accuracy is another name of macro recall: one of them is enough to read.
SHOWN = tuple(name for name in SCORES if name != "balanced_accuracy")
# A matrix of more labels can no longer be read, and its 250,000 cells of 500 labels end a browser.
_MOST_IN_A_MATRIX = 24
# As many as there are colours.
_MOST_CURVES = 8


class ClassScores(BaseModel):
    """Scores of one label, each with its 95 % interval. `support` is its number of rows."""

    model_config = ConfigDict(frozen=True)

    precision: float
    recall: float
    f1: float
    support: int
    precision_interval: Interval
    recall_interval: Interval
    f1_interval: Interval


class EvaluationReport(BaseModel):
    """Scores of one classifier on one split.

    Attributes:
        n: rows scored.
        data_fingerprint: SHA-256 of the data the rows came from.
        rows_fingerprint: SHA-256 of the texts and labels scored: equal where two reports scored the same rows.
        seen_in_training: scored rows whose text stood in the training rows; None where these are not known.
        macro_recall: the mean of the labels' recalls, also called balanced accuracy.
        roc_auc: of one label against the rest, mean over the labels; so is average_precision.
        brier_score: squared distance to the right answer over all labels, from 0 to 2.
        ece: expected calibration error over 15 equal-width bins.
        hub_metrics: metrics of the Hub that were asked for by name.
        intervals: metric → 95 % interval by percentile bootstrap, 1,000 resamples of the rows, seed 42; of a share of rows
            that is 0 or 1 Wilson's; with both ends the same there is none.
        per_class: label name → its scores.
        confusion_matrix: rows are true labels, columns predicted ones, in the order of `labels`.
        majority_accuracy: accuracy of always answering the most frequent label.
        temperature: what the logits were divided by before the probabilities were scored; 1 leaves them as they are.
        calibration: before and after that; None where the classifier has no temperature of its own.
        threshold: confidence below which the classifier answers "unsure"; None where it always answers.
        notes: one sentence for every part that could not be made, and for rows left out.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    source: str
    split: str
    data_fingerprint: str
    rows_fingerprint: str
    n: int
    seen_in_training: int | None = None
    labels: list[str]
    accuracy: float
    balanced_accuracy: float
    macro_recall: float
    macro_f1: float
    weighted_f1: float
    matthews_corrcoef: float
    roc_auc: float
    average_precision: float
    log_loss: float
    brier_score: float
    ece: float
    hub_metrics: dict[str, float] = {}
    majority_accuracy: float
    intervals: dict[str, Interval]
    per_class: dict[str, ClassScores]
    confusion_matrix: list[list[int]]
    temperature: float = 1.0
    calibration: Calibration | None = None
    coverage: list[CoveragePoint] = []
    threshold: Threshold | None = None
    roc: list[Curve] = []
    precision_recall: list[Curve] = []
    slices: list[Slice] = []
    baselines: list[Baseline] = []
    behaviour: list[BehaviourResult] = []
    notes: list[str] = []

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        """A damaged file is no report: what reads one may rely on every number, interval and label."""
        drawn = {curve.label for curve in (*self.roc, *self.precision_recall)}
        if not set(SCORES) <= self.intervals.keys() or list(self.per_class) != self.labels or not drawn <= set(self.labels):
            raise ValueError("intervals, labels or curves are missing")
        return self

    @property
    def scores(self) -> dict[str, float]:
        """The headline numbers by name."""
        return {name: getattr(self, name) for name in ("accuracy", "macro_f1", "macro_recall", "log_loss", "ece")}

    @property
    def numbers(self) -> dict[str, float]:
        """Every number of the whole split by name, those of the Hub's metrics included."""
        return {name: getattr(self, name) for name in SCORES} | self.hub_metrics

    @property
    def confusions(self) -> list[tuple[str, str, int]]:
        """(true label, answer, rows) of the wrong cells of the confusion matrix that hold rows, the most frequent first."""
        matrix = np.array(self.confusion_matrix)
        np.fill_diagonal(matrix, 0)
        cells = np.argwhere(matrix)
        ordered = cells[np.argsort(-matrix[tuple(cells.T)], kind="stable")].tolist()
        return [(self.labels[true], self.labels[answer], self.confusion_matrix[true][answer]) for true, answer in ordered]

    @property
    def matrix_labels(self) -> list[str]:
        """The labels a confusion matrix is drawn of, in their order: all, or the 24 of the most frequent confusions."""
        if len(self.labels) <= _MOST_IN_A_MATRIX:
            return self.labels
        confused = (name for true, answer, _ in self.confusions for name in (true, answer))
        chosen = set(list(dict.fromkeys([*confused, *self.labels]))[:_MOST_IN_A_MATRIX])
        return [label for label in self.labels if label in chosen]

    @property
    def curve_labels(self) -> list[str]:
        """The labels curves are drawn of, in their order: all, or the eight of lowest average precision."""
        if len(self.labels) <= _MOST_CURVES:
            return self.labels
        areas = {curve.label: curve.area for curve in self.precision_recall}
        chosen = set(sorted(areas, key=lambda label: areas[label])[:_MOST_CURVES])
        return [label for label in self.labels if label in chosen]

    @property
    def rows_in_words(self) -> str:
        """What was scored: "2,000 test rows", "all 600 rows"."""
        return f"all {self.n:,} rows" if self.split == "all" else f"{self.n:,} {self.split} rows"

    @property
    def headline(self) -> str:
        """The answer in a sentence: share right, the most frequent mistake, the gain over the best baseline."""
        matrix = np.array(self.confusion_matrix)
        np.fill_diagonal(matrix, 0)
        words = [f"Right {self.accuracy:.0%} of the time"]
        if matrix.sum():
            true, predicted = np.unravel_index(matrix.argmax(), matrix.shape)
            words.append(f"most often mistakes {self.labels[int(true)]} for {self.labels[int(predicted)]}")
        counted = [baseline for baseline in self.baselines if baseline.kind in ("majority", "tfidf")]
        best = max(counted, key=lambda baseline: baseline.accuracy, default=None)
        accuracy = best.accuracy if best else self.majority_accuracy
        other = "word counts" if best and best.kind == "tfidf" else "always answering the most frequent label"
        gain = round(100 * (self.accuracy - accuracy))
        better = f"{abs(gain)} points {'better' if gain > 0 else 'worse'}" if gain else "no better"
        words.append(f"{better} than {other}")
        return "; ".join(words) + "."

    @property
    def did_it_pay(self) -> str:
        """Whether fine-tuning paid, in a sentence; empty where nothing stands beside it."""
        rivals = [baseline for baseline in self.baselines if baseline.difference and baseline.kind != "model"]
        if not rivals:
            return ""
        best = max(rivals, key=lambda baseline: baseline.macro_f1)
        low, high = best.difference.interval
        gain = 100 * best.difference.difference
        points = f"{abs(gain):.0f} points of macro F1 {'above' if gain >= 0 else 'below'} the best baseline, {best.name}"
        if low > 0:
            return f"Fine-tuning paid: {points}."
        if high < 0:
            return f"Fine-tuning did not pay: {points}."
        return f"It is not clear that fine-tuning paid: {points}, which may be luck (n = {self.n:,})."


def make_report(
    probabilities: np.ndarray,
    label_ids: Sequence[int],
    labels: Sequence[str],
    *,
    texts: Sequence[str] = (),
    columns: Mapping[str, Sequence[Any]] | None = None,
    notes: Sequence[str] = (),
    **about: Any,  # noqa: ANN401
) -> EvaluationReport:
    """The report of probabilities (rows × labels) against label ids (one per row).

    Args:
        texts: one per row, for slices; none leaves these out.
        columns: name → one value per row, of further columns of the data, for slices.
        notes: sentences of what was left out so far.
        about: fields of the report that are known already: `model`, `source`, `split`, `data_fingerprint` …

    Raises:
        ValueError: no rows, shapes that do not fit, or probabilities that are no finite numbers.
    """
    truth = np.asarray(label_ids, dtype=np.int64)
    if probabilities.shape != (len(truth), len(labels)):
        raise ValueError(f"probabilities have shape {probabilities.shape}, expected {(len(truth), len(labels))}")
    missing = list(notes)

    def attempt(part: str, make: Callable[[], list[Part]]) -> list[Part]:
        """What could not be made costs no more than itself."""
        try:
            return make()
        except ValueError as error:
            missing.append(f"{part} could not be made: {error}")
            return []

    names = tuple(labels)
    metrics = score(probabilities, truth)
    found = intervals(probabilities, truth)
    confusion = confusion_matrix(probabilities, truth)
    present = np.unique(truth)
    if len(present) == 1:
        missing.append(
            f"All {len(truth):,} rows have the label {names[present[0]]}: numbers that compare labels say nothing here "
            "(ROC-AUC is 0.5, average precision 1 by definition)."
        )
    return EvaluationReport(
        n=len(truth),
        labels=list(names),
        **metrics,
        majority_accuracy=float(confusion.sum(axis=1).max() / confusion.sum()),
        intervals=found.scores,
        per_class=_class_scores(confusion, names, found.per_class),
        confusion_matrix=confusion.tolist(),
        coverage=attempt("The coverage curve", lambda: coverage_curve(probabilities, truth)),
        roc=attempt("ROC curves", lambda: roc_curves(probabilities, truth, names)),
        precision_recall=attempt("Precision–recall curves", lambda: precision_recall_curves(probabilities, truth, names)),
        slices=attempt("Slices", lambda: slices(texts, truth, probabilities, names, columns or {}) if len(texts) else []),
        notes=missing,
        **about,
    )


def confusion_matrix(probabilities: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Counts (labels × labels): rows are true labels, columns predicted ones."""
    size = probabilities.shape[1]
    return np.bincount(truth * size + probabilities.argmax(axis=1), minlength=size * size).reshape(size, size)


def _class_scores(
    confusion: np.ndarray, labels: Sequence[str], found: Sequence[Mapping[str, Interval]]
) -> dict[str, ClassScores]:
    """Precision, recall and F1 per label; 0 where there is nothing to divide by, as scikit-learn's zero_division=0."""
    right = np.diagonal(confusion).astype(float)
    predicted, true = confusion.sum(axis=0), confusion.sum(axis=1)
    precision = np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0)
    recall = np.divide(right, true, out=np.zeros_like(right), where=true > 0)
    f1 = np.divide(2 * right, predicted + true, out=np.zeros_like(right), where=(predicted + true) > 0)
    return {
        name: ClassScores(
            precision=float(precision[i]),
            recall=float(recall[i]),
            f1=float(f1[i]),
            support=int(true[i]),
            **{f"{key}_interval": value for key, value in found[i].items()},
        )
        for i, name in enumerate(labels)
    }
