"""The metrics, computed by scikit-learn inside one local `evaluate.Metric`.

`evaluate.load("accuracy")` would ask the network, and `evaluate.combine` cannot average over classes.
"""

import functools
from typing import Any

import numpy as np

ECE_BINS = 15
# The scores of `score`; of the first the highest is the best, of the others the lowest.
HIGHER_IS_BETTER = ("accuracy", "macro_f1", "weighted_f1", "macro_recall", "matthews_corrcoef", "roc_auc", "average_precision")
LOWER_IS_BETTER = ("log_loss", "brier_score", "ece")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (rows × labels, float64) of logits of the same shape."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, F1, recall, Matthews correlation, ROC-AUC, average precision, log loss, Brier score and ECE.

    What is averaged over labels counts those that occur: one without rows has no recall. ROC-AUC and average precision are
    of one label against the rest; where all rows have one label, nothing is ranked and both are as by chance, 0.5 and 1.

    Args:
        probabilities: rows × labels, each row sums to 1.
        labels: label ids, one per row.

    Raises:
        ValueError: no rows, or probabilities that are no finite numbers.
    """
    if len(labels) == 0:
        raise ValueError("there are no rows to score")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinite values")
    # A fresh instance per call: one shared between threads fails, and a failed one keeps its lock.
    metric = _metric_class()(keep_in_memory=True)
    return metric.compute(predictions=np.asarray(probabilities), references=np.asarray(labels))


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """ECE over 15 equal-width bins of the highest probability (Naeini et al. 2015; Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    # Bins are (lower, upper]; a confidence of exactly 0 cannot be the highest of a row.
    bins = np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)
    counts = np.bincount(bins, minlength=ECE_BINS)
    gaps = np.abs(np.bincount(bins, right, ECE_BINS) - np.bincount(bins, confidence, ECE_BINS))
    return float(gaps[counts > 0].sum() / len(labels))


@functools.cache
def _metric_class() -> type:
    """Built at first use: `evaluate` and scikit-learn take a second to import."""
    import datasets
    import evaluate
    from sklearn import metrics as sk

    class ClassificationMetric(evaluate.Metric):
        """Single-label classification scores from probabilities."""

        def _info(self) -> evaluate.MetricInfo:
            return evaluate.MetricInfo(
                description="Scores of a single-label classifier.",
                citation="",
                inputs_description="predictions: one list of probabilities per row; references: label ids.",
                features=datasets.Features(
                    {"predictions": datasets.Sequence(datasets.Value("float64")), "references": datasets.Value("int64")}
                ),
            )

        def _compute(self, predictions: Any, references: Any) -> dict[str, float]:  # noqa: ANN401
            probabilities = np.asarray(predictions, dtype=np.float64)
            labels = np.asarray(references)
            guesses = probabilities.argmax(axis=1)
            present = np.unique(labels)
            one_hot = labels[:, None] == np.arange(probabilities.shape[1])
            ranked = one_hot[:, present], probabilities[:, present]
            return {
                "accuracy": float(sk.accuracy_score(labels, guesses)),
                "macro_f1": float(sk.f1_score(labels, guesses, labels=present, average="macro", zero_division=0)),
                "weighted_f1": float(sk.f1_score(labels, guesses, labels=present, average="weighted", zero_division=0)),
                "macro_recall": float(sk.recall_score(labels, guesses, labels=present, average="macro", zero_division=0)),
                "matthews_corrcoef": float(sk.matthews_corrcoef(labels, guesses)),
                "roc_auc": float(sk.roc_auc_score(*ranked)) if len(present) > 1 else 0.5,
                "average_precision": float(sk.average_precision_score(*ranked)) if len(present) > 1 else 1.0,
                "log_loss": float(sk.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))),
                # Of all labels, from 0 to 2 (Brier 1950).
                "brier_score": float(((probabilities - one_hot) ** 2).sum(axis=1).mean()),
                "ece": expected_calibration_error(probabilities, labels),
            }

    return ClassificationMetric
