"""Words that a tokenizer cuts into several tokens."""

import pytest

from tests import tiny
from tests.explain.conftest import KEYWORDS
from tuner.explain import explain, word_spans
from tuner.explain.gradients import gradient_x_input
from tuner.explain.reading import Reading, read, words_of

# The tiny tokenizers know "great" and "awful"; the rest of these words is letters.
CUT = {label: f"{keyword}ly" for label, keyword in KEYWORDS.items()}


def test_a_word_has_the_sum_of_its_tokens():
    text = "a greatest film"
    reading = Reading(
        ids=[0] * 6, offsets=[(0, 0), (0, 1), (2, 7), (7, 10), (10, 15), (0, 0)], special=[True, *[False] * 4, True]
    )
    words = words_of(text, word_spans(text), reading, [9.0, 1.0, 2.0, 4.0, 8.0, 9.0])
    assert [(word.text, word.score) for word in words] == [("a", 1.0), ("greatest", 6.0), ("film", 8.0)]


def test_a_token_over_several_words_is_shared_out_by_characters():
    reading = Reading(ids=[0], offsets=[(0, 5)], special=[False])
    assert [word.score for word in words_of("ab c!", word_spans("ab c!"), reading, [8.0])] == [4.0, 2.0, 2.0]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_cut_word_has_what_its_pieces_have_together(planted, architecture):
    text, start = "what a greatly film", 7
    assert sum(at < start + 7 and end > start for at, end in read(planted[architecture], text).offsets) >= 2
    whole = gradient_x_input(planted[architecture], text, [(start, start + 7)], "pos").words
    pieces = gradient_x_input(planted[architecture], text, [(start, start + 5), (start + 5, start + 7)], "pos").words
    assert [word.text for word in pieces] == ["great", "ly"]
    assert whole[0].score == pytest.approx(sum(word.score for word in pieces), abs=1e-5)


@pytest.mark.parametrize("method", ["leave_one_out", "integrated_gradients"])
@pytest.mark.parametrize("label", CUT)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_keyword_of_several_tokens_is_one_word_and_gets_the_credit(planted, architecture, label, method):
    """The letters mean nothing to the models. Gradient × input, which looks at the text alone, credits others in ModernBERT."""
    words = explain(planted[architecture], f"what a {CUT[label]} film today", label, method).words
    scores = {word.text: word.score for word in words}
    assert list(scores) == ["what", "a", CUT[label], "film", "today"]
    assert max(scores, key=scores.get) == CUT[label]


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("text", ["what a great film", "awful film again"])
def test_the_words_parts_sum_to_the_change_of_the_logit(planted, architecture, text):
    """From the mean of the text's own tokens; what the tokenizer adds has no part. Told: by what share they miss it."""
    import torch

    classifier = planted[architecture]
    found, reading = explain(classifier, text, "pos", "integrated_gradients"), read(classifier, text)
    own = ~torch.tensor(reading.special)
    with torch.inference_mode():
        embeddings = classifier.model.get_input_embeddings()(torch.tensor([reading.ids]))
        average = embeddings.clone()
        average[0, own] = embeddings[0, own].mean(0)
        after, before = (
            classifier.model(inputs_embeds=embeds, attention_mask=torch.ones(1, len(own))).logits[0]
            for embeds in (embeddings, average)
        )
    change = float((after[1] - after.mean()) - (before[1] - before.mean()))
    assert not any(text[start:end].isspace() for start, end in reading.offsets)
    assert abs(sum(word.score for word in found.words) - change) == pytest.approx(found.delta * abs(change), abs=1e-4)
