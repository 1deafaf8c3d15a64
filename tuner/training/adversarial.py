"""Adversarial training (Miyato et al. 2017): a step learns from its rows as they are, then with words moved to mislead it."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import isfinite

import torch
from transformers import PreTrainedModel


@contextmanager
def words_moved(model: PreTrainedModel, epsilon: float) -> Iterator[bool]:
    """Inside it the table of word vectors is moved along its gradient, the way on which the loss grows fastest.

    Miyato et al. move the vectors of each row by themselves. Here the table as a whole is moved: a word moves alike in all rows
    of the step, and these may be dealt out to any batches and processes.

    Args:
        epsilon: how far, as the Euclidean length of all moves together.

    Yields:
        Whether anything is moved: not where the table has no gradient (it is frozen still), or none that is a finite number.
    """
    table = model.get_input_embeddings().weight
    norm = 0.0 if table.grad is None else table.grad.norm().item()
    if not norm or not isfinite(norm):
        yield False
        return
    with torch.no_grad():
        own = table.clone()
        table.add_(table.grad, alpha=epsilon / norm)
    try:
        yield True
    finally:
        with torch.no_grad():
            table.copy_(own)
