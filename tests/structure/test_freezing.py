"""What is frozen stays; where every parameter stands; how many are trained."""

import pytest
import torch

from tests import tiny
from tests.structure.models import EVERY, assert_loads_plainly, step_on, still
from tuner.errors import SettingsError
from tuner.structure import count_parameters, freeze, parameters_in_words
from tuner.structure.anatomy import layers_name, parts_of


@pytest.mark.parametrize("kind", EVERY)
def test_a_frozen_model_trains_its_head_alone_and_loads_plainly(kind, load, tmp_path):
    model, tokenizer = load(kind)
    freeze(model, "all_but_head")
    frozen = {name: model.state_dict()[name].clone() for name in still(model)}
    head = next(name for name, parameter in model.named_parameters() if parameter.requires_grad and parameter.ndim == 2)
    before = model.state_dict()[head].clone()
    step_on(model, tokenizer)
    assert frozen
    assert all(torch.equal(model.state_dict()[name], tensor) for name, tensor in frozen.items())
    assert not torch.equal(model.state_dict()[head], before)
    assert_loads_plainly(model, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", EVERY)
def test_all_but_the_head_leaves_what_is_not_in_the_base_model_and_its_pooler(kind, load):
    model, _ = load(kind)
    freeze(model, "all_but_head")
    base = f"{model.base_model_prefix}."
    trained = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trained == {n for n, _ in model.named_parameters() if not n.startswith(base) or n.startswith(f"{base}pooler.")}


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_embeddings_are_frozen_and_nothing_else(kind, load):
    model, _ = load(kind)
    freeze(model, "embeddings")
    prefix = ("transformer.wte", "transformer.wpe") if kind == "gpt2" else f"{model.base_model_prefix}.embeddings."
    assert still(model) == {name for name, _ in model.named_parameters() if name.startswith(prefix)} != set()


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "albert"])
def test_the_first_layers_are_frozen_with_the_embeddings(kind, load):
    model, tokenizer = load(kind)
    freeze(model, "nothing", layers=2)
    stack = layers_name(model)
    assert {name.removeprefix(stack)[0] for name in still(model) if name.startswith(stack)} == {"0", "1"}
    assert not model.get_input_embeddings().weight.requires_grad
    step_on(model, tokenizer)


def test_more_frozen_layers_than_there_are_is_refused(load):
    with pytest.raises(SettingsError, match="freeze_layers = 5: this base model has 4"):
        freeze(load("bert")[0], layers=5)


def test_layers_that_share_weights_cannot_be_frozen_one_by_one(load):
    with pytest.raises(SettingsError, match="share one set of weights"):
        freeze(load("albert")[0], layers=1)


@pytest.mark.parametrize("kind", EVERY)
def test_every_parameter_stands_in_one_part(kind, load):
    model, _ = load(kind)
    parts = parts_of(model)
    found = [id(p) for group in (parts.beneath, parts.head, *parts.layers) for p in group]
    assert sorted(found) == sorted(id(parameter) for parameter in model.parameters())
    assert parts.beneath
    assert parts.head
    assert all(parts.layers)


def test_parameters_are_counted_once_and_told_in_words(load):
    model, _ = load("bert")
    total = sum(parameter.numel() for parameter in model.parameters())
    assert count_parameters(model) == (total, total)
    assert parameters_in_words(model, before=total) == f"{total / 1e3:.1f} k parameters"
    freeze(model, "all_but_head")
    head = 32 * 32 + 32 + 32 * 2 + 2
    assert parameters_in_words(model, 22_713_216) == f"{total / 1e3:.1f} k parameters, 1.1 k of them trained; before: 22.7 M"
    assert count_parameters(model) == (total, head)
