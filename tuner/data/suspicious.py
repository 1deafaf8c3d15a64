"""Labels that look wrong, worst first: a list for a person to go through, never a count of errors.

Pure: texts, labels and probabilities in, suspicions out; it changes no row and saves nothing
(decisions about rows are kept by `tuner.data.overlay`). It must not be read as a measure of the
data: cleanlab's filter flags 28 % of a public tweet set, and nobody has shown those labels wrong.
"""

# Measured on sample:tweets, 5,000 training rows (seed 42), 2 % of the labels flipped at random to
# another class, five draws of flips, one CPU core. Of the first 100 rows listed, 30 35 30 31 28 were
# flipped ones: precision@100 = 31 % where chance finds 2 %, in 1.2 s (20,000 rows: 62 %, 7 s). The
# others are the source's own doubtful labels and the model's mistakes; nobody has told them apart.
# First three draws, and what else was tried:
#   score                       first 100
#   self_confidence             30 35 30   ← taken
#   normalized_margin           25 32 31
#   either, adjust_pred_probs   13 – 24
#   class_weight="balanced"     29 30 29
#   min_df=1                    29 38 33   but 2.9 s: three times as many columns
# C between 1 and 10 moves it by 2 rows. The margin answers "is another label better?", which the
# list asks anyway: only rows whose suggestion differs from their label are on it.

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tuner.evaluation import word_counts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

    from tuner.data.labelled import LabelledData

MOST_ROWS = 20_000


@dataclass(frozen=True)
class Suspicion:
    """A row whose label the probabilities speak against.

    Attributes:
        row_id: "split/position" in the source.
        role: "train", "validation" or "test".
        label, suggested: label names, never the same.
        probability_label, probability_suggested: what the model gives the two, 0 to 1.
        score: cleanlab's label quality (self_confidence), 0 to 1; lower is more suspicious.
    """

    row_id: str
    role: str
    text: str
    label: str
    suggested: str
    probability_label: float
    probability_suggested: float
    score: float


def suspicious_labels(
    texts: Sequence[str],
    labels: Sequence[int],
    names: Sequence[str],
    row_ids: Sequence[str],
    roles: Sequence[str],
    probabilities: np.ndarray | None = None,
    seed: int = 42,
    most: int = 200,
) -> list[Suspicion]:
    """The rows whose suggested label differs from their own, worst first; at most `most`.

    Args:
        labels: indices into `names`.
        probabilities: rows × len(names), of a model that was not trained on these rows (a run's
            predictions of validation and test rows). Without them `out_of_fold_probabilities` are
            taken, and of more than 20,000 rows only `sample_of(len(texts), seed)` is looked at.

    Raises:
        ValueError: the arguments differ in length.
    """
    from cleanlab.rank import get_label_quality_scores

    if not len(texts) == len(labels) == len(row_ids) == len(roles):
        raise ValueError(f"{len(texts)} texts, {len(labels)} labels, {len(row_ids)} row ids and {len(roles)} roles")
    if not len(texts):
        return []
    given = np.asarray(labels, dtype=int)
    if probabilities is None:
        probabilities = out_of_fold_probabilities(texts, labels, len(names), seed)
    if probabilities.shape != (len(texts), len(names)):
        raise ValueError(f"probabilities of shape {probabilities.shape} for {len(texts)} rows and {len(names)} classes")
    belief = np.clip(probabilities, 0, 1)  # float32 predictions may reach 1.0000001, which cleanlab refuses
    suggested, rows = belief.argmax(axis=1), np.arange(len(given))
    scores = get_label_quality_scores(given, belief, method="self_confidence")
    # Strictly more probable: rows with uniform probabilities (nothing is known of them) are never suspected.
    doubted = np.flatnonzero(belief[rows, suggested] > belief[rows, given])
    worst = doubted[np.argsort(scores[doubted], kind="stable")][:most]
    return [
        Suspicion(
            row_id=row_ids[i],
            role=roles[i],
            text=texts[i],
            label=names[given[i]],
            suggested=names[suggested[i]],
            probability_label=float(belief[i, given[i]]),
            probability_suggested=float(belief[i, suggested[i]]),
            score=float(scores[i]),
        )
        for i in worst.tolist()
    ]


def suspicious_in(
    data: "LabelledData", score: Callable[[Sequence[str]], np.ndarray] | None = None, most: int = 200
) -> list[Suspicion]:
    """`suspicious_labels` of a data set.

    Args:
        score: texts → probabilities (rows × labels of the data) of a model trained on its training rows: then the
            validation and test rows alone are judged. None: all rows are, by word counts.
    """
    roles = list(data.splits) if score is None else [role for role in data.splits if role != "train"]
    parts = [(role, data.splits[role]) for role in roles]
    texts = [text for _, part in parts for text in part.texts]
    return suspicious_labels(
        texts,
        [label for _, part in parts for label in part.labels],
        data.labels,
        [part.row_name(i) for _, part in parts for i in range(len(part))],
        [role for role, part in parts for _ in range(len(part))],
        score(texts) if score else None,
        most=most,
    )


def sample_of(count: int, seed: int = 42) -> np.ndarray:
    """Positions of the rows that are looked at, ascending: all, or 20,000 drawn by the seed."""
    if count <= MOST_ROWS:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST_ROWS, replace=False))


def out_of_fold_probabilities(
    texts: Sequence[str], labels: Sequence[int], classes: int, seed: int = 42, folds: int = 5
) -> np.ndarray:
    """Each row's class probabilities by a model that never saw its label: rows × classes, float64.

    TF-IDF and logistic regression on one core, the same numbers for the same arguments. Uniform
    rows, which say nothing: those outside `sample_of`, those of a class with fewer rows than there
    are folds (it would be judged by next to nothing), and all of them where there is one class.
    Fewer folds are made where no class has a row for each.
    """
    found = np.full((len(texts), classes), 1 / classes)
    looked_at = sample_of(len(texts), seed)
    targets = np.asarray(labels, dtype=int)[looked_at]
    counts = Counter(targets.tolist())
    folds = min(folds, max(counts.values(), default=0))
    matrix = (
        tfidf([texts[i][: word_counts.MOST_CHARACTERS] for i in looked_at], classes) if len(counts) > 1 and folds > 1 else None
    )
    if matrix is not None:
        common = np.array([counts[target] >= folds for target in targets.tolist()])
        found[looked_at[common]] = _cross_predict(matrix, targets, common, classes, seed, folds)
    return found


def _cross_predict(
    matrix: "csr_matrix", targets: np.ndarray, common: np.ndarray, classes: int, seed: int, folds: int
) -> np.ndarray:
    """Probabilities of the common rows; the rare ones are in every training, so that all classes are."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold

    judged, rare = np.flatnonzero(common), np.flatnonzero(~common)
    found = np.zeros((len(judged), classes))
    cuts = StratifiedKFold(folds, shuffle=True, random_state=seed).split(judged, targets[judged])
    for seen, held_out in cuts:
        training = np.concatenate([judged[seen], rare])
        model = LogisticRegression(C=3, max_iter=100).fit(matrix[training], targets[training])
        found[held_out[:, None], model.classes_] = model.predict_proba(matrix[judged[held_out]])
    return found


def tfidf(texts: list[str], classes: int) -> "csr_matrix | None":
    """Words and pairs of words, sublinear; fitted on all rows, as it reads no label. None where no text has a letter."""
    try:
        return word_counts.vectorizer(texts, classes).fit_transform(texts)
    except ValueError:  # "empty vocabulary"
        return None
