"""Times a few steps of a training, validation batches included, and keeps nothing.

`python -m tuner.training.timing RUN.yaml` is the child process of the app: its memory is that of a training. It prints one
JSON line per step, and the timing, or cause and cure, last.
"""

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner.config import RunConfig
from tuner.training.estimate import Timing, padded_tokens
from tuner.training.lr_finder import answer, fresh_trainer

# The first steps pay for memory and kernels that the others find made (a first step took 3 times as long).
_WARM_UP = 2
_STEPS = 8
_EVALUATED_BATCHES = 3


def time_steps(config: RunConfig, on_progress: Callable[[int, int], None] | None = None) -> Timing:
    """Trains a fresh model for ten steps and validates it on three batches.

    Where rows are grouped by length the first batch is the longest there is, so that memory is that of the whole run.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
    """
    from tuner.structure import plain
    from tuner.training.speed import faster_steps

    with tempfile.TemporaryDirectory() as folder:
        trainer, max_length = fresh_trainer(config, Path(folder))
        with faster_steps(plain(trainer.model), max_length):
            per_token, per_update = _training(trainer, on_progress)
            per_evaluated = _validation(trainer)
        parameters = sum(p.numel() for p in trainer.model.parameters())
        trained = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
        averaged = trained if trainer.averaging else 0
        batch, evaluated_batch = trainer.args.train_batch_size, trainer.args.eval_batch_size
        lengths, evaluated = _lengths(trainer.train_dataset), _lengths(trainer.eval_dataset)
        return Timing(
            per_token=per_token,
            per_evaluated_token=per_evaluated,
            per_update=per_update,
            tokens=padded_tokens(lengths, list(trainer._get_train_sampler()), batch),
            evaluated_tokens=padded_tokens(evaluated, range(len(evaluated)), evaluated_batch),
            # The saved model is loaded beside the trained one, to be scored.
            memory=_peak() + 4 * parameters + 4 * averaged,
            parameters=parameters,
        )


def _training(trainer: Any, on_progress: Callable[[int, int], None] | None) -> tuple[float, float]:  # noqa: ANN401
    """Seconds per padded token, forward and backward, and per step of the optimizer."""
    import torch

    optimizer, model = trainer.create_optimizer(), trainer.model
    trainer.current_gradient_accumulation_steps = 1  # `train()` would set it
    model.train()
    seconds, updates, tokens, step = 0.0, 0.0, 0, 0
    while step < _WARM_UP + _STEPS:
        for batch in trainer.get_train_dataloader():
            begun = _now()
            trainer.training_step(model, batch)
            between = _now()
            if trainer.args.max_grad_norm:
                torch.nn.utils.clip_grad_norm_(model.parameters(), trainer.args.max_grad_norm)
            optimizer.step()
            optimizer.zero_grad()
            if step >= _WARM_UP:
                seconds, updates, tokens = (
                    seconds + between - begun,
                    updates + _now() - between,
                    tokens + batch["input_ids"].numel(),
                )
            step += 1
            if on_progress:
                on_progress(step, _WARM_UP + _STEPS)
            if step == _WARM_UP + _STEPS:
                break
    return seconds / tokens, updates / _STEPS


def _validation(trainer: Any) -> float:  # noqa: ANN401
    """Seconds per padded token of a validation batch. The scores are computed, too: their libraries take memory (0.2 GB)."""
    from transformers import EvalPrediction

    begun, tokens = _now(), 0
    for index, batch in enumerate(trainer.get_eval_dataloader()):
        if index == _EVALUATED_BATCHES:
            break
        _, logits, labels = trainer.prediction_step(trainer.model, batch, prediction_loss_only=False)
        tokens += batch["input_ids"].numel()
    seconds = _now() - begun
    trainer.compute_metrics(EvalPrediction(logits.float().cpu().numpy(), labels.cpu().numpy()))
    return seconds / tokens


def _lengths(rows: Any) -> list[int]:  # noqa: ANN401
    return list(rows["length"]) if "length" in rows.column_names else [len(ids) for ids in rows["input_ids"]]


def _now() -> float:
    import torch

    if torch.cuda.is_available():  # its work is only handed over, not done
        torch.cuda.synchronize()
    return time.monotonic()


def _peak() -> int:
    """Bytes at the peak: of the GPU where there is one, else of this process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else used * 1024  # macOS counts bytes, Linux KiB


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1], lambda config, say: time_steps(config, say)))
