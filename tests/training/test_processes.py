"""Two processes train what one trains; a stop, a death or a full memory in one of them ends or moves all."""

import os
import signal
import time

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

import tuner
from tuner import runs
from tuner.launch import local

pytestmark = pytest.mark.slow
# Without dropout: each process draws its own.
QUIET = {"model": {"hidden_dropout_prob": 0.0}}


@pytest.fixture
def trained(tiny_config):
    """Trains as `train` does, in as many processes as asked: `trained(2, max_steps=…)`."""

    def train(processes, **settings):
        return tuner.train(tiny_config(**{**QUIET, **settings}, num_processes=processes))

    return train


def losses(run, key="loss", event="log"):
    return [line[key] for line in runs.read_events(run)[0] if line["event"] == event and key in line]


def assert_same(one, other):
    assert losses(other) == pytest.approx(losses(one), rel=1e-4)
    assert losses(other, "grad_norm") == pytest.approx(losses(one, "grad_norm"), rel=1e-3)
    first, second = (load_file(run.model_folder / "model.safetensors") for run in (one, other))
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        np.testing.assert_allclose(second[name], tensor, atol=1e-5, err_msg=name)


VARIANTS = {
    "plain": {},
    "accumulated": {"gradient_accumulation_steps": 3},
    "random order": {"train_sampling_strategy": "random", "label_smoothing_factor": 0.1},
    "own loss": {"class_weights": {"neg": 3.0, "pos": 0.5}, "focal_gamma": 2.0, "max_grad_norm": 0.1},
}


@pytest.mark.parametrize("settings", VARIANTS.values(), ids=VARIANTS)
def test_two_processes_train_what_one_trains(settings, trained, csv):
    """61 rows leave 49 to train on: an epoch's last batch has one row, and the second process none of it."""
    validated = {"eval_strategy": "epoch", "save_strategy": "epoch", "max_steps": -1, "num_train_epochs": 2}
    settings = {"source": csv(61), "optim": "sgd", "learning_rate": 1e-2, **validated, **settings}
    one, two = trained(1, **settings), trained(2, **settings)
    assert two.status.state == "completed"
    assert_same(one, two)
    for score in ("eval_loss", "eval_macro_f1"):
        assert losses(two, score, "evaluate") == pytest.approx(losses(one, score, "evaluate"), rel=1e-4)
