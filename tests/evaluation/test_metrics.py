"""The metrics against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tuner.evaluation.metrics import expected_calibration_error, score, softmax


def example(rows=200, labels=4, seed=0):
    random = np.random.default_rng(seed)
    return softmax(random.normal(size=(rows, labels)) * 2), random.integers(labels, size=rows)


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("accuracy", lambda p, y: sk.accuracy_score(y, p.argmax(1))),
        ("macro_f1", lambda p, y: sk.f1_score(y, p.argmax(1), average="macro")),
        ("macro_recall", lambda p, y: sk.balanced_accuracy_score(y, p.argmax(1))),
        ("log_loss", lambda p, y: sk.log_loss(y, p)),
    ],
)
def test_scores_are_those_of_scikit_learn(name, reference):
    probabilities, labels = example()
    assert score(probabilities, labels)[name] == pytest.approx(reference(probabilities, labels))


def test_a_label_without_rows_does_not_lower_the_macro_scores():
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])
    found = score(probabilities, np.array([0, 1]))
    assert (found["macro_f1"], found["macro_recall"]) == (1, 1)


def test_ece_by_hand():
    """Two rows in bin (0.6, 0.667], one right; one row in bin (0.867, 0.933], right."""
    probabilities = np.array([[0.65, 0.35], [0.35, 0.65], [0.9, 0.1]])
    assert expected_calibration_error(probabilities, np.array([0, 0, 0])) == pytest.approx((2 * abs(0.5 - 0.65) + 0.1) / 3)


def test_ece_of_sure_and_right_answers_is_zero_and_of_sure_and_wrong_ones_is_one():
    probabilities = np.eye(3)
    assert expected_calibration_error(probabilities, np.arange(3)) == 0
    assert expected_calibration_error(probabilities, np.array([1, 2, 0])) == 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_refused(bad):
    with pytest.raises(ValueError, match="NaN or infinite"):
        score(np.array([[bad, 0.5]]), np.array([0]))


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="no rows"):
        score(np.empty((0, 2)), np.array([]))


def test_softmax_stands_large_logits():
    np.testing.assert_allclose(softmax(np.array([[1000.0, 1000.0], [-1000.0, 1000.0]])), [[0.5, 0.5], [0, 1]])


@given(st.integers(1, 60), st.integers(2, 6), st.integers(0, 10_000))
def test_every_score_lies_in_its_range(rows, labels, seed):
    found = score(*example(rows, labels, seed))
    assert all(0 <= found[name] <= 1 for name in ("accuracy", "macro_f1", "macro_recall", "ece"))
    assert found["log_loss"] >= 0
