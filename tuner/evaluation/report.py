"""EvaluationReport: how good a classifier is on a split. Tab, CLI, JSON and card render this one object."""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.evaluation.metrics import score

_RESAMPLES = 1_000
_INTERVAL_SEED = 42


class ClassScores(BaseModel):
    """Scores of one label. `support` is its number of rows."""

    model_config = ConfigDict(frozen=True)

    precision: float
    recall: float
    f1: float
    support: int


class EvaluationReport(BaseModel):
    """Scores of one classifier on one split.

    Attributes:
        ece: expected calibration error over 15 equal-width bins.
        intervals: metric → 95 % interval by percentile bootstrap, 1,000 resamples of the rows, seed 42.
        per_class: label name → its scores.
        confusion_matrix: rows are true labels, columns predicted ones, in the order of `labels`.
        majority_accuracy: accuracy of always answering the most frequent label.
        n: rows scored.
        data_fingerprint: SHA-256 of the data the rows came from.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    source: str
    split: str
    data_fingerprint: str
    n: int
    labels: list[str]
    accuracy: float
    macro_f1: float
    macro_recall: float
    log_loss: float
    ece: float
    majority_accuracy: float
    intervals: dict[str, tuple[float, float]]
    per_class: dict[str, ClassScores]
    confusion_matrix: list[list[int]]

    @property
    def scores(self) -> dict[str, float]:
        """The headline numbers by name."""
        return {name: getattr(self, name) for name in ("accuracy", "macro_f1", "macro_recall", "log_loss", "ece")}

    @property
    def headline(self) -> str:
        """The answer in a sentence: share right, the most frequent mistake, the gain over always the same answer."""
        matrix = np.array(self.confusion_matrix)
        np.fill_diagonal(matrix, 0)
        words = [f"Right {self.accuracy:.0%} of the time"]
        if matrix.sum():
            true, predicted = np.unravel_index(matrix.argmax(), matrix.shape)
            words.append(f"most often mistakes {self.labels[int(true)]} for {self.labels[int(predicted)]}")
        gain = 100 * (self.accuracy - self.majority_accuracy)
        comparison = "better" if gain >= 0 else "worse"
        words.append(f"{abs(gain):.0f} points {comparison} than always answering the most frequent label")
        return "; ".join(words) + "."


def make_report(
    probabilities: np.ndarray,
    label_ids: Sequence[int],
    labels: Sequence[str],
    *,
    model: str,
    source: str,
    split: str,
    fingerprint: str,
) -> EvaluationReport:
    """The report of probabilities (rows × labels) against label ids (one per row).

    Raises:
        ValueError: no rows, shapes that do not fit, or probabilities that are no finite numbers.
    """
    truth = np.asarray(label_ids)
    if probabilities.shape != (len(truth), len(labels)):
        raise ValueError(f"probabilities have shape {probabilities.shape}, expected {(len(truth), len(labels))}")
    metrics = score(probabilities, truth)
    size = len(labels)
    confusion = np.bincount(truth * size + probabilities.argmax(axis=1), minlength=size * size).reshape(size, size)
    precision, recall, f1 = _per_class(confusion)
    return EvaluationReport(
        model=model,
        source=source,
        split=split,
        data_fingerprint=fingerprint,
        n=len(truth),
        labels=list(labels),
        **metrics,
        majority_accuracy=float(confusion.sum(axis=1).max() / confusion.sum()),
        intervals=_intervals(confusion),
        per_class={
            name: ClassScores(
                precision=float(precision[i]), recall=float(recall[i]), f1=float(f1[i]), support=int(confusion[i].sum())
            )
            for i, name in enumerate(labels)
        },
        confusion_matrix=confusion.tolist(),
    )


def _per_class(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision, recall and F1 per label; 0 where there is nothing to divide by, as scikit-learn's zero_division=0.

    Args:
        confusion: (…, true, predicted) counts.
    """
    right = np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)
    predicted, true = confusion.sum(axis=-2), confusion.sum(axis=-1)
    precision = np.divide(right, predicted, out=np.zeros_like(right), where=predicted > 0)
    recall = np.divide(right, true, out=np.zeros_like(right), where=true > 0)
    f1 = np.divide(2 * right, predicted + true, out=np.zeros_like(right), where=(predicted + true) > 0)
    return precision, recall, f1


def _intervals(confusion: np.ndarray) -> dict[str, tuple[float, float]]:
    """Percentile bootstrap: resampling rows is drawing the confusion counts from a multinomial."""
    total = int(confusion.sum())
    random = np.random.default_rng(_INTERVAL_SEED)
    drawn = random.multinomial(total, confusion.ravel() / total, size=_RESAMPLES).reshape(-1, *confusion.shape)
    _, recall, f1 = _per_class(drawn)
    present = drawn.sum(axis=-1) > 0
    count = np.maximum(present.sum(axis=-1), 1)
    values = {
        "accuracy": np.diagonal(drawn, axis1=-2, axis2=-1).sum(axis=-1) / total,
        "macro_f1": (f1 * present).sum(axis=-1) / count,
        "macro_recall": (recall * present).sum(axis=-1) / count,
    }
    return {name: tuple(np.percentile(sample, (2.5, 97.5)).tolist()) for name, sample in values.items()}
