"""The intervals against scikit-learn, resample by resample."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tuner.evaluation import bootstrap
from tuner.evaluation.bootstrap import intervals, resampled
from tuner.evaluation.metrics import score, softmax
from tuner.evaluation.wilson import share_interval

UNBOUNDED = {"log_loss", "brier_score", "matthews_corrcoef"}


def example(rows, labels, seed, decimals=None):
    """Probabilities that are right more often than not; rounded ones are often equal."""
    random = np.random.default_rng(seed)
    truth = random.integers(labels, size=rows)
    logits = random.normal(size=(rows, labels)) + 1.5 * np.eye(labels)[truth]
    probabilities = softmax(logits)
    return (probabilities if decimals is None else probabilities.round(decimals)), truth


def draws(rows, count, seed=bootstrap.SEED):
    random = np.random.default_rng(seed)
    return [random.integers(0, rows, rows) for _ in range(count)]


def assert_as_scored(probabilities, truth, count=30):
    """Every number of every resample is that of `score` on its rows."""
    found = resampled(probabilities, truth, resamples=count)
    for number, rows in enumerate(draws(len(truth), count)):
        expected = score(probabilities[rows], truth[rows])
        assert {name: values[number] for name, values in found.scores.items()} == pytest.approx(expected, abs=1e-9)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("rows", "labels"), [(1, 2), (2, 3), (9, 3), (60, 2), (300, 3), (400, 11)])
@pytest.mark.parametrize("decimals", [None, 2, 1])
def test_every_number_of_a_resample_is_that_of_its_rows(rows, labels, decimals):
    """Few rows of many labels: most resamples lack a label; one or two decimals: most probabilities are tied."""
    assert_as_scored(*example(rows, labels, rows + labels, decimals))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_class_never_predicted_and_one_without_rows():
    probabilities, truth = example(80, 4, 0)
    probabilities[:, 1] = 0
    assert_as_scored(probabilities, np.where(truth == 2, 3, truth))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_rows_of_one_class_only():
    probabilities, _ = example(50, 3, 0)
    truth = np.full(50, 1)
    assert_as_scored(probabilities, truth)
    found = intervals(probabilities, truth).scores
    assert (found["roc_auc"], found["average_precision"]) == ((0.5, 0.5), (1, 1))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_equal_probabilities_everywhere():
    assert_as_scored(np.full((40, 2), 0.5), np.arange(40) % 2)


def test_certain_answers_right_and_wrong():
    """Probabilities of 0 and 1: the log loss of a wrong one is scikit-learn's −log ε."""
    assert_as_scored(np.eye(3)[np.arange(60) % 3], np.arange(60) % 4 % 3)


def test_labels_ranked_in_several_blocks(monkeypatch):
    monkeypatch.setattr(bootstrap, "_BLOCK", 250)
    assert_as_scored(*example(100, 7, 5, 2), count=10)


def test_a_row_drawn_more_than_255_times():
    probabilities, truth = example(600, 3, 1)
    rows = np.r_[np.zeros(300, dtype=int), np.arange(300)]
    blocks = bootstrap._rank_blocks(probabilities, truth, 1)
    sums = bootstrap._Sums(probabilities, truth, 1)
    for part in (sums, *blocks):
        part.add(0, bootstrap._weights(rows, 600))
    found = bootstrap._scores(sums, blocks)[0]
    assert {name: values[0] for name, values in found.items()} == pytest.approx(score(probabilities[rows], truth[rows]))


def test_per_class_numbers_are_those_of_scikit_learn():
    probabilities, truth = example(40, 4, 2)
    found = resampled(probabilities, truth, resamples=20).per_class
    for number, rows in enumerate(draws(40, 20)):
        expected = sk.precision_recall_fscore_support(
            truth[rows], probabilities[rows].argmax(axis=1), labels=range(4), zero_division=0
        )
        for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
            np.testing.assert_allclose(found[name][number], values, atol=1e-12)


def test_an_interval_is_the_percentiles_of_the_resamples():
    """With scikit-learn and numpy alone, for a number that is a sum and one that is a ranking."""
    probabilities, truth = example(120, 3, 3)
    found = intervals(probabilities, truth, resamples=50)
    sampled = [(truth[rows], probabilities[rows]) for rows in draws(120, 50)]
    losses = [sk.log_loss(labels, given, labels=range(3)) for labels, given in sampled]
    areas = [sk.roc_auc_score(labels, given, multi_class="ovr") for labels, given in sampled]
    recalls = [sk.recall_score(labels, given.argmax(axis=1), average=None)[1] for labels, given in sampled]
    for interval, values in (
        (found.scores["log_loss"], losses),
        (found.scores["roc_auc"], areas),
        (found.per_class[1]["recall"], recalls),
    ):
        assert interval == pytest.approx(np.percentile(values, (2.5, 97.5)), abs=1e-9)


def test_the_values_do_not_depend_on_the_number_of_threads():
    probabilities, truth = example(500, 3, 4)
    one, three = (resampled(probabilities, truth, resamples=40, threads=threads) for threads in (1, 3))
    assert all((one.scores[name] == three.scores[name]).all() for name in one.scores)
    assert all((one.per_class[name] == three.per_class[name]).all() for name in one.per_class)


def test_without_ranking_the_other_numbers_are_the_same():
    probabilities, truth = example(100, 3, 4)
    every = resampled(probabilities, truth, resamples=10).scores
    fewer = resampled(probabilities, truth, resamples=10, ranking=False).scores
    assert every.keys() - fewer.keys() == {"roc_auc", "average_precision"}
    assert all((every[name] == fewer[name]).all() for name in fewer)


@given(st.integers(1, 60), st.integers(2, 5), st.integers(0, 10_000))
def test_intervals_are_ordered_and_within_their_bounds(rows, labels, seed):
    found = intervals(*example(rows, labels, seed, seed % 3 or None), resamples=30)
    every = {**found.scores, **{(i, name): pair for i, of in enumerate(found.per_class) for name, pair in of.items()}}
    for name, (low, high) in every.items():
        assert low <= high
        assert name in UNBOUNDED or -1e-12 <= low <= high <= 1 + 1e-12


@given(st.integers(100, 400), st.integers(0, 10_000))
def test_the_interval_of_accuracy_holds_the_accuracy(rows, seed):
    probabilities, truth = example(rows, 3, seed)
    low, high = intervals(probabilities, truth, resamples=200).scores["accuracy"]
    assert low <= score(probabilities, truth)["accuracy"] <= high


@given(st.integers(1, 50), st.integers(0, 100))
def test_where_every_row_is_right_the_interval_is_wilson_s(rows, seed):
    probabilities, _ = example(rows, 3, seed)
    assert intervals(probabilities, probabilities.argmax(axis=1), resamples=20).scores["accuracy"] == share_interval(rows, rows)


def test_a_seed_gives_the_same_intervals_and_another_one_others():
    probabilities, truth = example(100, 3, 6)
    first, again, other = (intervals(probabilities, truth, resamples=50, seed=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_intervals_go_through_json():
    found = intervals(*example(30, 2, 7), resamples=20)
    assert bootstrap.Intervals.model_validate_json(found.model_dump_json()) == found


def test_four_times_the_rows_halve_the_interval():
    wide, narrow = (np.ptp(intervals(*example(rows, 3, 8)).scores["accuracy"]) for rows in (500, 2_000))
    assert narrow == pytest.approx(wide / 2, rel=0.2)


@pytest.mark.parametrize(
    ("probabilities", "truth", "message"),
    [
        (np.empty((0, 2)), [], "no rows"),
        ([[np.nan, 0.5]], [0], "NaN or infinite"),
        ([[np.inf, 0.5]], [0], "NaN or infinite"),
        ([[1.2, -0.2]], [0], r"reach from -0.2 to 1.2"),
        ([[1.0]], [0], "one column"),
        ([[0.5, 0.5]], [0, 1], r"shape \(1, 2\), label ids \(2,\)"),
        ([[0.5, 0.5]], [2], "from 0 to 1"),
        ([[0.5, 0.5]], [-1], "from 0 to 1"),
        ([[0.5, 0.5]], [0.0], "whole numbers"),
    ],
)
def test_what_cannot_be_scored_is_refused(probabilities, truth, message):
    with pytest.raises(ValueError, match=message):
        intervals(np.asarray(probabilities), np.asarray(truth))


def test_no_resamples_are_refused():
    with pytest.raises(ValueError, match="at least one"):
        intervals(*example(10, 2, 0), resamples=0)
