"""Why: every method on every architecture, and whatever a person may type."""

import random
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests import tiny
from tests.explain.conftest import KEYWORDS, planted_text
from tests.places import Held
from tuner.errors import ModelError, SettingsError, SourceError
from tuner.explain import METHODS, explain, reading

WITH_SIDES = [method for method in METHODS if method != "attention"]
ODD = {
    "one word": "great",
    "emoji alone": "😀👩‍👩‍👧 🇩🇪",
    "control characters": "a\x00great\x07 \x1b[31m film",
    "only control characters": "\x00\x01",
    "html": "<script>alert('great')</script> <b>film</b>",
    "right to left": "مرحبا بالعالم great",
    "han": "这部电影很好",
    "combining": "cafe\u0301 nai\u0308ve great",
    "special tokens as text": "[CLS] great [SEP] <s> </s> <|endoftext|> film [PAD]",
    "blanks": "  great \n\n\t film  ",
    "punctuation": "!!! ... ??",
    "one long word": "great" * 300,
}


@pytest.mark.parametrize("method", WITH_SIDES)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_the_keyword_gets_the_credit(planted, architecture, method):
    rng = random.Random(1)
    for label, keyword in list(KEYWORDS.items()) * 3:
        text = planted_text(rng, keyword)
        scores = {word.text: word.score for word in explain(planted[architecture], text, label, method).words}
        assert max(scores, key=scores.get) == keyword
        assert scores[keyword] > 0


@pytest.mark.parametrize("method", WITH_SIDES)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_the_keyword_of_one_label_speaks_against_the_other(planted, architecture, method):
    text = planted_text(random.Random(2), KEYWORDS["pos"])
    scores = {word.text: word.score for word in explain(planted[architecture], text, "neg", method).words}
    assert min(scores, key=scores.get) == KEYWORDS["pos"]
    assert scores[KEYWORDS["pos"]] < 0


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_attention_is_shares(planted, architecture):
    scores = [word.score for word in explain(planted[architecture], "what a great film", method="attention").words]
    assert sum(scores) == pytest.approx(1)
    assert min(scores) >= 0


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_attention_goes_to_the_keyword(planted, architecture):
    """It has no sign and need not be largest there: over 20 texts the keyword has more of it than the mean of the others."""
    rng, own, others = random.Random(1), 0.0, 0.0
    for keyword in list(KEYWORDS.values()) * 10:
        words = explain(planted[architecture], planted_text(rng, keyword), method="attention").words
        rest = [word.score for word in words if word.text != keyword]
        own += 1 - sum(rest)
        others += sum(rest) / len(rest)
    assert own > others


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_words_are_pieces_of_any_text(planted, architecture, method, text):
    classifier = planted[architecture]
    found = explain(classifier, text, method=method)
    assert all(word.text == text[word.start : word.end] and abs(word.score) < 100 for word in found.words)
    assert found.probability == pytest.approx(classifier.predict([text])[0].probabilities[found.label])
    assert found.words or found.warning


@pytest.mark.parametrize("method", METHODS)
def test_of_a_long_text_only_what_was_read_is_explained(planted, method):
    found = explain(planted["bert"], "great film " * 90_000, method=method)
    assert found.cut
    assert 0 < len(found.words) <= tiny.LIMIT


def test_no_more_words_are_tried_than_are_said(planted, monkeypatch):
    monkeypatch.setattr("tuner.explain.occlusion.MOST_WORDS", 5)
    found = explain(planted["bert"], "what a great film this was today")
    assert len(found.words) == 5
    assert found.warning == "The first 5 of 7 words were tried."


def test_a_removed_word_takes_its_probability_along(planted):
    classifier, text = planted["bert"], "what a great film"
    before, after = (answer.probabilities["pos"] for answer in classifier.predict([text, "what a film"]))
    assert explain(classifier, text, "pos").words[2].score == pytest.approx(before - after, abs=1e-5)


def test_the_only_word_is_held_against_an_even_chance(planted):
    found = explain(planted["bert"], " great ", "pos")
    assert found.words[0].score == pytest.approx(found.probability - 0.5)
    assert "one word" in found.warning


@pytest.mark.parametrize("text", ["hello \x01", "\x01 hello", "good \ue000", "good \x1c"])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_word_without_which_nothing_is_read_is_held_against_an_even_chance(planted, architecture, text):
    """Such texts were refused, "Text 3 of 3 is empty": they have two words, of which a tokenizer may read one."""
    found = explain(planted[architecture], text, "pos")
    even = {word.text for word in found.words if word.score == pytest.approx(found.probability - 0.5, abs=1e-6)}
    assert bool(even & {"hello", "good"}) == ("taken to be equally likely" in found.warning)
    assert even or len(found.words) == 2


@pytest.mark.parametrize("text", ["!" * 600 + " good", "x9" * 5_000 + " hello"])
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_a_word_longer_than_the_model_reads_is_answered(planted, architecture, text):
    """Of two words one was read, and the text without it was refused as empty."""
    assert explain(planted[architecture], text).words[0].start == 0


@pytest.mark.parametrize("method", METHODS)
def test_half_a_character_is_refused_in_words(planted, method):
    """Leaving one out ended in a TypeError of the tokenizer."""
    with pytest.raises(SourceError, match="half a character"):
        explain(planted["bert"], "good \ud83d film", method=method)


@pytest.mark.parametrize("given", [{"method": [1]}, {"method": {}}, {"label": ["pos"]}, {"label": {}}, {"label": 1}])
def test_a_method_or_label_of_another_type_is_refused(planted, given):
    """A list as method, from the API, ended in a TypeError."""
    with pytest.raises(SettingsError, match=r"There is no method|is no label"):
        explain(planted["bert"], "great", **given)


@pytest.mark.parametrize("method", ["gradient_x_input", "integrated_gradients", "attention"])
def test_a_model_that_may_be_moved_is_held_while_it_is_looked_into(planted, method, monkeypatch):
    """A training that began meanwhile moved half of it to the CPU."""
    place, held = Held(), []
    view = reading._view
    monkeypatch.setattr(reading, "_view", lambda model: held.append(place.is_held()) or view(model))
    explain(replace(planted["bert"], place=place), "what a great film", method=method)
    assert held == [True]
    assert not place.is_held()


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_on_an_accelerator_it_is_held_to_the_end(planted, device):
    """What the view still uses could not be given to a training; on the CPU others answer meanwhile."""

    class Says(Held):
        @contextmanager
        def hold(self, model):
            with self._lock:
                yield device

    place = Says()
    with reading.private_view(replace(planted["bert"], place=place)):
        assert place.is_held() == (device != "cpu")
    assert not place.is_held()


def test_integrated_gradients_say_how_far_they_miss(planted):
    found = explain(planted["roberta"], "what a great film", method="integrated_gradients")
    assert found.delta >= 0
    assert bool(found.warning) == (found.delta > 0.05)


def test_too_few_steps_are_warned_of(planted, monkeypatch):
    monkeypatch.setattr("tuner.explain.gradients._STEPS", (1,))
    monkeypatch.setattr("tuner.explain.gradients._MOST_DELTA", 0.0)
    found = explain(planted["roberta"], "what a great film", method="integrated_gradients")
    assert found.delta > 0
    assert "even in 1 steps" in found.warning


@pytest.mark.parametrize("text", ["", "  \n", "\u200b\u200d", "\ufeff", None, 7])
def test_nothing_to_see_is_refused(planted, text):
    with pytest.raises(SourceError, match="nothing to see"):
        explain(planted["bert"], text)


def test_what_is_no_text_is_said_to_be_none(planted):
    with pytest.raises(SourceError, match=r"nothing to see in list \['great'\]: it is no text"):
        explain(planted["bert"], ["great"])


def test_an_unknown_method_is_refused_with_the_known_ones(planted):
    with pytest.raises(SettingsError, match="leave_one_out, gradient_x_input"):
        explain(planted["bert"], "great", method="magic")


def test_a_label_has_its_exact_name(planted):
    with pytest.raises(SettingsError, match=r"'POS' is no label.*'neg', 'pos'"):
        explain(planted["bert"], "great", "POS")


@pytest.mark.parametrize("method", ["gradient_x_input", "integrated_gradients"])
def test_a_model_that_takes_no_embeddings_is_told(planted, method):
    import torch

    class Bare(torch.nn.Module):
        def forward(self, input_ids, attention_mask):
            raise AssertionError

    with pytest.raises(ModelError, match="takes no embeddings"):
        explain(replace(planted["bert"], model=Bare()), "great", method=method)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_the_shared_model_stays_as_it_is(planted, architecture, method):
    model = planted[architecture].model
    explain(planted[architecture], "what a great film", method=method)
    assert model.config._attn_implementation == "sdpa"
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_others_get_their_answers_meanwhile(planted):
    """Attention needs another implementation and gradients need a graph; neither may reach those who only predict."""
    classifier, texts = planted["bert"], ["what a great film", "an awful song again"]
    expected = [answer.probabilities for answer in classifier.predict(texts)]
    wrong, done = [], threading.Event()

    def ask():
        while not done.is_set():
            answers = [answer.probabilities for answer in classifier.predict(texts)]
            wrong.extend(a for a, e in zip(answers, expected, strict=True) if a != pytest.approx(e, abs=1e-6))

    askers = [threading.Thread(target=ask) for _ in range(3)]
    for asker in askers:
        asker.start()
    found = {method: [explain(classifier, texts[0], method=method) for _ in range(5)] for method in METHODS}
    done.set()
    for asker in askers:
        asker.join()
    assert wrong == []
    assert all(again.words == first.words for first, *others in found.values() for again in others)


def test_an_explanation_is_plain_values(planted):
    import json

    found = explain(planted["bert"], "what a great film").to_json()
    assert json.loads(json.dumps(found)) == found
    assert set(found["words"][0]) == {"text", "start", "end", "score"}
