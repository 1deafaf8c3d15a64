"""Settings that depend on the base model and the machine: checked, and filled in."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tuner import augmentation, catalog, modeling
from tuner.config import RunConfig, TrainingConfig
from tuner.errors import SettingsError, TunerError, gathering, raise_all
from tuner.hardware import describe, gpus
from tuner.training.trackers import missing_packages

# Of the optimizers: Adagrad's state is made before FSDP parts the weights, Adafactor adds whole to parted ones.
_NOT_IN_PARTS = ("adafactor", "adagrad")
# The words of `catalog.SCHEDULER_BOUNDS`: how each is told, and whether a value is within it.
_BOUNDS: dict[str, tuple[str, Callable[[Any, Any], bool]]] = {
    "gt": ("above {}", operator.gt),
    "ge": ("at least {}", operator.ge),
    "lt": ("below {}", operator.lt),
    "le": ("at most {}", operator.le),
    "multiple_of": ("a whole number", lambda value, bound: value % bound == 0),
    "in": ("{}", lambda value, bound: value in bound),
}


@dataclass(frozen=True)
class Machine:
    """What a training needs to know of another machine than this one: its kind ("cuda" or "cpu") and GPUs."""

    kind: str
    gpus: int


def fitted(config: RunConfig, base: modeling.BaseModel | None, machine: Machine | None = None) -> RunConfig:
    """The settings with what the base model decides filled in; the same ones come back unchanged.

    Args:
        base: None: it was not found, and the machine alone is asked.
        machine: where it is to be trained; None: here.

    Raises:
        SettingsError, ModelError, TunerError: the machine or the base model cannot honour them; all that they say, at once.
    """
    found: list[TunerError] = []
    with gathering(found):
        refuse_unfit(config.training, machine)
    checks = (
        lambda base: modeling.choose_max_length(base, config.model.max_length, []),
        lambda base: modeling.check_shape(base, config.model),
        lambda base: refuse_nothing_to_unfreeze(config, base),
        lambda base: augmentation.refuse_unfit(config.augmentation, base),
    )
    for check in checks if base else ():
        with gathering(found):
            check(base)
    raise_all(found)
    if base and config.model.pad_to_max_length and config.model.max_length is None:
        return config.with_changes({"model": {"max_length": base.limit}})
    return config


def refuse_nothing_to_unfreeze(config: RunConfig, base: modeling.BaseModel) -> None:
    """Checks that gradual unfreezing finds a layer that is not frozen for good; the layer of the mean never is by number.

    No contradiction within the settings: those of runs that failed for it must still be readable.

    Raises:
        SettingsError: it finds none.
    """
    model, share = config.model, config.training.gradual_unfreezing
    layers = model.num_hidden_layers or modeling.layers_of(base)
    if model.freeze == "all_but_head":
        against, cure = "model.freeze = 'all_but_head'", "set freeze to nothing or embeddings"
    elif model.freeze_layers and model.freeze_layers == layers and not model.mean_pooling:
        against, cure = f"model.freeze_layers = {layers}", f"set freeze_layers below {layers}"
    else:
        return
    if share:
        cure = f"nothing is left to be unfrozen: {cure}, or empty gradual_unfreezing"
        raise SettingsError([f"training.gradual_unfreezing = {share:g}: not with {against}; {cure}."])


def refuse_unfit(training: TrainingConfig, machine: Machine | None = None) -> None:
    """Checks what the machine and the library must have for the settings.

    Args:
        machine: None: this one.

    Raises:
        SettingsError: they have not.
    """
    kind, count = machine.kind if machine else describe().kind, training.num_processes
    problems = missing_packages(training.report_to) + _unfit_arguments(training)
    if training.precision == "fp16" and kind != "cuda":
        problems.append("training.precision = 'fp16': fp16 needs a CUDA GPU; choose auto, bf16 or fp32.")
    if training.torch_compile and kind != "cuda":
        problems.append("training.torch_compile = True: it needs a CUDA GPU; on a CPU it cost 160 s and gained nothing.")
    if training.fsdp and kind != "cuda":
        problems.append("training.fsdp = True: it needs CUDA GPUs; on a CPU accelerate trains without it and says nothing.")
    if training.fsdp and training.torch_compile:
        problems.append(
            "training.fsdp = True: not with training.torch_compile = True; the two are not supported: switch one off."
        )
    if training.fsdp and training.optim in _NOT_IN_PARTS:
        problems.append(
            f"training.optim = '{training.optim}': not with training.fsdp = True, whose parts of weights it cannot take; "
            "choose adamw_torch, adamw_torch_fused, rmsprop or sgd."
        )
    if count > 1 and kind == "mps":
        problems.append(f"training.num_processes = {count}: an Apple GPU takes one; give 1.")
    if count > 1 and kind == "cuda" and count > (have := machine.gpus if machine else len(gpus())):
        where = "that machine has" if machine else "this machine has"
        problems.append(f"training.num_processes = {count}: {where} {have} GPU{'s' if have != 1 else ''}, one for each.")
    if problems:
        raise SettingsError(problems)


def _unfit_arguments(training: TrainingConfig) -> list[str]:
    """What the scheduler cannot honour, a sentence each.

    No contradictions within the settings: those of runs that failed for them must still be readable.
    """
    given, found = training.lr_scheduler_kwargs or {}, []
    for name, value in given.items():
        bounds = catalog.SCHEDULER_BOUNDS[name]
        if not all(_BOUNDS[kind][1](value, bound) for kind, bound in bounds.items()):
            allowed = ", ".join(_BOUNDS[kind][0].format(_told(bound)) for kind, bound in bounds.items())
            found.append(f"training.lr_scheduler_kwargs.{name} = {value!r}: must be {allowed}.")
    rate = training.learning_rate
    for name, fits, allowed in (
        ("lr_end", operator.lt, "below"),
        ("min_lr", operator.le, "at most"),
        ("max_lr", operator.ge, "at least"),
    ):
        if name in given and not fits(given[name], rate):
            against = f"not with training.learning_rate = {rate:g}; give {allowed} {rate:g}"
            found.append(f"training.lr_scheduler_kwargs.{name} = {given[name]!r}: {against}.")
    return found


def _told(bound: Any) -> str:  # noqa: ANN401
    return " or ".join(map(str, bound)) if isinstance(bound, tuple) else f"{bound:,}"
