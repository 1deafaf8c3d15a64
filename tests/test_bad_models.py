"""What is no classifier of texts is refused in words."""

import json
from pathlib import Path

import pytest
import transformers

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


def test_a_name_that_is_nothing_is_refused():
    with pytest.raises((ModelError, NetworkError)):
        load_classifier("no/such model")
