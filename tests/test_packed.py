"""Packed layers multiply as torch's own do, and leave the model they came from as it was."""

import pytest
import torch
from transformers.pytorch_utils import Conv1D

from tuner import packed as packing
from tuner.packed import can_pack, packed

needs_packing = pytest.mark.skipif(not can_pack(), reason="this processor gains nothing from packed weights")


def stack():
    torch.manual_seed(0)
    shared = torch.nn.Linear(24, 24)
    return torch.nn.Sequential(torch.nn.Linear(8, 24, bias=False), shared, torch.nn.GELU(), shared, Conv1D(3, 24)).eval()


@pytest.mark.parametrize("shape", [(1, 8), (5, 8), (2, 700, 8), (0, 8)])
def test_the_answers_stay_the_same(shape):
    model, x = stack(), torch.randn(shape)
    with torch.inference_mode():
        torch.testing.assert_close(packed(model)(x), model(x), atol=1e-5, rtol=1e-5)


def test_a_view_with_strides_of_its_own_is_multiplied():
    model, x = stack(), torch.randn(4, 9, 8)[:, :1]
    with torch.inference_mode():
        torch.testing.assert_close(packed(model)(x), model(x), atol=1e-5, rtol=1e-5)


@needs_packing
def test_every_linear_layer_is_packed_and_a_shared_one_once():
    made = packed(stack())
    assert [hasattr(layer, "forward") and "forward" in vars(layer) for layer in made] == [True, True, False, True, True]
    assert made[1] is made[3]


@needs_packing
def test_the_last_layer_which_computes_the_first_token_alone_is_packed_too(learnt):
    layer = learnt._packed.base_model.encoder.layer[-1]
    used = layer.forward.args[0]
    assert "forward" in vars(used.attention.self.key)
    assert "forward" in vars(used.output.dense)


def test_the_model_given_stays_as_it_is():
    model = stack()
    made = packed(model)
    assert not any("forward" in vars(layer) for layer in model)
    assert [p.data_ptr() for p in made.parameters()] == [p.data_ptr() for p in model.parameters()]
    model(torch.randn(2, 8)).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_weights_that_are_not_float32_are_left_alone():
    made = packed(stack().to(torch.bfloat16))
    assert not any("forward" in vars(layer) for layer in made)


def test_where_torch_lacks_the_functions_the_model_itself_answers(monkeypatch):
    def lacking(*_):
        raise AttributeError("'_OpNamespace' 'mkldnn' object has no attribute '_linear_pointwise'")

    monkeypatch.setattr(packing, "_multiplication", lacking)
    can_pack.cache_clear()
    model = stack()
    assert packed(model) is model
    monkeypatch.undo()
    can_pack.cache_clear()
