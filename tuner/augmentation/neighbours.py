"""Nearest words in the base model's own embedding table, by cosine.

Words of opposite meaning stand in like sentences and so lie near each other: in sample:minilm "bad" is the second nearest
of "good" (0.54) and "later" lies near "early". Antonyms the lexicon knows are left out, the others are held off by a
threshold, and both work for English alone: look at the preview before use.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tuner import modeling
from tuner.augmentation.lexicon import opposed
from tuner.augmentation.pretrained import embeddings, whole_words
from tuner.augmentation.words import is_grammar, is_negation

if TYPE_CHECKING:
    import torch

# Chosen by reading the neighbours of the 700 most frequent words of sample:tweets in sample:minilm: above 0.5 stand forms and
# synonyms (terrible → horrible 0.83), below it opposites no lexicon lists (disappointed → pleased 0.47, boring → exciting 0.43).
_LEAST_SIMILARITY = 0.5
_MOST_NEIGHBOURS = 5
_LOOKED_AT = 12
# 256 words against 50,265 tokens are 51 MB of similarities.
_BLOCK = 256


def nearest(words: Iterable[str], base: modeling.BaseModel) -> dict[str, tuple[str, ...]]:
    """Word in small letters → its nearest words, nearest first; words that are no token, or have none, are left out.

    Raises:
        ModelError: the base model's weights cannot be read.
    """
    names, table = _table(base)
    places = {word: place for place, word in enumerate(names)}
    asked = sorted({word for word in words if word in places and len(word) > 2})
    found = {}
    for start in range(0, len(asked), _BLOCK):
        block = asked[start : start + _BLOCK]
        similarity = table[[places[word] for word in block]] @ table.T
        values, indices = similarity.topk(min(_LOOKED_AT, len(names)), dim=1)
        for word, near, at in zip(block, values.tolist(), indices.tolist(), strict=True):
            close = [names[i] for value, i in zip(near, at, strict=True) if value >= _LEAST_SIMILARITY]
            found[word] = tuple([other for other in close if fits(word, other)][:_MOST_NEIGHBOURS])
    return {word: others for word, others in found.items() if others}


def fits(word: str, other: str) -> bool:
    """Whether another word may stand for one without the text saying the opposite, as far as the lexicon knows."""
    return other != word and not is_negation(other) and not opposed(word, other)


# One table is kept (154 MB for RoBERTa), since a preview is asked for again and again.
_kept: "dict[tuple[str, str | None], tuple[list[str], torch.Tensor]]" = {}


def _table(base: modeling.BaseModel) -> "tuple[list[str], torch.Tensor]":
    """Whole words of the vocabulary, and their embeddings as rows of length 1.

    The mean is taken off first: it is common to all words and makes any two of them look alike.
    """
    import torch

    key = (base.location, base.revision)
    if key not in _kept:
        words = whole_words(modeling.load_tokenizer(base))
        names = [word for word in words if not is_grammar(word)]
        rows = embeddings(base)[[words[word] for word in names]]
        _kept.clear()
        _kept[key] = names, torch.nn.functional.normalize(rows - rows.mean(dim=0), dim=1)
    return _kept[key]
