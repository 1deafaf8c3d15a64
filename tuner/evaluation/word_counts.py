"""Texts as counts of their words: what a classifier without a pretrained model learns from. Pure; reads no label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer

# Of each text: some 350 words; whole books would cost minutes.
MOST_CHARACTERS = 2_000
# Columns × classes: 1,000 classes × 5,000 columns took 34 s per fold and 1.9 GB, 77 × 19,000 took 4 s and 0.6 GB.
_MOST_COEFFICIENTS = 1_500_000
_MOST_COLUMNS = 100_000
# Below this many rows a word that occurs once is kept: there is little else.
_ROWS_TO_PRUNE = 1_000


def vectorizer(texts: Sequence[str], classes: int) -> "TfidfVectorizer":
    """TF-IDF of words and pairs of words, sublinear, not fitted yet; of characters where words are not parted by spaces.

    Args:
        texts: those it will be fitted on, which raises a ValueError ("empty vocabulary") where none has a letter.
        classes: of the classifier that reads the columns; many leave room for fewer columns.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    least = 2 if len(texts) >= _ROWS_TO_PRUNE else 1
    columns = min(_MOST_COLUMNS, _MOST_COEFFICIENTS // classes)
    units = {"analyzer": "char"} if unspaced(texts) else {}
    return TfidfVectorizer(sublinear_tf=True, min_df=least, max_features=columns, ngram_range=(1, 2), **units)


def unspaced(texts: Sequence[str]) -> bool:
    """Whether the texts are written without spaces (Chinese, Japanese, Thai); English has one in 6 characters."""
    sample = "".join(texts[:1_000])
    return sum(map(str.isspace, sample)) < 0.05 * len(sample)
