"""How long the parts of a training step take."""

import time
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments


def now() -> float:
    """Seconds; what was handed over to a GPU before is done by then."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.monotonic()


class Stopwatch(TrainerCallback):
    """Adds up what steps take, the first ones left out.

    Attributes:
        computing: seconds of forward and backward passes.
        tokens: in their batches, padding included.
        updating: seconds of clipping, the optimizer and what else ends a step.
    """

    def __init__(self, left_out: int, on_progress: Callable[[int, int], None] | None = None) -> None:
        self.left_out = left_out
        self.on_progress = on_progress
        self.computing = self.updating = 0.0
        self.tokens = 0
        self._steps = 0
        self._computed = 0.0

    def around(self, training_step: Callable[..., Any]) -> Callable[..., Any]:
        """The Trainer's step, timed."""

        def timed(model: Any, inputs: dict[str, torch.Tensor], *args: Any, **kwargs: Any) -> Any:
            begun = now()
            loss = training_step(model, inputs, *args, **kwargs)
            self._computed = now()
            if self._steps >= self.left_out:
                self.computing += self._computed - begun
                self.tokens += inputs["input_ids"].numel()
            return loss

        return timed

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self._steps >= self.left_out:
            self.updating += now() - self._computed
        self._steps += 1
        if self.on_progress:
            self.on_progress(self._steps, state.max_steps)
