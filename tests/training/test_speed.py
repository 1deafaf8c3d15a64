"""Faster steps: the same loss and gradients, and the model as it was afterwards."""

import pytest
import torch

from tests import tiny
from tuner import modeling
from tuner.training.speed import faster_steps

LENGTH = 16


@pytest.fixture(params=tiny.ARCHITECTURES)
def classifier(request, tiny_models):
    base = modeling.find_base_model(str(tiny_models[request.param]))
    tokenizer = modeling.load_tokenizer(base)
    return modeling.load_for_training(base, tokenizer, ("neg", "pos"), 0, dropout=0.0), tokenizer


def step(model, tokenizer):
    """Loss and gradients of a padded batch."""
    batch = tokenizer(["i love this film", "awful", "what a great , great book again !"], padding=True, return_tensors="pt")
    model.zero_grad()
    loss = model.train()(**batch, labels=torch.tensor([1, 0, 1])).loss
    loss.backward()
    return loss.item(), {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


@pytest.mark.parametrize("checkpointing", [False, True])
def test_loss_and_gradients_stay_as_they_are(classifier, checkpointing):
    model, tokenizer = classifier
    if checkpointing:
        model.activation_checkpointing_enable()
    loss, gradients = step(model, tokenizer)
    with faster_steps(model, LENGTH):
        faster_loss, faster_gradients = step(model, tokenizer)
    assert faster_loss == pytest.approx(loss, abs=1e-6)
    assert faster_gradients.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(faster_gradients[name], gradient, atol=1e-6, rtol=1e-4, msg=name)


@pytest.mark.parametrize("classifier", ["bert", "roberta"], indirect=True)
def test_the_last_layer_of_an_encoder_answers_for_the_first_token_alone(classifier):
    model, tokenizer = classifier
    batch = tokenizer(["i love this film"], return_tensors="pt")
    with faster_steps(model, LENGTH):
        assert model.base_model(**batch).last_hidden_state.shape[:2] == (1, 1)
    assert model.base_model(**batch).last_hidden_state.shape[:2] == batch["input_ids"].shape


def test_an_attention_with_masks_of_another_shape_is_left_alone(classifier):
    model, tokenizer = classifier
    model.set_attn_implementation("eager")
    batch = tokenizer(["i love this film"], return_tensors="pt")
    with faster_steps(model, LENGTH):
        assert model.base_model(**batch).last_hidden_state.shape[:2] == batch["input_ids"].shape
