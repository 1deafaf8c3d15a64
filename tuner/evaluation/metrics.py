"""The metrics, computed by scikit-learn inside one local `evaluate.Metric`.

`evaluate.load("accuracy")` would ask the network, and `evaluate.combine` cannot average over classes.
"""

import functools
import re
from typing import Any

import numpy as np

from tuner.errors import NetworkError, SettingsError
from tuner.hub_read import within_deadline

ECE_BINS = 15
# Some scripts bring packages or tables along.
_LOADING_SECONDS = 30.0
# The scores of `score`; of the first the highest is the best, of the others the lowest.
HIGHER_IS_BETTER = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "macro_recall",
    "matthews_corrcoef",
    "roc_auc",
    "average_precision",
)
LOWER_IS_BETTER = ("log_loss", "brier_score", "ece")
# As people read them.
NAMES = {
    "accuracy": "accuracy",
    "macro_f1": "macro F1",
    "weighted_f1": "weighted F1",
    "macro_recall": "macro recall",
    "balanced_accuracy": "balanced accuracy",
    "matthews_corrcoef": "Matthews correlation",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier_score": "Brier score",
    "ece": "ECE",
    "loss": "loss",
}


def full_name(metric: str) -> str:
    """A metric's name with what a reader may ask: "log loss (lower is better)"."""
    more = {
        "macro_recall": "balanced accuracy",
        "roc_auc": "one label against the rest",
        "average_precision": "one label against the rest",
        "log_loss": "lower is better",
        "brier_score": "0 to 2, lower is better",
        "ece": "15 bins, lower is better",
    }
    return NAMES[metric] + (f" ({more[metric]})" if metric in more else "")


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities (rows × labels, float64) of logits of the same shape."""
    shifted = np.asarray(logits, dtype=np.float64)
    shifted = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def score(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Accuracy, F1, recall, Matthews correlation, ROC-AUC, average precision, log loss, Brier score and ECE.

    Balanced accuracy is another name for macro recall, and stands under both.
    What is averaged over labels counts those that occur: one without rows has no recall. ROC-AUC and average precision are
    of one label against the rest; where all rows have one label, nothing is ranked and both are as by chance, 0.5 and 1.

    Args:
        probabilities: rows × labels, each row sums to 1.
        labels: label ids, one per row.

    Raises:
        ValueError: as `check_rows`.
    """
    probabilities, labels = check_rows(probabilities, labels)
    # Not by `compute`, which takes every row through Python lists: 1.3 s for 100,000 rows instead of 0.3 s.
    return classification_metric()._compute(probabilities, labels)


def classification_metric() -> Any:  # noqa: ANN401
    """The `evaluate.Metric` behind `score`: predictions are lists of probabilities, references label ids.

    A fresh one per call: one shared between threads fails, and a failed one keeps its lock.
    """
    return _metric_class()(keep_in_memory=True)


def check_rows(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same as float64 (rows × labels) and int64 (rows,), once they are known to be what a metric can read.

    Raises:
        ValueError: no rows, fewer than two labels, shapes that do not fit, label ids that are no column, probabilities that
            are no finite numbers or lie outside [0, 1].
    """
    probabilities, ids = np.asarray(probabilities, dtype=np.float64), np.asarray(truth)
    if len(ids) == 0:
        raise ValueError("there are no rows to score")
    if probabilities.ndim != 2 or ids.shape != probabilities.shape[:1]:
        raise ValueError(f"probabilities have shape {probabilities.shape}, label ids {ids.shape}: expected (n, labels) and (n,)")
    if probabilities.shape[1] < 2:
        raise ValueError("probabilities have one column; a classifier has at least two labels")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinite values")
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError(f"probabilities reach from {probabilities.min():g} to {probabilities.max():g}, outside 0 to 1")
    if not np.issubdtype(ids.dtype, np.integer) or ids.min() < 0 or ids.max() >= probabilities.shape[1]:
        raise ValueError(f"label ids must be whole numbers from 0 to {probabilities.shape[1] - 1}, one for each column")
    return probabilities, ids.astype(np.int64)


def confidence_bins(confidence: np.ndarray) -> np.ndarray:
    """The bin (0 to 14) of each confidence. Bins are (lower, upper]; a confidence of 0, which no row's highest is, falls in 0."""
    return np.clip(np.ceil(confidence * ECE_BINS).astype(int) - 1, 0, ECE_BINS - 1)


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """ECE over 15 equal-width bins of the highest probability (Naeini et al. 2015; Guo et al. 2017)."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = confidence_bins(confidence)
    gaps = np.abs(np.bincount(bins, right, ECE_BINS) - np.bincount(bins, confidence, ECE_BINS))
    return float(gaps.sum() / len(labels))


def row_losses(probabilities: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log loss and Brier score (Brier 1950: of all labels, from 0 to 2) of each row; their means are those of `score`."""
    given = probabilities[np.arange(len(truth)), truth]
    epsilon = np.finfo(np.float64).eps  # scikit-learn's log_loss keeps as far from 0 and 1
    one_hot = truth[:, None] == np.arange(probabilities.shape[1])
    return -np.log(np.clip(given, epsilon, 1 - epsilon)), ((probabilities - one_hot) ** 2).sum(axis=1)


def precision_recall_f1(right: np.ndarray, predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, ...]:
    """Precision, recall and F1 from counts of any shape; 0 where there is nothing to divide by, as zero_division=0."""

    def share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
        return np.divide(part, whole, out=np.zeros(np.shape(whole)), where=whole > 0)

    return share(right, predicted), share(right, true), share(2 * right, predicted + true)


def hub_metric(name: str, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """A metric of the Hub's own collection (https://huggingface.co/evaluate-metric) on label ids, by its name there.

    Loading one runs its script, so that those of other owners are not loaded.

    Args:
        name: such as "cohen_kappa" or "f1".
        predictions, references: label ids (rows,).

    Returns:
        Metric's key → value; results that are no single numbers are left out.

    Raises:
        SettingsError: a name that is none of the collection's, a metric that cannot read label ids, or no numbers.
        NetworkError: it cannot be loaded: no connection, or no metric of this name.
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", name):
        raise SettingsError([f"metric = '{name}': it must be a name from the Hub's collection, such as 'cohen_kappa'."])
    import evaluate

    def load() -> Any:  # noqa: ANN401
        # With its owner: a bare name would mean a folder of that name in the working directory first.
        return evaluate.load(f"evaluate-metric/{name}", module_type="metric", keep_in_memory=True)

    try:
        metric = within_deadline(load, _LOADING_SECONDS)
    except ImportError as error:
        raise SettingsError([f"metric = '{name}': it needs a package that is not installed ({error})."]) from None
    except (OSError, TypeError) as error:
        raise NetworkError(
            f"The metric '{name}' could not be loaded from the Hub ({type(error).__name__}).",
            "Check the connection and the name at https://huggingface.co/evaluate-metric.",
        ) from None
    return _computed(metric, name, predictions, references)


def _computed(metric: Any, name: str, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:  # noqa: ANN401
    several = len(np.unique([predictions, references])) > 2
    try:
        try:
            found = metric.compute(predictions=predictions, references=references)
        except ValueError:
            # F1, precision and recall of several labels must be told how to average.
            if not several:
                raise
            found = metric.compute(predictions=predictions, references=references, average="macro")
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise SettingsError([f"metric = '{name}': it cannot be computed from label ids ({reason})."]) from None
    numbers = {key: float(value) for key, value in (found or {}).items() if isinstance(value, int | float | np.number)}
    if not numbers:
        raise SettingsError([f"metric = '{name}': it gives no single number."])
    return numbers


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
            macro_recall = float(sk.recall_score(labels, guesses, labels=present, average="macro", zero_division=0))
            return {
                "accuracy": float(sk.accuracy_score(labels, guesses)),
                "macro_f1": float(sk.f1_score(labels, guesses, labels=present, average="macro", zero_division=0)),
                "weighted_f1": float(sk.f1_score(labels, guesses, labels=present, average="weighted", zero_division=0)),
                "macro_recall": macro_recall,
                "balanced_accuracy": macro_recall,
                "matthews_corrcoef": float(sk.matthews_corrcoef(labels, guesses)),
                "roc_auc": float(sk.roc_auc_score(*ranked)) if len(present) > 1 else 0.5,
                "average_precision": float(sk.average_precision_score(*ranked)) if len(present) > 1 else 1.0,
                "log_loss": float(sk.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))),
                "brier_score": float(row_losses(probabilities, labels)[1].mean()),
                "ece": expected_calibration_error(probabilities, labels),
            }

    return ClassificationMetric
