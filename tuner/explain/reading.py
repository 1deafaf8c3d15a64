"""A text as a model reads it, and what its tokens say of its words."""

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.explain.result import Word
from tuner.inference import Classifier, Prediction

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Reading:
    """The tokens of a text, at most `max_length`.

    Attributes:
        ids: token ids.
        offsets: (start, end) of each token in the text.
        special: whether the tokenizer added it.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    special: list[bool]


@dataclass(frozen=True)
class Found:
    """What a method found: the classifier's answer, the label explained, and its words' parts."""

    answer: Prediction
    label: str
    words: tuple[Word, ...]
    delta: float | None = None
    warning: str = ""


def read(classifier: Classifier, text: str) -> Reading:
    """The tokens `Classifier.predict` hands to the model."""
    encoded = classifier.encode([text])[0]
    return Reading(encoded.ids, encoded.offsets, [bool(added) for added in encoded.special_tokens_mask])


def words_of(text: str, spans: Sequence[tuple[int, int]], reading: Reading, parts: Sequence[float] = ()) -> tuple[Word, ...]:
    """The words that were read, each with the sum of its tokens' parts.

    A token over several words ("!!", a run of blanks with what follows) is shared out by characters; tokens of blanks alone
    and those the tokenizer added speak of no word.

    Args:
        spans: where the words lie in `text`.
        parts: one per token; none where it is only asked which words were read.
    """
    scores, seen, first = [0.0] * len(spans), [False] * len(spans), 0
    for (start, end), added, part in zip(reading.offsets, reading.special, parts or [0.0] * len(reading.ids), strict=True):
        if added or start == end:
            continue
        while first < len(spans) and spans[first][1] <= start:
            first += 1
        shared = {}
        position = first
        while position < len(spans) and spans[position][0] < end:
            shared[position] = min(end, spans[position][1]) - max(start, spans[position][0])
            position += 1
        for position, characters in shared.items():
            scores[position] += part * characters / sum(shared.values())
            seen[position] = True
    return tuple(
        Word(text[start:end], start, end, float(score))
        for (start, end), score, was_read in zip(spans, scores, seen, strict=True)
        if was_read
    )


@contextmanager
def private_view(classifier: Classifier) -> "Iterator[PreTrainedModel]":
    """The classifier's weights, not copied, in modules and a config of their own, without gradients for the weights.

    Nothing done to the view reaches the model, and moving the model does not move the view: on the CPU others answer meanwhile.
    On an accelerator the model is held to the end, since memory that the view still uses could not be given to a training.
    """
    with classifier.place.hold(classifier.model) as device:
        view = _view(classifier.model)
        if device != "cpu":
            yield view
            return
    yield view


def _view(model: "PreTrainedModel") -> "PreTrainedModel":
    import torch

    memo: dict[int, object] = {id(p): torch.nn.Parameter(p.detach(), requires_grad=False) for p in model.parameters()}
    memo |= {id(buffer): buffer for buffer in model.buffers()}
    return copy.deepcopy(model, memo)
