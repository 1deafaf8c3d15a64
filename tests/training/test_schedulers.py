"""Schedulers: the rate of each step of a real training is the one asked for."""

import inspect

import pytest
import torch
import transformers.optimization as library

from tuner import catalog, runs
from tuner.config import RunConfig, TrainingConfig
from tuner.errors import SettingsError
from tuner.training.build import scheduler_arguments
from tuner.training.fitting import refuse_unfit

RATE = 1e-3
# What the library fills in itself, or what is known without asking.
FILLED = {"optimizer", "num_warmup_steps", "num_training_steps", "last_epoch", "mode", "verbose"}


def rates(run):
    """The learning rates of the steps, in their order, as shares of the one asked for."""
    return [event["learning_rate"] / RATE for event in runs.read_events(run)[0] if "learning_rate" in event]


def of_library(name):
    own = {"reduce_lr_on_plateau": library.ReduceLROnPlateau, "greedy": library.GreedyLR}
    return own.get(name) or library.TYPE_TO_SCHEDULER_FUNCTION[library.SchedulerType(name)]


@pytest.fixture
def trained(train_here, tiny_config):
    def train(name, steps=10, **training):
        config = tiny_config(lr_scheduler_type=name, max_steps=steps, learning_rate=RATE, logging_steps=1, **training)
        return rates(train_here(config))

    return train


@pytest.mark.parametrize("name", catalog.SCHEDULER_ARGUMENTS)
def test_the_arguments_offered_are_those_of_the_library(name):
    assert set(catalog.SCHEDULER_ARGUMENTS[name]) == set(inspect.signature(of_library(name)).parameters) - FILLED


@pytest.mark.parametrize("name", catalog.SCHEDULER_ARGUMENTS)
def test_every_argument_has_bounds_and_the_library_s_own_values_lie_within(name):
    parameters = inspect.signature(of_library(name)).parameters
    own = {argument: parameters[argument].default for argument in catalog.SCHEDULER_ARGUMENTS[name]}
    given = {key: value for key, value in own.items() if value not in (None, inspect.Parameter.empty)}
    # Those of rates are of other sizes than this one (see `scheduler_arguments`).
    given = {key: value for key, value in given.items() if key != "min_lr"}
    refuse_unfit(TrainingConfig(lr_scheduler_type=name, lr_scheduler_kwargs=given))
    assert catalog.SCHEDULER_BOUNDS.keys() >= own.keys()


@pytest.mark.slow
@pytest.mark.parametrize("warmup", [0.5, 5])
def test_the_rate_rises_over_the_warm_up_and_falls_to_zero(warmup, trained):
    found = trained("linear", warmup_steps=warmup)
    assert found[:5] == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8])
    assert found[5:] == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])


@pytest.mark.slow
def test_a_floor_is_kept_and_can_be_given(trained):
    assert trained("cosine_with_min_lr", 20, warmup_steps=0)[-1] == pytest.approx(0.1, abs=0.01)
    assert trained("cosine_with_min_lr", 20, warmup_steps=0, lr_scheduler_kwargs={"min_lr_rate": 0.5})[-1] > 0.5


@pytest.mark.slow
def test_the_rate_stays_and_then_falls_over_the_steps_given(trained):
    found = trained("warmup_stable_decay", warmup_steps=2, lr_scheduler_kwargs={"num_decay_steps": 4, "decay_type": "linear"})
    assert found[2:7] == pytest.approx([1.0] * 5)
    assert found[-1] < 0.5


@pytest.mark.slow
def test_a_validation_without_a_better_score_halves_the_rate(trained):
    every = {"eval_strategy": "steps", "eval_steps": 2, "save_strategy": "no"}
    # No score is better by a whole point.
    found = trained("reduce_lr_on_plateau", 8, lr_scheduler_kwargs={"threshold": 1.0, "threshold_mode": "abs"}, **every)
    assert found[0] == pytest.approx(1.0)
    assert found[-1] == pytest.approx(0.25)


def test_whether_a_metric_should_rise_is_known():
    def mode(metric):
        return scheduler_arguments(TrainingConfig(lr_scheduler_type="greedy", metric_for_best_model=metric))["mode"]

    assert (mode("accuracy"), mode("loss"), mode("brier_score")) == ("max", "min", "min")


def test_the_polynomial_scheduler_takes_the_smallest_rate_that_is_allowed():
    config = TrainingConfig(lr_scheduler_type="polynomial", learning_rate=1e-7)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=config.learning_rate)
    scheduler = library.get_scheduler("polynomial", optimizer, 0, 10, scheduler_specific_kwargs=scheduler_arguments(config))
    assert scheduler.get_last_lr() == [1e-7]


@pytest.mark.parametrize(
    ("training", "cause"),
    [
        ({"lr_scheduler_type": "linear", "lr_scheduler_kwargs": {"power": 2}}, "linear takes no arguments"),
        ({"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"min_lr": 0}}, "polynomial takes lr_end, power"),
        ({"lr_scheduler_type": "warmup_stable_decay"}, "num_decay_steps"),
        ({"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 0, "min_lr_rate": 0}}, "not both"),
        ({"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": "much"}}, "power: give words for warmup_type"),
        ({"lr_scheduler_type": "greedy", "eval_strategy": "no"}, "set eval_strategy to epoch or steps"),
    ],
)
def test_what_a_scheduler_cannot_do_is_refused_with_what_it_can(training, cause):
    with pytest.raises(SettingsError, match=cause):
        RunConfig(training=training)


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("reduce_lr_on_plateau", {"factor": 2}, "factor = 2: must be above 0, below 1."),
        ("polynomial", {"lr_end": 1.0}, "lr_end = 1.0: not with training.learning_rate = 0.001; give below 0.001."),
        ("polynomial", {"power": -1}, "power = -1: must be above 0, at most 1,000."),
        (
            "warmup_stable_decay",
            {"num_decay_steps": -5},
            "num_decay_steps = -5: must be a whole number, at least 1, at most 1,000,000,000.",
        ),
        ("cosine_with_restarts", {"num_cycles": 0}, "num_cycles = 0: must be above 0, at most 1,000."),
        ("cosine_with_min_lr", {"min_lr": 1}, "min_lr = 1: not with training.learning_rate = 0.001; give at most 0.001."),
        ("reduce_lr_on_plateau", {"threshold_mode": "no"}, "threshold_mode = 'no': must be rel or abs."),
    ],
)
def test_an_absurd_argument_is_refused_before_the_start(name, given, told):
    """Once these were trained with, or ended the run after its start. No contradiction: such a run's settings are still read."""
    with pytest.raises(SettingsError) as refusal:
        refuse_unfit(
            RunConfig(training={"lr_scheduler_type": name, "lr_scheduler_kwargs": given, "learning_rate": RATE}).training
        )
    assert refusal.value.problems == [f"training.lr_scheduler_kwargs.{told}"]


@pytest.mark.parametrize("field", ["lr_scheduler_kwargs", "class_weights"])
def test_the_page_shows_names_with_values_as_json_and_reads_them_back(field):
    from tuner.ui import forms

    settings = {
        "lr_scheduler_type": "cosine_with_min_lr",
        "lr_scheduler_kwargs": {"min_lr_rate": 0.2},
        "class_weights": {"é": 2.0},
    }
    config = RunConfig(training=settings)
    shown = forms.value_of(config, ("training", field))
    assert isinstance(shown, str)
    read = RunConfig(training={**settings, field: shown})
    assert getattr(read.training, field) == settings[field]
