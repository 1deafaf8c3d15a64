"""Evaluations: what is scored, against what, and what is kept."""

import json
import os
import shutil
import time

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as sk

import tuner
from tests import tiny
from tuner import evaluations, runs, scoring
from tuner.config import DataConfig
from tuner.data.labelled import load_labelled
from tuner.errors import ModelError, RunError, SettingsError, SourceError
from tuner.evaluation.calibration import apply_temperature
from tuner.inference import Answering, load_classifier, save_answering
from tuner.person import VISITOR, Person, acting, folder_name
from tuner.scoring import Extras, evaluate, evaluation_of
from tuner.thresholds import choose_threshold
from tuner.ui.render_report import calibration_words


@pytest.fixture
def run(train_here, tiny_config):
    return train_here(tiny_config(max_steps=8))


@pytest.fixture
def three(train_here, tiny_config, csv):
    """A run on 600 rows of three labels, of which 60 tell its temperature."""
    source = csv(600, labels=("negative", "neutral", "positive"))
    return train_here(tiny_config(source=source, max_steps=30))


def stored(run):
    report = json.loads((run.folder / "report.json").read_text())
    frame = pd.read_parquet(run.folder / "predictions.parquet")
    probabilities = frame[[f"probability_{name}" for name in report["labels"]]].to_numpy()
    truth = np.array([report["labels"].index(name) for name in frame["label"]])
    return report, frame, probabilities, truth


def test_every_number_follows_from_the_predictions_by_scikit_learn_alone(three):
    report, frame, p, truth = stored(three)
    guesses = p.argmax(axis=1)
    assert [report["labels"][i] for i in guesses] == list(frame["predicted"])
    one_hot = np.eye(3)[truth]
    confidence, right = p.max(axis=1), guesses == truth
    bins = np.clip(np.ceil(confidence * 15).astype(int) - 1, 0, 14)
    expected = {
        "accuracy": sk.accuracy_score(truth, guesses),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, guesses),
        "macro_recall": sk.recall_score(truth, guesses, average="macro"),
        "macro_f1": sk.f1_score(truth, guesses, average="macro"),
        "weighted_f1": sk.f1_score(truth, guesses, average="weighted"),
        "matthews_corrcoef": sk.matthews_corrcoef(truth, guesses),
        "roc_auc": sk.roc_auc_score(truth, p, multi_class="ovr", average="macro"),
        "average_precision": sk.average_precision_score(one_hot, p, average="macro"),
        "log_loss": sk.log_loss(truth, p),
        "brier_score": ((p - one_hot) ** 2).sum(axis=1).mean(),
        "ece": sum(abs(right[bins == b].sum() - confidence[bins == b].sum()) for b in range(15)) / len(truth),
    }
    assert {name: report[name] for name in expected} == pytest.approx(expected, abs=1e-9)
    scores = sk.precision_recall_fscore_support(truth, guesses)
    found = [[report["per_class"][name][key] for name in report["labels"]] for key in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(found, scores, atol=1e-9)
    assert report["confusion_matrix"] == sk.confusion_matrix(truth, guesses).tolist()


def test_every_interval_follows_from_the_predictions_and_the_seed(three):
    report, _, p, truth = stored(three)
    random = np.random.default_rng(42)
    values = {"accuracy": [], "macro_f1": [], "log_loss": []}
    for _ in range(1_000):
        drawn = random.integers(0, len(truth), len(truth))
        guesses, labels = p[drawn].argmax(axis=1), truth[drawn]
        values["accuracy"].append(np.mean(guesses == labels))
        values["macro_f1"].append(sk.f1_score(labels, guesses, labels=np.unique(labels), average="macro", zero_division=0))
        values["log_loss"].append(-np.mean(np.log(p[drawn, labels])))
    for name, found in values.items():
        assert report["intervals"][name] == pytest.approx(np.percentile(found, (2.5, 97.5)), abs=1e-9)


def test_a_report_holds_every_part(three):
    report = three.report
    assert {baseline.kind for baseline in report.baselines} == {"majority", "tfidf", "untouched"}
    assert {"length", "trait", "label"} <= {found.kind for found in report.slices}
    assert [curve.label for curve in report.roc] == report.labels
    assert any(result.name == "negation" and result.n for result in report.behaviour)
    assert report.calibration.fitted_on == "validation"
    assert report.seen_in_training == 0
    assert report.notes == []


def test_the_temperature_is_kept_with_the_model_and_used(three):
    answering = load_classifier(three).answering
    assert answering.temperature == three.report.temperature != 1
    calibration = three.report.calibration
    assert calibration.log_loss_after == pytest.approx(three.report.log_loss, abs=1e-9)
    _, _, p, truth = stored(three)
    raw = apply_temperature(p, 1 / answering.temperature)
    assert sk.log_loss(truth, raw) == pytest.approx(calibration.log_loss_before, abs=1e-6)


def test_a_run_of_few_validation_rows_has_no_temperature_and_says_why(run):
    """Once 8 rows made nonsense 99.9 % sure."""
    answering = load_classifier(run).answering
    assert (answering.temperature, answering.fitted_on) == (1, "validation")
    why = f"No temperature was fitted: {answering.n_fitted} validation rows are too few, 50 are needed"
    assert run.report.calibration.how == why
    assert why in calibration_words(run.report.calibration)


def test_a_plain_pipeline_gives_the_probabilities_before_the_temperature(three):
    from transformers import pipeline

    text = "the film was great today"
    save_answering(three.model_folder, Answering(temperature=2.0, fitted_on="validation", n_fitted=1))
    plain = pipeline("text-classification", model=str(three.model_folder), top_k=None)([text])[0]
    plain = {found["label"]: found["score"] for found in plain}
    answer = load_classifier(three).predict([text])[0].probabilities
    assert answer != pytest.approx(plain, abs=1e-3)
    assert load_classifier(three).plain().predict([text])[0].probabilities == pytest.approx(plain, abs=1e-5)


def test_evaluate_gives_the_report_of_the_run(run):
    report = evaluate(run)
    assert report.split == "test"
    assert report == run.report


def test_evaluating_anew_gives_the_same_report(run):
    before = run.report
    (run.folder / "report.json").unlink()
    assert evaluate(run) == before


def test_evaluate_on_another_source_matches_labels_by_name(run, csv):
    found = evaluation_of(run, str(csv(60, labels=("POS", "NEG"), name="other.csv")))
    assert found.report.labels == ["neg", "pos"]
    assert (found.report.n, found.report.split) == (60, "all")
    assert evaluations.get(evaluations_of(run)[0]).report == found.report


def test_a_path_is_a_source_and_a_table_is_none(run, csv):
    """Once pydantic's own error came through."""
    assert evaluate(run, csv(10, name="other.csv"), "all").n == 10
    with pytest.raises(SourceError, match="DataFrame is no source of examples"):
        evaluate(run, pd.DataFrame())


def evaluations_of(run):
    return [f"{run.id}/{path.name}" for path in (run.folder / "evaluations").iterdir()]


def test_a_held_out_file_of_one_label_is_scored_whole(run, write):
    report = evaluate(run, str(write("held.csv", "text,label\ngreat film,pos\nawful film,pos\nfine film,pos\n")))
    assert (report.n, report.per_class["pos"].support) == (3, 3)
    assert "All 3 rows have the label pos" in report.notes[0]


def test_rows_that_changed_since_the_training_are_not_taken_for_its_test_rows(run, csv):
    csv(50)
    with pytest.raises(SourceError, match="has changed since it was trained"):
        evaluate(run, split="validation")


@pytest.fixture
def two_columns(train_here, tiny_config, write):
    """A run on texts of two columns, its labels in one that would not be guessed; and a source of these columns."""
    lines = [f"{text.split()[0]},{' '.join(text.split()[1:])},{i},{'01'[label == 'pos']}"
             for i, (text, label) in enumerate(tiny.labelled_rows(60))]  # fmt: skip
    source = str(write("two.csv", "\n".join(["subject,text,rating,verdict", *lines]) + "\n"))
    data = {"text_column": ["subject", "text"], "text_separator": " | ", "label_column": "verdict",
            "label_map": {"0": "no", "1": "yes"}}  # fmt: skip
    return train_here(tiny_config(source=source, data=data, max_steps=2)), source


def test_a_source_is_read_as_the_run_read_its_own(two_columns):
    """Once the run's columns, separator and label names were forgotten: one column was guessed, in silence."""
    run, source = two_columns
    found = evaluation_of(run, source, "all")
    own, again = ({(row.text, row.label, row.predicted) for row in one.predictions.itertuples()}
                  for one in (evaluations.of_run(run), found))  # fmt: skip
    assert own <= again
    assert found.report.notes == []


def test_columns_that_a_source_does_not_have_are_guessed_and_told(two_columns, write):
    run, _ = two_columns
    report = evaluate(run, write("other.csv", "text,label\ngreat film,yes\nawful film,no\n"), "all")
    assert report.notes[0].startswith("The run was trained with the text column 'subject', which")
    assert report.notes[0].endswith("The column 'text' was read.")
    assert "label column 'verdict', which" in report.notes[1]


def test_columns_that_are_named_are_read(two_columns, write):
    run, _ = two_columns
    source = str(write("other.csv", "subject,text,verdict,right\na,great film,1,no\nb,awful film,1,yes\n"))
    found = evaluation_of(run, source, "all", Extras(text_column=("text", "subject"), label_column="right")).predictions
    assert sorted(zip(found["text"], found["label"], strict=True)) == [("awful film | b", "yes"), ("great film | a", "no")]


def test_columns_without_a_source_are_refused(run):
    with pytest.raises(SettingsError, match="without a source"):
        evaluate(run, extras=Extras(text_column=("text",)))


def test_what_was_asked_for_beside_it_does_not_replace_the_run_s_own_report(run):
    before = run.report
    turned = evaluate(run, extras=Extras(label_map={"neg": "pos", "pos": "neg"}))
    assert turned.accuracy == pytest.approx(1 - before.accuracy)
    assert run.report == before


def test_a_rival_whose_answers_are_no_numbers_costs_only_itself(run, train_here, tiny_config):
    from safetensors.torch import load_file, save_file

    other = train_here(tiny_config(max_steps=2))
    path = other.model_folder / "model.safetensors"
    weights = load_file(path)
    save_file(
        {name: value * float("nan") if "classifier" in name else value for name, value in weights.items()}, path, {"format": "pt"}
    )
    report = evaluate(run, extras=Extras(against=(other.id,)))
    assert any(f"{other.id}: left out" in note for note in report.notes)


@pytest.mark.parametrize("name", ["report.json", "model/tuner.json"])
def test_a_damaged_file_is_as_one_that_is_missing(name, run):
    (run.folder / name).write_bytes(b"\xff\xfe{")
    assert evaluate(run).n == 4
    assert load_classifier(run).predict(["fine"])


def test_a_model_for_several_labels_a_text_is_refused(run):
    path = run.model_folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"problem_type": "multi_label_classification"}))
    with pytest.raises(ModelError, match="several labels a text"):
        load_classifier(run)


def test_whole_numbers_of_a_column_stay_whole_where_some_are_missing(tmp_path):
    frame = evaluations.predictions([0, 1], ["a", "b"], np.array([0, 1]), np.eye(2), ("x", "y"), {"id": [2**60 + 1, None]})
    evaluations.write_frame(tmp_path / "p.parquet", frame)
    assert evaluations.columns_of(pd.read_parquet(tmp_path / "p.parquet")) == {"id": [2**60 + 1, None]}


def test_another_split_does_not_replace_the_run_s_own_report(run):
    before = run.report
    assert evaluate(run, split="validation").split == "validation"
    assert run.report == before


def test_labels_the_model_does_not_know_are_refused(run, csv):
    with pytest.raises(SourceError, match=r"does not know the labels (bad, good|good, bad) of the data"):
        evaluate(run, str(csv(40, labels=("bad", "good"), name="other.csv")))


def test_a_model_without_label_names_gets_asked(run, csv, tmp_path):
    folder = tmp_path / "nameless"
    shutil.copytree(run.model_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}, "label2id": {"LABEL_0": 0, "LABEL_1": 1}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SourceError, match=r'no names for its labels, only LABEL_0, LABEL_1.*--label-map "(neg|pos)=LABEL_0"'):
        evaluate(str(folder), str(csv(60, name="other.csv")))


def test_labels_that_are_mapped_are_scored(run, csv):
    source = str(csv(40, labels=("bad", "good"), name="other.csv"))
    assert evaluate(run, source, extras=Extras(label_map={"bad": "neg", "good": "pos"})).n == 40


def test_rows_seen_in_training_are_counted(run):
    assert evaluate(run, split="train").seen_in_training == len(load_rows(run, "train"))


def load_rows(run, split):
    from tuner.data.labelled import load_labelled

    return load_labelled(run.config.data).splits[split]


def test_columns_of_the_data_are_slices(train_here, tiny_config, jsonl):
    from tests import tiny

    rows = [
        {"text": t, "label": label, "where": ("north", "south")[i % 3 == 0]}
        for i, (t, label) in enumerate(tiny.labelled_rows(200))
    ]
    run = train_here(tiny_config(source=jsonl(rows)))
    assert {"where = north", "where = south"} <= {
        found.name.replace(": ", " = ") for found in run.report.slices if found.kind == "column"
    }


def test_an_unknown_split_is_refused(run):
    with pytest.raises(SettingsError, match="split = 'dev': must be one of train, validation, test"):
        evaluate(run, split="dev")


def test_a_model_that_answers_nan_is_told(run):
    from safetensors.torch import load_file, save_file

    path = run.model_folder / "model.safetensors"
    weights = load_file(path)
    save_file(
        {name: value * float("nan") if "classifier" in name else value for name, value in weights.items()}, path, {"format": "pt"}
    )
    with pytest.raises(ModelError, match="does not answer with finite numbers"):
        evaluate(run, split="validation")


def test_a_folder_without_a_source_is_asked_for_one(run):
    with pytest.raises(SourceError, match="its data is not known"):
        evaluate(str(run.model_folder))


def test_a_folder_is_evaluated_and_kept(run, csv):
    found = evaluation_of(str(run.model_folder), str(csv()))
    assert "not known" in found.report.notes[0]
    kept = [path.name for path in (runs.home() / "evaluations").iterdir()]
    assert evaluations.get(f"model/{kept[0]}").report == found.report


@pytest.mark.parametrize("name", ["model/../../x", "model/0123456789ab", "nobody/0123456789ab", "", "x" * 5000])
def test_a_name_of_no_evaluation_is_refused(name):
    with pytest.raises(RunError):
        evaluations.get(name)


def test_a_threshold_is_kept_and_makes_answers_unsure(three):
    save_answering(three.model_folder, Answering())
    threshold = choose_threshold(three, cost_of_error=1e6)
    assert load_classifier(three).answering.threshold == threshold == three.report.threshold
    probabilities = load_classifier(three).predict(["today"])[0]
    assert probabilities.unsure == (max(probabilities.probabilities.values()) < threshold.value)
    assert "unsure" in probabilities.to_json()
    assert choose_threshold(three) is None
    assert "unsure" not in load_classifier(three).predict(["today"])[0].to_json()


def test_thresholds_are_chosen_on_the_answers_the_model_gives(learnt, jsonl):
    """They were chosen on bf16's, and where 60 % were to be answered, all were."""
    rows = [{"text": text, "label": label if i % 4 else "pos"} for i, (text, label) in enumerate(tiny.labelled_rows(200))]
    classifier, frame = scoring.fitted(learnt, load_labelled(DataConfig(source=str(jsonl(rows)))))
    given = [list(answer.probabilities.values()) for answer in classifier.predict(frame["text"])]
    assert evaluations.probabilities_of(frame, classifier.labels) == pytest.approx(np.array(given), abs=1e-6)


@pytest.mark.parametrize(
    "asked", [{"precision": 0.0}, {"precision": 1.5}, {"cost_of_error": -1}, {"precision": 0.9, "cost_of_error": 2}]
)
def test_a_threshold_out_of_range_is_refused(asked, run):
    with pytest.raises(SettingsError):
        choose_threshold(run, **asked)


def test_a_model_that_cannot_be_loaded_costs_only_its_baseline(run):
    report = evaluate(run, extras=Extras(against=("no/such-model",)))
    assert any("no/such-model: left out" in note for note in report.notes)
    assert {baseline.kind for baseline in report.baselines} == {"majority", "tfidf", "untouched"}


def test_a_part_that_looks_for_what_is_not_there_costs_only_itself():
    notes = []
    assert scoring._attempt(lambda: {}["dıd not"], [], notes, "Behaviour tests") == []
    assert notes == ["Behaviour tests: left out. KeyError('dıd not')"]


def test_another_run_stands_beside_it(run, train_here, tiny_config):
    other = train_here(tiny_config(max_steps=2))
    report = evaluate(run, extras=Extras(against=(other.id,)))
    beside = next(baseline for baseline in report.baselines if baseline.kind == "model")
    assert beside.accuracy == pytest.approx(other.report.accuracy)


def test_old_evaluations_are_forgotten(run, monkeypatch):
    monkeypatch.setattr(evaluations, "MOST_KEPT", 1)
    evaluate(run, split="validation")
    evaluate(run, split="train")
    assert len(evaluations_of(run)) == 1


def test_an_evaluation_that_another_request_just_removed_is_no_error(tmp_path):
    for name in ("old", "newest"):
        (tmp_path / name).mkdir()
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")  # listed, and not there
    evaluations._forget_oldest(tmp_path / "newest")
    assert (tmp_path / "old").is_dir()


def test_a_new_evaluation_is_kept_after_the_clock_was_set_back(run, monkeypatch):
    monkeypatch.setattr(evaluations, "MOST_KEPT", 1)
    old = evaluation_of(run, split="validation")
    tomorrow = time.time() + 86_400
    os.utime(run.folder / "evaluations" / old.name.split("/")[1], (tomorrow, tomorrow))
    assert evaluations.get(evaluation_of(run, split="train").name)


def test_the_public_name_is_this_function():
    assert tuner.evaluate is scoring.evaluate


@pytest.mark.parametrize(("person", "kept"), [(Person("anna", "hf_anna"), 1), (VISITOR, 2)])
def test_visitors_do_not_push_each_other_s_evaluations_out(run, csv, monkeypatch, person, kept):
    """Those who are not logged in share one folder of them."""
    monkeypatch.setattr(evaluations, "MOST_KEPT", 1)
    with acting(person):
        names = [evaluation_of(str(run.model_folder), str(csv(rows))).name for rows in (10, 20)]
        assert evaluations.get(names[1])
    assert len(list((runs.home() / "evaluations" / folder_name(person.name)).iterdir())) == kept


def test_an_evaluation_of_a_run_that_is_gone_was_never_written(home):
    """Else the run beside which it had been made could not be chosen any more."""
    assert evaluations.written("20261123-120000-abcd/0123456789ab") == 0
