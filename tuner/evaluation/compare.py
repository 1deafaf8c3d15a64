"""Whether one classifier is really better than another on the same rows: paired bootstrap and McNemar's test, in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.errors import SettingsError
from tuner.evaluation.bootstrap import RESAMPLES, SEED, Interval, percentile_interval, resampled
from tuner.evaluation.metrics import LOWER_IS_BETTER, check_rows, score

# The first decides the verdict.
METRICS = {"macro_f1": "macro F1", "accuracy": "accuracy", "macro_recall": "macro recall", "log_loss": "log loss"}


class Difference(BaseModel):
    """A number of both classifiers, a − b, and the 95 % interval of that difference by paired bootstrap."""

    model_config = ConfigDict(frozen=True)

    metric: str
    a: float
    b: float
    difference: float
    interval: Interval


class McNemar(BaseModel):
    """McNemar's exact test: whether the rows that only one of the two has right fall to either side by chance."""

    model_config = ConfigDict(frozen=True)

    only_a_right: int
    only_b_right: int
    p_value: float


class Comparison(BaseModel):
    """Two classifiers on the same rows.

    Attributes:
        a, b: their names.
        settings: name → what it was for a and for b, where they differ; "" where one has no such setting.
    """

    model_config = ConfigDict(frozen=True)

    a: str
    b: str
    n: int
    differences: list[Difference]
    mcnemar: McNemar
    verdict: str
    settings: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Scored:
    """A classifier's answers on some rows.

    Attributes:
        probabilities: rows × labels.
        truth: label ids (rows,), columns of `probabilities`.
        settings: name → value, what it was trained with.
    """

    name: str
    probabilities: np.ndarray
    truth: np.ndarray
    labels: tuple[str, ...]
    settings: Mapping[str, object] = field(default_factory=dict)


def compare(a: Scored, b: Scored, *, resamples: int = RESAMPLES, seed: int = SEED) -> Comparison:
    """Compares two classifiers on the same rows in the same order. Labels are matched by name.

    Raises:
        SettingsError: labels that are not the same, or rows that are not.
        ValueError: as `metrics.check_rows`.
    """
    if sorted(a.labels) != sorted(b.labels):
        pairs = (a.labels, b.labels), (b.labels, a.labels)
        only_a, only_b = (", ".join(sorted({*own} - {*other})) or "none" for own, other in pairs)
        raise SettingsError([f"The labels differ: only {a.name} has {only_a}, only {b.name} has {only_b}."])
    columns = np.array([b.labels.index(label) for label in a.labels])
    prob_a, truth = check_rows(a.probabilities, a.truth)
    prob_b, truth_b = check_rows(b.probabilities, b.truth)
    if len(truth) != len(truth_b) or (columns[truth] != truth_b).any():
        counts = f"{len(truth):,} and {len(truth_b):,}"
        raise SettingsError([f"{a.name} and {b.name} were not scored on the same rows: {counts} rows, or other labels on them."])
    found = compare_scores(prob_a, prob_b[:, columns], truth, names=(a.name, b.name), resamples=resamples, seed=seed)
    differences, mcnemar, verdict = found
    return Comparison(
        a=a.name,
        b=b.name,
        n=len(truth),
        differences=differences,
        mcnemar=mcnemar,
        verdict=verdict,
        settings=differing(a.settings, b.settings),
    )


def compare_scores(
    prob_a: np.ndarray,
    prob_b: np.ndarray,
    truth: np.ndarray,
    *,
    names: tuple[str, str] = ("A", "B"),
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[list[Difference], McNemar, str]:
    """Differences in macro F1, accuracy, macro recall and log loss, McNemar's test, and the verdict in words.

    Args:
        prob_a, prob_b: rows × labels, the same columns.
        truth: label ids (rows,).
        names: as they stand in the verdict.

    Raises:
        ValueError: as `metrics.check_rows`, or shapes that differ.
    """
    if np.shape(prob_a) != np.shape(prob_b):
        raise ValueError(f"probabilities have shapes {np.shape(prob_a)} and {np.shape(prob_b)}; they must be the same")
    drawn = [resampled(given, truth, resamples=resamples, seed=seed, ranking=False).scores for given in (prob_a, prob_b)]
    points = [score(given, truth) for given in (prob_a, prob_b)]
    differences = [
        Difference(
            metric=metric,
            a=points[0][metric],
            b=points[1][metric],
            difference=points[0][metric] - points[1][metric],
            interval=percentile_interval(drawn[0][metric] - drawn[1][metric]),
        )
        for metric in METRICS
    ]
    mcnemar = mcnemar_test(prob_a, prob_b, truth)
    return differences, mcnemar, f"{difference_in_words(differences[0], names)} {_mcnemar_in_words(mcnemar, len(truth), names)}"


def mcnemar_test(prob_a: np.ndarray, prob_b: np.ndarray, truth: np.ndarray) -> McNemar:
    """McNemar's exact test (McNemar 1947): a binomial test of the rows that only one has right; p = 1 without such rows.

    Raises:
        ValueError: as `metrics.check_rows`.
    """
    from scipy.stats import binomtest

    right = [given.argmax(axis=1) == ids for given, ids in (check_rows(prob_a, truth), check_rows(prob_b, truth))]
    only_a, only_b = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    p_value = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a_right=only_a, only_b_right=only_b, p_value=p_value)


def difference_in_words(found: Difference, names: tuple[str, str] = ("A", "B")) -> str:
    """ "A is better: macro F1 0.71 against 0.65, difference 0.06, 95 % 0.03 to 0.09." or "No clear difference: …".

    Clear is a difference whose interval leaves out 0. With three digits where two would show 0 as a bound or no difference.
    """
    low, high = found.interval
    clear = low > 0 or high < 0
    a_is_better = (found.difference > 0) != (found.metric in LOWER_IS_BETTER)
    digits = 3 if min(abs(found.difference), abs(low), abs(high)) < 0.005 else 2

    def shown(value: float) -> str:
        return f"{value:.{digits}f}".replace("-", "−") if round(value, digits) else f"{0:.{digits}f}"

    head = f"{names[0] if a_is_better else names[1]} is better" if clear else "No clear difference"
    values = f"{METRICS.get(found.metric, found.metric)} {shown(found.a)} against {shown(found.b)}"
    return f"{head[:1].upper()}{head[1:]}: {values}, difference {shown(found.difference)}, 95 % {shown(low)} to {shown(high)}."


def differing(a: Mapping[str, object], b: Mapping[str, object]) -> dict[str, tuple[str, str]]:
    """Settings whose values differ, as text; "" where one side has no such setting."""
    pairs = {name: (a.get(name, ""), b.get(name, "")) for name in {**a, **b}}
    return {name: (str(one), str(other)) for name, (one, other) in pairs.items() if one != other}


def _mcnemar_in_words(found: McNemar, n: int, names: tuple[str, str]) -> str:
    alone = found.only_a_right + found.only_b_right
    if not alone:
        return f"Both are right on the same rows of {n:,}."
    small = "p < 0.001" if found.p_value < 0.001 else f"p = {found.p_value:.3f}"
    return (
        f"Of {n:,} rows, only {names[0]} is right on {found.only_a_right:,}, only {names[1]} on {found.only_b_right:,} "
        f"(McNemar's exact test: {small})."
    )
