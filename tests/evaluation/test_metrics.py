"""The metrics against scikit-learn and by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from tuner.errors import NetworkError, SettingsError
from tuner.evaluation.metrics import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    classification_metric,
    expected_calibration_error,
    hub_metric,
    precision_recall_f1,
    row_losses,
    score,
    softmax,
)


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


def test_the_metric_gives_the_same_through_the_library():
    probabilities, labels = example()
    assert classification_metric().compute(predictions=probabilities, references=labels) == score(probabilities, labels)


def test_of_every_score_it_is_known_which_way_is_better():
    assert {*HIGHER_IS_BETTER, *LOWER_IS_BETTER} == score(*example()).keys()


def test_balanced_accuracy_is_macro_recall():
    probabilities, labels = example()
    found = score(probabilities, labels)
    assert found["balanced_accuracy"] == found["macro_recall"]
    assert found["balanced_accuracy"] == pytest.approx(sk.balanced_accuracy_score(labels, probabilities.argmax(1)))


def test_row_losses_have_the_means_of_scikit_learn():
    probabilities, labels = example()
    log_losses, briers = row_losses(probabilities, labels)
    assert log_losses.mean() == pytest.approx(sk.log_loss(labels, probabilities), abs=1e-12)
    assert briers.mean() == pytest.approx(((probabilities - np.eye(4)[labels]) ** 2).sum(axis=1).mean(), abs=1e-12)


def test_precision_recall_and_f1_of_nothing_are_zero():
    """Two right of four predicted and two true; never predicted; not there."""
    found = precision_recall_f1(np.array([2, 0, 0]), np.array([4, 0, 0]), np.array([2, 3, 0]))
    np.testing.assert_allclose(found, [[0.5, 0, 0], [1, 0, 0], [2 / 3, 0, 0]])


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


def put_metric(folder, name, result):
    """A metric's script where the library looks before it asks the Hub."""
    script = f"""
import datasets
import evaluate
from sklearn.metrics import f1_score

class Mine(evaluate.Metric):
    def _info(self):
        features = datasets.Features({{"predictions": datasets.Value("int64"), "references": datasets.Value("int64")}})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references, average="binary"):
        return {result}
"""
    (folder / "evaluate-metric" / name).mkdir(parents=True)
    (folder / "evaluate-metric" / name / f"{name}.py").write_text(script)


def test_a_metric_is_computed_by_its_name(tmp_path, monkeypatch):
    put_metric(tmp_path, "same", '{"same": sum(p == r for p, r in zip(predictions, references)), "list": [1, 2], "none": None}')
    monkeypatch.chdir(tmp_path)
    assert hub_metric("same", np.array([0, 1, 2]), np.array([0, 1, 1])) == {"same": 2}


def test_a_metric_that_must_be_told_averages_over_the_labels(tmp_path, monkeypatch):
    put_metric(tmp_path, "mean_f", '{"f1": f1_score(references, predictions, average=average)}')
    monkeypatch.chdir(tmp_path)
    predictions, references = np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])
    assert hub_metric("mean_f", predictions, references)["f1"] == sk.f1_score(references, predictions, average="macro")


@pytest.mark.parametrize(
    ("name", "result", "message"),
    [
        ("texts", "{'bleu': predictions[0].split()}", "cannot be computed from label ids"),
        ("lists", "{'every': [1, 2]}", "no single number"),
    ],
)
def test_a_metric_that_is_none_of_labels_is_refused(name, result, message, tmp_path, monkeypatch):
    put_metric(tmp_path, name, result)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=f"'{name}': .*{message}"):
        hub_metric(name, np.array([0, 1]), np.array([0, 1]))


@pytest.mark.parametrize("name", ["someone/metric", "../metric", "", "a b", "metric.py"])
def test_a_metric_of_another_owner_or_a_path_is_refused(name):
    with pytest.raises(SettingsError, match="Hub's collection"):
        hub_metric(name, np.array([0]), np.array([0]))


def test_without_a_network_the_message_says_so():
    with pytest.raises(NetworkError, match=r"'cohen_kappa' could not be loaded .* Check the connection"):
        hub_metric("cohen_kappa", np.array([0]), np.array([0]))
