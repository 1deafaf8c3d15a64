"""The classification head that stands beside a base model: whose labels its rows are, and a new one."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module
    from transformers import PreTrainedModel


def matrices(model: "PreTrainedModel") -> "list[Module]":
    """The head's linear layers; the last gives a logit per label."""
    import torch

    base = f"{model.base_model_prefix}."
    beside = [module for name, module in model.named_modules() if name and not f"{name}.".startswith(base)]
    return [module for module in beside if isinstance(module, torch.nn.Linear)]


def sort_labels(model: "PreTrainedModel", order: list[int]) -> None:
    """Puts the head's rows into another order of labels: the new row i is the former row `order[i]`."""
    import torch

    with torch.no_grad():
        for parameter in matrices(model)[-1].parameters():
            parameter.copy_(parameter[order].clone())


def renew(model: "PreTrainedModel", seed: int) -> None:
    """Draws the head's weights anew, as the library does for a model without one."""
    from transformers import set_seed

    set_seed(seed)
    for module in matrices(model):
        for parameter in module.parameters():
            parameter._is_hf_initialized = False  # what was loaded is protected from being initialised
        model._init_weights(module)
