"""Texts of several lengths behind one another in one row, each of which attends to itself alone: no padding is computed.

Twenty tweets of 9 to 51 tokens, in three batches of like length, were a fifth padding and took 57 ms on two cores; in one row
they took 42. One tweet takes as long as before, and a file, whose batches hardly hold padding, too.
"""

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from tuner.packed import shallow, shallow_child
from tuner.training.speed import by_head, first_token_suffices


def unpadded(model: PreTrainedModel) -> Callable[[list[list[int]]], Tensor] | None:
    """What makes logits (texts × labels) of texts as token ids, on the CPU and without gradients; None where it is not known how.

    The model given stays as it is; all parameters are shared.
    """
    if not first_token_suffices(model) or model.config.is_decoder:  # a decoder's token does not see those after it
        return None
    made = shallow(model)
    layers = shallow_child(made, model.base_model_prefix, "encoder", "layer")
    *lower, last = layers._modules
    for name in lower:
        attention = shallow_child(layers, name, "attention", "self")
        attention.forward = functools.partial(_attention_within_each, attention)
    layer = shallow_child(layers, last)
    layer.forward = functools.partial(_first_token_of_each, layer)
    return functools.partial(_logits, made)


def _logits(model: PreTrainedModel, texts: list[list[int]]) -> Tensor:
    ids = torch.tensor([[token for text in texts for token in text]])
    positions = torch.cat([_positions(model.base_model.embeddings, text) for text in texts])[None]
    return model(
        input_ids=ids, position_ids=positions, token_type_ids=torch.zeros_like(ids), lengths=[len(text) for text in texts]
    ).logits


def _positions(embeddings: Module, text: list[int]) -> Tensor:
    """What the model itself would count: RoBERTa begins behind its padding token's number, and leaves that token out."""
    if not hasattr(embeddings, "create_position_ids_from_input_ids"):
        return torch.arange(len(text))
    return embeddings.create_position_ids_from_input_ids(torch.tensor([text]), embeddings.padding_idx)[0]


def _attention_within_each(
    attention: Module,
    hidden_states: Tensor,
    *_: Any,  # noqa: ANN401
    lengths: list[int],
    **__: Any,  # noqa: ANN401
) -> tuple[Tensor, None]:
    """Self-attention of texts in one row (1 × tokens × hidden)."""
    query, key, value = (
        by_head(made(hidden_states), attention).split(lengths, 2) for made in (attention.query, attention.key, attention.value)
    )
    attended = torch.cat([scaled_dot_product_attention(*of_text) for of_text in zip(query, key, value, strict=True)], 2)
    return attended.transpose(1, 2).flatten(2), None


def _first_token_of_each(
    layer: Module,
    hidden_states: Tensor,
    *_: Any,  # noqa: ANN401
    lengths: list[int],
    **__: Any,  # noqa: ANN401
) -> Tensor:
    """The last layer's output for the first token of each text in the row (texts × 1 × hidden), which is all that heads read."""
    attention = layer.attention.self
    starts = torch.tensor([0, *lengths[:-1]]).cumsum(0)
    first = hidden_states[0, starts][:, None]
    key, value = (by_head(made(hidden_states), attention).split(lengths, 2) for made in (attention.key, attention.value))
    query = by_head(attention.query(first), attention).split(1)
    attended = torch.cat([scaled_dot_product_attention(*of_text) for of_text in zip(query, key, value, strict=True)])
    return layer.feed_forward_chunk(layer.attention.output(attended.transpose(1, 2).flatten(2), first))
