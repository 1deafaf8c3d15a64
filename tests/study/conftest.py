"""Tiny studies."""

import pytest

from tuner import runs
from tuner.launch.study import prepared
from tuner.study import worker
from tuner.study.plan import StudyConfig
from tuner.study.results import results

RATES = {"training.learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}}
EPOCHS = {"max_steps": -1, "num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"}


@pytest.fixture
def study_config(tiny_config, csv):
    """Base settings that validate after each of two epochs."""
    return lambda architecture="bert", **more: tiny_config(architecture, **{**EPOCHS, "source": csv(60), **more})


@pytest.fixture
def queued_study():
    """Makes a queued study without a worker, checked as `start` does: `queued_study(config, kind="repeat", seeds=3)`."""

    def make(config, **plan):
        plan = StudyConfig(**{"kind": "search", **plan})
        return runs.create(prepared(config, plan), kind=plan.kind, plan=plan.to_yaml())

    return make


@pytest.fixture
def study_here(queued_study):
    """Runs the study's worker in this process and returns its result."""

    def study(config, **plan):
        run = queued_study(config, **plan)
        worker.main(run.id)
        return results(run)

    return study
