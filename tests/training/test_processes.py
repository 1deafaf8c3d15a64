"""Two processes train what one trains; a stop, a death or a full memory in one of them concerns all."""

import os
import signal
import time

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from tests.training import parts
from tuner import runs
from tuner.launch import local
from tuner.training import worker

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tiny_config, csv):
    """61 rows leave 49 to train on: an epoch's last batch of 4 has one row, and the second process none of it.

    No dropout, of which each process draws its own. SGD: Adam makes whole steps of gradients that are 0 but for rounding.
    """

    def make(processes, **settings):
        usual = {"source": csv(61), "optim": "sgd", "learning_rate": 1e-2, "eval_strategy": "epoch", "save_strategy": "epoch"}
        usual |= {"max_steps": -1, "num_train_epochs": 2, "model": {"hidden_dropout_prob": 0.0}}
        return tiny_config(**{**usual, **settings}, num_processes=processes)

    return make


@pytest.fixture
def trained(config, train_here):
    """Trains the tiny config in as many processes as asked: `trained(2, optim=…)`."""
    return lambda processes, **settings: train_here(config(processes, **settings))


def values(run, key, event="log"):
    return [line[key] for line in runs.read_events(run)[0] if line["event"] == event and key in line]


def weights(run):
    return load_file(run.model_folder / "model.safetensors")


def assert_same(one, other):
    assert other.status.state == "completed", other.status.message
    assert values(other, "loss") == pytest.approx(values(one, "loss"), rel=1e-4)
    assert values(other, "grad_norm") == pytest.approx(values(one, "grad_norm"), rel=1e-3)
    for score in ("eval_loss", "eval_macro_f1"):
        assert values(other, score, "evaluate") == pytest.approx(values(one, score, "evaluate"), rel=1e-4)
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, atol=1e-5, err_msg=name)


WEIGHED = {"class_weights": {"neg": 3.0, "pos": 0.5}, "focal_gamma": 2.0, "max_grad_norm": 0.1}
VARIANTS = {
    "one batch a step": {},
    "three batches a step": {"gradient_accumulation_steps": 3, "activation_checkpointing": True, **WEIGHED},
    "random order": {"train_sampling_strategy": "random", "label_smoothing_factor": 0.1},
    "averaging": {"weight_averaging": 0.5},
    "adversarial": {"adversarial_epsilon": 0.5, "gradient_accumulation_steps": 2},
    "rates and unfreezing": {"layerwise_lr_decay": 0.5, "head_learning_rate": 1e-3, "gradual_unfreezing": 0.5},
}
PARTED = {
    "bert": {"gradient_accumulation_steps": 3, "activation_checkpointing": True},
    "lora": {"model": {"lora": 2, "lora_dropout": 0.0, "hidden_dropout_prob": 0.0}},
    "gpt2": {"architecture": "gpt2", "gradual_unfreezing": 0.5},
    "modernbert": {"architecture": "modernbert", "layerwise_lr_decay": 0.5},
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_two_processes_train_what_one_trains(settings, trained):
    assert_same(trained(1, **settings), trained(2, **settings))


@pytest.fixture
def as_parts(monkeypatch):
    """Has the processes do something else: `as_parts(parts.second_fails)`."""
    return lambda work: monkeypatch.setattr(worker, "train_part", work)


@pytest.mark.parametrize("settings", PARTED.values(), ids=PARTED)
def test_a_parted_model_is_trained_as_a_whole_one(settings, config, trained, as_parts):
    as_parts(parts.parted_on_a_cpu)
    parted = runs.create(config(2, fsdp=True, **settings))
    worker.main(parted.id)
    assert list(parted.folder.glob("checkpoints/*/pytorch_model_fsdp.bin")), parted.status.message
    assert_same(trained(1, **settings), parted)


@pytest.mark.parametrize(("fsdp", "averaging"), [(False, None), (True, None), (False, 0.8)])
def test_a_stopped_run_resumes_to_the_same_weights(fsdp, averaging, config, as_parts):
    """Dropout is on: each process takes up its own random numbers again."""
    settings = config(2, model={}, optim="adamw_torch", fsdp=fsdp, weight_averaging=averaging)
    going, stopped = (
        (parts.parted_on_a_cpu, parts.parted_and_stopped_in_step_8) if fsdp else (worker.train_part, parts.stopped_in_step_8)
    )
    whole, run = runs.create(settings), runs.create(settings)
    as_parts(going)
    worker.main(whole.id)
    as_parts(stopped)
    worker.main(run.id)
    assert (run.status.state, run.status.step, run.has_model) == ("stopped", 8, True)
    as_parts(going)
    runs.requeue(run)
    worker.main(run.id)
    assert (run.status.state, run.status.step) == ("completed", whole.status.step)
    assert all(np.array_equal(tensor, weights(run)[name]) for name, tensor in weights(whole).items())


def test_a_process_that_dies_fails_the_run(config, queued, as_parts):
    run = queued(config(2))
    as_parts(parts.second_dies_in_step_3)
    assert worker.main(run.id) == 1
    assert run.status.state == "failed"
    assert run.status.message.startswith("Process 2 of 2 was ended by signal 9, often for want of memory.")


def test_a_process_that_fails_gives_its_cause(config, queued, as_parts):
    run = queued(config(2))
    as_parts(parts.second_fails)
    assert worker.main(run.id) == 1
    assert "no luck today" in run.status.message


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


@pytest.fixture
def going(config):
    """A run in two processes whose training has begun, and all its processes, the worker first."""
    run = local.start(config(2, max_steps=20_000))
    wait_until(lambda: run.status.step >= 1 or run.status.state not in runs.LIVING)
    assert run.status.state == "running"
    owner = psutil.Process(run.status.pid)
    family = [owner, *owner.children(recursive=True)]
    yield run, family
    for process in family:
        if process.is_running():
            process.kill()


def test_sigterm_ends_all_with_a_checkpoint(going):
    run, family = going
    os.kill(run.status.pid, signal.SIGTERM)
    wait_until(lambda: run.status.state not in runs.LIVING)
    assert (run.status.state, run.has_model) == ("stopped", True)
    assert list(run.folder.glob("checkpoints/*/rng_state_1.pth"))
    assert psutil.wait_procs(family, 20)[1] == []


def test_all_processes_are_in_the_worker_s_group(going):
    _, family = going
    assert len(family) >= 3
    assert {os.getpgid(process.pid) for process in family} == {family[0].pid}


def test_a_worker_that_is_killed_leaves_nobody_behind(going):
    run, family = going
    family[0].kill()
    assert psutil.wait_procs(family, 20)[1] == []
    assert run.status.state == "lost"


def notes(run):
    return [event["message"] for event in runs.read_events(run)[0] if event["event"] == "note"]


def test_all_begin_anew_with_a_smaller_batch_when_one_runs_out_of_memory(config, trained, queued, as_parts):
    whole, run = trained(2, per_device_train_batch_size=8), queued(config(2, per_device_train_batch_size=8))
    as_parts(parts.second_fits_two_rows)
    worker.main(run.id)
    assert "Out of memory at batch size 8: going on with 4, summed up over 2 batches: a step is the same." in notes(run)
    assert_same(whole, run)


def test_an_evaluation_too_large_for_one_process_is_halved_for_all(config, queued, as_parts):
    run = queued(config(2, per_device_eval_batch_size=3))
    as_parts(parts.second_validates_two_rows)
    worker.main(run.id)
    assert "Out of memory while validating 3 rows at once: going on with 1; no score changes." in notes(run)
    assert run.status.state == "completed"
