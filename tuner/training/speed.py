"""What makes a step faster on the machine at hand and leaves its result as it is, but for rounding."""

import functools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention
from transformers import PreTrainedModel

from tuner.packed import shallow, shallow_child
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN

# Without dropout torch trains on a CPU with its flash attention, whose backward pass takes 29 % of a MiniLM step on
# tweets; plain matrix products (which dropout means anyway) take 4 %. Steps became 1.35 times as fast at 24 tokens,
# 1.2 at 72 and 1.1 at 128, but slower from 256 on (0.83; 0.68 at 512), where flash attention pays.
_MATH_ATTENTION_TOKENS = 128


@contextmanager
def faster_steps(model: PreTrainedModel, max_length: int) -> Iterator[None]:
    """The model is trained and validated inside; on leaving, it is again as the library made it.

    Args:
        model: a sequence classifier.
        max_length: tokens kept of each text.
    """
    with ExitStack() as stack:
        if model.device.type == "cpu" and max_length <= _MATH_ATTENTION_TOKENS:
            stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        if first_token_suffices(model):
            layer = model.base_model.encoder.layer[-1]
            layer.forward = functools.partial(_first_token_of, layer)
            stack.callback(delattr, layer, "forward")
        yield


def first_token_alone(model: PreTrainedModel) -> PreTrainedModel:
    """A model with the same weights whose last layer computes the first token alone; the model itself where its head reads more.

    For prediction: the one given stays as it is, for those who ask it for hidden states or attention, and moving it to a device
    moves both.
    """
    if not first_token_suffices(model):
        return model
    quick = shallow(model)
    last = str(len(model.base_model.encoder.layer) - 1)
    layer = shallow_child(quick, model.base_model_prefix, "encoder", "layer", last)
    layer.forward = functools.partial(_first_token_of, layer)
    return quick


def first_token_suffices(model: PreTrainedModel) -> bool:
    """Whether the head reads the first token alone; other attention implementations take masks of other shapes."""
    return model.config.model_type in READ_THE_FIRST_TOKEN and model.config._attn_implementation == "sdpa"


def by_head(states: torch.Tensor, attention: torch.nn.Module) -> torch.Tensor:
    """rows × tokens × hidden → rows × heads × tokens × size of a head."""
    return states.unflatten(-1, (-1, attention.attention_head_size)).transpose(1, 2)


def _first_token_of(
    layer: torch.nn.Module,
    hidden_states: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *_: Any,  # noqa: ANN401
    **__: Any,  # noqa: ANN401
) -> torch.Tensor:
    """The layer's output for the first token of each row (rows × 1 × hidden), which is all that the head reads.

    Keys and values are still those of all tokens. In the last of MiniLM's six layers 10 of 12 parts of the matrix
    products fall away, 14 % of the whole step's.
    """
    attention = layer.attention.self
    first = hidden_states[:, :1]
    attended = scaled_dot_product_attention(
        by_head(attention.query(first), attention),
        by_head(attention.key(hidden_states), attention),
        by_head(attention.value(hidden_states), attention),
        attn_mask=None if attention_mask is None else attention_mask[:, :, :1],
        dropout_p=attention.dropout.p if layer.training else 0.0,
    )
    attended = attended.transpose(1, 2).flatten(2)
    return layer.feed_forward_chunk(layer.attention.output(attended, first))
