"""Finding and loading base models."""

import json
import shutil
import time

import pytest
import torch

from tuner import modeling
from tuner.catalog import SAMPLE_MINILM
from tuner.errors import ModelError, NetworkError, SettingsError


@pytest.fixture
def spoilt(tiny_models, tmp_path):
    """A copy of the tiny BERT to spoil."""
    return shutil.copytree(tiny_models["bert"], tmp_path / "spoilt")


def set_config(folder, **changes):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda folder: (folder / "config.json").unlink(), "it has no config.json"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json in .* is damaged"),
        (lambda folder: set_config(folder, model_type="llama"), "is of type 'llama'"),
        (lambda folder: set_config(folder, auto_map={"AutoModel": "evil.Model"}), "needs code of its own"),
        (lambda folder: (folder / "model.safetensors").rename(folder / "pytorch_model.bin"), "no safetensors"),
    ],
    ids=["no config", "damaged config", "unknown type", "own code", "pickle"],
)
def test_a_folder_that_cannot_be_trained_is_refused(spoil, cause, spoilt):
    spoil(spoilt)
    with pytest.raises(ModelError, match=cause) as refusal:
        modeling.find_base_model(str(spoilt))
    assert refusal.value.cure


def test_torn_weights_are_told_in_words(spoilt):
    weights = spoilt / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    base = modeling.find_base_model(str(spoilt))
    with pytest.raises(ModelError, match="cannot be loaded"):
        modeling.load_for_training(base, modeling.load_tokenizer(base), ("a", "b"), 1)


@pytest.mark.parametrize("name", ["nope", "a/b/c", "bert base"])
def test_a_name_that_means_nothing_is_refused(name):
    with pytest.raises(ModelError, match="is no base model"):
        modeling.find_base_model(name)


@pytest.mark.parametrize("name", ["/gone/model", "./gone", "~/gone", "C:\\gone"])
def test_a_folder_that_is_gone_is_told_as_one(name):
    with pytest.raises(ModelError, match="There is no folder"):
        modeling.find_base_model(name)


@pytest.mark.parametrize("name", ["gpt2", "FacebookAI/roberta-base"])
def test_a_hub_model_without_network_is_answered_within_five_seconds(name):
    start = time.monotonic()
    with pytest.raises(NetworkError, match="cannot be reached") as refusal:
        modeling.find_base_model(name)
    assert time.monotonic() - start < 5
    assert SAMPLE_MINILM in refusal.value.cure
    assert "tweets" not in refusal.value.cure


def test_the_sample_model_is_there_and_untouched():
    base = modeling.find_base_model(SAMPLE_MINILM)
    assert (base.config["model_type"], base.config["hidden_size"], base.limit) == ("bert", 384, 512)


def test_robertas_limit_leaves_two_positions_out(tiny_models):
    assert modeling.find_base_model(str(tiny_models["roberta"])).limit == 64


def test_the_seed_decides_the_new_head(tiny_models):
    base = modeling.find_base_model(str(tiny_models["bert"]))
    tokenizer = modeling.load_tokenizer(base)
    one, same, other = (modeling.load_for_training(base, tokenizer, ("a", "b"), seed).classifier.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_weights_saved_in_bf16_are_trained_in_float32(tiny_models, tmp_path):
    from transformers import AutoModel

    AutoModel.from_pretrained(tiny_models["bert"], dtype=torch.bfloat16).save_pretrained(tmp_path / "bf16")
    shutil.copytree(
        tiny_models["bert"], tmp_path / "bf16", dirs_exist_ok=True, ignore=lambda *_: ["model.safetensors", "config.json"]
    )
    base = modeling.find_base_model(str(tmp_path / "bf16"))
    model = modeling.load_for_training(base, modeling.load_tokenizer(base), ("a", "b"), 1)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_label_names_stand_in_both_directions(tiny_models):
    base = modeling.find_base_model(str(tiny_models["gpt2"]))
    config = modeling.load_for_training(base, modeling.load_tokenizer(base), ("no", "maybe", "yes"), 1).config
    assert config.id2label == {0: "no", 1: "maybe", 2: "yes"}
    assert config.label2id == {"no": 0, "maybe": 1, "yes": 2}


def test_tokens_are_counted_as_the_tokenizer_cuts_them(tiny_models):
    texts = ["great", "the film was great today"]
    for folder in tiny_models.values():
        base = modeling.find_base_model(str(folder))
        assert modeling.count_tokens(base, texts) == [len(ids) for ids in modeling.load_tokenizer(base)(texts)["input_ids"]]


def test_tokens_are_counted_by_the_tokenizer_that_is_there_now(tiny_models, tmp_path):
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "bert")
    base = modeling.find_base_model(str(folder))
    before = modeling.count_tokens(base, ["great"])
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))  # without [CLS] and [SEP]
    assert modeling.count_tokens(base, ["great"]) == [before[0] - 2]


@pytest.mark.parametrize(
    ("counts", "length"),
    [([3, 5, 8], 8), ([9], 16), ([5] * 999 + [60], 8), ([5] * 99 + [60], 64), ([500], 64), ([], 8)],
)
def test_max_length_is_what_nearly_all_texts_need(counts, length, tiny_models):
    assert modeling.choose_max_length(modeling.find_base_model(str(tiny_models["bert"])), None, counts) == length


def test_a_max_length_over_the_limit_is_refused(tiny_models):
    with pytest.raises(SettingsError, match=r"model\.max_length = 65: over the limit of .*; give 4 to 64"):
        modeling.choose_max_length(modeling.find_base_model(str(tiny_models["bert"])), 65, [])
