"""A few steps for timing and for the rate finder are those of a run."""

import pytest
import torch

from tuner import runs
from tuner.errors import RunFailed
from tuner.training import build
from tuner.training.batches import OutOfMemory, until_it_fits
from tuner.training.few_steps import few_steps
from tuner.training.lr_finder import find_learning_rate
from tuner.training.timing import time_steps


@pytest.fixture
def watched(monkeypatch):
    """Notes of every model that is built the kind of numbers its first matrix gives, and whether activations are kept."""
    seen, build_model = [], build.build_model

    def noting(*args):
        model, before = build_model(*args)
        matrix = next(module for module in model.modules() if isinstance(module, torch.nn.Linear))
        matrix.register_forward_hook(lambda _, __, output: seen.append((output.dtype, model.is_activation_checkpointing)))
        return model, before

    monkeypatch.setattr(build, "build_model", noting)
    return seen


@pytest.mark.parametrize("few", [lambda config: find_learning_rate(config, 10), time_steps], ids=["finder", "timing"])
@pytest.mark.parametrize(("precision", "kind"), [("bf16", torch.bfloat16), ("fp32", torch.float32)])
@pytest.mark.parametrize("checkpointing", [True, False])
def test_precision_and_checkpointing_of_activations_are_the_run_s(few, precision, kind, checkpointing, watched, tiny_config):
    few(tiny_config(precision=precision, activation_checkpointing=checkpointing))
    assert set(watched) == {(kind, checkpointing)}


@pytest.mark.parametrize("scheduler", ["greedy", "reduce_lr_on_plateau", "warmup_stable_decay"])
def test_a_scheduler_that_needs_validations_or_arguments_is_timed(scheduler, tiny_config):
    settings = {"eval_strategy": "steps", "eval_steps": 2, "lr_scheduler_type": scheduler}
    if scheduler == "warmup_stable_decay":
        settings["lr_scheduler_kwargs"] = {"num_decay_steps": 2}
    assert time_steps(tiny_config(**settings)).per_token > 0


def test_the_rows_are_those_of_the_run_s_first_steps(tiny_config, train_here):
    config = tiny_config(max_steps=4, lr_scheduler_type="constant", warmup_steps=0)
    run = train_here(config)
    said = [event["loss"] for event in runs.read_events(run)[0] if event["event"] == "log"]
    with few_steps(config, 4, []) as trainer:
        trainer.train()
    assert [log["loss"] for log in trainer.state.log_history if "loss" in log] == said


def test_the_finder_s_steps_are_of_as_many_rows_as_the_run_s(tiny_config):
    """It left the accumulation out: a rate was found for a fraction of the rows of a step."""
    sure = {"model": {"hidden_dropout_prob": 0.0}}
    whole, parts = [
        find_learning_rate(tiny_config(per_device_train_batch_size=size, gradient_accumulation_steps=8 // size, **sure), 12)
        for size in (8, 4)
    ]
    assert parts.losses == pytest.approx(whole.losses, rel=1e-4)


def test_a_batch_that_does_not_fit_is_halved_and_a_step_keeps_its_rows(tiny_config):
    tried, told = [], []

    def attempt(config):
        tried.append((config.training.per_device_train_batch_size, config.training.gradient_accumulation_steps))
        if tried[-1][0] > 2:
            raise OutOfMemory(evaluating=False)
        return "done"

    assert until_it_fits(tiny_config(per_device_train_batch_size=8), attempt, told.append) == "done"
    assert tried == [(8, 1), (4, 2), (2, 4)]
    assert "Out of memory at batch size 8: going on with 4" in told[0]


def test_without_automatic_batch_sizes_it_is_told(tiny_config):
    def attempt(config):
        raise OutOfMemory(evaluating=False)

    with pytest.raises(RunFailed, match="Out of memory at batch size 8"):
        until_it_fits(tiny_config(per_device_train_batch_size=8, auto_find_batch_size=False), attempt)
