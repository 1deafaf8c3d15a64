"""Two classifiers on the same rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as sk

from tuner.errors import SettingsError
from tuner.evaluation.compare import (
    Comparison,
    Difference,
    Scored,
    compare,
    compare_scores,
    difference_in_words,
    differing,
    mcnemar_test,
)
from tuner.evaluation.metrics import softmax

NAMES = ("bad", "fair", "good")


def example(rows=300, seed=0, skill=(2.0, 1.0)):
    """Probabilities of two classifiers, the first with more skill, and labels."""
    random = np.random.default_rng(seed)
    truth = random.integers(3, size=rows)
    a, b = (softmax(random.normal(size=(rows, 3)) + each * np.eye(3)[truth]) for each in skill)
    return a, b, truth


def scored(name, probabilities, truth, labels=NAMES, **settings):
    return Scored(name, probabilities, truth, labels, settings)


def test_differences_are_those_of_scikit_learn():
    a, b, truth = example()
    found = {each.metric: each for each in compare_scores(a, b, truth, resamples=20)[0]}
    expected = [sk.f1_score(truth, given.argmax(axis=1), average="macro") for given in (a, b)]
    assert (found["macro_f1"].a, found["macro_f1"].b) == pytest.approx(expected, abs=1e-12)
    assert found["log_loss"].difference == pytest.approx(sk.log_loss(truth, a) - sk.log_loss(truth, b), abs=1e-12)
    assert list(found) == ["macro_f1", "accuracy", "macro_recall", "log_loss"]


def test_intervals_are_of_the_differences_on_the_same_draws():
    a, b, truth = example(150)
    found = compare_scores(a, b, truth, resamples=50)[0][0]
    random = np.random.default_rng(42)
    drawn = []
    for rows in (random.integers(0, 150, 150) for _ in range(50)):
        f1 = [sk.f1_score(truth[rows], given[rows].argmax(axis=1), average="macro") for given in (a, b)]
        drawn.append(f1[0] - f1[1])
    assert found.interval == pytest.approx(np.percentile(drawn, (2.5, 97.5)), abs=1e-9)


@given(st.integers(1, 80), st.integers(0, 1_000))
def test_a_classifier_does_not_differ_from_itself(rows, seed):
    a, _, truth = example(rows, seed)
    differences, mcnemar, verdict = compare_scores(a, a, truth, resamples=20)
    assert all((each.difference, *each.interval) == (0, 0, 0) for each in differences)
    assert (mcnemar.only_a_right, mcnemar.only_b_right, mcnemar.p_value) == (0, 0, 1)
    assert verdict.startswith("No clear difference: ")
    assert verdict.endswith(f"Both are right on the same rows of {rows}.")


@given(st.integers(2, 100), st.integers(0, 1_000))
def test_changing_places_changes_the_signs(rows, seed):
    a, b, truth = example(rows, seed)
    there, back = (compare_scores(*pair, truth, resamples=30)[0] for pair in ((a, b), (b, a)))
    for one, other in zip(there, back, strict=True):
        assert one.difference == -other.difference
        assert one.interval == pytest.approx((-other.interval[1], -other.interval[0]), abs=1e-12)


def test_mcnemar_is_a_binomial_test_of_the_rows_only_one_has_right():
    """Three rows only A has right, one only B, one both, one neither."""
    truth = np.zeros(6, dtype=int)
    a, b = (np.eye(2)[answers] for answers in ([0, 0, 0, 1, 0, 1], [1, 1, 1, 0, 0, 1]))
    found = mcnemar_test(a, b, truth)
    assert (found.only_a_right, found.only_b_right) == (3, 1)
    assert found.p_value == pytest.approx(binomtest(3, 4).pvalue) == pytest.approx(0.625)


def test_the_better_one_is_named():
    a, b, truth = example(2_000)
    verdict = compare_scores(a, b, truth, names=("run 1", "run 2"), resamples=100)[2]
    assert verdict.startswith("Run 1 is better: macro F1 0.")
    assert "(McNemar's exact test: p < 0.001)" in verdict
    assert compare_scores(b, a, truth, resamples=100)[2].startswith("B is better")


def test_equally_good_ones_are_seldom_told_apart():
    """95 % intervals leave out 0 in about 2 of 40 pairs of equal skill."""
    verdicts = [compare_scores(*example(200, seed, (1.0, 1.0)), resamples=100)[2] for seed in range(40)]
    assert sum(not verdict.startswith("No clear difference: macro F1 0.") for verdict in verdicts) <= 6


@pytest.mark.parametrize(
    ("metric", "values", "interval", "words"),
    [
        ("macro_f1", (0.71, 0.65), (0.03, 0.09), "A is better: macro F1 0.71 against 0.65, difference 0.06, 95 % 0.03 to 0.09."),
        ("log_loss", (0.5, 0.7), (-0.3, -0.1), "A is better: log loss 0.50 against 0.70, difference −0.20, 95 % −0.30 to −0.10."),
        (
            "accuracy",
            (0.7, 0.72),
            (-0.05, 0.01),
            "No clear difference: accuracy 0.70 against 0.72, difference −0.02, 95 % −0.05 to 0.01.",
        ),
        (
            "accuracy",
            (0.71, 0.7),
            (0.001, 0.02),
            "A is better: accuracy 0.710 against 0.700, difference 0.010, 95 % 0.001 to 0.020.",
        ),
    ],
)
def test_a_difference_in_words(metric, values, interval, words):
    a, b = values
    assert difference_in_words(Difference(metric=metric, a=a, b=b, difference=a - b, interval=interval)) == words


def test_a_comparison_matches_labels_by_name():
    a, b, truth = example()
    turned = [2, 0, 1]  # the columns of b in another order
    other = scored("two", b[:, turned], np.argsort(turned)[truth], tuple(NAMES[i] for i in turned))
    found = compare(scored("one", a, truth), other, resamples=20)
    straight = compare(scored("one", a, truth), scored("two", b, truth), resamples=20)
    assert found == straight
    assert (found.a, found.b, found.n) == ("one", "two", 300)


def test_a_comparison_names_the_settings_that_differ():
    assert differing({"epochs": 1, "seed": 42, "only": True}, {"epochs": 2, "seed": 42}) == {
        "epochs": ("1", "2"),
        "only": ("True", ""),
    }
    a, b, truth = example(50)
    found = compare(scored("one", a, truth, epochs=1), scored("two", b, truth, epochs=2), resamples=5)
    assert found.settings == {"epochs": ("1", "2")}
    assert Comparison.model_validate_json(found.model_dump_json()) == found


def test_other_labels_are_refused():
    a, b, truth = example(20)
    with pytest.raises(SettingsError, match="only one has fair, only two has okay"):
        compare(scored("one", a, truth), scored("two", b, truth, ("bad", "okay", "good")))


@pytest.mark.parametrize("rows", [slice(0, 19), slice(None, None, -1)])
def test_other_rows_are_refused(rows):
    a, b, truth = example(20)
    with pytest.raises(SettingsError, match="not scored on the same rows"):
        compare(scored("one", a, truth), scored("two", b[rows], truth[rows]))


def test_nan_no_rows_and_other_shapes_are_refused():
    a, b, truth = example(20)
    with pytest.raises(ValueError, match="NaN"):
        compare_scores(a, b * np.nan, truth)
    with pytest.raises(ValueError, match="no rows"):
        compare_scores(a[:0], b[:0], truth[:0])
    with pytest.raises(ValueError, match="must be the same"):
        compare_scores(a, b[:, :2], truth)
