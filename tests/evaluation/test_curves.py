"""ROC and precision–recall curves against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tuner.evaluation.curves import Curve, precision_recall_curves, roc_curves
from tuner.evaluation.metrics import softmax

NAMES = ("bad", "fair", "good")


def example(rows=5_000, seed=0):
    random = np.random.default_rng(seed)
    truth = random.integers(3, size=rows)
    return softmax(random.normal(size=(rows, 3)) + np.eye(3)[truth]), truth


def distance(curve, x, y):
    """The longest way from one of the points (x, y) to the nearest of the curve, along both axes."""
    return (np.abs(np.subtract.outer(x, curve.x)) + np.abs(np.subtract.outer(y, curve.y))).min(axis=1).max()


def test_areas_are_those_of_scikit_learn():
    probabilities, truth = example()
    for i, (roc, ranked) in enumerate(
        zip(roc_curves(probabilities, truth, NAMES), precision_recall_curves(probabilities, truth, NAMES), strict=True)
    ):
        assert (roc.label, ranked.label) == (NAMES[i], NAMES[i])
        assert roc.area == pytest.approx(sk.roc_auc_score(truth == i, probabilities[:, i]), abs=1e-12)
        assert ranked.area == pytest.approx(sk.average_precision_score(truth == i, probabilities[:, i]), abs=1e-12)


@pytest.mark.parametrize("make", [roc_curves, precision_recall_curves])
@pytest.mark.parametrize("rows", [10, 200, 5_000])
def test_a_curve_has_at_most_200_points_and_its_ends(make, rows):
    for curve in make(*example(rows), NAMES):
        assert 2 <= len(curve.x) == len(curve.y) <= 200
        assert (curve.x[0], curve.x[-1]) == (0, 1)
        assert curve.x == sorted(curve.x)


def test_a_thinned_roc_curve_keeps_its_shape():
    probabilities, truth = example()
    for i, curve in enumerate(roc_curves(probabilities, truth, NAMES)):
        x, y, _ = sk.roc_curve(truth == i, probabilities[:, i])
        assert len(x) > 1_000
        assert distance(curve, x, y) <= 2 / 199 + 1e-12
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=0.002)


def test_a_thinned_precision_recall_curve_keeps_its_shape():
    probabilities, truth = example()
    for i, curve in enumerate(precision_recall_curves(probabilities, truth, NAMES)):
        precision, recall, _ = sk.precision_recall_curve(truth == i, probabilities[:, i])
        assert len(recall) > 1_000
        assert distance(curve, recall, precision) < 0.03
        assert np.trapezoid(curve.y, curve.x) == pytest.approx(curve.area, abs=0.005)


@pytest.mark.parametrize("make", [roc_curves, precision_recall_curves])
def test_labels_without_rows_and_with_all_rows_are_left_out(make):
    probabilities, truth = example(50)
    assert [curve.label for curve in make(probabilities, np.minimum(truth, 1), NAMES)] == ["bad", "fair"]
    assert make(probabilities, np.zeros(50, dtype=int), NAMES) == []


def test_a_curve_by_hand():
    """In order of probability: a row of the label, one of another, one of the label."""
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8]])
    roc, ranked = (make(probabilities, np.array([0, 1, 0]), "xy")[0] for make in (roc_curves, precision_recall_curves))
    assert roc == Curve(label="x", x=[0, 0, 1, 1], y=[0, 0.5, 0.5, 1], area=0.5)
    assert ranked.area == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)


def test_labels_that_are_no_columns_are_refused():
    with pytest.raises(ValueError, match="2 labels for probabilities with 3 columns"):
        roc_curves(*example(10), NAMES[:2])


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        precision_recall_curves(np.full((2, 2), np.nan), np.array([0, 1]), "xy")
