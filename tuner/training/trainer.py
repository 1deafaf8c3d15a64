"""The library's Trainer, with an order of rows that survives a resume and learning rates by layer."""

from collections.abc import Iterator
from typing import Any

import torch
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from tuner.training.rates import Rates


class ClassifierTrainer(Trainer):
    """A Trainer whose `group_by_length` depends on seed and epoch alone.

    The library draws that order from torch's global generator. After a resume within an epoch its state at
    the epoch's start is gone, so other rows were left out and repeated, and the weights came out different.

    Attributes:
        rates: of the model's parts; None for one rate.
    """

    rates: Rates | None = None

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ANN401
        """The library's optimizer, its groups parted by rate."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if self.rates and is_new:
            self.rates.give_to(optimizer, self.accelerator.unwrap_model(model or self.model))
        return optimizer

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> torch.utils.data.Sampler | None:  # noqa: ANN401
        sampler = super()._get_train_sampler(*args, **kwargs)
        return _Groups(self, sampler) if isinstance(sampler, LengthGroupedSampler) else sampler


class _Groups(torch.utils.data.Sampler[int]):
    """The library's length groups, drawn by a generator of their own.

    Reads the epoch off the Trainer's state: `set_epoch` does not reach a sampler when batches are skipped
    in several processes.
    """

    def __init__(self, trainer: Trainer, groups: LengthGroupedSampler) -> None:
        self.trainer = trainer
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[int]:
        epoch = int(self.trainer.state.epoch or 0)
        generator = torch.Generator().manual_seed(self.trainer.args.data_seed + epoch)
        return iter(get_length_grouped_indices(self.groups.lengths, self.groups.batch_size, generator=generator))
