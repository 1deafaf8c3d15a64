"""Linear layers whose weights are laid out once for the CPU's vector units.

torch multiplies float32 matrices with MKL. On an AMD processor with AVX-512 that did 120 (25 tokens) to 200 (1,000 tokens)
GFLOP/s on two cores, where oneDNN, which is part of torch, too, did 350 to 460 with weights it had laid out for itself. Twenty
tweets took 60 ms instead of 100, one tweet 6 instead of 8.
"""

import copy
import functools
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import Linear, Module
from transformers.pytorch_utils import Conv1D

# For how many rows the weights are laid out; every number of rows can be multiplied.
_ROWS = 256


def packed(model: Module) -> Module:
    """A model that answers as the one given but for rounding, without gradients; that one itself where it would gain nothing.

    It shares all parameters, and keeps a second copy of the float32 weights of linear layers, which are taken as they now are.
    """
    return _packed(model, {}) if can_pack() else model


def _packed(module: Module, known: dict[Module, Module]) -> Module:
    if module not in known:  # layers can be used in several places
        known[module] = copied = shallow(module)
        for name, child in module._modules.items():
            if child is not None:
                copied._modules[name] = _packed(child, known)
        if type(module) in (Linear, Conv1D) and module.weight.dtype == torch.float32:
            weight = module.weight if type(module) is Linear else module.weight.T
            # As an attribute of the instance, so that those who read weight and sizes of the layer find them.
            copied.forward = _multiplication(weight.detach(), module.bias)
    return known[module]


def shallow(module: Module) -> Module:
    """A module with the same parameters and children, whose children can be replaced without the other's knowing."""
    copied = copy.copy(module)
    copied._modules = dict(module._modules)
    return copied


def shallow_child(module: Module, *path: str) -> Module:
    """A child at some depth, made `shallow` like all on the way to it; the module given must be so already."""
    for name in path:
        child = module._modules[name] = shallow(module._modules[name])
        module = child
    return module


def _multiplication(weight: Tensor, bias: Tensor | None) -> Callable[[Tensor], Tensor]:
    """x → x · weightᵀ + bias, for x of any number of dimensions."""
    laid_out = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), _ROWS)
    bias = None if bias is None else bias.detach()
    return lambda x: torch.ops.mkldnn._linear_pointwise(x, laid_out, bias, "none", [], "")


@functools.cache
def can_pack() -> bool:
    """Whether this processor is one on which it was measured (x86 with AVX) and torch has the two functions, which it made for
    its own compiler and does not promise to keep."""
    if not torch.backends.cpu.get_cpu_capability().startswith("AVX"):
        return False
    weight, bias, x = torch.eye(16), torch.ones(16), torch.arange(32.0).view(2, 16)
    try:
        return torch.equal(_multiplication(weight, bias)(x), x + 1)
    except (AttributeError, RuntimeError, TypeError):
        return False
