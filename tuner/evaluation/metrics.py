"""The metrics, computed by scikit-learn inside one local `evaluate.Metric`.

`evaluate.load("accuracy")` would ask the network, and `evaluate.combine` cannot average over classes.
"""

import functools
from typing import Any

import numpy as np

ECE_BINS = 15


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (rows × labels, float64) of logits of the same shape."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, macro F1, macro recall, log loss and ECE.

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
                description="Accuracy, macro F1, macro recall, log loss and ECE of a single-label classifier.",
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
            return {
                "accuracy": float(sk.accuracy_score(labels, guesses)),
                # Over the labels that occur: one without rows has no recall.
                "macro_f1": float(sk.f1_score(labels, guesses, labels=present, average="macro", zero_division=0)),
                "macro_recall": float(sk.recall_score(labels, guesses, labels=present, average="macro", zero_division=0)),
                "log_loss": float(sk.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))),
                "ece": expected_calibration_error(probabilities, labels),
            }

    return ClassificationMetric
