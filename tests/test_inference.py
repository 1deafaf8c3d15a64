"""Classifiers: loading, predicting, scoring."""

import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import tuner
from tests import tiny
from tuner import modeling, runs
from tuner.config import RunConfig
from tuner.errors import ModelError, RunError, SourceError
from tuner.inference import Answering, Place, batches_by_length, load_classifier, load_untouched, uncalibrated


@pytest.fixture
def run(train_here, tiny_config):
    return train_here(tiny_config(max_steps=2))


def test_probabilities_sum_to_one_and_name_the_label(run):
    for prediction in load_classifier(run).predict(["great film", "awful film"]):
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)


def test_a_run_its_id_and_its_folder_are_the_same_classifier(run):
    texts, names = ["great film"], (run, run.id, "latest", str(run.model_folder), run.model_folder)
    answers = [load_classifier(name).predict(texts)[0].probabilities for name in names]
    assert answers.count(answers[0]) == 5


@pytest.mark.parametrize("texts", [[""], ["fine", "  "], ["fine", None]])
def test_an_empty_text_is_refused_with_its_place(texts, run):
    with pytest.raises(SourceError, match=f"Text {len(texts)} of {len(texts)} is empty"):
        load_classifier(run).predict(texts)


def test_a_string_is_one_text_and_what_can_be_read_once_is_read(learnt):
    """Once "great" was five texts of one letter, and a generator gave no answer at all."""
    texts = ["great film", "awful film"]
    expected = learnt.predict(texts)
    assert learnt.predict(text for text in texts) == learnt.predict(np.array(texts)) == expected
    assert [answer.text for answer in learnt.predict("great film")] == ["great film"]
    assert learnt.score("great film").shape == learnt.score(map(str, ["great film"])).shape == (1, 2)


@pytest.mark.parametrize(
    ("texts", "told"),
    [
        ([3], r"Text 1 of 1 is no text \(int 3\)\. Give strings\."),
        (["fine", b"a"], r"Text 2 of 2 is no text \(bytes b'a'\)"),
        (
            {"text": ["great"]},
            r"dict is no list of texts\. Give a list of strings; of a table one column, as table\[\"text\"\]\.",
        ),
        (pd.DataFrame({"text": ["great"]}), "DataFrame is no list of texts"),
        (b"great", "bytes is no list of texts"),
        (None, "NoneType is no list of texts"),
    ],
    ids=["a number", "bytes", "a mapping", "a table", "bytes alone", "nothing"],
)
def test_what_is_no_text_is_refused_as_what_it_is(learnt, texts, told):
    """Once a number was called an empty text, and a table was read as the names of its columns."""
    for ask in (learnt.predict, learnt.score):
        with pytest.raises(SourceError, match=told):
            ask(texts)


def test_half_a_character_is_refused_in_words(run):
    """Once the tokenizer's TypeError came through."""
    with pytest.raises(SourceError, match="Text 2 of 2 holds half a character"):
        load_classifier(run).predict(["fine", "cut \ud83d"])


def test_no_texts_give_no_answers(run):
    """Once the tokenizer's IndexError came through."""
    assert load_classifier(run).predict([]) == []


def test_what_is_no_name_is_no_model():
    """Once a TypeError of the regular expression came through."""
    with pytest.raises(ModelError, match=r"None is no model\. Give a run"):
        load_classifier(None)


def test_a_run_without_a_model_is_told():
    with pytest.raises(RunError, match="has no model yet"):
        load_classifier(runs.create(RunConfig()))


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("completed", "is missing: .* Put it back, or train again."),
        ("failed", "no model yet. Resume it."),
        ("queued", "Wait until"),
    ],
)
def test_the_cure_for_a_missing_model_fits_the_run(state, told):
    """Who had removed the model of a completed run was told to wait until it is completed."""
    run = runs.create(RunConfig())
    runs.write_status(run, state=state)
    with pytest.raises(RunError, match=told) as refused:
        load_classifier(run)
    assert str(run.folder) not in str(refused.value)


def test_a_base_model_is_no_classifier(tiny_models):
    with pytest.raises(ModelError, match=r"is no classifier \(BertForMaskedLM\)"):
        load_classifier(str(tiny_models["bert"]))


def test_the_untouched_model_has_not_learnt(run):
    texts = ["great film"]
    assert load_untouched(run).predict(texts)[0].probabilities != load_classifier(run).predict(texts)[0].probabilities


def test_the_untouched_model_is_the_one_the_run_began_with(train_here, tiny_config, tiny_models, tmp_path):
    """Once another model in its folder was scored in its place, in silence."""
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "base")
    run = train_here(tiny_config(max_steps=1, model={"name": str(folder)}))
    load_untouched(run)
    shutil.rmtree(folder)
    tiny.save_classifier(tiny_models["bert"], folder)
    with pytest.raises(ModelError, match="has changed since the run was made"):
        load_untouched(run)


def test_the_untouched_model_has_a_name(run):
    """Once only the page knew it."""
    answers = [
        loaded.predict(["great film"])[0].probabilities
        for loaded in (load_untouched(run), load_classifier(f"untouched:{run.id}"))
    ]
    assert answers[0] == answers[1]
    with pytest.raises(RunError, match="There is no run 'x'"):
        load_classifier("untouched:x")


def test_an_answer_can_be_taken_back_to_what_the_model_itself_says(run):
    classifier, answering = load_classifier(run), Answering(temperature=2.5, threshold=None)
    found = replace(classifier, answering=answering).predict(["great film"])[0]
    plain = classifier.plain().predict(["great film"])[0]
    assert uncalibrated(found, answering).probabilities == pytest.approx(plain.probabilities, abs=1e-9)
    assert found.probabilities != pytest.approx(plain.probabilities, abs=1e-3)


def test_an_answer_says_how_far_the_text_was_read(run):
    classifier = load_classifier(run)
    short, long = classifier.predict(["great film", "great film today " * 60])
    assert (short.read, short.cut) == (len("great film"), False)
    assert long.cut
    assert classifier.encode([long.text[: long.read]])[0].ids == classifier.encode([long.text])[0].ids


@pytest.mark.parametrize("pad", [None, 7])
def test_a_pad_token_that_the_config_does_not_name_is_the_tokenizers(pad, tiny_models, tmp_path):
    """Once GPT-2 without one refused two texts at a time, and with another answered a padded text by its padding."""
    base = modeling.find_base_model(str(tiny_models["gpt2"]))
    tokenizer = modeling.load_tokenizer(base)
    model = modeling.load_for_training(base, tokenizer, ("neg", "pos"), 1)
    model.config.pad_token_id = pad
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    classifier, texts = load_classifier(str(tmp_path)), ["great", "awful film today again"]
    alone = np.concatenate([classifier.score([text], "fp32") for text in texts])
    np.testing.assert_allclose(classifier.score(texts, "fp32"), alone, atol=1e-5)


def test_batches_hold_every_text_once_and_few_tokens():
    lengths = [5, 512, 30, 7, 512, 64] * 60
    batches = batches_by_length(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 8192 and len(batch) <= 128 for batch in batches)


def test_a_batch_holds_little_padding():
    assert batches_by_length([10, 60, 58, 9], most_tokens=100) == [[1], [2], [0, 3]]
    assert batches_by_length([10, 60, 58, 9], most_tokens=1_000) == [[1, 2, 0], [3]]


def test_without_padding_a_batch_is_full_by_its_own_tokens_alone():
    assert batches_by_length([10, 60, 58, 9], most_tokens=1_000, padded=False) == [[1, 2, 0, 3]]
    assert batches_by_length([10, 60, 40, 9], most_tokens=100, padded=False) == [[1, 2], [0, 3]]


def test_scoring_tells_how_far_it_is(run):
    seen = []
    load_classifier(run).score(["great film"] * 300, on_progress=seen.append)
    assert seen == [128, 256, 300]


def test_more_texts_than_are_read_at_a_time_keep_their_order(run, monkeypatch):
    texts = [f"the film was {word} today" for word in ("great", "awful", "fine")] * 5
    whole, seen = load_classifier(run).score(texts, "fp32"), []
    monkeypatch.setattr("tuner.inference._CHUNK", 4)
    np.testing.assert_allclose(load_classifier(run).score(texts, "fp32", seen.append), whole, atol=1e-6)
    assert seen == [4, 8, 12, 15]


def test_the_public_name_is_this_function():
    assert tuner.load_classifier is load_classifier


def test_a_classifier_without_a_place_of_its_own_computes_where_this_process_does(learnt, monkeypatch):
    asked = []
    monkeypatch.setattr(Place, "default", staticmethod(lambda: asked.append(1) or "cpu"))
    replace(learnt, place=Place()).predict(["great"])
    assert asked
