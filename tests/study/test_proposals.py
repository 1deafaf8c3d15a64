"""Which settings come next, from the plan and the rows alone."""

import pytest

from tuner.config import RunConfig
from tuner.study.plan import StudyConfig
from tuner.study.proposals import propose
from tuner.study.results import TrialRow

SPACE = {
    "training.learning_rate": {"low": 1e-5, "high": 1e-3, "log": True},
    "training.per_device_train_batch_size": {"low": 8, "high": 64},
    "training.class_weights": {"choices": [None, "balanced", {"neg": 1.0, "pos": 2.0}]},
}


def rows_with(plan, values, evaluations=()):
    rows = []
    for value in values:
        settings = propose(plan, RunConfig(), rows).settings
        metrics = {"macro_f1": value}
        number = len(rows) + 1
        rows.append(
            TrialRow(number=number, settings=settings, state="complete", metrics=metrics, evaluations=evaluations, seconds=1)
        )
    return rows


def test_proposals_stay_in_their_space_and_are_settings():
    plan = StudyConfig(kind="search", space=SPACE, n_trials=30)
    rows = rows_with(plan, [0.1 * (i % 7) for i in range(30)])
    assert all(1e-5 <= row.settings["training.learning_rate"] <= 1e-3 for row in rows)
    assert all(type(row.settings["training.per_device_train_batch_size"]) is int for row in rows)
    assert {str(row.settings["training.class_weights"]) for row in rows} == {"None", "balanced", "{'neg': 1.0, 'pos': 2.0}"}


def test_a_search_learns_from_its_rows():
    """The best is at the low end: after the ten blind trials most are drawn near it."""
    plan = StudyConfig(kind="search", space={"training.weight_decay": {"low": 0, "high": 1}}, n_trials=30)
    rows = []
    for number in range(1, 31):
        value = propose(plan, RunConfig(), rows).settings["training.weight_decay"]
        settings, metrics = {"training.weight_decay": value}, {"macro_f1": 1 - value}
        rows.append(TrialRow(number=number, settings=settings, state="complete", metrics=metrics, seconds=1))
    later = [row.settings["training.weight_decay"] for row in rows[10:]]
    assert sum(later) / len(later) < 0.3


def test_few_combinations_are_each_tried_once():
    space = {"training.num_train_epochs": {"choices": [1, 2, 3]}, "model.lora": {"choices": [None, 4]}}
    rows = rows_with(plan := StudyConfig(kind="search", space=space, n_trials=50), [0.5] * 6)
    assert plan.planned == 6
    assert len({str(row.settings) for row in rows}) == 6


@pytest.mark.parametrize(("value", "hopeless"), [(0.1, True), (0.9, False)])
def test_what_is_worse_than_the_median_is_hopeless(value, hopeless):
    plan = StudyConfig(kind="search", space=SPACE, n_trials=30)
    assert propose(plan, RunConfig(), rows_with(plan, [0.5] * 5, [0.5])).is_hopeless(value) is hopeless


def test_the_first_five_are_never_hopeless_nor_any_without_pruning():
    plan = StudyConfig(kind="search", space=SPACE, n_trials=30)
    off = StudyConfig(kind="search", space=SPACE, n_trials=30, pruning=False)
    assert not propose(plan, RunConfig(), rows_with(plan, [0.5] * 4, [0.5])).is_hopeless(0.1)
    assert not propose(off, RunConfig(), rows_with(off, [0.5] * 6, [0.5])).is_hopeless(0.1)
