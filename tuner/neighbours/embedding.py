"""Texts as vectors: the mean of an encoder's last hidden states over a text's own tokens."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import ModelError, SourceError, TunerError

if TYPE_CHECKING:
    import torch

    from tuner.inference import Classifier

_WARM_UP_TEXTS = 8
# Texts whose tokens are in memory at a time: enough to find batches of like length among them.
_CHUNK = 8_192


def embeddings(
    classifier: "Classifier",
    texts: Sequence[str],
    precision: str = "auto",
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Texts × width, float32, each row of length 1, so that the product of two rows is their cosine similarity.

    Args:
        precision: as `training.precision`.
        on_progress: called with the number of texts done so far.

    Raises:
        SourceError: a text is empty, or holds half a character.
        ModelError: hidden states that are no finite numbers.
    """
    from tuner.data.reading import is_blank
    from tuner.inference import check_texts, text_list
    from tuner.structure import plain

    texts = text_list(texts)
    if any(map(is_blank, texts)):
        raise SourceError("There is nothing to see in the text.", "Give a text with at least one word.")
    check_texts(texts)
    encoder = plain(classifier.model).base_model
    tokenizer = classifier.tokenizer
    parts = [np.empty((0, encoder.config.hidden_size), dtype=np.float32)]
    for start in range(0, len(texts), _CHUNK):
        encoded = [encoding.ids for encoding in classifier.encode(texts[start : start + _CHUNK])]
        say = (lambda done, start=start: on_progress(start + done)) if on_progress else None
        parts.append(_embed(encoder, tokenizer, encoded, precision, lambda: classifier.place.hold(classifier.model), say))
    found = np.concatenate(parts)
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    if not (np.isfinite(lengths) & (lengths > 0)).all():
        raise ModelError(f"The embeddings of '{classifier.name}' hold NaN, infinite values or nothing but 0.", "Train it anew.")
    return found / lengths


def embed(
    encoder: Any,  # noqa: ANN401 (a PreTrainedModel)
    tokenizer: Any,  # noqa: ANN401
    encoded: list[list[int]],
    precision: str = "fp32",
    on_progress: Callable[[int], None] | None = None,
) -> tuple[np.ndarray, float]:
    """(embeddings, seconds): texts × hidden, float32, in the order of `encoded`; the seconds leave a warm-up batch out.

    Args:
        encoded: token ids of each text.
        precision: as `training.precision`.
    """
    from tuner.hardware import torch_device

    device = torch_device()
    encoder.eval().to(device)
    longest_first = sorted(encoded, key=len, reverse=True)
    _embed(encoder, tokenizer, longest_first[:_WARM_UP_TEXTS], precision, lambda: nullcontext(device))
    start = time.perf_counter()
    found = _embed(encoder, tokenizer, encoded, precision, lambda: nullcontext(device), on_progress)
    return found, time.perf_counter() - start


def unless_stopped(
    should_stop: Callable[[], bool] | None, on_progress: Callable[[int], None] | None = None
) -> Callable[[int], None]:
    """An `on_progress` that ends what calls it where it should stop.

    Raises:
        TunerError: from the returned function, when `should_stop()`.
    """

    def say(done: int) -> None:
        if on_progress:
            on_progress(done)
        if should_stop and should_stop():
            raise TunerError("Stopped.", "Ask again to go on.")

    return say


def _embed(
    encoder: Any,  # noqa: ANN401
    tokenizer: Any,  # noqa: ANN401
    encoded: list[list[int]],
    precision: str,
    hold: Callable[[], "AbstractContextManager[str]"],
    on_progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Holds the encoder for one batch at a time: between them others ask it, and a training may move it.

    Args:
        hold: gives the device that the encoder stays on inside.
    """
    import torch

    from tuner.hardware import autocast
    from tuner.inference import batches_by_length

    found = np.empty((len(encoded), encoder.config.hidden_size), dtype=np.float32)
    done = 0
    for batch in batches_by_length([len(ids) for ids in encoded]):
        padded = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt", padding_side="right")
        with hold() as device, torch.inference_mode(), autocast(precision, device):
            padded = padded.to(device)
            hidden = encoder(**padded).last_hidden_state
            found[batch] = mean_of_tokens(hidden, padded["attention_mask"]).cpu().numpy()
        done += len(batch)
        if on_progress:
            on_progress(done)
    return found


def mean_of_tokens(hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """The mean of each text's hidden states over its own tokens; padding has no part in it.

    Args:
        hidden: texts × tokens × width.
        mask: texts × tokens, 1 for a token and 0 for padding.
    """
    weights = mask.unsqueeze(-1).float()
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1)
