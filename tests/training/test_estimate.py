"""What a run will take is said before it starts."""

import json

import pytest
import torch
from transformers import AutoConfig, AutoModel, TrainerCallback

from tests import tiny
from tuner import catalog, modeling
from tuner.config import RunConfig, TrainingConfig
from tuner.data.labelled import load_labelled
from tuner.hardware import Device
from tuner.launch.estimate import estimate as launch_estimate
from tuner.structure import plain
from tuner.training import estimate
from tuner.training.build import build_model, build_trainer
from tuner.training.speed import faster_steps

GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
NEVER = {"eval_strategy": "no", "save_strategy": "no"}


@pytest.mark.parametrize(
    "settings",
    [
        {"num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"},
        {"num_train_epochs": 1.5, "eval_strategy": "epoch", "save_strategy": "epoch"},
        {"num_train_epochs": 2, "gradient_accumulation_steps": 3, **NEVER},
        {"max_steps": 7, "eval_strategy": "steps", "eval_steps": 2, "save_strategy": "no"},
    ],
)
def test_steps_and_evaluations_are_those_of_the_trainer(settings, tiny_config, tmp_path):
    class Counting(TrainerCallback):
        evaluations = 0

        def on_evaluate(self, *_, **__):
            self.evaluations += 1

    config = tiny_config(**{"max_steps": -1, **settings})
    base = modeling.find_base_model(config.model.name)
    tokenizer, data = modeling.load_tokenizer(base), load_labelled(config.data)
    model = modeling.load_for_training(base, tokenizer, data.labels, 1)
    counting = Counting()
    trainer = build_trainer(config, data, model, tokenizer, 16, tmp_path, [counting])
    trainer.train()
    assert estimate.steps_of(config.training, len(data.splits["train"])) == (trainer.state.global_step, counting.evaluations)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
def test_parameters_are_about_those_of_the_model(architecture, tiny_models):
    sizes = {"hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 3, "vocab_size": 5000}
    if architecture == "gpt2":
        sizes = {"n_embd": 128, "n_layer": 3, "vocab_size": 5000}
    if architecture == "distilbert":
        sizes = {"dim": 128, "hidden_dim": 512, "n_layers": 3, "vocab_size": 5000}
    if architecture == "modernbert":  # it says of each layer what it attends to
        del sizes["num_hidden_layers"]
    config = AutoConfig.from_pretrained(tiny_models[architecture], **sizes)
    real = sum(parameter.numel() for parameter in AutoModel.from_config(config).parameters())
    assert estimate.parameters_in(json.loads(config.to_json_string(use_diff=False))) == pytest.approx(real, rel=0.05)


def test_memory_grows_with_batch_length_and_precision_and_shrinks_with_lora():
    def needed(half=True, length=128, model=None, **training):
        config = RunConfig(model={"name": "gpt2", **(model or {})}, training=training)
        return estimate.memory_needed(config, GPT2, length, half, on_gpu=False)

    usual = needed()
    assert needed(per_device_train_batch_size=64) > usual
    assert needed(length=512) > usual
    assert needed(half=False) > usual
    assert needed(activation_checkpointing=True) < usual
    assert needed(model={"lora": 8}) < usual
    assert needed(model={"num_hidden_layers": 6}) < usual
    assert needed(model={"mean_pooling": True}) > usual
    assert needed(weight_averaging=0.5) - usual == 4 * estimate.parameters_in(GPT2)
    assert needed(adversarial_epsilon=1) - usual == 4 * GPT2["vocab_size"] * GPT2["n_embd"]
    assert needed(weight_averaging=0.5, model={"lora": 8}) == needed(model={"lora": 8})


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize(
    ("half", "settings"),
    [
        (False, {}),
        (True, {}),
        (False, {"hidden_dropout_prob": 0.1}),
        (True, {"hidden_dropout_prob": 0.1}),
        (False, {"lora": 4}),
        (False, {"freeze": "all_but_head"}),
        (False, {"freeze_layers": 1}),
        (False, {"freeze": "embeddings"}),
        (False, {"num_hidden_layers": 1}),
        (False, {"intermediate_size": 16}),
    ],
)
def test_what_the_backward_pass_keeps_is_at_least_what_is_said(half, settings, architecture, tiny_models, tiny_config):
    """A start that would fit must not be refused."""
    rows, length = 8, tiny.LIMIT
    config = tiny_config(architecture, model={"hidden_dropout_prob": 0.0, **settings}, per_device_train_batch_size=rows)
    base = modeling.find_base_model(config.model.name)
    model, _ = build_model(config, base, modeling.load_tokenizer(base), ("neg", "pos"))
    weights, kept = {p.untyped_storage().data_ptr() for p in model.parameters()}, {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes(), tensor  # held, so that no other takes its place
        return tensor

    ids = torch.randint(5, 20, (rows, length))
    with (
        faster_steps(plain(model), 512),
        torch.autocast("cpu", enabled=half, dtype=torch.bfloat16),
        torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor),
    ):
        model.train()(input_ids=ids, attention_mask=torch.ones_like(ids), labels=torch.zeros(rows, dtype=torch.long))

    def needed(rows):
        more = config.with_changes({"training": {"per_device_train_batch_size": rows}})
        return estimate.memory_needed(more, base.config, length, half, on_gpu=False)

    said, real = needed(2 * rows) - needed(rows), sum(size for size, _ in kept.values())
    assert said <= real
    assert settings or said > 0.4 * real


def test_processes_on_a_cpu_share_its_memory_and_those_on_gpus_have_their_own():
    def needed(processes, on_gpu, **training):
        config = RunConfig(training={"num_processes": processes, **training})
        return estimate.memory_needed(config, GPT2, 128, False, on_gpu, processes)

    weights = 16 * estimate.parameters_in(GPT2)
    assert needed(2, False) - needed(1, False) == 800_000_000 + weights
    assert needed(2, True) - weights == pytest.approx((needed(1, True) - weights) / 2)
    assert needed(2, True, fsdp=True) == pytest.approx(needed(1, True) / 2)


@pytest.mark.parametrize("timed", [True, False])
def test_the_estimate_counts_the_memory_of_every_process(timed, tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.launch.estimate.describe", lambda: Device("cpu", "4 CPU cores", bf16=False))
    timing = estimate.Timing(
        per_token=1, per_evaluated_token=1, per_update=1, tokens=1, evaluated_tokens=1, memory=900_000_000, parameters=1
    )
    one, two = (launch_estimate(tiny_config(num_processes=n), timing=timing if timed else None).memory for n in (1, 2))
    assert two > one + 800_000_000


def test_disk_is_that_of_the_checkpoints_kept_and_one_more():
    config = RunConfig(training={"save_total_limit": 2})
    assert estimate.disk_needed(config, 1_000) == 3 * 12_000 + 4_000
    assert estimate.disk_needed(config.with_changes({"training": NEVER}), 1_000) == 12_000 + 4_000
    assert estimate.disk_needed(config.with_changes({"training": {"weight_averaging": 1}}), 1_000) == 3 * 16_000 + 4_000


@pytest.mark.parametrize(("evaluations", "warned"), [(1, True), (3, True), (4, False)])
def test_early_stopping_that_can_never_fire_is_warned_of(evaluations, warned):
    config = TrainingConfig(early_stopping_patience=2)
    found = estimate.warnings_for(config, 100, evaluations)
    assert any("Early stopping can never fire" in line for line in found) == warned


def test_a_warm_up_as_long_as_the_run_is_warned_of():
    assert "as long as the run" in estimate.warnings_for(TrainingConfig(warmup_steps=100), 100, 3)[0]


@pytest.mark.parametrize(("steps", "warned"), [(99, True), (100, False)])
def test_a_fall_of_the_rate_longer_than_the_run_is_warned_of(steps, warned):
    config = TrainingConfig(lr_scheduler_type="warmup_stable_decay", lr_scheduler_kwargs={"num_decay_steps": 100})
    assert any("falls for 100 steps (num_decay_steps)" in line for line in estimate.warnings_for(config, steps, 3)) == warned


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"training": {"eval_steps": 5}}, "training.eval_steps"),
        ({"training": {"save_strategy": "no", "save_steps": 5}}, "training.save_steps"),
        ({"training": {"lr_scheduler_type": "constant", "warmup_steps": 20}}, "training.warmup_steps"),
        ({"model": {"layer_selection": "last"}}, "model.layer_selection"),
        ({"model": {"lora_dropout": 0.3}}, "model.lora_dropout"),
        ({"model": {"freeze": "all_but_head"}, "training": {"layerwise_lr_decay": 0.9}}, "training.layerwise_lr_decay"),
        ({"training": {"max_steps": 5, "num_train_epochs": 2}}, "training.num_train_epochs"),
        ({"augmentation": {"copies": 3}}, "augmentation.copies"),
    ],
)
def test_a_changed_setting_that_does_nothing_is_warned_of(settings, path):
    (told,) = estimate.idle_settings(RunConfig(**settings))
    assert told.startswith(f"{path} = ")
    assert " does nothing: with " in told


@pytest.mark.parametrize(
    "settings",
    [
        {"model": {"num_hidden_layers": 2, "layer_selection": "last", "lora": 2, "lora_dropout": 0.3}},
        {"training": {"lr_scheduler_type": "constant"}},
        {"model": {"freeze": "embeddings"}, "training": {"layerwise_lr_decay": 0.9}},
        {"augmentation": {"copies": 3, "swap": 0.1}},
        {"training": {"lr_scheduler_type": "constant", "warmup_steps": 0}},
        {"training": {"max_steps": 5}},
        *({"preset": name} for name in catalog.PRESETS),
    ],
)
def test_a_setting_that_does_something_or_was_not_changed_is_not_warned_of(settings):
    assert estimate.idle_settings(RunConfig(**RunConfig(**settings).model_dump())) == []


@pytest.mark.parametrize(("share", "warned"), [(0.01, True), (0.02, False)])
def test_a_mean_of_one_step_is_warned_of(share, warned):
    found = estimate.warnings_for(TrainingConfig(weight_averaging=share), 100, 3)
    assert any("one step to average" in line for line in found) == warned


def test_too_little_memory_and_disk_are_doubts():
    assert estimate.doubts_about(2, 3, 4, 5) == []
    memory, disk = estimate.doubts_about(20 * 10**9, 12 * 10**9, 5 * 10**9, 10**9)
    assert "needs at least 20.0 GB of memory and 12.0 GB are free" in memory
    assert "needs 5.0 GB of disk and 1.0 GB are free" in disk


def test_padded_tokens():
    assert estimate.padded_tokens([3, 5, 2, 4], [0, 1, 3, 2], 2) == 5 + 5 + 4 + 4


def test_time_is_counted_from_tokens_updates_and_validations():
    timing = estimate.Timing(
        per_token=0.001, per_evaluated_token=0.0005, per_update=0.1, tokens=1_000, evaluated_tokens=200, memory=1, parameters=1
    )
    config = TrainingConfig(per_device_train_batch_size=10)
    assert estimate.seconds_needed(timing, config, 20, 2, 100) == pytest.approx(2 * 1.0 + 20 * 0.1 + 2 * 0.1)


@pytest.mark.parametrize(
    ("processes", "timed", "said"),
    [
        (4, True, "about 30 s (timed in one process; 4 share the steps), "),
        (1, True, "about 30 s, "),
        (4, False, "time not measured yet, "),
    ],
)
def test_a_time_for_several_processes_says_that_one_was_timed(processes, timed, said):
    numbers = {"train_rows": 100, "steps": 20, "evaluations": 1, "memory": 1, "disk": 1, "warnings": [], "doubts": []}
    found = estimate.Estimate(**numbers, seconds=30 if timed else None, timed=timed, processes=processes)
    assert said in found.line


def test_the_estimate_knows_how_many_processes_there_will_be(tiny_config):
    assert launch_estimate(tiny_config(num_processes=2)).processes == 2
