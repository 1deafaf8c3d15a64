"""Temperature, reliability, coverage and thresholds."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from tuner.errors import SettingsError
from tuner.evaluation.calibration import (
    Calibration,
    apply_temperature,
    calibration,
    coverage_curve,
    fit_temperature,
    reliability,
    threshold_for_cost,
    threshold_for_precision,
    why_unfitted,
)
from tuner.evaluation.metrics import expected_calibration_error, score, softmax

seeds = st.integers(0, 10_000)
temperatures = st.floats(0.2, 5)


def example(rows=300, labels=3, seed=0, sharpness=1.0):
    """Answers whose logits are `sharpness` times those the labels were drawn from."""
    random = np.random.default_rng(seed)
    logits = 1.5 * random.normal(size=(rows, labels))
    truth = (softmax(logits).cumsum(axis=1) > random.random((rows, 1))).argmax(axis=1)
    return softmax(sharpness * logits), truth


def of_confidence(*answers):
    """Probabilities and labels of (confidence, is right) pairs with two labels."""
    confidence, right = np.array(answers, dtype=float).T
    return np.c_[confidence, 1 - confidence], 1 - right.astype(int)


@given(seeds, temperatures)
def test_a_temperature_changes_no_answer(seed, temperature):
    probabilities, _ = example(seed=seed)
    np.testing.assert_array_equal(apply_temperature(probabilities, temperature).argmax(axis=1), probabilities.argmax(axis=1))


@given(seeds, temperatures)
def test_the_inverse_temperature_takes_it_back(seed, temperature):
    probabilities, _ = example(seed=seed)
    back = apply_temperature(apply_temperature(probabilities, temperature), 1 / temperature)
    np.testing.assert_allclose(back, probabilities, rtol=1e-9)


@given(seeds, temperatures)
def test_a_temperature_divides_the_logits(seed, temperature):
    logits = np.random.default_rng(seed).normal(size=(20, 4))
    np.testing.assert_allclose(apply_temperature(softmax(logits), temperature), softmax(logits / temperature), rtol=1e-9)


@given(st.integers(50, 110), st.integers(2, 5), seeds, st.floats(0.2, 5))
def test_log_loss_never_rises_on_the_rows_it_was_fitted_on(rows, labels, seed, sharpness):
    probabilities, truth = example(rows, labels, seed, sharpness)
    after = apply_temperature(probabilities, fit_temperature(probabilities, truth))
    assert log_loss(truth, after, labels=range(labels)) <= log_loss(truth, probabilities, labels=range(labels)) + 1e-12


@pytest.mark.parametrize("sharpness", [0.5, 2, 4])
def test_the_temperature_of_answers_too_sure_is_how_much_too_sure(sharpness):
    assert fit_temperature(*example(20_000, sharpness=sharpness)) == pytest.approx(sharpness, rel=0.05)


def test_a_temperature_is_the_best_of_many():
    probabilities, truth = example(500, seed=3, sharpness=2)
    fitted = fit_temperature(probabilities, truth)
    losses = {t: log_loss(truth, apply_temperature(probabilities, t)) for t in [fitted, *np.linspace(0.5, 5, 91)]}
    assert min(losses, key=losses.get) == fitted


def test_where_no_temperature_helps_it_stays_at_one():
    """Even answers are even at every temperature."""
    assert fit_temperature(np.full((100, 2), 0.5), np.arange(100) % 2) == 1


def test_rows_without_a_mistake_make_no_answer_surer():
    """Log loss alone would fall until every answer is certain."""
    probabilities, truth = of_confidence(*[(0.6, True)] * 200)
    assert fit_temperature(probabilities, truth) == 1
    assert "none of the 200" in why_unfitted(probabilities, truth)
    assert fit_temperature(*of_confidence(*[(0.6, True)] * 199, (0.6, False))) < 1


def test_a_temperature_takes_fifty_rows():
    few, enough = (of_confidence(*[(0.9, True), (0.9, False)] * half) for half in (24, 25))
    assert (fit_temperature(*few), bool(why_unfitted(*few))) == (1, True)
    assert fit_temperature(*enough) > 1


def test_certain_answers_stay_certain():
    np.testing.assert_array_equal(apply_temperature(np.eye(3), 2.5), np.eye(3))
    assert fit_temperature(np.eye(3).repeat(20, axis=0), np.array([1, 2, 0]).repeat(20)) == 1


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_what_is_no_temperature_is_refused(bad):
    with pytest.raises(ValueError, match="above 0"):
        apply_temperature(np.eye(2), bad)


@given(st.integers(1, 100), st.integers(2, 5), seeds)
def test_bins_hold_all_rows_and_make_up_the_ece(rows, labels, seed):
    probabilities, truth = example(rows, labels, seed)
    bins = reliability(probabilities, truth)
    full = [each for each in bins if each.n]
    assert (len(bins), sum(each.n for each in bins)) == (15, rows)
    assert all(each.low <= each.confidence <= each.high + 1e-12 for each in full)
    assert all(each.confidence is each.accuracy is None for each in bins if not each.n)
    gaps = sum(each.n * abs(each.accuracy - each.confidence) for each in full)
    assert gaps / rows == pytest.approx(expected_calibration_error(probabilities, truth), abs=1e-12)


def test_before_and_after_are_the_scores_of_the_probabilities():
    probabilities, truth = example(sharpness=3)
    found = calibration(probabilities, truth, 3.0, kept=True, fitted_on="validation", n_fitted=300)
    for when, answered in (("before", probabilities), ("after", apply_temperature(probabilities, 3.0))):
        expected = score(answered, truth)
        for ours, name in (("log_loss", "log_loss"), ("ece", "ece"), ("brier", "brier_score")):
            assert getattr(found, f"{ours}_{when}") == pytest.approx(expected[name], abs=1e-12)
        assert getattr(found, when) == reliability(answered, truth)
    assert found.ece_after < found.ece_before
    assert Calibration.model_validate_json(found.model_dump_json()) == found


@given(st.integers(1, 300), seeds)
def test_coverage_falls_with_the_threshold(rows, seed):
    points = coverage_curve(*example(rows, seed=seed))
    assert 1 <= len(points) <= 101
    assert (points[0].threshold, points[0].coverage) == (0, 1)
    for lower, higher in itertools.pairwise(points):
        assert lower.threshold < higher.threshold
        assert lower.coverage >= higher.coverage > 0


def test_a_point_of_coverage_by_hand():
    points = coverage_curve(*of_confidence((0.6, 0), (0.7, 1), (0.7, 0), (0.9, 1)))
    assert [(point.threshold, point.n, point.accuracy) for point in points] == [(0, 4, 0.5), (0.7, 3, 2 / 3), (0.9, 1, 1)]


def test_the_threshold_for_a_precision_is_the_lowest_that_reaches_it():
    rows = of_confidence((0.6, 0), (0.7, 1), (0.8, 0), (0.9, 1))
    found = {target: threshold_for_precision(*rows, target) for target in (0.5, 0.6, 0.75)}
    assert {target: each.value for target, each in found.items()} == pytest.approx({0.5: 0, 0.6: 0.65, 0.75: 0.85})
    expected = {"value": found[0.6].value, "rule": "precision 0.6", "coverage": 0.75, "precision": 2 / 3, "n_fitted": 4}
    assert found[0.6].model_dump() == expected


def test_a_threshold_stands_half_way_between_two_confidences():
    """It stood on one of them, and the answer of that very row fell on either side by its rounding."""
    found = threshold_for_precision(*of_confidence((0.6, 0), (0.7, 1)), 1)
    assert found.value == pytest.approx(0.65)
    low, high = 0.7, np.nextafter(0.7, 1)
    assert threshold_for_precision(*of_confidence((low, 0), (high, 1)), 1).value == high


def test_a_precision_out_of_reach_has_no_threshold():
    assert threshold_for_precision(*of_confidence((0.6, 1), (0.9, 0)), 0.9) is None


def test_a_precision_met_to_the_row_is_met():
    """0.9 × 10 is a little more than 9."""
    assert threshold_for_precision(*of_confidence((0.6, 0), *[(0.8, 1)] * 9), 0.9).value == 0


@given(seeds, st.floats(0.05, 1))
def test_the_answered_rows_reach_the_target_and_no_lower_threshold_does(seed, target):
    probabilities, truth = example(40, seed=seed)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    reaching = [(confidence >= value).mean() for value in [0, *confidence] if right[confidence >= value].mean() >= target]
    found = threshold_for_precision(probabilities, truth, target)
    assert (found.coverage if found else None) == max(reaching, default=None)
    assert found is None or found.coverage == (confidence >= found.value).mean()


@given(seeds, st.floats(0.5, 20))
def test_no_threshold_costs_less(seed, cost):
    probabilities, truth = example(40, seed=seed)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth

    def mean_cost(value):
        answered = confidence >= value
        return (~answered).mean() + cost * (answered & ~right).mean()

    found = threshold_for_cost(probabilities, truth, cost)
    assert mean_cost(found.value) == pytest.approx(min(map(mean_cost, [0, 2, *confidence])))


def test_where_errors_cost_no_more_than_unsure_all_is_answered():
    assert threshold_for_cost(*example(), 0.9).value == 0


def test_where_every_answer_is_wrong_and_dear_nothing_is_answered():
    found = threshold_for_cost(*of_confidence((1, 0), (0.9, 0)), 5)
    assert found.value > 1
    assert (found.rule, found.coverage, found.precision) == ("cost 5", 0, None)


@pytest.mark.parametrize("bad", [0, 1.1, np.nan])
def test_what_is_no_precision_is_refused(bad):
    with pytest.raises(SettingsError, match="target precision"):
        threshold_for_precision(*example(), bad)


@pytest.mark.parametrize("bad", [0, -1, np.nan, np.inf])
def test_what_is_no_cost_is_refused(bad):
    with pytest.raises(SettingsError, match="cost of an error"):
        threshold_for_cost(*example(), bad)


@pytest.mark.parametrize("function", [reliability, fit_temperature, coverage_curve])
def test_nan_and_no_rows_are_refused(function):
    with pytest.raises(ValueError, match="NaN"):
        function(np.full((1, 2), np.nan), np.array([0]))
    with pytest.raises(ValueError, match="no rows"):
        function(np.empty((0, 2)), np.array([], dtype=int))
