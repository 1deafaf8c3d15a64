"""Attention: how much of each word is carried to where the answer is read from."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.errors import ModelError
from tuner.explain.reading import Found, private_view, read, words_of
from tuner.inference import Classifier

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def rollout(classifier: Classifier, text: str, spans: Sequence[tuple[int, int]], label: str | None) -> Found:
    """Attention rollout (Abnar and Zuidema 2020): the mean over heads, half of it the token itself, multiplied up the layers.

    Read off where the head reads. Parts of the words are at least 0 and sum to 1; they are the same for every label.
    """
    import torch

    (answer,) = classifier.predict([text])
    reading = read(classifier, text)
    with private_view(classifier) as view, torch.no_grad():
        view.set_attn_implementation("eager")  # others give no maps
        ids = torch.tensor([reading.ids], device=view.device)
        maps = view(input_ids=ids, attention_mask=torch.ones_like(ids), output_attentions=True).attentions
        if not maps:
            raise ModelError(f"{classifier.name} shows no attention.", "Choose another method.")
        carried = _where_the_head_reads(view, ids.shape[1]).to(view.device)
        for layer in reversed(maps):
            carried = (carried + carried @ layer[0].float().mean(0)) / 2
    words = words_of(text, spans, reading, carried.cpu().tolist())
    total = sum(word.score for word in words) or 1.0
    return Found(answer, label or answer.label, tuple(replace(word, score=word.score / total) for word in words))


def _where_the_head_reads(model: "PreTrainedModel", length: int) -> "Tensor":
    """Weights over the tokens: the last of a decoder, the first of an encoder, or all alike."""
    import torch

    if getattr(model.config, "classifier_pooling", "") == "mean":  # ModernBERT
        return torch.full((length,), 1 / length)
    weights = torch.zeros(length)
    weights[-1 if model.config.model_type == "gpt2" else 0] = 1.0
    return weights
