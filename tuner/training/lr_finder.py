"""The learning-rate range test: how the loss answers to a rate that grows from step to step (Smith 2017).

`python -m tuner.training.lr_finder RUN.yaml` is the child process of the app: it prints one JSON line per step, and the
curve, or cause and cure, last.
"""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tuner import hub_read
from tuner.config import RunConfig
from tuner.errors import SettingsError, TunerError
from tuner.training.batches import until_it_fits
from tuner.training.few_steps import few_steps

# A tenth of the classes' rates are tried on both sides of what is usual for pretrained encoders (1e-5 … 1e-3).
LOWEST, HIGHEST = 1e-6, 1e-2
STEPS = 60
# Steepest is where the loss falls fastest; the rate at the very bottom is already too high to train with.
_WINDOW = 5
# The first sixth of a curve, rates no model learns at, is the mean of so few batches that it jumps.
_UNSETTLED = 6
NO_RATE = "No rate was found: the loss never fell for several steps before it rose."
NO_RATE_CURE = "Look at the data and the model first; where the curve jumps, take a larger batch."


class LearningRateCurve(BaseModel):
    """What the range test saw.

    Attributes:
        rates: learning rate of every step, growing by the same factor.
        losses: smoothed training loss after it, corrected for its start (Kingma & Ba 2015).
        suggestion: the rate where the loss fell fastest on its way down; None where it did not fall for several steps.
    """

    model_config = ConfigDict(frozen=True)

    rates: list[float]
    losses: list[float]
    suggestion: float | None


def find_learning_rate(
    config: RunConfig, steps: int = STEPS, on_progress: Callable[[int, int], None] | None = None
) -> LearningRateCurve:
    """Trains a fresh model for some steps with a rate that grows from 1e-6 to 1e-2; keeps nothing.

    Batches, loss, precision, clipping and the ratio of the rates of layers and head are the config's own; its scheduler
    and warm-up are not used.

    Args:
        steps: at most so many; fewer where the loss diverges before.
        on_progress: called with the steps done and `steps`.

    Raises:
        SettingsError: fewer than 10 steps.
        SourceError, ModelError, NetworkError: as for a training.
        RunFailed: one row at a time does not fit into memory.
    """
    if steps < 10:
        raise SettingsError([f"steps = {steps}: a curve needs at least 10."])
    return until_it_fits(config, lambda config: _range_test(config, steps, on_progress))


def _range_test(config: RunConfig, steps: int, on_progress: Callable[[int, int], None] | None) -> LearningRateCurve:
    from tuner.training.growing_rate import GrowingRate

    test = GrowingRate(LOWEST, HIGHEST, on_progress)
    with few_steps(config, steps, [test]) as trainer:
        trainer.train()
    finite = [(rate, loss) for rate, loss in zip(test.rates, test.losses, strict=True) if math.isfinite(loss)]
    return LearningRateCurve(rates=[r for r, _ in finite], losses=[loss for _, loss in finite], suggestion=_steepest(finite))


def _steepest(points: list[tuple[float, float]]) -> float | None:
    """The rate in the middle of the window of 5 steps over which the loss fell most on its way down; None without such a window.

    The way down ends at the lowest loss before the first rise by half of all that the curve falls. Beyond, the model is broken:
    there the loss swings more steeply than it ever learned.
    """
    points = points[len(points) // _UNSETTLED :]
    losses = [loss for _, loss in points]
    broken = (losses[0] - min(losses)) / 2 if losses else 0.0
    bottom = 0
    for step, loss in enumerate(losses):
        if loss - losses[bottom] > broken:
            break
        bottom = step if loss < losses[bottom] else bottom
    falls = [
        (losses[start + _WINDOW - 1] - losses[start], points[start + _WINDOW // 2][0]) for start in range(bottom - _WINDOW + 2)
    ]
    steepest = min(falls, default=(0.0, 0.0))
    return steepest[1] if steepest[0] < 0 else None


def answer(settings: str, work: Callable[[RunConfig, Callable[[int, int], None]], BaseModel]) -> int:
    """Does a child process's work on a settings file and prints it; 0, or 2 with cause and cure in the last line."""
    hub_read.take_token()

    def say(**line: Any) -> None:  # noqa: ANN401
        print(json.dumps(line), flush=True)

    try:
        config = RunConfig.from_yaml(Path(settings).read_text(encoding="utf-8"))
        found = work(config, lambda step, steps: say(step=step, steps=steps))
    except TunerError as error:
        say(cause=error.cause, cure=error.cure)
        return 2
    say(**found.model_dump())
    return 0


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1], lambda config, say: find_learning_rate(config, on_progress=say)))
