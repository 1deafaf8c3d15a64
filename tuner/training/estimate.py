"""What a training will take: steps, time, memory and disk, before it is started. Formulas here, measuring in `timing`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from tuner.augmentation import is_on
from tuner.config import RunConfig, TrainingConfig
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN
from tuner.words import duration

# Python with torch, transformers, datasets, evaluate and scikit-learn loaded (measured: 0.8 GB).
_LIBRARIES = 0.8e9
# Weights in float32; gradient and the two moments of AdamW beside them (Rajbhandari et al. 2020, section 3.1).
_WEIGHT, _GRADIENT_AND_MOMENTS, _MOMENTS = 4, 12, 8
# What the architectures call them in config.json.
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers")
_WIDTHS = ("intermediate_size", "n_inner", "hidden_dim")


class Timing(BaseModel):
    """What a few timed steps said. Seconds are those of this machine.

    Attributes:
        per_token: of a token in a training batch, padding included, forward and backward.
        per_evaluated_token: of a token in a validation batch.
        per_update: of one step of the optimizer, clipping included.
        tokens: in one epoch's training batches, padding included.
        evaluated_tokens: in all validation batches.
        memory: bytes at the peak, the longest batch of the steps included.
        parameters: of the model as it will be trained.
    """

    model_config = ConfigDict(frozen=True)

    per_token: float
    per_evaluated_token: float
    per_update: float
    tokens: int
    evaluated_tokens: int
    memory: int
    parameters: int


class Estimate(BaseModel):
    """What a training will take. Sizes are bytes.

    Attributes:
        seconds: of training with its validations, all in one process; None until steps were timed.
        memory: at the peak; measured where `timed`, else at least so much, by formula.
        disk: for the checkpoints kept, one more while it is written, and the model.
        warnings: what a person should know and may well want.
        doubts: why the run would probably fail; a start needs "proceed anyway".
        processes: that share each step. What a step takes was timed in one: how much sooner several are is known once they run.
    """

    model_config = ConfigDict(frozen=True)

    train_rows: int
    steps: int
    evaluations: int
    seconds: float | None
    memory: int
    disk: int
    timed: bool
    warnings: list[str]
    doubts: list[str]
    processes: int = 1

    @property
    def line(self) -> str:
        """The estimate in one line."""
        time = f"about {duration(self.seconds)}" if self.seconds is not None else "time not measured yet"
        if self.timed and self.processes > 1:
            time += f" (timed in one process; {self.processes} share the steps)"
        about = "" if self.timed else "at least "
        return (
            f"{self.steps:,} step{'s' if self.steps != 1 else ''} over {self.train_rows:,} rows, {time}, "
            f"{about}{gigabytes(self.memory)} of memory, {gigabytes(self.disk)} of disk"
        )


def steps_of(config: TrainingConfig, rows: int) -> tuple[int, int]:
    """Steps of a training over so many rows, and how often it validates; as the Trainer counts them."""
    batches = math.ceil(rows / config.per_device_train_batch_size)
    per_epoch = max(math.ceil(batches / config.gradient_accumulation_steps), 1)
    steps = config.max_steps if config.max_steps > 0 else math.ceil(config.num_train_epochs * per_epoch)
    if config.eval_strategy == "steps":
        return steps, math.ceil(steps / (config.eval_steps or 1))  # after the last step, too
    return steps, math.ceil(steps / per_epoch) if config.eval_strategy == "epoch" else 0


def parameters_in(model: Mapping[str, Any]) -> int:
    """Parameters of an encoder or decoder, about, from its config.json: embeddings, attention and feed-forward matrices."""
    layers = _layers(model)
    return _parameters_beneath(model) + (1 if model.get("model_type") == "albert" else layers) * _parameters_of_a_layer(model)


def memory_needed(
    config: RunConfig,
    model: Mapping[str, Any],
    longest: int,
    half: bool,
    on_gpu: bool,
    processes: int = 1,
    rows: int | None = None,
) -> int:
    """Bytes a training takes at the least: libraries, weights, gradients, moments, and what the backward pass keeps.

    Each process has its part of a batch and, unless FSDP parts them, weights of its own. On a CPU all take the machine's
    memory; of GPUs the result is that of each.

    Args:
        model: the base model's config.json.
        longest: tokens of the longest text, as far as it is kept.
        half: whether matrix products are in bf16 or fp16.
        on_gpu: libraries stand in the machine's memory then, not in the GPU's.
        processes: that share each step.
        rows: training rows there are; None for no fewer than a batch takes.
    """
    settings = config.model
    layers = (settings.num_hidden_layers or _layers(model)) + settings.mean_pooling
    shaped = {**model, **dict.fromkeys(_LAYERS, layers), **dict.fromkeys(_WIDTHS, settings.intermediate_size or _width(model))}
    # Frozen layers keep nothing for the backward pass, and a last one of which the first token alone is read keeps little.
    layers -= settings.freeze_layers + (model.get("model_type") in READ_THE_FIRST_TOKEN)
    layers = 0 if settings.freeze == "all_but_head" else max(layers, 0)
    batch = config.training.per_device_train_batch_size
    tokens = longest * (batch if rows is None else min(batch, rows))
    kept = tokens * _kept_per_token(shaped, config, longest, on_gpu) * (1 if half else 2)
    if config.training.activation_checkpointing:  # the input of each layer, and the insides of one
        activations = layers * tokens * _hidden(model) * 4 + min(layers, 1) * kept
    else:
        activations = layers * kept
    # The mean of the weights is one more copy of what is trained.
    copies = _GRADIENT_AND_MOMENTS + (_WEIGHT if config.training.weight_averaging else 0)
    weights = _WEIGHT * parameters_in(shaped) + copies * _trained_parameters(shaped, config)
    if config.training.adversarial_epsilon:  # a copy of the word vectors, to put them back
        weights += model.get("vocab_size", 0) * (model.get("embedding_size") or _hidden(model)) * _WEIGHT
    if on_gpu:
        return int(weights / (processes if config.training.fsdp else 1) + activations / processes)
    return int(processes * (_LIBRARIES + weights) + activations)


def _trained_parameters(model: Mapping[str, Any], config: RunConfig) -> int:
    """Those with a gradient; LoRA's own and the head's, which are few, are not counted."""
    settings = config.model
    if settings.lora or settings.freeze == "all_but_head":
        return 0
    if not settings.freezing["freeze"] and not settings.freezing["freeze_layers"]:
        return parameters_in(model)
    frozen = min(settings.freeze_layers, _layers(model)) * _parameters_of_a_layer(model)
    return parameters_in(model) - _parameters_beneath(model) - frozen


def _kept_per_token(model: Mapping[str, Any], config: RunConfig, longest: int, on_gpu: bool) -> float:
    """Bytes a layer keeps of each token for the backward pass, at the least, where numbers have 16 bits.

    34·h + 5·a·s with the matrices of attention (Korthikanti et al. 2022, equation 2), of which 16·h are the feed-forward
    units, 4 bytes each. Attention's are kept on a CPU with dropout alone: elsewhere torch computes them anew. LoRA's frozen
    matrices do not keep what they were given, and a first layer above frozen embeddings keeps 2·h less. Measured without
    dropout at 64 tokens: 34.7·h in BERT, 62·h in GPT-2, 28.5·h in BERT with LoRA.
    """
    names = ("attention_probs_dropout_prob", "attn_pdrop", "attention_dropout")
    asked = config.model.hidden_dropout_prob
    dropout = max((model.get(name) or 0 for name in names), default=0) if asked is None else asked
    heads = _first(model, "num_attention_heads", "n_head", "n_heads") or 1
    squares = 0 if on_gpu or not dropout else 5 * heads * longest
    units = (8 if model.get("model_type") == "modernbert" else 4) * _width(model)  # with a gate they are twice as many
    return 17 * _hidden(model) + (units / 2 if config.model.lora else units) + squares


def _hidden(model: Mapping[str, Any]) -> int:
    return _first(model, "hidden_size", "n_embd", "dim") or 0


def _layers(model: Mapping[str, Any]) -> int:
    return _first(model, *_LAYERS) or 0


def _width(model: Mapping[str, Any]) -> int:
    return _first(model, *_WIDTHS) or 4 * _hidden(model)


def _parameters_beneath(model: Mapping[str, Any]) -> int:
    """Those of words and positions."""
    positions = _first(model, "max_position_embeddings", "n_positions") or 0
    return (model.get("vocab_size", 0) + positions) * (model.get("embedding_size") or _hidden(model))


def _parameters_of_a_layer(model: Mapping[str, Any]) -> int:
    matrices = 3 if model.get("model_type") == "modernbert" else 2
    return 4 * _hidden(model) ** 2 + matrices * _hidden(model) * _width(model)


def disk_needed(config: RunConfig, parameters: int) -> int:
    """Bytes for the checkpoints kept (weights, their mean, AdamW's moments), one more while it is written, and the model."""
    few = config.model.lora or config.model.freeze == "all_but_head"
    trained = 0 if few else _MOMENTS + (_WEIGHT if config.training.weight_averaging else 0)
    checkpoint = parameters * (_WEIGHT + trained)
    kept = config.training.save_total_limit if config.training.save_strategy != "no" else 0
    return (kept + 1) * checkpoint + parameters * _WEIGHT


def seconds_needed(timing: Timing, config: TrainingConfig, steps: int, evaluations: int, rows: int) -> float:
    """Seconds of training with its validations in one process, from what a few steps took."""
    batches = math.ceil(rows / config.per_device_train_batch_size)
    epochs = steps * config.gradient_accumulation_steps / max(batches, 1)
    training = epochs * timing.tokens * timing.per_token + steps * timing.per_update
    return training + max(evaluations, 1) * timing.evaluated_tokens * timing.per_evaluated_token


def warnings_for(config: TrainingConfig, steps: int, evaluations: int, few_shot: bool = False) -> list[str]:
    """What is allowed and yet hardly meant.

    Args:
        few_shot: whether the preset of this name is made for so few rows, and another was taken.
    """
    found = []
    patience = config.early_stopping_patience
    if patience and evaluations <= patience + 1:
        found.append(
            f"Early stopping can never fire: the run validates {_times(evaluations)}, and a patience of {patience} needs "
            f"{patience + 2}. Train more epochs, validate more often, or lower the patience."
        )
    if config.warmup_steps >= 1 and config.warmup_steps >= steps:
        found.append(f"The warm-up of {config.warmup_steps:,.0f} steps is as long as the run: the full rate is never reached.")
    decay = (config.lr_scheduler_kwargs or {}).get("num_decay_steps", 0)
    if isinstance(decay, int | float) and decay > steps:
        found.append(
            f"The rate falls for {decay:,.0f} steps (num_decay_steps) and the run has {steps:,}: it starts where the rate has "
            "already fallen, and the full rate is never reached. Give fewer."
        )
    if config.weight_averaging and round(config.weight_averaging * steps) < 2:
        found.append(
            f"Weight averaging has one step to average: {config.weight_averaging:g} of {steps:,} steps. Raise the share."
        )
    if steps < 10:
        preset = ", and the preset few-shot, which is made for so few rows, many more" if few_shot else ""
        found.append(f"The run has only {steps} step{'s' if steps != 1 else ''}: a smaller batch gives more{preset}.")
    return found


def idle_settings(config: RunConfig) -> list[str]:
    """Settings that were changed and do nothing beside the others.

    Told, not refused: the app's form and a run's config.yaml give every setting, also those nobody meant. What its preset
    says was not changed.
    """
    preset, found = RunConfig(preset=config.preset), []
    for path, why in without_effect(config).items():
        section, _, field = path.partition(".")
        value, usual = (getattr(getattr(settings, section), field) for settings in (config, preset))
        if value and value != usual:
            found.append(f"{path} = {value!r} does nothing: {why}.")
    return found


def without_effect(config: RunConfig) -> dict[str, str]:
    """`section.field` of each setting that would change nothing, whatever it is → why."""
    model, training = config.model, config.training
    waiting = {
        "model.layer_selection": (not model.num_hidden_layers, "model.num_hidden_layers empty, all layers are kept"),
        "model.lora_dropout": (not model.lora, "model.lora empty, there are no matrices"),
        "training.warmup_steps": (
            training.lr_scheduler_type == "constant",
            "training.lr_scheduler_type = 'constant' the rate never rises; constant_with_warmup has a warm-up",
        ),
        "training.eval_steps": (
            training.eval_strategy != "steps",
            f"training.eval_strategy = '{training.eval_strategy}' no steps are counted; set it to steps",
        ),
        "training.save_steps": (
            training.save_strategy != "steps",
            f"training.save_strategy = '{training.save_strategy}' no steps are counted; set it to steps",
        ),
        "training.layerwise_lr_decay": (
            model.freeze == "all_but_head" and training.layerwise_lr_decay != 1,
            "model.freeze = 'all_but_head' no layer is trained",
        ),
        "training.num_train_epochs": (
            training.max_steps > 0,
            f"training.max_steps = {training.max_steps} the run is so many steps long; set it to -1",
        ),
        "augmentation.copies": (not is_on(config.augmentation), "every strategy at 0 no copies are made; give one a share"),
    }
    return {path: f"with {why}" for path, (idle, why) in waiting.items() if idle}


def doubts_about(memory: int, free_memory: int, disk: int, free_disk: int) -> list[str]:
    """Why the run would probably fail on this machine."""
    doubts = []
    if memory > free_memory:
        doubts.append(
            f"It needs at least {gigabytes(memory)} of memory and {gigabytes(free_memory)} are free: take a smaller batch size "
            "with more accumulation, a shorter max_length, activation checkpointing or LoRA."
        )
    if disk > free_disk:
        doubts.append(
            f"It needs {gigabytes(disk)} of disk and {gigabytes(free_disk)} are free: delete runs, or lower save_total_limit."
        )
    return doubts


def gigabytes(size: float) -> str:
    """Bytes in words: "1.9 GB", below a gigabyte in MB."""
    return f"{size / 1e9:.1f} GB" if size >= 0.95e9 else f"{max(size / 1e6, 1):.0f} MB"


def padded_tokens(lengths: Sequence[int], order: Sequence[int], batch_size: int) -> int:
    """Tokens in the batches of rows taken in this order, each filled up to its longest row."""
    taken = [lengths[index] for index in order]
    batches = (taken[start : start + batch_size] for start in range(0, len(taken), batch_size))
    return sum(max(batch) * len(batch) for batch in batches)


def _times(count: int) -> str:
    return "never" if count == 0 else "once" if count == 1 else f"{count} times"


def _first(config: Mapping[str, Any], *names: str) -> int | None:
    return next((config[name] for name in names if config.get(name)), None)
