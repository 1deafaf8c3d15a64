"""A learning rate that grows from step to step, and what the loss says to it."""

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

# The share of the past in the smoothed loss; 0.9 remembers about ten steps.
_SMOOTHING = 0.9
# The test ends when the loss has grown so much over its lowest value: beyond, the model is only broken further.
_DIVERGED = 2.0
# Steps before the smoothed loss says anything.
_FIRST = 10


class GrowingRate(TrainerCallback):
    """Multiplies the rate by the same factor after every step; ends the training where the loss diverges.

    Layers and head keep the ratio of their rates to `learning_rate`.

    Attributes:
        rates: of every step.
        losses: smoothed training loss after it, corrected for its start (Kingma & Ba 2015).
    """

    def __init__(self, lowest: float, highest: float, on_progress: Callable[[int, int], None] | None = None) -> None:
        self.lowest = lowest
        self.highest = highest
        self.on_progress = on_progress
        self.rates: list[float] = []
        self.losses: list[float] = []
        self._smoothed = 0.0
        self._shares: list[float] = []

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        optimizer: torch.optim.Optimizer,
        **kwargs: Any,
    ) -> None:
        self._shares = [group["lr"] / args.learning_rate for group in optimizer.param_groups]

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        optimizer: torch.optim.Optimizer,
        **kwargs: Any,
    ) -> None:
        self.rates.append(self.lowest * (self.highest / self.lowest) ** (state.global_step / (state.max_steps - 1)))
        for group, share in zip(optimizer.param_groups, self._shares, strict=True):
            group["lr"] = self.rates[-1] * share

    def on_log(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **kwargs: Any
    ) -> None:
        if "loss" not in logs:  # the summary at the end
            return
        step = state.global_step
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * logs["loss"]
        self.losses.append(self._smoothed / (1 - _SMOOTHING**step))
        if self.on_progress:
            self.on_progress(step, state.max_steps)
        if not math.isfinite(logs["loss"]) or (step >= _FIRST and self.losses[-1] > _DIVERGED * min(self.losses)):
            control.should_training_stop = True
