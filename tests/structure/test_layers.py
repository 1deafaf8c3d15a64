"""Fewer layers. Every result is saved, loaded without us, and trained a step."""

import pytest
import torch
import transformers

from tests.structure.models import EVERY, LAYERS, TEXTS, WIDTH, assert_loads_plainly, layer_weights, step_on
from tuner.errors import ModelError, SettingsError
from tuner.structure import count_parameters, freeze, keep_layers, narrow
from tuner.structure.shape import positions_kept


@pytest.mark.parametrize(("kind", "which"), [*((kind, "last") for kind in EVERY), ("gpt2", "spread"), ("modernbert", "spread")])
def test_kept_layers_load_plainly_and_train(kind, which, load, tmp_path):
    model, tokenizer = load(kind)
    before = count_parameters(model)[0]
    kept = keep_layers(model, 2, which)
    assert kept.config.num_hidden_layers == 2
    assert count_parameters(kept)[0] < before or kind == "albert"
    step_on(kept, tokenizer)
    assert_loads_plainly(kept, tokenizer, tmp_path)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "albert"])
def test_kept_layers_keep_their_weights_and_order(kind, load):
    model, _ = load(kind)
    kept = keep_layers(model, 2, "last")
    for new, old in ((0, 2), (1, 3)):
        expected = layer_weights(model, old)
        found = layer_weights(kept, new)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], expected[name]) for name in found)


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind not in ("albert", "deberta-v2")])
def test_the_first_layers_answer_as_they_did_inside_the_whole(kind, load):
    model, tokenizer = load(kind)
    kept = keep_layers(model, 2, "first")
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")
    with torch.no_grad():
        inside = model.eval().base_model(**batch, output_hidden_states=True).hidden_states[2]
        alone = kept.eval().base_model(**batch, output_hidden_states=True).hidden_states
    torch.testing.assert_close(alone[1], model.base_model(**batch, output_hidden_states=True).hidden_states[1])
    if kind not in ("gpt2", "modernbert"):  # their last hidden state is behind the final norm
        torch.testing.assert_close(alone[2], inside)


def test_spread_takes_the_layers_distilbert_took_of_bert():
    assert positions_kept(12, 6, "spread") == [0, 2, 4, 7, 9, 11]
    assert positions_kept(6, 3, "spread") == [0, 3, 5]
    assert positions_kept(6, 1, "spread") == [0]


def test_every_choice_takes_as_many_as_asked_for():
    for present in range(1, 25):
        for count in range(1, present + 1):
            for which in ("first", "last", "spread"):
                chosen = positions_kept(present, count, which)
                assert len(set(chosen)) == count
                assert chosen == sorted(chosen)
                assert set(chosen) <= set(range(present))


def test_a_kept_modernbert_layer_keeps_its_kind_of_attention(load):
    model, _ = load("modernbert")
    assert model.config.layer_types == ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    assert keep_layers(model, 2, "last").config.layer_types == ["sliding_attention", "full_attention"]
    only_near = keep_layers(keep_layers(model, 3, "first"), 2, "last")
    assert only_near.config.layer_types == ["sliding_attention"] * 2
    assert [layer.attn.sliding_window for layer in only_near.model.layers] == [3, 3]


def test_only_near_attention_loads_plainly(load, tmp_path):
    model, tokenizer = load("modernbert")
    assert_loads_plainly(keep_layers(keep_layers(model, 3, "first"), 2, "last"), tokenizer, tmp_path)


def test_kept_gpt2_layers_are_numbered_anew(load):
    kept = keep_layers(load("gpt2")[0], 2, "last")
    assert [block.attn.layer_idx for block in kept.transformer.h] == [0, 1]


@pytest.mark.parametrize("count", [0, 5])
def test_a_number_of_layers_that_is_not_there_is_refused(count, load):
    with pytest.raises(SettingsError, match=f"num_hidden_layers = {count}: this base model has 4; give 1 to 4"):
        keep_layers(load("bert")[0], count)


def test_an_albert_of_several_groups_is_refused(load):
    model, _ = load("albert")
    model.config.num_hidden_groups = 2
    with pytest.raises(ModelError, match="2 groups of shared layers"):
        keep_layers(model, 2)


def test_all_layers_kept_is_the_same_model(load):
    model, _ = load("bert")
    assert keep_layers(model, LAYERS) is model
    assert narrow(model, WIDTH) is model


def test_an_unknown_architecture_is_refused():
    model = transformers.AutoModelForSequenceClassification.from_config(
        transformers.XLNetConfig(d_model=8, n_layer=1, n_head=2, d_inner=8, vocab_size=9)
    )
    with pytest.raises(ModelError, match="type 'xlnet' is not known"):
        freeze(model, "embeddings")


def test_the_name_of_the_base_model_stays(load):
    model, _ = load("bert")
    assert keep_layers(model, 2).name_or_path == model.name_or_path != ""
