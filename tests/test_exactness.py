"""A text gets the same answer alone, in a batch, in a file, beside other people's and from transformers' own pipeline."""

import csv as csv_format
import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from tests import tiny
from tests.places import Held
from tuner import modeling
from tuner.batch import answer_file
from tuner.export import convert
from tuner.inference import Classifier, Place
from tuner.together import Batcher

TEXTS = ["great", "awful film", *(" ".join(text for text, _ in tiny.labelled_rows(n)) for n in (1, 2, 3, 9)), "x " * 500]
ODD = {
    "only emoji": "😀👩‍👩‍👧🇩🇪",
    "control characters": "a\x00great\x07 \x1b[31m film\x7f",
    "only control characters": "\x00\x01",
    "right to left": "\u202eمرحبا بالعالم\u202c great",
    "html": "<script>alert('great')</script> &amp; <b>film</b>",
    "han": "这部电影很好",
    "hindi": "यह फिल्म बहुत अच्छी है",
    "combining": "cafe\u0301 nai\u0308ve",
    "line ends": "great\r\nfilm\rawful\u2028again",
    "quotes": 'she said "great", twice',
    "formula": "=HYPERLINK(1)",
    "special tokens": "[CLS] great [SEP] <s> </s> <|endoftext|>",
    "1 MB": "great film " * 95_326,
}


@pytest.fixture(params=tiny.ARCHITECTURES)
def classifier(request, tiny_models):
    base = modeling.find_base_model(str(tiny_models[request.param]))
    tokenizer = modeling.load_tokenizer(base)
    labels = ("neg", "neu", "pos")
    return Classifier("tiny", modeling.load_for_training(base, tokenizer, labels, 1).eval(), tokenizer, labels, tiny.LIMIT)


def shares(answers):
    return np.array([list(answer.probabilities.values()) for answer in answers])


def test_every_path_gives_the_same_answer(classifier, tmp_path):
    alone = np.concatenate([shares(classifier.predict([text])) for text in TEXTS])
    np.testing.assert_allclose(shares(classifier.predict(TEXTS)), alone, atol=1e-5)
    np.testing.assert_allclose(classifier.score(TEXTS, "fp32"), alone, atol=1e-5)
    np.testing.assert_allclose(shares(Batcher(classifier.predict).ask(TEXTS)), alone, atol=1e-5)
    answer_file(classifier, TEXTS, tmp_path / "a.parquet")
    written = pd.read_parquet(tmp_path / "a.parquet")[[f"probability_{name}" for name in classifier.labels]]
    np.testing.assert_allclose(written, alone, atol=1e-5)


def test_odd_texts_get_in_a_batch_what_each_gets_alone(classifier):
    alone = np.concatenate([shares(classifier.predict([text])) for text in ODD.values()])
    np.testing.assert_allclose(shares(classifier.predict(list(ODD.values()))), alone, atol=1e-5)


@pytest.fixture
def long_cells():
    """Python's reader refuses cells of more than 131,072 characters."""
    before = csv_format.field_size_limit(2**21)
    yield
    csv_format.field_size_limit(before)


@pytest.mark.usefixtures("long_cells")
def test_odd_texts_survive_a_file_and_the_csv_made_of_it(learnt, tmp_path):
    """A CSV cell that starts like a formula gets a ' before it, and nothing else is changed."""
    texts = list(ODD.values())
    answer_file(learnt, texts, tmp_path / "a.parquet")
    answer_file(learnt, texts, tmp_path / "a.csv")
    convert(tmp_path / "a.parquet", tmp_path / "b.csv")
    assert pd.read_parquet(tmp_path / "a.parquet")["text"].tolist() == texts
    for name in ("a.csv", "b.csv"):
        with (tmp_path / name).open(newline="", encoding="utf-8") as file:
            assert [row[0] for row in csv_format.reader(file)] == ["text", *(f"'{t}" if t[0] == "=" else t for t in texts)]


def test_the_answers_are_those_of_the_library(classifier):
    for text, answer in zip(TEXTS, classifier.predict(TEXTS), strict=True):
        encoded = classifier.tokenizer([text], truncation=True, max_length=tiny.LIMIT, return_tensors="pt")
        encoded.pop("token_type_ids", None)
        with torch.inference_mode():
            expected = classifier.model(**encoded).logits.softmax(-1)[0].tolist()
        assert list(answer.probabilities.values()) == pytest.approx(expected, abs=1e-5)
        uncut = len(classifier.tokenizer(text)["input_ids"])
        assert (answer.tokens, answer.cut) == (min(uncut, tiny.LIMIT), uncut > tiny.LIMIT)


def test_the_model_itself_still_gives_every_hidden_state(classifier):
    """What predicts may leave out what its head does not read; explanations and neighbours ask the model."""
    classifier.predict(["great film"])
    encoded = classifier.tokenizer(["great film today"], return_tensors="pt")
    hidden = classifier.model.base_model(**encoded).last_hidden_state
    assert hidden.shape[1] == encoded["input_ids"].shape[1]


class Recorder(torch.nn.Linear):
    def __init__(self):
        super().__init__(1, 1)
        self.moves = []

    def to(self, device):
        self.moves.append(device)
        return super().to(device)


def test_a_model_moves_when_its_place_says_so_and_not_before():
    device = "cpu"
    place, model = Place(lambda: device), Recorder()
    for device in ("cpu", "meta", "meta"):
        with place.hold(model) as here:
            assert here == device == next(model.parameters()).device.type
    assert model.moves == ["meta"]


def test_the_plain_classifier_shares_the_place(classifier):
    assert classifier.plain().place is classifier.place is dataclasses.replace(classifier, name="b").place


def test_the_weights_are_laid_out_where_the_model_is_held(classifier, monkeypatch):
    place, seen = Held(), []
    monkeypatch.setattr("tuner.packed.packed", lambda model: seen.append(place.is_held()) or model)
    dataclasses.replace(classifier, place=place).predict(["great film"])
    assert seen
    assert all(seen)
