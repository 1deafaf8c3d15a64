"""Fewer layers, narrower feed-forward parts, and a further layer that starts as a mean.

All make a changed config and changed weights, and have the library load the one from the other, just as it will after
the run: what numbers its layers (GPT-2) or builds them by their number (ModernBERT) comes out as it will be then.
"""

import copy
from typing import TYPE_CHECKING, Literal

from tuner.errors import ModelError, SettingsError
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN, Anatomy, anatomy_of, layers_name

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedConfig, PreTrainedModel

Which = Literal["first", "last", "spread"]
# How much the mean counts beside the first token's own hidden state in the layer that starts as the mean.
MEAN_WEIGHT = 5.0
# Its matrices that start as so much of the identity.
MEAN_LAYER = {
    "attention.self.query": 0.0, "attention.self.value": 1.0, "attention.output.dense": MEAN_WEIGHT, "output.dense": 0.0,
}  # fmt: skip


def keep_layers(model: "PreTrainedModel", count: int, which: Which = "spread") -> "PreTrainedModel":
    """The model with `count` of its layers; whole layers fall away, the kept ones keep their weights and order.

    ALBERT computes one layer over and over: there it is computed `count` times.

    Args:
        which: "first", "last", or "spread" evenly from the first to the last, which gives the layers DistilBERT was
            started from (Sanh et al. 2019, `extract_distilbert.py`: 0, 2, 4, 7, 9, 11 of 12). Measured with three of
            MiniLM's six on 12,000 tweets, one epoch, 2,000 test rows: accuracy 0.797 spread, 0.778 last, 0.774 first; on
            4,000 tweets 0.711, 0.667, 0.641. (Sajjad et al. 2023 miss the top layers the least on BERT.)

    Raises:
        SettingsError: more layers than there are, or fewer than one.
        ModelError: an architecture whose layers cannot be dropped.
    """
    present = model.config.num_hidden_layers
    if not 1 <= count <= present:
        raise SettingsError([f"model.num_hidden_layers = {count}: this base model has {present}; give 1 to {present}."])
    if count == present:
        return model
    config = copy.deepcopy(model.config)
    config.num_hidden_layers = count
    if model.config.model_type == "albert":
        _only_one_group(model)
        return _loaded(model, config, model.state_dict())
    kept = positions_kept(present, count, which)
    if kinds := getattr(config, "layer_types", None):  # ModernBERT: attention to all tokens, or to near ones
        config.layer_types = [kinds[index] for index in kept]
    return _loaded(model, config, _weights_of(model, kept))


def narrow(model: "PreTrainedModel", intermediate_size: int) -> "PreTrainedModel":
    """The model with `intermediate_size` units in each feed-forward part, the strongest of those it had.

    A unit's strength is the L2 norm of all weights into and out of it: pruning by the size of the weights, as Li et al.
    2017 ("Pruning filters for efficient ConvNets") do with whole filters, on whole units so that the matrices shrink.

    Raises:
        SettingsError: more units than there are, or fewer than one.
        ModelError: an architecture that is not known here.
    """
    parts = anatomy_of(model)
    present = getattr(model.config, parts.width) or 4 * model.config.hidden_size  # GPT-2 leaves n_inner empty
    if not 1 <= intermediate_size <= present:
        raise SettingsError(
            [f"model.intermediate_size = {intermediate_size}: this base model's is {present}; give 1 to {present}."]
        )
    if intermediate_size == present:
        return model
    weights = model.state_dict()
    for name in [name for name, _ in model.named_modules() if name.startswith(layers_name(model))]:
        if name.endswith(f".{parts.into}"):
            _prune(model, weights, name, name.removesuffix(parts.into) + parts.out_of, parts, intermediate_size)
    config = copy.deepcopy(model.config)
    setattr(config, parts.width, intermediate_size)
    return _loaded(model, config, weights)


def add_mean_layer(model: "PreTrainedModel") -> "PreTrainedModel":
    """The model with a further layer on top, whose output for every token starts as the mean over all tokens.

    Encoders of sentences were trained by that mean (Reimers & Gurevych 2019, section 3), while the head reads the first token.
    With queries of zero attention is even; value and output matrices are the identity, the second times `MEAN_WEIGHT`; the
    feed-forward part adds nothing; the norms are plain. Keys and the way into the feed-forward part are the layer's below, so
    that all of it has gradients or gets them with the first step. Nothing is drawn.

    Raises:
        ModelError: an architecture whose head does not read the first token, or is built otherwise.
    """
    import torch

    kind = model.config.model_type
    if kind not in READ_THE_FIRST_TOKEN:
        raise ModelError(f"Models of type '{kind}' cannot get a layer of the mean.", "Switch model.mean_pooling off.")
    config, weights = copy.deepcopy(model.config), dict(model.state_dict())
    config.num_hidden_layers += 1
    last, new = (f"{layers_name(model)}{config.num_hidden_layers - above}." for above in (2, 1))
    weights |= {new + name.removeprefix(last): tensor.clone() for name, tensor in weights.items() if name.startswith(last)}
    for part, factor in MEAN_LAYER.items():
        weights[f"{new}{part}.weight"] = factor * torch.eye(*weights[f"{new}{part}.weight"].shape)
        weights[f"{new}{part}.bias"].zero_()
    for norm in ("attention.output.LayerNorm", "output.LayerNorm"):
        weights[f"{new}{norm}.weight"].fill_(1)
        weights[f"{new}{norm}.bias"].zero_()
    return _loaded(model, config, weights)


def positions_kept(present: int, count: int, which: Which) -> list[int]:
    """Positions of the kept layers, ascending."""
    if which == "spread" and count > 1:
        gaps = count - 1
        return [(2 * index * (present - 1) + gaps) // (2 * gaps) for index in range(count)]  # rounded half up
    return list(range(present - count, present)) if which == "last" else list(range(count))


def _weights_of(model: "PreTrainedModel", kept: list[int]) -> "dict[str, Tensor]":
    """The state dict with the kept layers under their new numbers."""
    stack = layers_name(model)
    number = {old: new for new, old in enumerate(kept)}
    weights = {}
    for name, tensor in model.state_dict().items():
        if name.startswith(stack):
            old, _, rest = name.removeprefix(stack).partition(".")
            if int(old) in number:
                weights[f"{stack}{number[int(old)]}.{rest}"] = tensor
        else:
            weights[name] = tensor
    if model.config.model_type == "modernbert" and kept[0] != 0:
        _drop_first_norm(weights, f"{stack}0.")
    return weights


def _drop_first_norm(weights: "dict[str, Tensor]", layer: str) -> None:
    """ModernBERT's first layer takes the embeddings as they were normalised just before: it has no norm of its own.

    The gain of the norm that goes is worked into the matrix that comes after it.
    """
    gain = weights.pop(f"{layer}attn_norm.weight")
    weights.pop(f"{layer}attn_norm.bias", None)
    weights[f"{layer}attn.Wqkv.weight"] = weights[f"{layer}attn.Wqkv.weight"] * gain


def _prune(model: "PreTrainedModel", weights: "dict[str, Tensor]", into: str, out_of: str, parts: Anatomy, count: int) -> None:
    """Cuts one feed-forward part down to its `count` strongest units, in their order."""
    import torch

    # Linear holds units × hidden, GPT-2's Conv1D hidden × units.
    unit_in, unit_out = (0, 1) if isinstance(model.get_submodule(into), torch.nn.Linear) else (1, 0)
    first, last = weights[f"{into}.weight"], weights[f"{out_of}.weight"]
    squares = last.square().sum(dim=1 - unit_out)
    squares = squares + first.square().sum(dim=1 - unit_in).view(2 if parts.gated else 1, -1).sum(dim=0)
    units = squares.topk(count).indices.sort().values
    rows = torch.cat([units, units + len(squares)]) if parts.gated else units
    weights[f"{into}.weight"] = first.index_select(unit_in, rows)
    weights[f"{out_of}.weight"] = last.index_select(unit_out, units)
    if f"{into}.bias" in weights:
        weights[f"{into}.bias"] = weights[f"{into}.bias"].index_select(0, rows)


def _loaded(model: "PreTrainedModel", config: "PreTrainedConfig", weights: "dict[str, Tensor]") -> "PreTrainedModel":
    """A model of the same class from a config and its weights, as loading a folder with them would make it."""
    name = model.config.name_or_path
    made, report = type(model).from_pretrained(
        None, config=config, state_dict=dict(weights), dtype=model.dtype, output_loading_info=True
    )
    if unlike := report["missing_keys"] | set(report["unexpected_keys"]) | set(report["mismatched_keys"]):
        raise ModelError(
            f"The structure of models of type '{config.model_type}' cannot be changed: {sorted(map(str, unlike))[:3]} "
            "would not fit.",
            "Leave model.num_hidden_layers and model.intermediate_size empty.",
        )
    made.name_or_path = made.config.name_or_path = name
    return made.train(model.training)


def _only_one_group(model: "PreTrainedModel") -> None:
    groups = model.config.num_hidden_groups
    if groups != 1:
        raise ModelError(
            f"This ALBERT has {groups} groups of shared layers; which of them would be computed how often is not defined.",
            "Leave model.num_hidden_layers empty, or take an ALBERT with one group.",
        )
