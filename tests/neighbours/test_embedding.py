"""Texts as vectors."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests import tiny
from tests.places import Held
from tuner import modeling
from tuner.errors import ModelError, SourceError
from tuner.inference import load_classifier
from tuner.neighbours import embeddings
from tuner.neighbours.embedding import embed, mean_of_tokens

TEXTS = ["i love it", "this film was so awful and boring today", "my cat", "what brilliant coffee , really superb !"]


def loaded(folder):
    base = modeling.find_base_model(str(folder))
    return modeling.load_tokenizer(base), modeling.load_encoder(base)


def test_padding_has_no_part_in_the_mean():
    hidden = torch.tensor([[[1.0, 2.0], [3.0, 6.0], [100.0, 100.0]], [[5.0, 5.0], [7.0, 7.0], [9.0, 9.0]]])
    mask = torch.tensor([[1, 1, 0], [1, 1, 1]])
    assert mean_of_tokens(hidden, mask).tolist() == [[2.0, 4.0], [7.0, 7.0]]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_text_is_embedded_alone_as_in_a_batch_with_longer_ones(architecture, tiny_models):
    tokenizer, encoder = loaded(tiny_models[architecture])
    encoded = tokenizer(TEXTS)["input_ids"]
    together = embed(encoder, tokenizer, encoded)[0]
    with torch.no_grad():
        alone = [encoder(torch.tensor([ids])).last_hidden_state[0].mean(dim=0).numpy() for ids in encoded]
    assert len({len(ids) for ids in encoded}) > 1
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_the_model_is_not_changed_by_it(tiny_models):
    tokenizer, encoder = loaded(tiny_models["bert"])
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    embed(encoder.train(), tokenizer, tokenizer(TEXTS)["input_ids"])
    assert not encoder.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())
    assert all(parameter.grad is None for parameter in encoder.parameters())


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_classifier_s_texts_are_its_encoder_s_means_at_unit_length(architecture, train_here, tiny_config):
    classifier = load_classifier(train_here(tiny_config(architecture, max_steps=1)))
    ids = classifier.tokenizer(TEXTS[0], return_tensors="pt")
    with torch.no_grad():
        hidden = classifier.model(**ids, output_hidden_states=True).hidden_states[-1][0].mean(dim=0).numpy()
    found = embeddings(classifier, TEXTS, "fp32")
    assert (found.shape, found.dtype) == ((4, 32), np.float32)
    np.testing.assert_allclose(found[0], hidden / np.linalg.norm(hidden), atol=1e-5)


def test_more_texts_than_are_read_at_a_time_keep_their_order(train_here, tiny_config, monkeypatch):
    classifier = load_classifier(train_here(tiny_config(max_steps=1)))
    whole, done = embeddings(classifier, TEXTS, "fp32"), []
    monkeypatch.setattr("tuner.neighbours.embedding._CHUNK", 3)
    np.testing.assert_allclose(embeddings(classifier, TEXTS, "fp32", done.append), whole, atol=1e-6)
    assert done == [3, 4]


def test_none_and_empty_texts(train_here, tiny_config):
    classifier = load_classifier(train_here(tiny_config(max_steps=1)))
    assert embeddings(classifier, []).shape == (0, 32)
    with pytest.raises(SourceError, match="nothing to see"):
        embeddings(classifier, ["fine", " \u200b"])


def test_a_diverged_model_is_told(train_here, tiny_config):
    classifier = load_classifier(train_here(tiny_config(max_steps=1)))
    next(classifier.model.parameters()).data.fill_(float("nan"))
    with pytest.raises(ModelError, match="NaN"):
        embeddings(classifier, ["fine"])


def test_half_a_character_is_refused_in_words(learnt):
    """It ended in a TypeError of the tokenizer."""
    with pytest.raises(SourceError, match="Text 2 of 2 holds half a character"):
        embeddings(learnt, ["fine", "good \ud83d film"])


def test_the_model_is_held_for_each_batch_and_free_between_them(learnt):
    """It was asked for its device once, and a training that began meanwhile moved it."""
    place, held = Held(), []
    hook = learnt.model.base_model.register_forward_pre_hook(lambda *_: held.append(place.is_held()))
    embeddings(replace(learnt, place=place), TEXTS * 50, on_progress=lambda done: held.append(place.is_held()))
    hook.remove()
    assert held == [True, False] * 2
