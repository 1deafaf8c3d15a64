"""From settings, rows and a model to a Hugging Face Trainer. Progress and checkpoints are callbacks, not branches here."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.config import RunConfig, TrainingConfig
from tuner.data.labelled import LabelledData, Split
from tuner.errors import SettingsError
from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.hardware import resolve_precision
from tuner.training import processes
from tuner.words import listed

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainerCallback, TrainingArguments

    from tuner.modeling import BaseModel
    from tuner.training.trainer import ClassifierTrainer


def encode(split: Split, tokenizer: "PreTrainedTokenizerBase", max_length: int, pad: bool) -> "Dataset":
    """Rows as token ids with a `length` column, by which the sampler groups them.

    Args:
        max_length: tokens kept of each text, special tokens included.
        pad: fill every row up to `max_length` instead of leaving that to the batch.
    """
    from datasets import Dataset

    encoded = tokenizer(
        list(split.texts),
        truncation=True,
        max_length=max_length,
        padding="max_length" if pad else False,
        return_attention_mask=True,
    )
    columns = {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"], "labels": list(split.labels)}
    if not pad:
        columns["length"] = [len(ids) for ids in encoded["input_ids"]]
    return Dataset.from_dict(columns)


def training_arguments(config: TrainingConfig, output_dir: Path, device: str) -> "TrainingArguments":
    """The library's arguments for a TrainingConfig. Every field of it is read here or in `build_trainer`.

    Args:
        device: "cuda", "mps" or "cpu".

    Raises:
        SettingsError: a precision this machine cannot honour.
    """
    from transformers import TrainingArguments

    try:
        precision, _ = resolve_precision(config.precision)
    except ValueError as error:
        raise SettingsError([f"training.precision = '{config.precision}': {error}."]) from None
    arguments = TrainingArguments(**argument_values(config, output_dir, device, precision))
    # One process would take all GPUs it sees by `DataParallel`, and so many times the rows for a step.
    arguments._n_gpu = min(arguments.n_gpu, 1)
    return arguments


def scheduler_arguments(config: TrainingConfig) -> dict[str, Any]:
    """What the library's scheduler is given: the person's arguments over those without which it would not run, or not help.

    A floor of a tenth of the rate is that of GPT-3 and Chinchilla (Brown et al. 2020, Hoffmann et al. 2022). A fine-tuning has
    few validations, so that the rate is halved after one without a better score; `greedy` stays between a tenth and ten times
    the rate, where the library's own floor, 1e-3, lies above it. That of `polynomial`, 1e-7, has to lie below the rate.
    """
    given = config.lr_scheduler_kwargs or {}
    needed: dict[str, Any] = {}
    if config.lr_scheduler_type in ("cosine_with_min_lr", "cosine_warmup_with_min_lr") and "min_lr" not in given:
        needed = {"min_lr_rate": 0.1}
    if config.lr_scheduler_type == "polynomial" and config.learning_rate <= 1e-7:
        needed = {"lr_end": 0.0}
    if config.follows_the_metric:
        needed = {"mode": "max" if config.metric_for_best_model in HIGHER_IS_BETTER else "min", "patience": 0, "factor": 0.5}
    if config.lr_scheduler_type == "greedy":
        needed |= {"factor": 0.95, "min_lr": config.learning_rate / 10, "max_lr": config.learning_rate * 10}
    return needed | given


def argument_values(config: TrainingConfig, output_dir: Path | str, device: str, precision: str) -> dict[str, Any]:
    """What `training_arguments` gives the library, by name; the script that repeats a run is written from it, too.

    Args:
        device: "cuda", "mps" or "cpu".
        precision: "bf16", "fp16" or "fp32".
    """
    metric, together = config.metric_for_best_model, processes.count()
    judged = config.keeps_best or config.follows_the_metric
    return dict(  # noqa: C408 (reads as the call it is made for)
        output_dir=str(output_dir),
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        lr_scheduler_kwargs=scheduler_arguments(config) or None,
        warmup_steps=config.warmup_steps,
        num_train_epochs=config.num_train_epochs,
        max_steps=config.max_steps,
        per_device_train_batch_size=config.per_device_train_batch_size // together,
        per_device_eval_batch_size=config.per_device_eval_batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        label_smoothing_factor=config.label_smoothing_factor,
        optim=config.optim,
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        activation_checkpointing=config.activation_checkpointing,
        train_sampling_strategy=config.train_sampling_strategy,
        eval_strategy=config.eval_strategy,
        eval_steps=config.eval_steps,
        save_strategy=config.save_strategy,
        save_steps=config.save_steps or 500,
        save_total_limit=config.save_total_limit,
        load_best_model_at_end=config.keeps_best,
        metric_for_best_model=metric if judged else None,
        greater_is_better=metric in HIGHER_IS_BETTER if judged else None,
        logging_steps=config.logging_steps if config.logging_steps < 1 else int(config.logging_steps),
        # By default NaN is logged as 0.0, which looks like perfection.
        logging_nan_inf_filter=False,
        # Else a resume would count the evaluations without a better score from zero again.
        restore_callback_states_from_checkpoint=True,
        seed=config.seed,
        data_seed=config.seed,
        # A DataLoader's children would keep file locks and GPU memory after the worker was killed.
        dataloader_num_workers=0,
        dataloader_pin_memory=device == "cuda",
        ddp_find_unused_parameters=config.gradual_unfreezing is not None,
        # The rows of a step are counted in all processes: `custom_loss` divides by that.
        average_tokens_across_devices=True,
        fsdp=config.fsdp and together > 1,
        torch_compile=config.torch_compile,
        # Else the library has all float32 products made in TF32, those of the final report, too.
        tf32=False if config.torch_compile else None,
        report_to=config.report_to or "none",
        # Else a finished run would be published as a Space of the person's.
        trackio_static_space_id=False,
        disable_tqdm=True,
    )


def build_model(
    config: RunConfig, base: "BaseModel", tokenizer: "PreTrainedTokenizerBase", labels: tuple[str, ...]
) -> "tuple[PreTrainedModel, int]":
    """The base model with a new head, shaped as the settings say, and how many parameters it had before that.

    Raises:
        ModelError: its weights cannot be read, or its structure cannot be changed so.
        SettingsError: more layers or width than it has.
    """
    from tuner import modeling, structure

    settings, seed = config.model, config.training.seed
    model = modeling.load_for_training(base, tokenizer, labels, seed, settings.hidden_dropout_prob, settings.keep_head)
    before = structure.count_parameters(model)[0]
    if settings.num_hidden_layers:
        model = structure.keep_layers(model, settings.num_hidden_layers, settings.layer_selection)
    if settings.intermediate_size:
        model = structure.narrow(model, settings.intermediate_size)
    if settings.mean_pooling:
        model = structure.add_mean_layer(model)
    structure.freeze(model, settings.freeze, settings.freeze_layers)
    if settings.lora:
        model = structure.add_lora(model, settings.lora, settings.lora_alpha or 2 * settings.lora, settings.lora_dropout, seed)
    return model, before


def build_trainer(
    config: RunConfig,
    data: LabelledData,
    model: "PreTrainedModel",
    tokenizer: "PreTrainedTokenizerBase",
    max_length: int,
    output_dir: Path,
    callbacks: "list[TrainerCallback]",
) -> "ClassifierTrainer":
    """A Trainer ready for `train()`.

    Args:
        max_length: tokens kept of each text.
        output_dir: where checkpoints go.

    Raises:
        SettingsError: a setting this machine cannot honour.
    """
    from transformers import DataCollatorWithPadding, EarlyStoppingCallback, PrinterCallback

    from tuner.hardware import torch_device
    from tuner.structure import GradualUnfreezing, layer_class
    from tuner.training.averaging import WeightAveraging
    from tuner.training.callbacks import SaveTheBest
    from tuner.training.rates import Rates
    from tuner.training.trainer import ClassifierTrainer

    patience = config.training.early_stopping_patience
    early = [EarlyStoppingCallback(early_stopping_patience=patience)] if patience else []
    best = [SaveTheBest()] if config.training.saves_between else []
    share = config.training.gradual_unfreezing
    unfreezing = [GradualUnfreezing(share)] if share else []
    last = config.training.weight_averaging
    averaging = [WeightAveraging(last)] if last else []
    pad = config.model.pad_to_max_length
    arguments = training_arguments(config.training, output_dir, torch_device())
    if arguments.fsdp_plugin_args:
        # By itself accelerate parts the embeddings as a whole, then the table in them again, and fails.
        arguments.fsdp_plugin_args["transformer_cls_names_to_wrap"] = layer_class(model)
    trainer = ClassifierTrainer(
        model=model,
        args=arguments,
        train_dataset=encode(data.splits["train"], tokenizer, max_length, pad),
        eval_dataset=encode(data.splits["validation"], tokenizer, max_length, pad),
        data_collator=DataCollatorWithPadding(tokenizer),
        processing_class=tokenizer,
        compute_metrics=compute_metrics,
        compute_loss_func=custom_loss(config.training, data),
        callbacks=[*early, *best, *unfreezing, *averaging, *callbacks],
    )
    trainer.averaging = averaging[0] if averaging else None
    trainer.adversarial_epsilon = config.training.adversarial_epsilon
    trainer.remove_callback(PrinterCallback)
    decay, head_rate = config.training.layerwise_lr_decay, config.training.head_learning_rate
    if decay != 1 or head_rate:
        trainer.rates = Rates(config.training.learning_rate, decay, head_rate)
    # These models' forward takes **kwargs, from which the Trainer concludes that they divide the loss
    # by the number of items in all accumulated batches and processes. They do not; `custom_loss` does.
    trainer.model_accepts_loss_kwargs = False
    trainer.loss_is_scaled_for_ga = True
    return trainer


def loss_weights(config: TrainingConfig, data: LabelledData) -> list[float] | None:
    """The settings' class weights in the order of the labels; None where no weights are set.

    "balanced" is scikit-learn's: rows ÷ (classes × rows of the class).

    Raises:
        SettingsError: weights for labels there are none of, or not for all.
    """
    given = config.class_weights
    if given is None:
        return None
    if given == "balanced":
        counts = data.counts("train").values()
        classes = sum(count > 0 for count in counts)
        return [sum(counts) / (classes * count) if count else 0.0 for count in counts]
    if set(given) != set(data.labels):
        names = listed([f"'{name[:40]}'" for name in data.labels], 20)
        shown = f"training.class_weights = {str(given)[:80]}"
        raise SettingsError([f"{shown}: must name every label once; the labels are {names}."])
    return [given[name] for name in data.labels]


def custom_loss(config: TrainingConfig, data: LabelledData) -> Callable[..., Any]:
    """Cross-entropy with the settings' class weights and focal factor, a mean over the rows of the whole step.

    The models' own loss is a mean over a batch; the mean of such means is another number where the batches of a step, or
    its parts in several processes, are not of one size, as at the end of an epoch. Rows labelled -100 do not count.

    The focal factor (1 − p)^γ of Lin et al. (2017) takes p, the probability of the true label, as it is: with label
    smoothing, too. torch's own weighted mean divides by the sum of the weights in a batch instead of its rows, which makes
    a step depend on how its rows are dealt out to batches.

    Raises:
        SettingsError: as `loss_weights`.
    """
    import torch

    weights, gamma = loss_weights(config, data), config.focal_gamma

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | None = None) -> torch.Tensor:  # noqa: ANN401
        """`num_items_in_batch`: rows of the step, in all its batches and processes; None for those of this batch."""
        logits = outputs["logits"].float()
        weight = torch.tensor(weights, device=logits.device) if weights else None
        smoothing = config.label_smoothing_factor
        losses = torch.nn.functional.cross_entropy(logits, labels, weight, label_smoothing=smoothing, reduction="none")
        if gamma:
            wrong = 1 - logits.softmax(-1).gather(1, labels.clamp(min=0)[:, None])[:, 0]
            # Below γ = 1 the slope of wrong^γ is infinite at 0, which a sure answer reaches by rounding: NaN gradients.
            losses = losses * wrong.clamp(min=1e-6) ** gamma
        return losses.mean() if num_items_in_batch is None else losses.sum() / num_items_in_batch

    return loss


def compute_metrics(prediction: Any) -> dict[str, float]:  # noqa: ANN401
    """Validation metrics of logits (rows × labels) and label ids, for the Trainer.

    Raises:
        FloatingPointError: a logit is no finite number.
    """
    import numpy as np

    from tuner.evaluation.metrics import score, softmax

    if not np.isfinite(prediction.predictions).all():
        raise FloatingPointError("a logit is no finite number")
    return score(softmax(prediction.predictions), prediction.label_ids)
