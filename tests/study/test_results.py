"""What follows from the rows of a study."""

import numpy as np
import pytest

from tuner import runs
from tuner.errors import RunError
from tuner.inference import load_classifier
from tuner.study.results import StudyResult, TrialRow, add_row, best_of, results, rows_of, spread
from tuner.study.words import outcome_in_words, table, trial_in_words


def row(number=1, state="complete", seconds=1.0, settings=None, **metrics):
    return TrialRow(number=number, settings=settings or {}, state=state, metrics=metrics, seconds=seconds)


def scored(number, value):
    return row(number, accuracy=value, macro_f1=value / 2, macro_recall=value / 3)


@pytest.fixture
def found():
    """A study of these rows: `found(rows, kind="repeat")`."""

    def make(rows, kind="search", **more):
        base = {"run_id": "x", "folder": "x", "state": "running", "metric": "macro_f1", "split": "validation"}
        return StudyResult(**{**base, "kind": kind, "config": {}, "rows": rows, **more})

    return make


def test_mean_and_spread_are_numpy_s():
    values = [0.71, 0.74, 0.69, 0.75]
    found = spread([scored(i, value) for i, value in enumerate(values)] + [row(9, "failed")])
    assert found["mean"]["accuracy"] == pytest.approx(np.mean(values))
    assert found["std"]["accuracy"] == pytest.approx(np.std(values, ddof=1))
    assert (found["low"]["accuracy"], found["high"]["accuracy"]) == (0.69, 0.75)


def test_one_repeat_has_no_spread():
    assert spread([scored(1, 0.5)])["std"] == {}


def test_the_best_loss_is_the_lowest_and_of_two_alike_the_earlier_wins():
    rows = [row(1, loss=0.7, accuracy=0.5), row(2, loss=0.6, accuracy=0.5)]
    assert best_of(rows, "loss").number == 2
    assert best_of(rows, "accuracy").number == 1


def test_a_pruned_trial_is_never_the_best(found):
    rows = [scored(1, 0.5), row(2, "pruned", accuracy=0.9, macro_f1=0.9, macro_recall=0.9)]
    assert found(rows).best.number == 1


def test_rows_survive_their_file(queued_study, study_config):
    run = queued_study(study_config(), kind="repeat", seeds=2)
    rows = [scored(1, 0.5), row(2, "failed", settings={"model.lora": None})]
    for each in rows:
        add_row(run, each)
    assert rows_of(run) == rows
    assert results(run).mean["accuracy"] == 0.5


def test_a_normal_run_is_no_study(queued, tiny_config):
    with pytest.raises(RunError, match="one training"):
        results(queued(tiny_config()))


def test_a_study_has_no_model_and_says_what_to_do(queued_study, study_config):
    run = queued_study(study_config(), kind="repeat", seeds=2)
    assert runs.summary(run)["title"].startswith("Repeats: ")
    with pytest.raises(RunError, match="kept no model"):
        load_classifier(run)


def test_words_say_how_far_it_is(found):
    rows = [scored(1, 0.5), scored(2, 0.6)]
    assert trial_in_words(found(rows), 20, 31, 120) == "Trial 3 of 20, step 31 of 120: best macro F1 0.300 so far"
    assert trial_in_words(found([]), 0, 0, 0) == "Trial 1"


def test_words_count_what_failed(found):
    rows = [scored(1, 0.5), row(2, "failed")]
    assert "2 of 20 trials (1 complete, 1 failed). Best is trial 1" in outcome_in_words(found(rows), 20)
    repeats = found(rows, "repeat", split="test", **spread(rows))
    assert "1 seeds" in outcome_in_words(repeats, 2)
    assert "1 failed" in outcome_in_words(repeats, 2)


def test_the_table_marks_the_best_and_ends_with_the_spread(found):
    rows = [scored(1, 0.5), scored(2, 0.6)]
    assert [line[0] for line in table(found(rows))[1]] == ["1", "2 ★"]
    assert [line[0] for line in table(found(rows, "repeat", **spread(rows)))[1]][2:] == ["mean", "std", "lowest", "highest"]


@pytest.mark.parametrize(("metric", "number"), [("roc_auc", 2), ("log_loss", 1), ("ece", 1), ("loss", 1)])
def test_every_metric_knows_which_way_is_better(metric, number):
    assert best_of([row(1, **{metric: 0.2}), row(2, **{metric: 0.3})], metric).number == number
