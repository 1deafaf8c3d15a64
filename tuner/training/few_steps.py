"""A few steps of a training, the same as a run's, of which nothing is kept."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner import modeling
from tuner.config import RunConfig

if TYPE_CHECKING:
    from transformers import TrainerCallback

    from tuner.training.trainer import ClassifierTrainer

# One process, one rate, no validation; nothing is written and nobody is told.
_ALONE: dict[str, Any] = {
    "lr_scheduler_type": "constant",
    "lr_scheduler_kwargs": None,
    "warmup_steps": 0,
    "eval_strategy": "no",
    "save_strategy": "no",
    "logging_steps": 1,
    "report_to": [],
    "early_stopping_patience": None,
    "gradual_unfreezing": None,
    "weight_averaging": None,
    "num_processes": 1,
    "fsdp": False,
    "torch_compile": False,
}


@contextmanager
def few_steps(
    config: RunConfig, steps: int, callbacks: "list[TrainerCallback]", *, of_one_batch: bool = False
) -> "Iterator[ClassifierTrainer]":
    """A Trainer on the config's rows and a fresh model, whose `train()` makes so many steps as a run makes them.

    Batches, loss, precision, clipping and checkpointing of activations are the config's own, the learning rates a constant
    share of each other.

    Args:
        of_one_batch: a step is one batch, however many the config sums up: for what a batch takes in time and memory.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
        OutOfMemory: inside, a batch does not fit.
    """
    from tuner.augmentation import with_copies
    from tuner.data.labelled import load_labelled
    from tuner.data.profiling import max_length_for
    from tuner.structure import plain
    from tuner.training.build import build_model, build_trainer
    from tuner.training.speed import faster_steps

    one = {"gradient_accumulation_steps": 1} if of_one_batch else {}
    config = config.with_changes({"training": {**_ALONE, **one, "max_steps": steps}})
    data = load_labelled(config.data)
    base = modeling.find_base_model(config.model.name, config.model.revision)
    tokenizer = modeling.load_tokenizer(base)
    max_length = max_length_for(base, config.model.max_length, data.splits["train"])
    model, _ = build_model(config, base, tokenizer, data.labels)
    data = with_copies(config, data, base)
    with tempfile.TemporaryDirectory() as folder, faster_steps(plain(model), max_length):
        yield build_trainer(config, data, model, tokenizer, max_length, Path(folder), callbacks)
