"""Comparisons of models on the same rows."""

import numpy as np
import pytest

from tests import tiny
from tuner.comparisons import compare, compared, leaderboard
from tuner.errors import RunError, SourceError
from tuner.evaluation.report import make_report
from tuner.evaluations import Evaluation, predictions, rows_fingerprint

LABELS = ("no", "yes")


def evaluation(name, rows, labels=LABELS):
    """An evaluation of (text, label, probability of the second label)."""
    texts = [row[0] for row in rows]
    truth = np.array([labels.index(row[1]) for row in rows])
    probabilities = np.array([[1 - row[2], row[2]] for row in rows])
    about = {"model": name, "source": "s", "split": "test", "data_fingerprint": name}
    report = make_report(
        probabilities, truth, labels, rows_fingerprint=rows_fingerprint(texts, [row[1] for row in rows]), **about
    )
    return Evaluation(report, predictions(range(len(rows)), texts, truth, probabilities, labels, {}))


def rows(count, sure):
    return [(f"text {i}", LABELS[i % 2], sure if i % 2 else 1 - sure) for i in range(count)]


def test_a_model_against_itself_shows_no_difference():
    found = compared([evaluation("a", rows(50, 0.9)), evaluation("b", rows(50, 0.9))], ["a", "b"])
    assert found.n == 50
    assert all(difference.difference == 0 for difference in found.pairs[0].differences)
    assert "no clear difference" in found.pairs[0].verdict.lower()
    assert len(found.disagreements) == 0


def test_only_shared_rows_are_compared_whatever_their_order():
    one, other = rows(50, 0.9), rows(30, 0.2)[::-1]
    found = compared([evaluation("a", one), evaluation("b", other)], ["a", "b"])
    assert found.n == 30
    assert len(found.disagreements) == 30
    assert found.pairs[0].mcnemar.only_a_right == 30


def test_a_row_that_repeats_is_shared_as_often_as_in_both():
    twice = [("same", "no", 0.1), ("same", "no", 0.1)]
    assert compared([evaluation("a", twice * 2), evaluation("b", twice)], ["a", "b"]).n == 2


def test_labels_in_another_order_are_matched_by_name():
    other = [(text, label, 1 - sure) for text, label, sure in rows(20, 0.9)]
    found = compared([evaluation("a", rows(20, 0.9)), evaluation("b", other, ("yes", "no"))], ["a", "b"])
    assert len(found.disagreements) == 0


def test_no_shared_row_is_told():
    with pytest.raises(SourceError, match="scored on different rows"):
        compared([evaluation("a", rows(4, 0.9)), evaluation("b", [("other", "no", 0.1), ("more", "yes", 0.9)])], ["a", "b"])


@pytest.mark.parametrize("names", [["one"], ["one", "one"]])
def test_one_model_is_nothing_to_compare(names):
    with pytest.raises(RunError, match="nothing to compare"):
        compare(names)


def test_models_of_different_columns_are_compared_on_the_same_rows(train_here, tiny_config, write):
    """Their texts differ, so that by text no row would be shared."""
    lines = [f"{i},{text},{label}" for i, (text, label) in enumerate(tiny.labelled_rows(40))]
    source = str(write("a.csv", "\n".join(["number,text,label", *lines]) + "\n"))
    chosen = ["text", ["number", "text"]]
    one, other = (train_here(tiny_config(source=source, data={"text_column": name}, max_steps=2)) for name in chosen)
    assert compare([one, other], source, "all").n == 40


def test_two_runs_and_the_settings_that_differ(train_here, tiny_config):
    one, other = train_here(tiny_config(max_steps=2)), train_here(tiny_config(max_steps=6))
    found = compare([one, other.id])
    assert found.pairs[0].settings["training.max_steps"] == ("2", "6")
    assert found.n == one.report.n
    table = leaderboard(one.report.rows_fingerprint)
    assert set(table["run"]) == {one.id, other.id}
    assert table["macro_f1"].is_monotonic_decreasing


@pytest.mark.slow
def test_a_model_that_does_not_know_the_labels_is_named_with_a_cure_that_there_is(train_here, tiny_config, csv):
    """`compare` has no --label-map."""
    known = train_here(tiny_config(source=csv(60, labels=("no", "yes"))))
    other = train_here(tiny_config(source=csv(60, labels=("bad", "good"))))
    with pytest.raises(
        SourceError, match=rf"^'{other.id}': The model does not know the labels .* evaluate {known.id} --against {other.id} "
    ):
        compare([known, other], csv(40, labels=("no", "yes")))


def test_the_cure_for_labels_a_model_lacks_names_the_source(train_here, tiny_config, csv):
    known, other = (train_here(tiny_config(source=csv(60, labels=labels))) for labels in (("no", "yes"), ("bad", "good")))
    source = csv(40, labels=("no", "yes"))
    with pytest.raises(SourceError) as refused:
        compare([known, other], source)
    assert f"--against {other.id} --data {source} --label-map" in refused.value.cure


def test_evaluations_of_other_labels_are_refused_with_the_model_that_lacks_one():
    three, two = evaluation("a", rows(4, 0.9)), evaluation("b", rows(4, 0.9))
    three.report.labels.append("perhaps")
    three.predictions["probability_perhaps"] = 0.0
    with pytest.raises(SourceError, match="'b' has no label 'perhaps', as 'a' has"):
        compared([three, two], ["a", "b"])
