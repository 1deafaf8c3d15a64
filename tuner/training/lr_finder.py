"""The learning-rate range test: how the loss answers to a rate that grows from step to step (Smith 2017).

`python -m tuner.training.lr_finder RUN.yaml` is the child process of the app: it prints one JSON line per step, and the
curve, or cause and cure, last.
"""

import json
import math
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from tuner import hub_read, modeling
from tuner.config import RunConfig
from tuner.errors import SettingsError, TunerError

# A tenth of the classes' rates are tried on both sides of what is usual for pretrained encoders (1e-5 … 1e-3).
LOWEST, HIGHEST = 1e-6, 1e-2
STEPS = 60
# The share of the past in the smoothed loss; 0.9 remembers about ten steps.
_SMOOTHING = 0.9
# The test ends when the loss has grown so much over its lowest value: beyond, the model is only broken further.
_DIVERGED = 2.0
# Steepest is where the loss falls fastest; the rate at the very bottom is already too high to train with.
_WINDOW = 5


class LearningRateCurve(BaseModel):
    """What the range test saw.

    Attributes:
        rates: learning rate of every step, growing by the same factor.
        losses: smoothed training loss after it, corrected for its start (Kingma & Ba 2015).
        suggestion: the rate where the loss fell fastest; None where it never fell.
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
    """
    if steps < 10:
        raise SettingsError([f"steps = {steps}: a curve needs at least 10."])
    rates, losses, smoothed, lowest = [], [], 0.0, math.inf
    with tempfile.TemporaryDirectory() as folder:
        for step, (rate, loss) in enumerate(_steps(config, steps, Path(folder)), 1):
            smoothed = _SMOOTHING * smoothed + (1 - _SMOOTHING) * loss
            rates.append(rate)
            losses.append(smoothed / (1 - _SMOOTHING**step))
            lowest = min(lowest, losses[-1])
            if on_progress:
                on_progress(step, steps)
            if not math.isfinite(loss) or (step >= 10 and losses[-1] > _DIVERGED * lowest):
                break
    finite = [(rate, loss) for rate, loss in zip(rates, losses, strict=True) if math.isfinite(loss)]
    return LearningRateCurve(rates=[r for r, _ in finite], losses=[loss for _, loss in finite], suggestion=_steepest(finite))


def _steps(config: RunConfig, steps: int, folder: Path) -> Iterator[tuple[float, float]]:
    """(learning rate, loss) of each step."""
    import torch

    from tuner.structure import plain
    from tuner.training.speed import faster_steps

    trainer, max_length = fresh_trainer(config, folder)
    optimizer, model = trainer.create_optimizer(), trainer.model
    # Rates of layers and head keep their ratio to the one that grows.
    shares = [group["lr"] / config.training.learning_rate for group in optimizer.param_groups]
    trainer.current_gradient_accumulation_steps = 1  # `train()` would set it
    model.train()
    with faster_steps(plain(model), max_length):
        batches = _again_and_again(trainer)
        for step in range(steps):
            rate = LOWEST * (HIGHEST / LOWEST) ** (step / (steps - 1))
            for group, share in zip(optimizer.param_groups, shares, strict=True):
                group["lr"] = rate * share
            loss = trainer.training_step(model, next(batches)).item()
            if config.training.max_grad_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), config.training.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            yield rate, loss


def fresh_trainer(config: RunConfig, folder: Path) -> tuple[Any, int]:
    """A Trainer on the config's rows and a fresh model, for steps one by one, and the tokens it keeps of each text.

    Args:
        folder: where the Trainer may write.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
    """
    from tuner.augmentation import with_copies
    from tuner.data.labelled import load_labelled
    from tuner.data.profiling import token_counts
    from tuner.training.build import build_model, build_trainer

    one_batch = {
        "gradient_accumulation_steps": 1,
        "eval_strategy": "no",
        "save_strategy": "no",
        "early_stopping_patience": None,
        "gradual_unfreezing": None,
        "num_processes": 1,
        "fsdp": False,
        "torch_compile": False,
    }
    config = config.with_changes({"training": one_batch})
    data = load_labelled(config.data)
    base = modeling.find_base_model(config.model.name, config.model.revision)
    tokenizer = modeling.load_tokenizer(base)
    counts = token_counts(base, data.splits["train"]) if config.model.max_length is None else []
    max_length = modeling.choose_max_length(base, config.model.max_length, counts)
    model, _ = build_model(config, base, tokenizer, data.labels)
    return build_trainer(config, with_copies(config, data, base), model, tokenizer, max_length, folder, []), max_length


def _again_and_again(trainer: Any) -> Iterator[Any]:  # noqa: ANN401
    while True:
        yield from trainer.get_train_dataloader()


def _steepest(points: list[tuple[float, float]]) -> float | None:
    """The rate in the middle of the window of 5 steps over which the loss fell most; None where it never fell."""
    falls = [
        (points[start + _WINDOW - 1][1] - points[start][1], points[start + _WINDOW // 2][0])
        for start in range(len(points) - _WINDOW + 1)
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
