"""What a classifier is worth: the answers of cheaper ones to the same rows. Pure."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.evaluation.compare import Difference, compare_scores
from tuner.evaluation.metrics import score
from tuner.evaluation.word_counts import MOST_CHARACTERS, vectorizer

# Training rows that word counts learn from; of more, so many are drawn.
MOST_ROWS = 100_000
_SEED = 42
# 22,514 rows of sample:tweets, scored on its 2,000 validation rows (macro F1, accuracy): C 1: 0.749 0.787; 3: 0.761 0.793;
# 10: 0.760 0.790; 3 without balanced classes: 0.752 0.798 (its first 1,000 rows: 0.637 with, 0.585 without). Balanced, since
# baselines are compared by macro F1.
_C = 3
_MOST_ITERATIONS = 200


class Baseline(BaseModel):
    """A cheaper or another model on the rows of a report.

    Attributes:
        name: as a person reads it.
        difference: macro F1 of the report's model minus this one's; None where it was not compared.
        verdict: the comparison in words.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kind: Literal["majority", "tfidf", "untouched", "model"]
    accuracy: float
    macro_f1: float
    macro_recall: float
    difference: Difference | None = None
    verdict: str = ""


def majority(train_truth: Sequence[int] | np.ndarray, n: int, k: int) -> np.ndarray:
    """Always the most frequent label of the training rows: probabilities (n × k) of 1 for it; of two alike the first.

    Raises:
        ValueError: there are no training rows, or their labels are none of 0 … k − 1.
    """
    counts = np.bincount(_checked(train_truth, k), minlength=k)
    found = np.zeros((n, k))
    found[:, counts.argmax()] = 1.0
    return found


def tfidf(train_texts: Sequence[str], train_truth: Sequence[int] | np.ndarray, texts: Sequence[str], k: int) -> np.ndarray:
    """Logistic regression on TF-IDF of words and pairs of words: its probabilities (texts × k, float64) after the training rows.

    A label without training rows gets 0. The same numbers for the same arguments; of more than 100,000 training rows so many
    are drawn, and of each text the first 2,000 characters are read. Texts without a letter in training: as `majority`.

    Raises:
        ValueError: there are no training rows, labels that are none of 0 … k − 1, or another number of labels than texts.
    """
    from sklearn.linear_model import LogisticRegression

    truth = _checked(train_truth, k)
    if len(train_texts) != len(truth):
        raise ValueError(f"{len(train_texts)} training texts and {len(truth)} labels")
    drawn = _drawn(len(truth))
    seen, learnt = [train_texts[i][:MOST_CHARACTERS] for i in drawn], truth[drawn]
    words = vectorizer(seen, k)
    try:
        matrix = words.fit_transform(seen)
    except ValueError:  # "empty vocabulary"
        matrix = None
    if matrix is None or len(np.unique(learnt)) < 2 or not len(texts):
        return majority(truth, len(texts), k)
    model = LogisticRegression(C=_C, class_weight="balanced", max_iter=_MOST_ITERATIONS).fit(matrix, learnt)
    found = np.zeros((len(texts), k))
    found[:, model.classes_] = model.predict_proba(words.transform([text[:MOST_CHARACTERS] for text in texts]))
    return found


def compared(name: str, kind: str, probabilities: np.ndarray, of_model: np.ndarray, truth: np.ndarray) -> Baseline:
    """A baseline's scores, and the model's beside them.

    Args:
        probabilities, of_model: the baseline's and the model's, rows × labels.
        truth: label ids, one per row.
    """
    scores = score(probabilities, truth)
    differences, _, verdict = compare_scores(of_model, probabilities, truth, names=("this model", name))
    return Baseline(
        name=name,
        kind=kind,
        **{metric: scores[metric] for metric in ("accuracy", "macro_f1", "macro_recall")},
        difference=next((found for found in differences if found.metric == "macro_f1"), None),
        verdict=verdict,
    )


def _checked(truth: Sequence[int] | np.ndarray, k: int) -> np.ndarray:
    ids = np.asarray(truth, dtype=np.int64)
    if not len(ids):
        raise ValueError("there are no training rows to learn from")
    if ids.min() < 0 or ids.max() >= k:
        raise ValueError(f"label ids from {ids.min()} to {ids.max()}, but there are {k} labels")
    return ids


def _drawn(count: int) -> np.ndarray:
    """Positions of the rows learnt from, ascending."""
    if count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(_SEED).choice(count, MOST_ROWS, replace=False))
