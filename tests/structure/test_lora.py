"""LoRA: trained alone, merged into a plain model, kept as an adapter."""

import json

import pytest
import torch

from tests import tiny
from tests.structure.models import (
    EVERY,
    LAYERS,
    TEXTS,
    StopAt,
    assert_loads_plainly,
    logits_of,
    lora,
    moved_lora,
    step_on,
    trained_weights,
)
from tuner.structure import add_lora, count_parameters, is_lora, keep_layers, merge_lora, narrow, plain, save_adapter
from tuner.structure.anatomy import parts_of
from tuner.training.callbacks import WholeCheckpoints
from tuner.training.checkpoints import newest_whole
from tuner.training.speed import faster_steps


@pytest.mark.parametrize("kind", EVERY)
def test_lora_merges_into_a_plain_model_of_the_same_answers(kind, load, tmp_path):
    model, tokenizer = load(kind)
    untouched = logits_of(model, tokenizer)
    adapted = add_lora(model, 4, 8, 0.1, seed=1)
    torch.testing.assert_close(logits_of(adapted, tokenizer), untouched)
    step_on(adapted, tokenizer)
    expected = logits_of(moved_lora(adapted), tokenizer)
    assert not torch.allclose(expected, untouched, atol=1e-2)
    merged = merge_lora(adapted)
    torch.testing.assert_close(logits_of(merged, tokenizer), expected, atol=1e-5, rtol=0)
    assert not is_lora(merged)
    assert_loads_plainly(merged, tokenizer, tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["id2label"] == {"0": "neg", "1": "pos"}


@pytest.mark.parametrize("kind", EVERY)
def test_lora_trains_its_matrices_in_every_layer_and_the_whole_head(kind, load):
    model, _ = load(kind)
    head = {name for name, p in model.named_parameters() if any(p is q for q in parts_of(model).head)}
    adapted = add_lora(model, 4, 8, 0.0, seed=1)
    trained = {name for name, p in adapted.named_parameters() if p.requires_grad}
    of_head = {n.removeprefix("base_model.model.").replace(".modules_to_save.default", "") for n in trained if ".lora_" not in n}
    assert of_head == head
    parts = parts_of(adapted)
    assert all(any(parameter.requires_grad for parameter in layer) for layer in parts.layers)
    assert not any(parameter.requires_grad for parameter in parts.beneath)


def as_its_readme_says(folder):
    code = (folder / "README.md").read_text().split("```python\n")[1].split("```")[0]
    names = {}
    exec(code.replace('"adapter"', repr(str(folder))), names)
    return names["model"]


@pytest.mark.parametrize("kind", EVERY)
def test_an_adapter_loads_on_its_base_model_as_its_readme_says(kind, load, tmp_path, four_layers):
    model, tokenizer = load(kind)
    adapted = moved_lora(add_lora(model, 4, 8, 0.0, seed=1))
    save_adapter(adapted, tmp_path, base=str(four_layers / kind))
    loaded = as_its_readme_says(tmp_path)
    torch.testing.assert_close(logits_of(loaded, tokenizer), logits_of(adapted, tokenizer), atol=1e-5, rtol=0)
    assert loaded.config.id2label == {0: "neg", 1: "pos"}
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] == str(four_layers / kind)
    assert "base_model:" not in (tmp_path / "README.md").read_text()  # the Hub refuses a card that names a folder


@pytest.mark.parametrize("kind", ["bert", "gpt2", "modernbert"])
def test_an_adapter_of_a_changed_model_brings_its_base(kind, load, tmp_path, four_layers):
    """On the unchanged base model it would load without a word, and on other layers than it was trained for."""
    model, tokenizer = load(kind)
    adapted = moved_lora(add_lora(narrow(keep_layers(model, 2, "last"), 24), 4, 8, 0.0, seed=1))
    save_adapter(adapted, tmp_path, base=str(four_layers / kind), whole=True)
    loaded = as_its_readme_says(tmp_path)
    torch.testing.assert_close(logits_of(loaded, tokenizer), logits_of(adapted, tokenizer), atol=1e-5, rtol=0)
    assert loaded.config.id2label == {0: "neg", 1: "pos"}
    assert json.loads((tmp_path / "adapter_config.json").read_text())["base_model_name_or_path"] is None


def test_the_seed_decides_the_start_of_lora(load):
    def start(seed):
        return [p for n, p in add_lora(load("bert")[0], 4, 8, 0.0, seed).named_parameters() if "lora_A" in n]

    assert all(torch.equal(a, b) for a, b in zip(start(1), start(1), strict=True))
    assert not torch.equal(start(1)[0], start(2)[0])


def test_saving_a_checkpoint_asks_the_hub_nothing(load, tmp_path, monkeypatch):
    """peft asks for the base model's config.json at every save to see whether the vocabulary grew."""
    monkeypatch.setattr("peft.utils.save_and_load.check_file_exists_on_hf_hub", lambda *_: pytest.fail("asked the Hub"))
    model, _ = load("bert")
    model.name_or_path = model.config.name_or_path = "owner/name"
    adapted = add_lora(model, 4, 8, 0.0, seed=1)
    for _ in range(2):  # the first save once wrote the name where the second one read it
        adapted.save_pretrained(tmp_path / "checkpoint")
    save_adapter(adapted, tmp_path / "adapter", base="owner/name", revision="abc")
    settings = json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())
    assert (settings["base_model_name_or_path"], settings["revision"]) == ("owner/name", "abc")
    assert "\nbase_model: owner/name\n" in (tmp_path / "adapter" / "README.md").read_text()


def test_lora_is_counted_without_the_head_that_is_no_longer_used(load):
    model, _ = load("bert")
    total, head = count_parameters(model)[0], 32 * 32 + 32 + 32 * 2 + 2
    lora = LAYERS * 2 * 2 * 4 * 32
    assert count_parameters(add_lora(model, 4, 8, 0.0, seed=1)) == (total + lora, head + lora)


@pytest.mark.slow
@pytest.mark.parametrize("change", [lambda model: keep_layers(model, 2, "last"), lora], ids=["layers", "lora"])
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_a_changed_model_trains_with_checkpointing_of_activations(kind, change, trainer_for):
    """Reentrant checkpointing gives no gradient above frozen embeddings; ours is the other kind."""
    trainer = trainer_for(kind, change, activation_checkpointing=True, max_steps=2)
    before = trained_weights(trainer)
    trainer.train()
    names = {name for name, p in plain(trainer.model).named_parameters() if p.requires_grad}
    assert [name for name in names if torch.equal(before[name], trained_weights(trainer)[name])] == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_lora_keeps_its_best_checkpoint_and_resumes_to_the_same_weights(kind, trainer_for, tmp_path):
    stepwise = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 2, "save_steps": 2, "max_steps": 8}
    stepwise["metric_for_best_model"] = "loss"
    whole = trainer_for(kind, lora, [WholeCheckpoints("me")], folder="whole", **stepwise)
    whole.train()
    losses = [log["eval_loss"] for log in whole.state.log_history if "eval_loss" in log]
    assert whole.evaluate()["eval_loss"] == pytest.approx(min(losses), abs=1e-5)
    trainer_for(kind, lora, [WholeCheckpoints("me"), StopAt(5)], **stepwise).train()
    newest = newest_whole(tmp_path / "checkpoints", "me")
    assert newest.name == "checkpoint-5"
    assert {"adapter_model.safetensors", "optimizer.pt"} <= {path.name for path in newest.iterdir()}
    assert not (newest / "model.safetensors").exists()
    resumed = trainer_for(kind, lora, [WholeCheckpoints("me")], **stepwise)
    resumed.train(resume_from_checkpoint=str(newest))
    expected, found = trained_weights(whole), trained_weights(resumed)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_accumulated_batches_make_the_same_step_with_lora(kind, trainer_for):
    def first_log(batch, accumulation):
        trainer = trainer_for(
            kind,
            lambda model: add_lora(model, 4, 8, 0.0, seed=1).eval(),
            max_steps=1,
            per_device_train_batch_size=batch,
            gradient_accumulation_steps=accumulation,
            train_sampling_strategy="sequential",
            max_grad_norm=1e4,
        )
        for module in trainer.model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        trainer.train()
        log = next(log for log in trainer.state.log_history if "grad_norm" in log)
        return {"loss": log["loss"], "grad_norm": log["grad_norm"]}

    assert first_log(16, 1) == pytest.approx(first_log(4, 4), rel=1e-3)


@pytest.mark.parametrize("kind", tiny.ARCHITECTURES)
def test_faster_steps_give_the_same_gradients_with_fewer_layers_and_lora(kind, load):
    model, tokenizer = load(kind, dropout=0.0)
    adapted = moved_lora(add_lora(keep_layers(model, 2), 4, 8, 0.0, seed=1))
    batch = tokenizer(TEXTS, padding=True, return_tensors="pt")

    def gradients():
        adapted.zero_grad()
        adapted.train()(**batch, labels=torch.tensor([1, 0, 1])).loss.backward()
        return {name: p.grad.clone() for name, p in adapted.named_parameters() if p.grad is not None}

    expected = gradients()
    with faster_steps(plain(adapted), 16):
        found = gradients()
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, atol=1e-6, rtol=1e-4, msg=name)
