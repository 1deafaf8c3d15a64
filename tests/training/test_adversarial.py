"""Adversarial training: each step learns from its rows twice, the second time with their words moved."""

import numpy as np
import pytest
import torch

from tests.training.test_build import trainer_for  # noqa: F401 (a fixture)
from tests.training.test_worker import resume_here, same_weights, stop_at, weights  # noqa: F401 (a fixture)
from tuner.config import RunConfig
from tuner.errors import SettingsError
from tuner.training import worker
from tuner.training.adversarial import words_moved

NO_DROPOUT = {"hidden_dropout_prob": 0.0}


@pytest.fixture
def trainer(trainer_for):  # noqa: F811
    """A fresh one in the middle of its first step."""
    found = trainer_for(adversarial_epsilon=0.5)
    found.current_gradient_accumulation_steps = 1
    found.model.eval()
    found.model.train = lambda *_: found.model  # without dropout
    return found


def gradients(model):
    found = {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}
    model.zero_grad()
    return found


def test_words_are_moved_so_far_along_their_gradient_and_put_back(trainer):
    table = trainer.model.get_input_embeddings().weight
    before, table.grad = table.detach().clone(), torch.randn_like(table)
    with words_moved(trainer.model, 0.5) as moved:
        assert moved
        move = table.detach() - before
        assert move.norm().item() == pytest.approx(0.5, rel=1e-4)
        torch.testing.assert_close(move, 0.5 * table.grad / table.grad.norm(), atol=1e-6, rtol=1e-4)
    assert torch.equal(table, before)


@pytest.mark.parametrize("value", [None, 0.0, float("nan"), float("inf")])
def test_without_a_gradient_that_is_a_number_nothing_is_moved(value, trainer):
    table = trainer.model.get_input_embeddings().weight
    before, table.grad = table.detach().clone(), None if value is None else torch.full_like(table, value)
    with words_moved(trainer.model, 0.5) as moved:
        assert not moved
        assert torch.equal(table, before)


def test_a_step_has_the_gradients_of_its_rows_as_they_are_and_with_words_moved(trainer):
    batch = next(iter(trainer.get_train_dataloader()))
    model, table = trainer.model, trainer.model.get_input_embeddings().weight
    loss = trainer.training_step(model, batch)
    both = gradients(model)
    trainer.adversarial_epsilon = None
    assert trainer.training_step(model, batch) == loss
    alone = gradients(model)
    with torch.no_grad():
        table.add_(0.5 * alone[_name_of(table, model)] / alone[_name_of(table, model)].norm())
    harder = trainer.training_step(model, batch)
    assert harder > loss
    moved = gradients(model)
    for name, gradient in both.items():
        torch.testing.assert_close(gradient, alone[name] + moved[name], atol=1e-6, rtol=1e-3, msg=name)


def _name_of(table, model):
    return next(name for name, parameter in model.named_parameters() if parameter is table)


def test_a_step_is_the_same_however_its_rows_are_dealt_out_to_batches(train_here, tiny_config):
    def trained(batch, accumulation, **more):
        steps = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": accumulation, "max_steps": 6}
        return weights(train_here(tiny_config(**steps, train_sampling_strategy="sequential", model=NO_DROPOUT, **more)))

    whole, parted = trained(8, 1, adversarial_epsilon=1), trained(4, 2, adversarial_epsilon=1)
    plain = trained(8, 1)
    for name, tensor in whole.items():
        np.testing.assert_allclose(parted[name], tensor, atol=1e-5, err_msg=name)
    assert any(np.abs(tensor - plain[name]).max() > 1e-4 for name, tensor in whole.items())


@pytest.mark.slow
def test_a_stopped_run_resumes_to_the_same_weights(train_here, queued, tiny_config, stop_at):  # noqa: F811
    config = tiny_config(max_steps=12, adversarial_epsilon=1)
    whole, run = train_here(config), queued(config)
    stop_at(run, 5)
    worker.main(run.id)
    assert (run.status.state, run.status.step) == ("stopped", 5)
    stop_at()
    resume_here(run)
    assert (run.status.state, run.status.step) == ("completed", 12)
    assert same_weights(run, whole)


@pytest.mark.parametrize(
    ("model", "field"), [({"lora": 4}, "lora"), ({"freeze": "embeddings"}, "freeze"), ({"freeze_layers": 1}, "freeze_layers")]
)
def test_words_that_stay_as_they_are_cannot_be_moved(model, field):
    with pytest.raises(
        SettingsError, match=rf"training\.adversarial_epsilon = 1\.0: not with model\.{field} = .*, and frozen ones have none"
    ):
        RunConfig(model=model, training={"adversarial_epsilon": 1})


def test_a_parted_model_is_refused():
    with pytest.raises(SettingsError, match="adversarial_epsilon needs all word vectors in each process"):
        RunConfig(training={"adversarial_epsilon": 1, "fsdp": True, "num_processes": 2})


@pytest.mark.parametrize("epsilon", [0, -1, 101, float("nan"), float("inf"), "far"])
def test_absurd_lengths_are_refused(epsilon):
    with pytest.raises(SettingsError, match=r"training\.adversarial_epsilon"):
        RunConfig(training={"adversarial_epsilon": epsilon})
