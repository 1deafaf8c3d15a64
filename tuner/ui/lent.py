"""Answers and evaluations on a GPU that is lent for one call, as ZeroGPU does: in a process of its own, forked for it.

Names and texts go there and values come back, both pickled; a model stays in the process that was forked. Whatever needs no GPU
is done before, since the time one is lent for is counted.
"""

import functools
import os
from collections.abc import Callable, Sequence
from typing import Any

from tuner import inference, runs
from tuner.errors import TunerError
from tuner.evaluations import Evaluation
from tuner.inference import Classifier, Prediction
from tuner.scoring import Extras, evaluation_of


class Lent:
    """Computes by functions that `gpu` wraps.

    Args:
        gpu: a decorator; inside what it wraps CUDA is there.
    """

    def __init__(self, gpu: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._predict, self._evaluate = gpu(_predict), gpu(_evaluate)

    def predict(self, name: str, texts: Sequence[str]) -> list[Prediction]:
        """As `Classifier.predict`, of a model by its name.

        Raises:
            TunerError: as `load_classifier` and `Classifier.predict`.
        """
        return _value(self._predict(name, list(texts)))

    def evaluate(self, name: str, source: str | None, split: str | None, extras: Extras | None) -> Evaluation:
        """As `scoring.evaluation_of`.

        Raises:
            TunerError: as that.
        """
        return _value(self._evaluate(name, source, split, extras))


def _value(found: Any) -> Any:  # noqa: ANN401
    if isinstance(found, TunerError):
        raise found
    return found


def _predict(name: str, texts: list[str]) -> "list[Prediction] | TunerError":
    """An error of ours comes back as a value: of an exception ZeroGPU hands on its class alone."""
    _use_gpu()
    try:
        return _classifier(name, runs.get(name).model_written if runs.is_run_id(name) else None).predict(texts)
    except TunerError as error:
        return error


def _evaluate(name: str, source: str | None, split: str | None, extras: Extras | None) -> "Evaluation | TunerError":
    _use_gpu()
    try:
        return evaluation_of(name, source, split, extras)
    except TunerError as error:
        return error


@functools.lru_cache(maxsize=2)
def _classifier(name: str, written: object) -> Classifier:
    return inference.load_classifier(name)


def _use_gpu() -> None:
    """In the forked process alone: its parent's TUNER_DEVICE stays "cpu"."""
    import torch

    os.environ["TUNER_DEVICE"] = "cuda" if torch.cuda.is_available() else "cpu"
