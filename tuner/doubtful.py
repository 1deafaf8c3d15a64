"""The texts whose labels would teach a classifier most: doubtful ones, no two of them alike."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.data.reading import is_blank
from tuner.data.repeats import first_of_each, repeat_keys
from tuner.errors import SettingsError, SourceError
from tuner.inference import Classifier, check_texts, diverged

MOST_TEXTS = 100_000
MOST_CHOSEN = 1_000
MOST_LIKELY = 9
# Zhdanov 2019 takes the beta * n most doubtful, beta 10 to 50, before it looks at how they differ.
_BETA = 10
_FEWEST_CANDIDATES = 200
# None that is less than half as doubtful as the n-th.
_LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Doubtful:
    """A text to label.

    Attributes:
        position: in the texts given, from 0.
        label: what the classifier answers, with `probability`.
        doubt: 1 − (probability of the likeliest label − that of the second), 0 … 1.
        likeliest: labels, the likeliest first, nine at most.
    """

    position: int
    text: str
    label: str
    probability: float
    doubt: float
    likeliest: tuple[str, ...] = ()


def choose(
    classifier: Classifier,
    texts: Sequence[str],
    n: int = 20,
    on_progress: Callable[[int], None] | None = None,
    seed: int = 42,
    should_stop: Callable[[], bool] | None = None,
    labelled: Sequence[str] = (),
) -> list[Doubtful]:
    """At most n of the texts, the most doubtful first; the same for the same arguments on the same machine.

    The 10 n texts of least margin (200 at least), but none that is less than half as doubtful as the n-th, are parted into n
    clusters of the classifier's own embeddings by k-means, in which a text weighs as much as its doubt, and of each cluster the
    text nearest to its centre is taken (F. Zhdanov: Diverse mini-batch Active Learning, 2019). Empty texts are passed over, and
    of those that differ in case and blanks alone all but the first. All texts are scored as fast as the machine can, in bf16
    where it has that; those chosen are scored again, in float32, so that they have the answers of `Classifier.predict`.

    Args:
        n: 1 … 1,000.
        on_progress: called with the number of texts scored so far.
        should_stop: asked after each batch; nothing is kept.
        labelled: texts that have a label by now; none of them is chosen, nor what differs from one in case and blanks alone.

    Raises:
        SettingsError: n out of its range.
        SourceError: no text without a label, or more than 100,000, or half a character in one of them.
        ModelError: the classifier answers none of them with finite numbers.
        TunerError: it should stop.
    """
    if not 1 <= n <= MOST_CHOSEN:
        raise SettingsError([f"{n} texts cannot be chosen; 1 to {MOST_CHOSEN:,} can."], "Ask for another number.")
    if len(texts) > MOST_TEXTS:
        raise SourceError(f"{len(texts):,} texts are more than the {MOST_TEXTS:,} that can be looked at.", "Give fewer.")
    given = _different(texts)
    if not len(given):
        raise SourceError("There is no text to choose from.", "Give texts with at least one word each.")
    keys, known = repeat_keys([texts[i] for i in given], labelled)
    given = given[~np.isin(keys, known)]
    if not len(given):
        raise SourceError("All of these texts are labelled already.", "Give others, or train with these labels.")
    from tuner.neighbours.embedding import embeddings, unless_stopped

    probabilities = classifier.score([texts[i] for i in given], on_progress=unless_stopped(should_stop, on_progress))
    finite = np.isfinite(probabilities).all(axis=1)
    if not finite.any():
        raise diverged(classifier.name)
    given, probabilities = given[finite], probabilities[finite]
    doubt = doubts(probabilities)
    candidates = np.argsort(-doubt, kind="stable")[: max(_BETA * n, _FEWEST_CANDIDATES)]
    least = doubt[candidates[min(n, len(candidates)) - 1]]  # of few texts, the sure ones are candidates, too
    candidates = candidates[doubt[candidates] >= _LEAST_SHARE * least]
    if len(candidates) > n:
        vectors = embeddings(classifier, [texts[given[i]] for i in candidates], on_progress=unless_stopped(should_stop))
        candidates = candidates[np.sort(_spread(vectors, doubt[candidates], n, seed))]
    return _answered(classifier, texts, given[candidates].tolist())


def _answered(classifier: Classifier, texts: Sequence[str], positions: list[int]) -> list[Doubtful]:
    """The texts at these positions with the answers of `predict`, the most doubtful first."""
    answers = classifier.predict([texts[i] for i in positions])
    doubt = doubts(np.array([list(answer.probabilities.values()) for answer in answers]))
    chosen = [
        Doubtful(
            position,
            answer.text,
            answer.label,
            answer.probabilities[answer.label],
            float(doubted),
            _likeliest(answer.probabilities),
        )
        for position, answer, doubted in zip(positions, answers, doubt, strict=True)
    ]
    return sorted(chosen, key=lambda row: -row.doubt)


def _likeliest(probabilities: dict[str, float]) -> tuple[str, ...]:
    return tuple(sorted(probabilities, key=lambda label: -probabilities[label])[:MOST_LIKELY])


def doubts(probabilities: np.ndarray) -> np.ndarray:
    """1 − the margin between the two likeliest labels, one per text: 0 where one label is certain, 1 where two are as likely.

    Args:
        probabilities: texts × labels.
    """
    two = np.sort(probabilities, axis=1)[:, -2:]
    return np.clip(1 - (two[:, 1] - two[:, 0]), 0, 1)


def _different(texts: Sequence[str]) -> np.ndarray:
    """Positions of the texts that are not empty and repeat none before them."""
    blank = [is_blank(text) for text in texts]
    check_texts(["-" if skipped else text for text, skipped in zip(texts, blank, strict=True)])  # says the place in all texts
    seen = np.flatnonzero(np.logical_not(blank))
    return seen[first_of_each(repeat_keys([texts[i] for i in seen])[0])]


def _spread(vectors: np.ndarray, weights: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Positions of n vectors, each the nearest to the centre of its cluster.

    Args:
        weights: how much each counts, in descending order; where fewer than n vectors differ, the first others fill up.
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer different vectors than clusters
        clusters = KMeans(n, n_init=1, random_state=seed).fit(vectors, sample_weight=np.maximum(weights, 1e-9))
    far = np.linalg.norm(vectors - clusters.cluster_centers_[clusters.labels_], axis=1)
    by_distance = np.lexsort((np.arange(len(far)), far, clusters.labels_))
    _, firsts = np.unique(clusters.labels_[by_distance], return_index=True)
    chosen = by_distance[firsts]
    others = np.setdiff1d(np.arange(len(vectors)), chosen)
    return np.concatenate([chosen, others[: n - len(chosen)]])
