"""Progress counts this session alone; a stop and a NaN end the training."""

import math
import time

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import RunFailed
from tuner.training.callbacks import Progress, StopOnNotANumber


@pytest.fixture
def progress():
    return Progress(runs.create(RunConfig()))


@pytest.fixture
def arguments(tmp_path):
    return TrainingArguments(output_dir=str(tmp_path), use_cpu=True, per_device_train_batch_size=8, gradient_accumulation_steps=2)


def begun(progress, arguments, step, max_steps=100):
    state = TrainerState(global_step=step, max_steps=max_steps, epoch=0.0)
    progress.on_train_begin(arguments, state, TrainerControl())
    return state


def train(progress, arguments, state, steps, seconds):
    for _ in range(steps):
        progress.on_step_begin(arguments, state, TrainerControl())
        progress._mark -= seconds
        state.global_step += 1
        progress.on_step_end(arguments, state, TrainerControl())


def test_the_time_left_is_unknown_before_the_first_step(progress, arguments):
    assert progress.seconds_left(arguments, begun(progress, arguments, step=0)) is None


def test_after_a_resume_only_this_sessions_steps_count(progress, arguments):
    """Once 90 steps of an earlier worker made 2 s steps look like 0.2 s ones."""
    state = begun(progress, arguments, step=90)
    assert progress.seconds_left(arguments, state) is None
    train(progress, arguments, state, steps=2, seconds=2)
    assert progress.seconds_left(arguments, state) == pytest.approx(16, rel=0.05)
    assert progress.samples_per_second(state) == pytest.approx(8, rel=0.05)


def test_validations_do_not_slow_the_rate_and_are_in_the_time_left(progress, arguments):
    arguments.eval_strategy, arguments.eval_steps = "steps", 10
    state = begun(progress, arguments, step=0)
    train(progress, arguments, state, steps=10, seconds=1)
    progress.on_evaluate(arguments, state, TrainerControl(), metrics={"eval_runtime": 5.0})
    progress._mark -= 5
    train(progress, arguments, state, steps=1, seconds=1)
    assert progress.samples_per_second(state) == pytest.approx(16, rel=0.05)
    assert progress.seconds_left(arguments, state) == pytest.approx(89 + 8.9 * 5, rel=0.05)


def test_the_status_is_written_at_most_twice_a_second(progress, arguments):
    state = begun(progress, arguments, step=0)
    train(progress, arguments, state, steps=1, seconds=0)
    written = runs.read_status(progress.run).heartbeat
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        train(progress, arguments, state, steps=1, seconds=0)
    assert runs.read_status(progress.run).heartbeat == written


def test_a_written_time_left_is_finite(progress, arguments):
    state = begun(progress, arguments, step=0)
    train(progress, arguments, state, steps=1, seconds=1)
    assert math.isfinite(runs.read_status(progress.run).eta)


def test_a_run_asked_to_stop_is_shown_as_stopping(progress, arguments):
    state = begun(progress, arguments, step=0)
    runs.request_stop(progress.run)
    train(progress, arguments, state, steps=1, seconds=1)
    assert runs.read_status(progress.run).state == "stopping"


@pytest.mark.parametrize("name", ["loss", "grad_norm", "eval_loss"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_no_finite_number_ends_the_training(name, value, arguments):
    with pytest.raises(RunFailed, match=f"{name} is {value} at step 3"):
        StopOnNotANumber().on_log(arguments, TrainerState(global_step=3), TrainerControl(), logs={name: value})


def test_a_gradient_that_overflows_in_fp16_ends_nothing(arguments):
    arguments.fp16 = True
    StopOnNotANumber().on_log(arguments, TrainerState(global_step=3), TrainerControl(), logs={"loss": 1.0, "grad_norm": math.inf})
