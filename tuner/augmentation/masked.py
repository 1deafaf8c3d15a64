"""Masked-word substitution: the base model names what else could stand in a word's place.

It knows grammar and topic, not the label: "this film is [MASK]" may come back as its opposite. Antonyms the lexicon knows
are left out, no negation is touched or put in, and the preview shows the rest.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner import modeling
from tuner.augmentation.neighbours import fits
from tuner.augmentation.pretrained import load_masked, refuse_without_head, whole_words
from tuner.augmentation.words import Piece, join, shaped_like

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Samples are drawn from the 10 likeliest words that fit; 30 are looked at, since some do not.
_LIKELIEST = 10
_LOOKED_AT = 30
# 32 texts of 32 tokens. On 2 cores 512, 1,024 and 4,096 took the same time (7.0, 6.1 and 6.0 s for 1,000 tweets).
_BATCH_TOKENS = 1_024
_MOST_TOKENS = 512


@dataclass
class Masking:
    """One text in which words are to be replaced.

    Attributes:
        pieces: changed in place.
        at: positions of the chosen words, ascending.
        draws: one number in 0 … 1 per chosen word, which picks its replacement.
    """

    pieces: list[Piece]
    at: list[int]
    draws: list[float]


def fill(maskings: Sequence[Masking], base: modeling.BaseModel) -> None:
    """Replaces the chosen words of all texts.

    In float32: in bf16 the padding of its batch changed what 17 of 200 texts became, so that other rows had a say in it.

    Raises:
        ModelError: the base model has no masked-word head, or cannot be read.
    """
    refuse_without_head(base)
    if not maskings:
        return
    import torch

    from tuner.inference import Place

    tokenizer, model, place = modeling.load_tokenizer(base), load_masked(base), Place()
    words = {index: word for word, index in whole_words(tokenizer).items()}
    refused = torch.full((model.config.vocab_size,), -torch.inf)
    refused[list(words)] = 0
    # A text that holds the mask itself could not be told from its masked words.
    maskings = [masking for masking in maskings if tokenizer.mask_token not in join(masking.pieces)]
    marked: list[torch.Tensor] = []
    # Only masked places reach the output layer: for all of them RoBERTa's takes a third of the operations, and 0.2 GB.
    model.get_output_embeddings().register_forward_pre_hook(lambda _, given: (given[0][marked[0]],))
    encoded = [_masked(masking, tokenizer, base.limit) for masking in maskings]
    for batch in _batches([len(ids) for ids in encoded]):
        with place.hold(model) as device, torch.inference_mode():
            padded = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt").to(device)
            marked[:] = [padded["input_ids"] == tokenizer.mask_token_id]
            scores = model(input_ids=padded["input_ids"], attention_mask=padded["attention_mask"]).logits + refused.to(device)
        values, indices = scores.softmax(-1).topk(min(_LOOKED_AT, len(words)), dim=-1)
        rows = iter(zip(values.tolist(), indices.tolist(), strict=True))
        for i, masks in zip(batch, marked[0].sum(1).tolist(), strict=True):
            _put(maskings[i], [([words[token] for token in tokens], shares) for shares, tokens in itertools.islice(rows, masks)])


def _masked(masking: Masking, tokenizer: "PreTrainedTokenizerBase", limit: int) -> list[int]:
    """Token ids of the text with a mask in place of each chosen word; what lies beyond the model's limit is cut off."""
    kept = [masking.pieces[i].word for i in masking.at]
    for i in masking.at:
        masking.pieces[i].word = tokenizer.mask_token
    text = join(masking.pieces)
    for i, word in zip(masking.at, kept, strict=True):
        masking.pieces[i].word = word
    return tokenizer(text, truncation=True, max_length=min(limit, _MOST_TOKENS))["input_ids"]


def _put(masking: Masking, named: list[tuple[list[str], list[float]]]) -> None:
    """Puts one of the named words in the place of each chosen word."""
    for at, draw, (words, shares) in zip(masking.at, masking.draws, named, strict=False):
        old = masking.pieces[at].word
        fitting = [(word, share) for word, share in zip(words, shares, strict=True) if share and fits(old.lower(), word)]
        if fitting:
            masking.pieces[at].word = shaped_like(_drawn(fitting[:_LIKELIEST], draw), old)


def _drawn(fitting: list[tuple[str, float]], draw: float) -> str:
    """The word at `draw` of the way through the summed shares."""
    left = draw * sum(share for _, share in fitting)
    for word, share in fitting:
        left -= share
        if left < 0:
            return word
    return fitting[-1][0]


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """Positions of texts of like length, together at most so many tokens, padding counted."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[i] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch
