"""The part of a text that can matter to a classifier."""

from tuner.inference import MOST_CHARACTERS, Classifier, check_text

# What words that are taken out, or become fewer tokens, may draw into what is read.
_MARGIN = 1_000


def read_part(classifier: Classifier, text: str) -> tuple[str, int]:
    """The text up to 1,000 characters behind what the classifier reads of it, and the number of tokens that it reads.

    Scoring hundreds of changes of 100,000 characters would take a minute for the tokenizer alone.

    Raises:
        SourceError: there is nothing to see in the text, or half a character in it, or it is no string.
    """
    check_text(text)
    text = text[:MOST_CHARACTERS]
    encoding = classifier.encode([text])[0]
    if not encoding.overflowing:
        return text, len(encoding.ids)
    end = max(end for _, end in encoding.offsets) + _MARGIN
    return text[:end], len(encoding.ids)
