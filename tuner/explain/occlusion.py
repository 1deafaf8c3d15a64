"""Leave one word out: what the classifier answers to the text without it."""

from collections.abc import Sequence

from tuner.data.reading import is_blank
from tuner.explain.reading import Found, read, words_of
from tuner.explain.result import Word
from tuner.explain.spans import without
from tuner.inference import MOST_CHARACTERS, Classifier, Prediction

# Texts scored for one explanation; the models read 512 tokens, about 400 words, at most.
MOST_WORDS = 200


def leave_one_out(classifier: Classifier, text: str, spans: Sequence[tuple[int, int]], label: str | None) -> Found:
    """The fall of the label's probability without each word, all texts scored in one call.

    Of a text longer than the model reads, what was read is explained: without this, the words that move up would change the
    answer, too. Where nothing that the model reads is left without a word, every label is taken to be equally likely.
    """
    seen = words_of(text, spans, read(classifier, text))
    tried = seen[:MOST_WORDS]
    base = text[: seen[-1].end] if seen else text[:MOST_CHARACTERS]
    changed = [without(base, [(word.start, word.end)]) for word in tried]
    left = _readable(classifier, changed)
    answer, before, *after = classifier.predict([text, base, *left])
    label, found = label or answer.label, dict(zip(left, after, strict=True))
    words = tuple(
        Word(word.text, word.start, word.end, before.probabilities[label] - _probability(found.get(rest), label, classifier))
        for word, rest in zip(tried, changed, strict=True)
    )
    return Found(answer, label, words, warning=_warning(len(tried), len(seen), all(rest in found for rest in changed)))


def _readable(classifier: Classifier, texts: Sequence[str]) -> list[str]:
    """The texts of which the model reads more than what its tokenizer adds."""
    seen = [text for text in dict.fromkeys(texts) if not is_blank(text)]
    encoded = classifier.encode(seen)
    return [text for text, encoding in zip(seen, encoded, strict=True) if not all(encoding.special_tokens_mask)]


def _probability(answer: Prediction | None, label: str, classifier: Classifier) -> float:
    return answer.probabilities[label] if answer else 1 / len(classifier.labels)


def _warning(tried: int, seen: int, all_readable: bool) -> str:
    said = []
    if tried < seen:
        said.append(f"The first {tried} of {seen} words were tried.")
    if not all_readable:
        which = "The model reads one word; without it" if seen == 1 else "Where nothing to read is left without a word"
        said.append(f"{which}, every label is taken to be equally likely.")
    return " ".join(said)
