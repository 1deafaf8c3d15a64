"""Learning rates of a model's parts."""

import pytest

from tests import tiny
from tuner import modeling
from tuner.data.labelled import load_labelled
from tuner.structure.anatomy import parts_of
from tuner.training.build import build_trainer
from tuner.training.rates import Rates

RATE = 1e-3


@pytest.fixture
def trainer_for(tiny_config, tmp_path):
    def make(architecture="bert", **training):
        config = tiny_config(architecture, learning_rate=RATE, lr_scheduler_type="constant", warmup_steps=0, **training)
        data = load_labelled(config.data)
        base = modeling.find_base_model(config.model.name)
        tokenizer = modeling.load_tokenizer(base)
        model = modeling.load_for_training(base, tokenizer, data.labels, 0, 0.0)
        return build_trainer(config, data, model, tokenizer, 16, tmp_path, [])

    return make


def rates_of(trainer):
    """id of a parameter → its rate."""
    return {id(parameter): group["lr"] for group in trainer.create_optimizer().param_groups for parameter in group["params"]}


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_layer_has_a_share_of_the_rate_of_the_one_above(architecture, trainer_for):
    trainer = trainer_for(architecture, layerwise_lr_decay=0.5)
    rates, parts = rates_of(trainer), parts_of(trainer.model)
    found = [{rates[id(p)] for p in part} for part in (parts.beneath, *parts.layers, parts.head)]
    assert found == [{RATE / 4}, {RATE / 2}, {RATE}, {RATE}]


def test_the_head_has_a_rate_of_its_own(trainer_for):
    trainer = trainer_for(head_learning_rate=1e-2)
    rates, parts = rates_of(trainer), parts_of(trainer.model)
    assert {rates[id(p)] for p in parts.head} == {1e-2}
    assert {rates[id(p)] for p in (*parts.beneath, *parts.layers[0], *parts.layers[1])} == {RATE}


def test_every_weight_is_in_one_group_and_norms_and_biases_do_not_decay(trainer_for):
    trainer = trainer_for(layerwise_lr_decay=0.5, weight_decay=0.1)
    groups = trainer.create_optimizer().param_groups
    assert sum(len(group["params"]) for group in groups) == len(list(trainer.model.parameters()))
    assert {p.dim() for group in groups if group["weight_decay"] == 0 for p in group["params"]} == {1}


def test_the_rate_that_is_logged_is_the_one_asked_for(trainer_for):
    trainer = trainer_for(layerwise_lr_decay=0.5, head_learning_rate=1e-2, max_steps=1, logging_steps=1)
    trainer.train()
    assert next(line["learning_rate"] for line in trainer.state.log_history if "learning_rate" in line) == RATE


def test_lower_layers_move_less(trainer_for):
    """AdamW's first step moves every weight by about its rate."""
    trainer = trainer_for(layerwise_lr_decay=0.1, max_steps=1, weight_decay=0.0)
    before = [[p.detach().clone() for p in layer] for layer in parts_of(trainer.model).layers]
    trainer.train()
    after = parts_of(trainer.model).layers
    moved = [max((p - q).abs().max().item() for p, q in zip(*layer, strict=True)) for layer in zip(after, before, strict=True)]
    assert moved[0] == pytest.approx(moved[1] / 10, rel=0.2)


def test_one_rate_is_the_library_s_own_optimizer(trainer_for):
    assert trainer_for().rates is None
    assert len(trainer_for().create_optimizer().param_groups) == 2


def test_rates_are_parted_once(trainer_for):
    trainer = trainer_for(layerwise_lr_decay=0.5)
    assert len(trainer.create_optimizer().param_groups) == len(trainer.create_optimizer().param_groups)
    assert trainer.rates == Rates(RATE, 0.5, None)
