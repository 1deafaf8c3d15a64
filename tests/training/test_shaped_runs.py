"""Whole runs with a changed structure: what they save loads anywhere, and a mistake is said before the start."""

import json

import pytest

from tests import tiny
from tuner.config import ModelConfig, RunConfig
from tuner.errors import SettingsError
from tuner.inference import load_classifier
from tuner.launch.local import prepare
from tuner.modeling import BaseModel, check_shape

SHAPES = {
    "fewer layers": {"num_hidden_layers": 1, "layer_selection": "last"},
    "narrower": {"intermediate_size": 24},
    "frozen": {"freeze": "all_but_head"},
    "LoRA": {"lora": 2},
    "all at once": {"num_hidden_layers": 1, "intermediate_size": 24, "lora": 2},
}


@pytest.mark.slow
@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize("shape", SHAPES)
def test_the_saved_model_loads_with_a_plain_pipeline(architecture, shape, tiny_config, train_here):
    from transformers import pipeline

    run = train_here(tiny_config(architecture, model=SHAPES[shape], max_steps=2))
    assert run.status.state == "completed", run.status.message
    answers = pipeline("text-classification", model=str(run.model_folder), top_k=None)(["i love this film"])[0]
    ours = load_classifier(run).plain().predict(["i love this film"])[0].probabilities
    assert {answer["label"]: answer["score"] for answer in answers} == pytest.approx(ours, abs=1e-5)
    assert (run.folder / "adapter" / "adapter_model.safetensors").is_file() == ("lora" in SHAPES[shape])


@pytest.mark.parametrize("more", [{}, {"lora": 2}], ids=["whole", "LoRA"])
def test_a_model_with_the_layer_of_the_mean_loads_with_a_plain_pipeline(more, tiny_config, train_here):
    from transformers import pipeline

    run = train_here(tiny_config("bert", model={"mean_pooling": True, **more}, max_steps=2))
    assert run.status.state == "completed", run.status.message
    loaded = pipeline("text-classification", model=str(run.model_folder), top_k=None)
    ours = load_classifier(run).plain().predict(["i love this film"])[0].probabilities
    assert {answer["label"]: answer["score"] for answer in loaded(["i love this film"])[0]} == pytest.approx(ours, abs=1e-5)
    assert loaded.model.config.num_hidden_layers == 3


@pytest.mark.parametrize("architecture", ["gpt2", "distilbert", "modernbert"])
def test_a_mean_is_refused_before_the_start_where_the_head_reads_no_first_token(architecture, tiny_config):
    with pytest.raises(SettingsError, match=rf"model\.mean_pooling = True: .* is of type {architecture}"):
        prepare(tiny_config(architecture, model={"mean_pooling": True}))


def test_parameters_before_and_after_are_said(tiny_config, train_here):
    run = train_here(tiny_config("bert", model={"num_hidden_layers": 1, "freeze": "embeddings"}, max_steps=1))
    notes = (run.folder / "events.jsonl").read_text()
    assert "parameters" in notes
    assert "of them trained" in notes
    assert "before:" in notes


@pytest.mark.slow
def test_lora_with_gradual_unfreezing_and_the_best_checkpoint_kept(tiny_config, train_here):
    epochs = {"max_steps": -1, "num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"}
    run = train_here(tiny_config("bert", model={"lora": 2}, gradual_unfreezing=0.5, **epochs))
    assert run.status.state == "completed", run.status.message


def test_the_untouched_model_has_the_run_s_shape(tiny_config, train_here):
    from tuner.inference import load_untouched

    run = train_here(tiny_config("bert", model={"num_hidden_layers": 1, "lora": 2}, max_steps=1))
    assert load_untouched(run).model.config.num_hidden_layers == 1


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize(("field", "value"), [("num_hidden_layers", 3), ("freeze_layers", 3), ("intermediate_size", 999)])
def test_more_than_the_base_model_has_is_refused_before_the_start(architecture, field, value, tiny_config):
    with pytest.raises(SettingsError, match=rf"model\.{field} = {value}: .* has \d+"):
        prepare(tiny_config(architecture, model={field: value}))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lora": 4, "freeze": "embeddings"}, "leave freeze at nothing"),
        ({"lora_alpha": 4}, r"model\.lora_alpha = 4\.0: not with model\.lora empty"),
        ({"mean_pooling": True, "keep_head": True}, "switch keep_head off"),
        ({"freeze": "all_but_head", "freeze_layers": 1}, "leave freeze_layers at 0"),
    ],
)
def test_contradictions_are_refused(settings, words, tiny_config):
    with pytest.raises(SettingsError, match=words):
        tiny_config("bert", model=settings)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"freeze": "all_but_head"}, r"model\.freeze = 'all_but_head'; .*set freeze to nothing or embeddings"),
        ({"freeze_layers": 2}, r"model\.freeze_layers = 2; .*set freeze_layers below 2"),
    ],
)
def test_unfreezing_nothing_is_refused_before_the_start(settings, words, tiny_config):
    with pytest.raises(SettingsError, match=rf"training\.gradual_unfreezing = 0\.5: not with {words}"):
        prepare(tiny_config("bert", model=settings, gradual_unfreezing=0.5))


def test_the_layer_of_the_mean_is_left_to_be_unfrozen(tiny_config):
    prepare(tiny_config("bert", model={"freeze_layers": 2, "mean_pooling": True}, gradual_unfreezing=0.5))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"freeze_layers": 1}, r"freeze_layers = 1: .* share one set of weights; give 0"),
        ({"num_hidden_layers": 2}, r"num_hidden_layers = 2: .* 2 groups of layers"),
    ],
)
def test_what_shared_layers_cannot_do_is_refused_before_they_are_loaded(settings, words):
    config = {"model_type": "albert", "num_hidden_layers": 4, "num_hidden_groups": 2}
    with pytest.raises(SettingsError, match=words):
        check_shape(BaseModel("a", "a", None, config, None), ModelConfig(**settings))


@pytest.mark.slow
def test_the_sample_s_adapter_names_a_base_that_everybody_can_get(csv, train_here):
    """It named the folder of a package on this machine."""
    quick = {"max_steps": 1, "eval_strategy": "no", "save_strategy": "no", "precision": "fp32"}
    run = train_here(RunConfig(data={"source": str(csv())}, model={"name": "sample:minilm", "lora": 2}, training=quick))
    settings = json.loads((run.folder / "adapter" / "adapter_config.json").read_text())
    assert settings["base_model_name_or_path"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert settings["revision"] == "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
    assert "base_model: sentence-transformers/all-MiniLM-L6-v2" in (run.folder / "adapter" / "README.md").read_text()
