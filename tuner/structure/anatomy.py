"""Where each architecture keeps its layers, feed-forward units, attention projections and head. Knows names, changes nothing."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tuner.errors import ModelError

if TYPE_CHECKING:
    from torch.nn import Module, Parameter
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Anatomy:
    """Names inside an architecture's base model.

    Attributes:
        layers: list of its layers, seen from the base model.
        into: matrix from the hidden states into the feed-forward units, at the end of its module name.
        out_of: matrix from the units back; it stands beside `into`.
        width: field of the config that holds the number of units.
        gated: whether `into` holds two rows per unit, value and gate, all values first.
        attention: projections that LoRA is put on: query and value, or the one matrix that holds them (Hu et al. 2021,
            section 7.1: for a given number of weights the two together did best; peft's own choice, too).
        above: what stands between the last layer and the head.
    """

    layers: str = "encoder.layer"
    into: str = "intermediate.dense"
    out_of: str = "output.dense"
    width: str = "intermediate_size"
    gated: bool = False
    attention: tuple[str, ...] = ("query", "value")
    above: tuple[str, ...] = ()


# Encoders built alike whose classification head reads the first token alone.
READ_THE_FIRST_TOKEN = ("bert", "electra", "roberta", "xlm-roberta")
_LIKE_BERT = Anatomy()
_ANATOMY = {
    "albert": Anatomy(layers="encoder.albert_layer_groups", into="ffn", out_of="ffn_output"),
    "bert": _LIKE_BERT,
    "deberta": Anatomy(attention=("in_proj",)),
    "deberta-v2": Anatomy(attention=("query_proj", "value_proj")),
    "distilbert": Anatomy("transformer.layer", "ffn.lin1", "ffn.lin2", "hidden_dim", attention=("q_lin", "v_lin")),
    "electra": _LIKE_BERT,
    "gpt2": Anatomy("h", "mlp.c_fc", "mlp.c_proj", "n_inner", attention=("c_attn",), above=("ln_f",)),
    "mobilebert": _LIKE_BERT,
    "modernbert": Anatomy("layers", "mlp.Wi", "mlp.Wo", gated=True, attention=("Wqkv",), above=("final_norm",)),
    "mpnet": Anatomy(attention=("q", "v")),
    "roberta": _LIKE_BERT,
    "xlm-roberta": _LIKE_BERT,
}


@dataclass
class Parts:
    """A classifier's parameters by where they stand.

    Attributes:
        beneath: embeddings and whatever else is in the base model beside its layers, such as relative positions.
        layers: those of each layer, the lowest first; what stands between the last layer and the head is with the last.
        head: what turns the base model's output into logits. A base model's pooler belongs to it: it was trained for
            another task (BERT: next sentence) or is new.
    """

    beneath: "list[Parameter]" = field(default_factory=list)
    layers: "list[list[Parameter]]" = field(default_factory=list)
    head: "list[Parameter]" = field(default_factory=list)


def anatomy_of(model: "PreTrainedModel") -> Anatomy:
    """The names for a model's architecture.

    Raises:
        ModelError: an architecture whose structure is not known here.
    """
    kind = model.config.model_type
    if kind not in _ANATOMY:
        raise ModelError(
            f"The structure of models of type '{kind}' is not known to Tuner, so it cannot be changed.",
            f"Leave layers, width, freezing and LoRA as they are, or take one of type {', '.join(_ANATOMY)}.",
        )
    return _ANATOMY[kind]


def is_lora(model: "Module") -> bool:
    """Whether this is a PeftModel around the classifier."""
    return hasattr(model, "peft_config") and hasattr(model, "get_base_model")


def plain(model: Any) -> "PreTrainedModel":  # noqa: ANN401
    """The classifier itself, out of the PeftModel around it if there is one (LoRA's matrices stay in place)."""
    return model.get_base_model() if is_lora(model) else model


def layers_name(model: "PreTrainedModel") -> str:
    """Name of the list of layers, as parameters' names begin with it: "bert.encoder.layer."."""
    return f"{model.base_model_prefix}.{anatomy_of(model).layers}."


def layer_class(model: Any) -> str:  # noqa: ANN401
    """Name of the class that the model's layers are of: "BertLayer"."""
    inner = plain(model)
    return type(inner.get_submodule(layers_name(inner)[:-1])[0]).__name__


def parts_of(model: Any) -> Parts:  # noqa: ANN401
    """A classifier's parameters by where they stand, LoRA's own ones included.

    Raises:
        ModelError: an architecture whose structure is not known here.
    """
    model = plain(model)
    base, stack = f"{model.base_model_prefix}.", layers_name(model)
    above = tuple(base + name for name in anatomy_of(model).above)
    parts = Parts(layers=[[] for _ in model.get_submodule(stack[:-1])])
    for name, parameter in model.named_parameters():
        if name.startswith(stack):
            parts.layers[int(name.removeprefix(stack).partition(".")[0])].append(parameter)
        elif above and name.startswith(above):
            parts.layers[-1].append(parameter)
        elif name.startswith(base) and not name.startswith(f"{base}pooler."):
            parts.beneath.append(parameter)
        else:
            parts.head.append(parameter)
    return parts


def count_parameters(model: "Module") -> tuple[int, int]:
    """(all, those that are trained). What peft keeps besides of a head as it was before is not counted."""
    counted = [parameter for name, parameter in model.named_parameters() if ".original_module." not in name]
    return sum(p.numel() for p in counted), sum(p.numel() for p in counted if p.requires_grad)


def parameters_in_words(model: "Module", before: int | None = None) -> str:
    """ "11.4 M parameters, 0.7 M of them trained; before: 22.7 M"; what would say nothing new is left out.

    Args:
        before: parameters before the structure was changed.
    """
    total, trained = count_parameters(model)
    words = f"{_millions(total)} parameters"
    if trained != total:
        words += f", {_millions(trained)} of them trained"
    if before is not None and before != total:
        words += f"; before: {_millions(before)}"
    return words


def _millions(count: int) -> str:
    """22713216 → "22.7 M"; below 0.1 M by the thousand, below 1,000 as it is."""
    if count >= 100_000:
        return f"{count / 1e6:.1f} M"
    return f"{count / 1e3:.1f} k" if count >= 1000 else str(count)
