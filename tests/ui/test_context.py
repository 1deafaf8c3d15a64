"""What handlers share."""

import gc
import json
import shutil
import subprocess
import sys
import threading
import time
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from safetensors.torch import load_file, save_file

from tests import tiny
from tuner import feedback, runs
from tuner.config import DataConfig
from tuner.errors import ModelError, SourceError, TunerError
from tuner.feedback import Feedback
from tuner.inference import Classifier
from tuner.person import Person, acting
from tuner.ui.context import Context, Recent


def test_rows_that_were_never_read_are_not_fetched(csv):
    context = Context()
    config = DataConfig(source=str(csv()))
    assert context.data_if_read(config) is None
    context.data(config)
    assert context.data_if_read(config.model_copy(update={"max_train_samples": 5})) is not None


def test_what_was_read_counts_as_read_whatever_rows_are_drawn_of_it(csv):
    """After three sizes the estimate asked for a look at the data, again and for good; with another seed from the first on."""
    context, source = Context(), str(csv())
    context.data(DataConfig(source=source))
    feedback.add("mine", Feedback("entirely new", "pos"))
    drawn = [{"max_train_samples": 5 + more, "train_samples_seed": more} for more in range(4)]
    for given in (*drawn, {"max_eval_samples": 5}, {"seed": 1}, {"extra_source": "feedback:mine"}, {}):
        assert context.data_if_read(DataConfig(source=source, **given)) is not None
    for given in ({"text_column": "text"}, {"extra_source": "owner/name"}):  # a look shows other rows; it is on the Hub
        assert context.data_if_read(DataConfig(source=source, **given)) is None


def test_the_sample_needs_no_reading_before():
    assert Context().data_if_read(DataConfig(max_train_samples=10)).splits["train"].texts


def test_a_value_is_made_once_and_others_are_not_kept_waiting():
    recent, begun, go_on, made = Recent(2), threading.Event(), threading.Event(), []

    def slow():
        begun.set()
        go_on.wait(10)
        made.append("slow")
        return 1

    threads = [threading.Thread(target=recent.get, args=("a", slow)) for _ in range(2)]
    for thread in threads:
        thread.start()
    begun.wait(10)
    assert recent.get("b", lambda: 2) == 2  # "a" is still being made
    assert made == []
    go_on.set()
    for thread in threads:
        thread.join()
    assert made == ["slow"]
    assert recent.get("a", lambda: 3) == 1


def test_what_was_judged_since_is_looked_at(csv):
    """The rows of a source stay in memory; feedback grows under its name."""
    context, config = Context(), DataConfig(source=str(csv()), extra_source="feedback:mine")
    feedback.add("mine", Feedback("entirely new", "pos"))
    before = len(context.data(config).splits["train"])
    feedback.add("mine", Feedback("newer still", "neg"))
    assert len(context.data(config).splits["train"]) == before + 1


def test_an_extra_source_is_no_way_to_files_of_a_space(csv):
    config = DataConfig(extra_source=str(csv()))
    with pytest.raises(SourceError, match="Paths are not read here"):
        Context(local=False).data(config)


@pytest.mark.parametrize("extra", ["feedback:mine", "owner/name", "owner/name@main"])
def test_feedback_and_hub_sets_are_open_to_a_space(extra):
    Context(local=False).check_data(DataConfig(extra_source=extra))


def test_the_one_used_least_recently_goes_before_another_is_made():
    recent, there = Recent(2), []

    class Value:
        def __init__(self):
            there.append(gone.count(True))

    gone = []
    reference = weakref.ref(recent.get("a", Value), lambda _: gone.append(True))
    recent.get("b", Value)
    recent.get("c", Value)
    assert reference() is None
    assert there == [0, 0, 1]  # how many were gone when each was made


def test_a_failed_load_keeps_no_place():
    recent = Recent(1)
    recent.get("a", lambda: 1)
    for _ in range(2):
        with pytest.raises(ModelError):
            Context().classifier("/nowhere")
        with pytest.raises(ZeroDivisionError):
            recent.get("b", lambda: 1 // 0)
    assert not recent._values


def test_a_classifier_leaves_the_gpu_while_a_training_runs(train_here, tiny_config, monkeypatch):
    run = train_here(tiny_config(max_steps=1))
    context = Context()
    monkeypatch.setattr("tuner.ui.context.torch_device", lambda: "cuda")
    assert context.device() == "cuda"
    runs.write_status(run, state="running")
    monkeypatch.setattr(context, "_looked", 0.0)
    assert context.device() == "cpu"


def test_a_damaged_run_is_no_training(home, monkeypatch):
    """One empty run folder ended every answer of an app on a GPU."""
    (home / "runs" / "20260101-000000-abcdef").mkdir(parents=True)
    monkeypatch.setenv("TUNER_DEVICE", "cuda")
    assert Context().device() == "cuda"


def test_answers_come_by_run_and_from_before_its_training(train_here, tiny_config):
    run = train_here(tiny_config(max_steps=2))
    context = Context()
    trained, before = (context.predict(name, ["great film"])[0] for name in (run.id, f"untouched:{run.id}"))
    assert trained.probabilities != before.probabilities
    assert context.classifier(run.id) is context.classifier(run.id)


@pytest.mark.parametrize("latest", ["latest", "run:latest"])
def test_latest_is_the_latest_each_time(train_here, tiny_config, latest):
    """Once the first run that `latest` had meant went on answering."""
    context, run = Context(), train_here(tiny_config(max_steps=1))
    assert context.classifier(latest).name == run.id
    newer = run.folder.with_name("29991231-235959-aaaaaa")
    shutil.copytree(run.folder, newer)
    assert context.classifier(latest).name == newer.name


@pytest.mark.parametrize("latest", ["latest", "run:latest"])
def test_latest_is_no_way_to_the_model_of_another_person(train_here, tiny_config, latest):
    context, run = Context(), train_here(tiny_config(max_steps=1))
    runs.write_status(run, owner="anna")
    with acting(Person("anna", False)):
        context.predict(latest, ["great film"])
    with acting(Person("ben", False)), pytest.raises(TunerError, match="There is no run"):
        context.predict(latest, ["great film"])


def test_a_run_has_one_model_under_both_of_its_names(train_here, tiny_config):
    """As `run:ID` the model before it was resumed went on answering."""
    context, run = Context(), train_here(tiny_config(max_steps=1))
    assert context.classifier(f"run:{run.id}") is context.classifier(run.id)


def test_a_folder_that_was_written_anew_answers_anew(learnt, tmp_path):
    """Once its old model went on answering, with its old labels."""
    context, folder = Context(), tmp_path / "model"
    shutil.copytree(learnt.name, folder)
    assert context.classifier(str(folder)) is context.classifier(str(folder))
    config = json.loads((folder / "config.json").read_text())
    names = {"id2label": {"0": "bad", "1": "good"}, "label2id": {"bad": 0, "good": 1}, "max_position_embeddings": 32}
    shutil.rmtree(folder)
    shutil.copytree(learnt.name, folder)
    weights = load_file(folder / "model.safetensors")
    place = next(name for name in weights if "position_embeddings" in name)
    save_file(weights | {place: weights[place][:32].contiguous()}, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config | names))
    assert (context.classifier(str(folder)).labels, context.classifier(str(folder)).max_length) == (("bad", "good"), 32)


def test_twenty_people_at_once_are_fewer_batches_and_each_gets_their_own_answer(learnt, monkeypatch):
    context, begun, go_on, calls = Context(), threading.Event(), threading.Event(), []
    predict = Classifier.predict

    def slow(self, texts):
        calls.append(len(texts))
        begun.set()
        assert go_on.wait(60)
        return predict(self, texts)

    monkeypatch.setattr(Classifier, "predict", slow)
    texts = [text for text, _ in tiny.labelled_rows(20)]
    with ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(context.predict, learnt.name, [text]) for text in texts]
        assert begun.wait(60)
        while len(context._loaded(learnt.name).batcher._waiting) + calls[0] < 20:
            time.sleep(0.01)
        go_on.set()
        answers = [future.result(60)[0] for future in asked]
    assert len(calls) <= 2
    assert sum(calls) == 20
    assert [answer.text for answer in answers] == texts
    for answer, text in zip(answers, texts, strict=True):
        assert answer.probabilities == pytest.approx(predict(learnt, [text])[0].probabilities, abs=1e-5)


def test_of_three_classifiers_the_first_is_out_of_memory(learnt, tmp_path):
    context = Context()
    for name in "abc":
        shutil.copytree(learnt.name, tmp_path / name)
    first = weakref.ref(context.classifier(str(tmp_path / "a")).model)
    context.predict(str(tmp_path / "a"), ["great film"])
    context.predict(str(tmp_path / "b"), ["great film"])
    assert first() is not None
    context.predict(str(tmp_path / "c"), ["great film"])
    gc.collect()
    assert first() is None


def test_a_run_that_was_deleted_since_is_told(train_here, tiny_config):
    context, run = Context(), train_here(tiny_config(max_steps=1))
    context.predict(run.id, ["great film"])
    runs.delete(run)
    with pytest.raises(TunerError, match=f"There is no run '{run.id}'"):
        context.predict(run.id, ["great film"])


def test_a_folder_that_was_removed_since_is_told(learnt, tmp_path):
    context, folder = Context(), tmp_path / "model"
    shutil.copytree(learnt.name, folder)
    context.predict(str(folder), ["great film"])
    shutil.rmtree(folder)
    with pytest.raises(TunerError, match=str(folder)):
        context.predict(str(folder), ["great film"])


@pytest.mark.parametrize("name", [None, 5, "", " ", [], {}])
def test_what_is_no_name_of_a_model_is_refused_in_words(name):
    """Once an AttributeError."""
    with pytest.raises(ModelError, match="has no name"):
        Context().predict(name, ["fine"])


def test_what_answers_need_is_imported_where_there_is_a_model(train_here, tiny_config):
    """In a child: this process has it already."""
    code = (
        "import sys, time; from tuner.ui.context import Context\n"
        "context = Context(); context.warm_up(); context._whole.wait(60)\n"
        "deadline = time.monotonic() + (60 if __import__('tuner.runs').runs.list_runs() else 2)\n"
        "while time.monotonic() < deadline and 'transformers.models.bert.modeling_bert' not in sys.modules: time.sleep(0.2)\n"
        "print('torch' in sys.modules)"
    )
    assert _printed(code) == "False"
    train_here(tiny_config(max_steps=1))
    assert _printed(code) == "True"


def _printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120).stdout.strip()
