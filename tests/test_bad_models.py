"""What is no classifier of texts is refused in words."""

import json
import math
import shutil
from pathlib import Path

import pytest
import transformers
from safetensors.numpy import load_file, save_file

from tuner import modeling
from tuner.errors import ModelError, NetworkError
from tuner.inference import load_classifier


@pytest.fixture
def saved(tiny_models, tmp_path):
    """Saves a BERT with another head beside its tokenizer: `saved("BertForTokenClassification", num_labels=3)`."""

    def save(kind, **settings):
        folder = tmp_path / kind
        getattr(transformers, kind).from_pretrained(tiny_models["bert"], **settings).save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(tiny_models["bert"]).save_pretrained(folder)
        return str(folder)

    return save


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        ("BertForTokenClassification", {"num_labels": 3}, r"is no classifier \(BertForTokenClassification\)"),
        ("BertForSequenceClassification", {"num_labels": 1}, "has 1 output"),
        ("BertForSequenceClassification", {"num_labels": 1, "problem_type": "regression"}, "numbers, not labels"),
        ("BertForSequenceClassification", {"problem_type": "multi_label_classification"}, "several labels a text"),
        ("BertForQuestionAnswering", {}, "is no classifier"),
    ],
)
def test_a_model_for_another_task_is_refused(kind, settings, words, saved):
    with pytest.raises(ModelError, match=words) as refusal:
        load_classifier(saved(kind, **settings))
    assert refusal.value.cure


@pytest.mark.parametrize("files", [{}, {"config.json": "{"}, {"config.json": json.dumps({"model_type": "bert"})}])
def test_a_folder_that_holds_no_model_is_refused(files, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_text(content)
    with pytest.raises(ModelError, match=r"no config.json|damaged|no safetensors"):
        load_classifier(str(folder))


def test_a_model_that_disappeared_since_it_was_found_is_refused(saved):
    """The config.json of a folder is remembered; its weights may be gone."""
    folder = saved("BertForSequenceClassification")
    load_classifier(folder)
    for file in Path(folder).iterdir():
        file.unlink()
    with pytest.raises(ModelError, match=r"cannot be loaded|no config.json"):
        load_classifier(folder)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ([], "it holds a list"),
        ({"model_type": []}, "is of type"),
        ({"max_position_embeddings": "many"}, "max_position_embeddings is 'many', no whole number"),
        ({"architectures": 5}, "architectures is '5', no list"),
        ({"id2label": ["neg", "pos"]}, "id2label is .* no dict"),
        ({"id2label": {"1": "neg", "2": "pos"}}, "numbers its labels 1, 2"),
        ({"id2label": {"0": "pos", "1": "pos"}}, "has the label 'pos' more than once"),
    ],
)
def test_a_config_that_cannot_be_read_is_refused(changes, words, learnt, tmp_path):
    folder = shutil.copytree(learnt.name, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes if changes else changes))
    with pytest.raises(ModelError, match=words):
        load_classifier(str(folder))


@pytest.mark.parametrize("content", ["{", "{}", '{"added_tokens": [], "model": {}}'])
def test_a_damaged_tokenizer_is_refused(content, learnt, tmp_path):
    folder = shutil.copytree(learnt.name, tmp_path / "model")
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(ModelError, match=r"tokenizer\.json in .* is damaged"):
        modeling.count_tokens(modeling.find_base_model(str(folder)), ["great film"])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_classifier(str(folder))


def test_a_model_of_no_numbers_answers_nothing(learnt, tmp_path):
    """Once the first label, with NaN."""
    folder = shutil.copytree(learnt.name, tmp_path / "model")
    weights = load_file(folder / "model.safetensors")
    save_file({name: values * math.nan for name, values in weights.items()}, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError, match="does not answer with finite numbers"):
        load_classifier(str(folder)).predict(["great film"])


def test_a_name_that_is_nothing_is_refused():
    with pytest.raises((ModelError, NetworkError)):
        load_classifier("no/such model")
