"""ROC and precision–recall curves of each label against the rest, thinned to what a picture can show."""

from collections.abc import Iterator, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.evaluation.metrics import check_rows

MOST_POINTS = 200


class Curve(BaseModel):
    """One label's curve.

    Attributes:
        x, y: at most 200 points, x rising: false positive rate and true positive rate, or recall and precision.
        area: below the curve, from all of its points: ROC-AUC, or average precision.
    """

    model_config = ConfigDict(frozen=True)

    label: str
    x: list[float]
    y: list[float]
    area: float


def roc_curves(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> list[Curve]:
    """ROC curves in the order of `labels`, without those that have no rows or all of them: they rank nothing.

    Raises:
        ValueError: as `metrics.check_rows`, or as many labels as there are no columns.
    """
    from sklearn.metrics import auc, roc_curve

    found = []
    for label, own, score in _ranked(probabilities, truth, labels):
        x, y, _ = roc_curve(own, score)
        found.append(_curve(label, x, y, auc(x, y)))
    return found


def precision_recall_curves(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> list[Curve]:
    """Precision–recall curves, as `roc_curves`. They begin at recall 0 with scikit-learn's precision of 1.

    The area is average precision, the sum of precision × gain in recall; the trapezoidal rule would be too kind.

    Raises:
        ValueError: as `roc_curves`.
    """
    from sklearn.metrics import precision_recall_curve

    found = []
    for label, own, score in _ranked(probabilities, truth, labels):
        precision, recall, _ = precision_recall_curve(own, score)
        area = -np.sum(np.diff(recall) * precision[:-1])
        found.append(_curve(label, recall[::-1], precision[::-1], area))
    return found


def _ranked(probabilities: np.ndarray, truth: np.ndarray, labels: Sequence[str]) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """(label, whether a row has it, its probability) of the labels that some rows have and some have not."""
    probabilities, truth = check_rows(probabilities, truth)
    if probabilities.shape[1] != len(labels):
        raise ValueError(f"{len(labels)} labels for probabilities with {probabilities.shape[1]} columns")
    for column, label in enumerate(labels):
        own = truth == column
        if 0 < own.sum() < len(own):
            yield label, own, probabilities[:, column]


def _curve(label: str, x: np.ndarray, y: np.ndarray, area: float) -> Curve:
    kept = _thinned(x, y)
    return Curve(label=label, x=x[kept].tolist(), y=y[kept].tolist(), area=float(area))


def _thinned(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Positions of at most 200 points, evenly spaced along the curve, its ends among them.

    Going from a point left out to one that is kept takes at most a 199th of the curve's length, 0.01 for ROC.
    """
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    travelled = np.append(0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    kept = np.unique(np.searchsorted(travelled, np.linspace(0, travelled[-1], MOST_POINTS)))
    kept[-1] = len(x) - 1
    return kept
