"""Times a few steps of a training, validation batches included, and keeps nothing.

`python -m tuner.training.timing RUN.yaml` is the child process of the app: its memory is that of a training. It prints one
JSON line per step, and the timing, or cause and cure, last.
"""

import sys
from collections.abc import Callable
from typing import Any

from tuner.config import RunConfig
from tuner.hardware import peak_memory
from tuner.training.batches import until_it_fits
from tuner.training.estimate import Timing, padded_tokens
from tuner.training.few_steps import few_steps
from tuner.training.lr_finder import answer

# The first steps pay for memory and kernels that the others find made (a first step took 3 times as long).
_WARM_UP = 2
_STEPS = 8
_EVALUATED_BATCHES = 3


def time_steps(config: RunConfig, on_progress: Callable[[int, int], None] | None = None) -> Timing:
    """Trains a fresh model for ten steps and validates it on three batches.

    Where rows are grouped by length the first batch is the longest there is, so that memory is that of the whole run.

    Raises:
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
        RunFailed: one row at a time does not fit into memory.
    """
    return until_it_fits(config, lambda config: _time(config, on_progress))


def _time(config: RunConfig, on_progress: Callable[[int, int], None] | None) -> Timing:
    from tuner.structure import count_parameters
    from tuner.training.stopwatch import Stopwatch

    watch = Stopwatch(_WARM_UP, on_progress)
    with few_steps(config, _WARM_UP + _STEPS, [watch], of_one_batch=True) as trainer:
        trainer.training_step = watch.around(trainer.training_step)
        trainer.train()
        per_evaluated = _validation(trainer)
        parameters, trained = count_parameters(trainer.model)
        lengths, evaluated = _lengths(trainer.train_dataset), _lengths(trainer.eval_dataset)
        return Timing(
            per_token=watch.computing / watch.tokens,
            per_evaluated_token=per_evaluated,
            per_update=watch.updating / _STEPS,
            tokens=padded_tokens(lengths, list(trainer._get_train_sampler()), trainer.args.train_batch_size),
            evaluated_tokens=padded_tokens(evaluated, range(len(evaluated)), trainer.args.eval_batch_size),
            # The saved model is loaded beside the trained one, to be scored; the mean of the weights is one more copy.
            memory=peak_memory() + 4 * parameters + (4 * trained if config.training.weight_averaging else 0),
            parameters=parameters,
        )


def _validation(trainer: Any) -> float:  # noqa: ANN401
    """Seconds per padded token of a validation batch. The scores are computed, too: their libraries take memory (0.2 GB)."""
    from transformers import EvalPrediction

    from tuner.training.stopwatch import now

    trainer.model.eval()
    begun, tokens = now(), 0
    for index, batch in enumerate(trainer.get_eval_dataloader()):
        if index == _EVALUATED_BATCHES:
            break
        _, logits, labels = trainer.prediction_step(trainer.model, batch, prediction_loss_only=False)
        tokens += batch["input_ids"].numel()
    seconds = now() - begun
    trainer.compute_metrics(EvalPrediction(logits.float().cpu().numpy(), labels.cpu().numpy()))
    return seconds / tokens


def _lengths(rows: Any) -> list[int]:  # noqa: ANN401
    return list(rows["length"]) if "length" in rows.column_names else [len(ids) for ids in rows["input_ids"]]


if __name__ == "__main__":
    sys.exit(answer(sys.argv[1], lambda config, say: time_steps(config, say)))
