"""A further layer that starts as the mean over all tokens."""

import pytest
import torch

from tests.structure.models import EVERY, LAYERS, TEXTS, assert_loads_plainly, layer_weights, step_on
from tuner.errors import ModelError
from tuner.structure import add_mean_layer
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN, layers_name
from tuner.structure.shape import MEAN_WEIGHT


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_the_added_layer_starts_as_the_mean_over_all_tokens(kind, load):
    model, tokenizer = load(kind)
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        *_, below, top = add_mean_layer(model).eval().base_model(**batch, output_hidden_states=True).hidden_states
    mask = batch["attention_mask"][:, :, None]
    mean = (below * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.layer_norm(MEAN_WEIGHT * mean + below[:, 0], mean.shape[-1:])
    torch.testing.assert_close(top[:, 0], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_the_layers_below_and_the_head_stay_as_they_were(kind, load):
    model, _ = load(kind)
    before = model.state_dict()
    after = add_mean_layer(model).state_dict()
    assert all(torch.equal(after[name], tensor) for name, tensor in before.items())
    assert all(name.startswith(f"{layers_name(model)}{LAYERS}.") for name in after.keys() - before.keys())


@pytest.mark.parametrize("kind", READ_THE_FIRST_TOKEN)
def test_all_matrices_of_the_added_layer_are_trained_and_it_loads_plainly(kind, load, tmp_path):
    model, tokenizer = load(kind)
    model = add_mean_layer(model)
    before = {name: tensor.clone() for name, tensor in layer_weights(model, LAYERS).items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        step_on(model, tokenizer, optimizer)
    after = layer_weights(model, LAYERS)
    # The same number added to all scores of a token changes no attention: a key's bias is never trained, here or elsewhere.
    assert all(not torch.equal(after[name], before[name]) for name in before if name != "attention.self.key.bias")
    assert_loads_plainly(model, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in READ_THE_FIRST_TOKEN])
def test_no_other_architecture_gets_a_layer_of_the_mean(kind, load):
    with pytest.raises(ModelError, match=f"'{kind}' cannot get a layer of the mean"):
        add_mean_layer(load(kind)[0])
