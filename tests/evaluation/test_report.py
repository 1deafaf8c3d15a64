"""EvaluationReport."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.metrics import softmax
from tuner.evaluation.report import EvaluationReport, make_report

NAMES = ("bad", "fair", "good")
ABOUT = {"model": "m", "source": "s", "split": "test", "data_fingerprint": "f", "rows_fingerprint": "r"}


def report_of(truth, predicted):
    """A report of sure answers."""
    return make_report(np.eye(3)[predicted] * 0.94 + 0.02, truth, NAMES, **ABOUT)


def random_report(rows, seed):
    random = np.random.default_rng(seed)
    truth = random.integers(3, size=rows)
    return make_report(softmax(random.normal(size=(rows, 3)) + 2 * np.eye(3)[truth]), truth, NAMES, **ABOUT)


def test_rows_of_the_confusion_matrix_are_true_labels():
    assert report_of([0, 0, 0, 1], [0, 2, 2, 1]).confusion_matrix == [[1, 0, 2], [0, 1, 0], [0, 0, 0]]


def test_class_scores_are_those_of_scikit_learn():
    truth, predicted = [0, 0, 0, 1, 1, 2], [0, 2, 2, 1, 0, 2]
    expected = sk.precision_recall_fscore_support(truth, predicted)
    scores = report_of(truth, predicted).per_class
    found = [[getattr(scores[name], field) for name in NAMES] for field in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, expected)


def test_majority_accuracy_is_that_of_the_most_frequent_label():
    assert report_of([0, 0, 0, 1], [1, 1, 1, 1]).majority_accuracy == 0.75


def test_the_headline_names_the_most_frequent_mistake():
    headline = report_of([0, 0, 0, 1], [0, 2, 2, 1]).headline
    assert headline == (
        "Right 50% of the time; most often mistakes bad for good; 25 points worse than always answering the most frequent label."
    )


def test_as_good_as_a_baseline_is_no_better():
    """Once "0 points better than …"."""
    assert "; no better than always answering the most frequent label." in report_of([0, 0, 1], [0, 0, 0]).headline


def test_ten_rows_that_are_all_right_are_no_proof():
    """Once "95 %: 1.000–1.000", of ten rows and of one."""
    report = report_of([0, 1] * 5, [0, 1] * 5)
    assert in_words(report.intervals["accuracy"]) == "0.722–1.000"
    assert in_words(report.per_class["bad"].recall_interval) == "0.566–1.000"
    assert in_words(report.intervals["macro_f1"]) == in_words(report.per_class["bad"].f1_interval) == "no interval"
    one = report_of([0, 0, 1], [0, 0, 0]).per_class["fair"]
    assert in_words(one.recall_interval) == "0.000–0.793"
    assert in_words(one.precision_interval) == "no interval"  # never answered


@pytest.mark.parametrize(("split", "words"), [("test", "2 test rows"), ("all", "all 2 rows")])
def test_the_rows_that_were_scored_are_named(split, words):
    assert report_of([0, 1], [0, 1]).model_copy(update={"split": split}).rows_in_words == words


def test_a_faultless_headline_names_no_mistake():
    assert "mistakes" not in report_of([0, 1, 2], [0, 1, 2]).headline


@given(st.integers(1, 200), st.integers(0, 1000))
def test_intervals_are_ordered_and_those_of_shares_lie_between_zero_and_one(rows, seed):
    found = random_report(rows, seed).intervals
    assert all(low <= high for low, high in found.values())
    bounded = found.keys() - {"log_loss", "brier_score", "matthews_corrcoef"}
    assert all(found[name][0] >= 0 and found[name][1] <= 1 for name in bounded)


@pytest.mark.parametrize("metric", ["accuracy", "macro_f1", "macro_recall"])
def test_intervals_contain_the_score(metric):
    for seed in range(20):
        report = random_report(300, seed)
        low, high = report.intervals[metric]
        assert low <= getattr(report, metric) <= high


def test_the_interval_of_accuracy_is_that_of_a_share():
    """Normal approximation of a binomial: ± 1.96 √(p (1 − p) / n)."""
    report = random_report(2_000, 1)
    half = 1.96 * np.sqrt(report.accuracy * (1 - report.accuracy) / report.n)
    assert report.intervals["accuracy"] == pytest.approx((report.accuracy - half, report.accuracy + half), abs=0.004)


def test_more_rows_make_a_narrower_interval():
    wide, narrow = (np.ptp(random_report(rows, 3).intervals["macro_f1"]) for rows in (100, 5_000))
    assert narrow < wide / 4


def test_the_same_rows_give_the_same_intervals():
    assert random_report(100, 1) == random_report(100, 1)


def test_json_gives_an_equal_report_back():
    report = random_report(50, 2)
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 2\), expected \(2, 3\)"):
        make_report(np.full((2, 2), 0.5), [0, 1], NAMES, **ABOUT)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        make_report(np.full((1, 3), np.nan), [0], NAMES, **ABOUT)


def many_labels(wrong, labels=40):
    """A report of three rows for each label; of the rows of label `true` in `wrong` one or more got another answer."""
    names = [f"label {i}" for i in range(labels)]
    truth = np.repeat(np.arange(labels), 3)
    predicted = truth.copy()
    for true, answer, rows in wrong:
        predicted[np.flatnonzero((truth == true) & (predicted == true))[:rows]] = answer
    return make_report(np.eye(labels)[predicted] * 0.9 + 0.1 / labels, truth, names, **ABOUT)


def test_confusions_stand_in_order_of_their_rows():
    assert many_labels([(1, 39, 1), (38, 2, 2)]).confusions == [("label 38", "label 2", 2), ("label 1", "label 39", 1)]


def test_of_many_labels_the_matrix_has_those_most_confused_in_their_order():
    """Every label was drawn: with 500 the browser was lost."""
    labels = many_labels([(1, 39, 1), (38, 30, 2)]).matrix_labels
    assert labels == [f"label {i}" for i in [*range(21), 30, 38, 39]]


def test_a_matrix_of_24_labels_has_all():
    assert many_labels([(1, 2, 1)], labels=24).matrix_labels == [f"label {i}" for i in range(24)]


def test_of_many_labels_curves_are_those_of_lowest_average_precision():
    report = many_labels([(i, 0, 3) for i in range(30, 37)])
    assert report.curve_labels == ["label 0", *(f"label {i}" for i in range(30, 37))]
