"""How the rows of a step are dealt out to batches, and smaller batches where memory is too small for them.

A step keeps its rows: what the batch loses, gradient accumulation makes up for. What was found to fit stands in the run's
`batches.json`, so that a resumed run begins with it.
"""

import gc
import json
from collections.abc import Callable
from typing import TypeVar

from tuner import runs
from tuner.config import RunConfig, TrainingConfig
from tuner.errors import RunFailed
from tuner.runs import Run

T = TypeVar("T")
_FILE = "batches.json"
# The bound of `gradient_accumulation_steps`.
_MOST_BATCHES = 4096
# How CUDA, cuBLAS and torch's allocator for the CPU say it when they do not raise torch.OutOfMemoryError.
_PHRASES = ("out of memory", "not enough memory", "can't allocate memory", "cublas_status_alloc_failed")
_CURE = "Cut model.max_length, set training.activation_checkpointing, freeze layers, or take a smaller base model."


class OutOfMemory(Exception):
    """A training step, or an evaluation, whose batch does not fit.

    Args:
        evaluating: whether it was an evaluation.
    """

    def __init__(self, evaluating: bool) -> None:
        super().__init__(evaluating)
        self.evaluating = evaluating

    def __str__(self) -> str:
        return "out of memory"


def is_out_of_memory(error: BaseException) -> bool:
    """Whether smaller batches may help."""
    import torch

    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(phrase in str(error).lower() for phrase in _PHRASES)


def free_memory() -> None:
    """Gives back what a training held; call it where an error of it is no longer being handled.

    Model, optimizer and Trainer hold each other in circles, which only the collector undoes.
    """
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def fitted(run: Run) -> RunConfig:
    """The run's settings with the batches that were found to fit."""
    try:
        found = json.loads((run.folder / _FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return run.config
    return run.config.with_changes({"training": found})


def shrink(run: Run, evaluating: bool) -> str:
    """Halves the batch that did not fit, for this worker and the ones that resume the run; says so in words.

    Raises:
        RunFailed: it cannot be halved.
    """
    found, said = _halved(fitted(run).training, evaluating)
    runs.write_atomically(run.folder / _FILE, json.dumps(found))
    return said


def until_it_fits(config: RunConfig, attempt: Callable[[RunConfig], T], on_smaller: Callable[[str], None] | None = None) -> T:
    """What `attempt` gives, called with smaller batches for as long as it raises OutOfMemory.

    Args:
        attempt: leaves nothing behind when it fails.
        on_smaller: told in words of each halving.

    Raises:
        RunFailed: the batch cannot be halved, or `auto_find_batch_size` is off.
    """
    while True:
        try:
            return attempt(config)
        except OutOfMemory as error:
            evaluating = error.evaluating
        # Out here the error and all that its frames held are gone.
        free_memory()
        if not config.training.auto_find_batch_size:
            batch = config.training.per_device_eval_batch_size if evaluating else config.training.per_device_train_batch_size
            raise RunFailed(f"Out of memory at batch size {batch}.", f"Give a smaller one. {_CURE}")
        smaller, said = _halved(config.training, evaluating)
        config = config.with_changes({"training": smaller})
        if on_smaller:
            on_smaller(said)


def _halved(training: TrainingConfig, evaluating: bool) -> tuple[dict[str, int], str]:
    """The batches to go on with, as settings, and what was done, in words.

    Raises:
        RunFailed: the one that did not fit cannot be halved.
    """
    batch, accumulation = training.per_device_train_batch_size, training.gradient_accumulation_steps
    evaluation = training.per_device_eval_batch_size
    if evaluating:
        if evaluation == 1:
            raise RunFailed("Out of memory while validating, even one row at a time.", _CURE)
        said = f"Out of memory while validating {evaluation} rows at once: going on with {evaluation // 2}; no score changes."
        evaluation //= 2
    else:
        smaller = _next_smaller(batch, accumulation, training.num_processes)
        if smaller is None:
            raise RunFailed(f"Out of memory even at batch size {batch}{_among(training.num_processes)}.", _CURE)
        accumulation = batch * accumulation // smaller
        said = (
            f"Out of memory at batch size {batch}: going on with {smaller}, summed up over {accumulation} batches: "
            "a step is the same."
        )
        batch = smaller
    found = {
        "per_device_train_batch_size": batch,
        "gradient_accumulation_steps": accumulation,
        "per_device_eval_batch_size": evaluation,
    }
    return found, said


def _next_smaller(batch: int, accumulation: int, processes: int) -> int | None:
    """The largest batch up to half of `batch` that divides the rows of a step and can be parted; None where there is none."""
    rows = batch * accumulation
    fitting = (size for size in range(batch // 2, 0, -1) if rows % size == 0 and size % processes == 0)
    smaller = next(fitting, None)
    return smaller if smaller and rows // smaller <= _MOST_BATCHES else None


def _among(processes: int) -> str:
    return f", parted among {processes} processes" if processes > 1 else ""
