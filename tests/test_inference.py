"""Classifiers: loading, predicting, scoring."""

import pytest

import tuner
from tuner import runs
from tuner.config import RunConfig
from tuner.errors import ModelError, RunError, SettingsError, SourceError
from tuner.inference import batches_by_length, evaluate, load_classifier, load_untouched


@pytest.fixture
def run(train_here, tiny_config):
    return train_here(tiny_config(max_steps=2))


def test_probabilities_sum_to_one_and_name_the_label(run):
    for prediction in load_classifier(run).predict(["great film", "awful film"]):
        assert sum(prediction.probabilities.values()) == pytest.approx(1)
        assert prediction.label == max(prediction.probabilities, key=prediction.probabilities.get)


def test_a_run_its_id_and_its_folder_are_the_same_classifier(run):
    texts = ["great film"]
    answers = [load_classifier(name).predict(texts)[0].probabilities for name in (run, run.id, "latest", str(run.model_folder))]
    assert answers.count(answers[0]) == 4


@pytest.mark.parametrize("texts", [[""], ["fine", "  "], ["fine", None]])
def test_an_empty_text_is_refused_with_its_place(texts, run):
    with pytest.raises(SourceError, match=f"Text {len(texts)} of {len(texts)} is empty"):
        load_classifier(run).predict(texts)


def test_no_texts_give_no_answers(run):
    """Once the tokenizer's IndexError came through."""
    assert load_classifier(run).predict([]) == []


def test_evaluate_gives_the_report_of_the_run(run):
    report = evaluate(run)
    assert report.split == "test"
    assert report == run.report


def test_evaluating_anew_gives_the_same_scores(run):
    (run.folder / "report.json").unlink()
    before = runs.read_status(run).metrics
    assert {name: before[name] for name in ("accuracy", "macro_f1")} == pytest.approx(
        {name: getattr(evaluate(run), name) for name in ("accuracy", "macro_f1")}
    )


def test_evaluate_on_another_source_matches_labels_by_name(run, csv):
    report = evaluate(run, str(csv(60, labels=("POS", "NEG"), name="other.csv")))
    assert report.labels == ["neg", "pos"]
    assert report.n == 6


def test_labels_the_model_does_not_know_are_refused(run, csv):
    with pytest.raises(SourceError, match="does not know the labels bad, good"):
        evaluate(run, str(csv(40, labels=("bad", "good"), name="other.csv")))


def test_an_unknown_split_is_refused(run):
    with pytest.raises(SettingsError, match="split = 'dev': must be one of train, validation, test"):
        evaluate(run, split="dev")


def test_a_run_without_a_model_is_told():
    with pytest.raises(RunError, match="has no model yet"):
        load_classifier(runs.create(RunConfig()))


def test_a_base_model_is_no_classifier(tiny_models):
    with pytest.raises(ModelError, match=r"is no classifier \(BertForMaskedLM\)"):
        load_classifier(str(tiny_models["bert"]))


def test_the_untouched_model_has_not_learnt(run):
    texts = ["great film"]
    assert load_untouched(run).predict(texts)[0].probabilities != load_classifier(run).predict(texts)[0].probabilities


def test_batches_hold_every_text_once_and_few_tokens():
    lengths = [5, 512, 30, 7, 512, 64] * 60
    batches = batches_by_length(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[i] for i in batch) <= 8192 and len(batch) <= 128 for batch in batches)


def test_scoring_tells_how_far_it_is(run):
    seen = []
    load_classifier(run).score(["great film"] * 300, on_progress=seen.append)
    assert seen == [128, 256, 300]


def test_the_public_names_are_these_functions():
    assert tuner.evaluate is evaluate
    assert tuner.load_classifier is load_classifier
