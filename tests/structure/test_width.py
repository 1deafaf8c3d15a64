"""Narrower feed-forward parts, alone and with fewer layers."""

import pytest
import torch

from tests import tiny
from tests.structure.models import EVERY, WIDTH, assert_loads_plainly, logits_of, step_on
from tuner.errors import SettingsError
from tuner.structure import count_parameters, keep_layers, narrow
from tuner.structure.anatomy import layers_name


@pytest.mark.parametrize("kind", EVERY)
def test_a_narrowed_model_loads_plainly_and_trains(kind, load, tmp_path):
    model, tokenizer = load(kind)
    before = count_parameters(model)[0]
    narrowed = narrow(model, 24)
    assert count_parameters(narrowed)[0] < before
    step_on(narrowed, tokenizer)
    assert_loads_plainly(narrowed, tokenizer, tmp_path)


def feed_forward(model, kind):
    """(module into the units, module out of them) of the second layer, or ALBERT's only one."""
    into, out = {"gpt2": ("mlp.c_fc", "mlp.c_proj"), "modernbert": ("mlp.Wi", "mlp.Wo"), "albert": ("ffn", "ffn_output")}.get(
        kind, ("ffn.lin1", "ffn.lin2") if kind == "distilbert" else ("intermediate.dense", "output.dense")
    )
    layer = f"{layers_name(model)}{'0.albert_layers.0' if kind == 'albert' else 1}"
    return model.get_submodule(f"{layer}.{into}"), model.get_submodule(f"{layer}.{out}")


@pytest.mark.parametrize("kind", EVERY)
def test_pruning_units_that_do_nothing_changes_no_answer(kind, load):
    """Half the units of each layer get weights of zero, odd ones here, even ones there: just these must go."""
    model, tokenizer = load(kind)
    for module in (m for m in model.modules() if getattr(m, "weight", None) is not None and m.weight.ndim == 2):
        shape = tuple(module.weight.shape)
        with torch.no_grad():
            if shape == ((WIDTH, 32) if kind != "modernbert" else (2 * WIDTH, 32)) and kind != "gpt2":
                module.weight[1::2] = 0
                if module.bias is not None:
                    module.bias[1::2] = 0
            elif kind == "mobilebert" and shape == (WIDTH, 16):
                module.weight[1::2] = 0
                module.bias[1::2] = 0
            elif kind == "gpt2" and shape == (32, WIDTH):
                module.weight[:, 1::2] = 0
                module.bias[1::2] = 0
            elif kind == "gpt2" and shape == (WIDTH, 32):
                module.weight[1::2] = 0
            elif shape in ((32, WIDTH), (16, WIDTH)):
                module.weight[:, 1::2] = 0
    expected = logits_of(model, tokenizer)
    torch.testing.assert_close(logits_of(narrow(model, WIDTH // 2), tokenizer), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_the_strongest_units_stay_in_their_order(kind, load):
    model, _ = load(kind)
    into, out = feed_forward(model, kind)
    transposed = kind == "gpt2"
    first = into.weight.T if transposed else into.weight
    last = out.weight if transposed else out.weight.T
    squares = first.square().sum(1).view(-1, WIDTH).sum(0) + last.square().sum(1)
    best = sorted(squares.sort(descending=True).indices[:10].tolist())
    _, narrowed = feed_forward(narrow(model, 10), kind)
    assert torch.equal(narrowed.weight if transposed else narrowed.weight.T, last[best])


@pytest.mark.parametrize("width", [0, WIDTH + 1])
def test_a_width_that_is_not_there_is_refused(width, load):
    with pytest.raises(SettingsError, match=f"intermediate_size = {width}: this base model's is 64; give 1 to 64"):
        narrow(load("gpt2")[0], width)


def test_the_width_gpt2_leaves_unsaid_is_four_times_its_hidden_size(load):
    model, _ = load("gpt2")
    model.config.n_inner = None
    with pytest.raises(SettingsError, match="this base model's is 128"):
        narrow(model, 129)


def test_fewer_layers_and_narrower_at_once(load, tmp_path):
    model, tokenizer = load("modernbert")
    assert_loads_plainly(narrow(keep_layers(model, 3, "spread"), 16), tokenizer, tmp_path)
