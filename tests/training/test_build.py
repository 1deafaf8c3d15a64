"""Every setting reaches the thing it sets."""

import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.utils.class_weight import compute_class_weight
from transformers import DataCollatorWithPadding, EarlyStoppingCallback, TrainingArguments
from transformers.modeling_layers import GradientCheckpointingLayer

from tests import tiny
from tuner import modeling, runs
from tuner.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tuner.data.labelled import load_labelled
from tuner.errors import ModelError, NetworkError, SettingsError
from tuner.launch.local import prepare
from tuner.structure import GradualUnfreezing
from tuner.training.build import build_model, build_trainer, custom_loss, encode, loss_weights, training_arguments

EVERY_STEPS = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 5, "save_steps": 10}
NEVER = {"eval_strategy": "no", "save_strategy": "no"}
# field → (settings, attribute of TrainingArguments, what it must be)
ARGUMENTS = {
    "learning_rate": ({"learning_rate": 3e-4}, "learning_rate", 3e-4),
    "num_train_epochs": ({"num_train_epochs": 1.5}, "num_train_epochs", 1.5),
    "per_device_train_batch_size": ({"per_device_train_batch_size": 7}, "per_device_train_batch_size", 7),
    "lr_scheduler_type": ({"lr_scheduler_type": "cosine"}, "lr_scheduler_type", "cosine"),
    "lr_scheduler_kwargs": (
        {"lr_scheduler_type": "polynomial", "lr_scheduler_kwargs": {"power": 2}},
        "lr_scheduler_kwargs",
        {"power": 2},
    ),
    "report_to": ({"report_to": ["tensorboard"]}, "report_to", ["tensorboard"]),
    "warmup_steps": ({"warmup_steps": 0.25}, "warmup_steps", 0.25),
    "optim": ({"optim": "adafactor"}, "optim", "adafactor"),
    "weight_decay": ({"weight_decay": 0.07}, "weight_decay", 0.07),
    "max_grad_norm": ({"max_grad_norm": 0.5}, "max_grad_norm", 0.5),
    "label_smoothing_factor": ({"label_smoothing_factor": 0.2}, "label_smoothing_factor", 0.2),
    "max_steps": ({"max_steps": 11}, "max_steps", 11),
    "gradient_accumulation_steps": ({"gradient_accumulation_steps": 3}, "gradient_accumulation_steps", 3),
    "per_device_eval_batch_size": ({"per_device_eval_batch_size": 5}, "per_device_eval_batch_size", 5),
    "precision": ({"precision": "bf16"}, "bf16", True),
    "train_sampling_strategy": ({"train_sampling_strategy": "sequential"}, "train_sampling_strategy", "sequential"),
    "torch_compile": ({"torch_compile": True}, "torch_compile", True),
    "activation_checkpointing": ({"activation_checkpointing": True}, "activation_checkpointing", True),
    "metric_for_best_model": ({"metric_for_best_model": "loss"}, "metric_for_best_model", "loss"),
    "eval_strategy": (EVERY_STEPS, "eval_strategy", "steps"),
    "eval_steps": (EVERY_STEPS, "eval_steps", 5),
    "save_strategy": (NEVER, "save_strategy", "no"),
    "save_steps": (EVERY_STEPS, "save_steps", 10),
    "save_total_limit": ({"save_total_limit": 4}, "save_total_limit", 4),
    "logging_steps": ({"logging_steps": 13}, "logging_steps", 13),
    "seed": ({"seed": 7}, "seed", 7),
}
ELSEWHERE = {
    "hub_model_id": "test_a_place_on_the_hub_is_asked_about_before_the_start",
    "num_processes": "test_processes_part_the_batch_among_them",
    "fsdp": "test_fsdp_reaches_the_trainer_of_several_processes",
    "auto_find_batch_size": "test_automatic_batch_size_is_not_the_librarys",
    "early_stopping_patience": "test_early_stopping_patience_reaches_its_callback",
    "class_weights": "test_class_weights_reach_the_loss_of_the_trainer",
    "layerwise_lr_decay": "test_rates_by_layer_reach_the_trainer",
    "head_learning_rate": "test_rates_by_layer_reach_the_trainer",
    "gradual_unfreezing": "test_gradual_unfreezing_reaches_its_callback",
    "weight_averaging": "test_weight_averaging_reaches_its_callback",
    "adversarial_epsilon": "test_adversarial_epsilon_reaches_the_trainer",
    "focal_gamma": "test_the_focal_loss_of_a_batch_is_the_one_worked_out_by_hand",
}
MODEL_FIELDS = {
    "name": "test_model_name_decides_the_base_model",
    "revision": "test_a_revision_of_a_local_model_is_refused",
    "fingerprint": "test_a_fingerprint_refuses_another_model_in_its_place",
    "max_length": "test_max_length_cuts_the_rows",
    "hidden_dropout_prob": "test_dropout_reaches_every_dropout_of_the_model",
    "keep_head": "test_the_head_is_kept_where_asked",
    "num_hidden_layers": "test_structure_reaches_the_model",
    "layer_selection": "test_structure_reaches_the_model",
    "intermediate_size": "test_structure_reaches_the_model",
    "mean_pooling": "test_structure_reaches_the_model",
    "freeze": "test_structure_reaches_the_model",
    "freeze_layers": "test_structure_reaches_the_model",
    "lora": "test_structure_reaches_the_model",
    "lora_alpha": "test_structure_reaches_the_model",
    "lora_dropout": "test_structure_reaches_the_model",
    "pad_to_max_length": "test_pad_to_max_length_fills_every_row",
}


@pytest.fixture(autouse=True)
def no_compiler(monkeypatch):
    """The library notes `torch_compile` in the environment, for all that is trained after."""
    monkeypatch.setenv("ACCELERATE_DYNAMO_BACKEND", "no")


@pytest.mark.parametrize("field", ARGUMENTS)
def test_field_reaches_the_trainer(field, tmp_path):
    settings, attribute, expected = ARGUMENTS[field]
    assert getattr(training_arguments(TrainingConfig(**settings), tmp_path, "cpu"), attribute) == expected


@pytest.mark.parametrize("field", ARGUMENTS)
def test_the_value_tried_is_not_the_default(field, tmp_path):
    """Else the test above could not fail."""
    _, attribute, expected = ARGUMENTS[field]
    assert getattr(training_arguments(TrainingConfig(precision="fp32"), tmp_path, "cpu"), attribute) != expected


def test_no_training_field_goes_untested():
    assert set(TrainingConfig.model_fields) == {*ARGUMENTS, *ELSEWHERE}
    assert all(name in globals() for name in ELSEWHERE.values())


def test_a_place_on_the_hub_is_asked_about_before_the_start():
    with pytest.raises(NetworkError, match="no Hugging Face token"):
        prepare(RunConfig(training={"hub_model_id": "owner/model"}))


def test_no_model_field_goes_untested():
    assert set(ModelConfig.model_fields) == set(MODEL_FIELDS)
    assert all(name in globals() for name in MODEL_FIELDS.values())


def test_processes_part_the_batch_among_them(tmp_path, monkeypatch):
    """What they do is in test_processes.py."""
    monkeypatch.setattr("tuner.training.processes.count", lambda: 4)
    arguments = training_arguments(TrainingConfig(num_processes=4, per_device_train_batch_size=32), tmp_path, "cpu")
    assert arguments.per_device_train_batch_size == 8


@pytest.mark.parametrize("fsdp", [True, False])
def test_fsdp_reaches_the_trainer_of_several_processes(fsdp, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.training.processes.count", lambda: 2)
    assert bool(training_arguments(TrainingConfig(num_processes=2, fsdp=fsdp), tmp_path, "cpu").fsdp_plugin_args) == fsdp


def test_automatic_batch_size_is_not_the_librarys(tmp_path):
    """The library's halves the batch and leaves the accumulation: a step would be another. Ours is in test_batches.py."""
    assert not training_arguments(TrainingConfig(auto_find_batch_size=True), tmp_path, "cpu").auto_find_batch_size


def test_one_process_uses_one_gpu(tmp_path, monkeypatch):
    """Else the Trainer spreads a batch for each over all GPUs: a step would have so many times the rows."""
    monkeypatch.setattr(TrainingArguments, "n_gpu", property(lambda self: 4))
    assert training_arguments(TrainingConfig(), tmp_path, "cpu")._n_gpu == 1


@pytest.mark.slow
def test_a_compiled_model_is_saved_as_a_plain_one(trainer_for, tmp_path, monkeypatch):
    """Backend eager traces as the others do, and compiles nothing."""

    def traced(*arguments):
        made = training_arguments(*arguments)
        made.torch_compile_backend = "eager"
        return made

    monkeypatch.setattr("tuner.training.build.training_arguments", traced)
    trainer = trainer_for(torch_compile=True, max_steps=2)
    trainer.train()
    assert hasattr(trainer.model_wrapped, "_orig_mod")
    for save in (trainer.model.save_pretrained, trainer.save_model):
        save(tmp_path / "saved")
        assert not [name for name in load_file(tmp_path / "saved" / "model.safetensors") if "_orig_mod" in name]


@pytest.mark.parametrize(("metric", "greater"), [("loss", False), ("macro_f1", True)])
def test_the_best_loss_is_the_lowest_and_the_best_score_the_highest(metric, greater, tmp_path):
    arguments = training_arguments(TrainingConfig(metric_for_best_model=metric), tmp_path, "cpu")
    assert (arguments.load_best_model_at_end, arguments.greater_is_better) == (True, greater)


def test_the_order_of_rows_has_the_seed_too(tmp_path):
    assert training_arguments(TrainingConfig(seed=9), tmp_path, "cpu").data_seed == 9


def test_nan_is_not_logged_as_zero(tmp_path):
    assert training_arguments(TrainingConfig(), tmp_path, "cpu").logging_nan_inf_filter is False


def test_no_token_stands_in_the_arguments(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    assert training_arguments(TrainingConfig(), tmp_path, "cpu").hub_token is None


def test_fp16_without_a_gpu_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SettingsError, match=r"training\.precision = 'fp16'"):
        training_arguments(TrainingConfig(precision="fp16"), tmp_path, "cpu")


@pytest.mark.parametrize("kept", [True, False])
def test_the_head_is_kept_where_asked(kept, train_here, tiny_config):
    config = train_here(tiny_config(max_steps=1)).config
    run = runs.list_runs()[0]
    config = config.with_changes({"model": {"name": f"run:{run.id}", "keep_head": kept}})
    base = modeling.find_base_model(config.model.name)
    model, _ = build_model(config, base, modeling.load_tokenizer(base), ("neg", "pos"))
    trained = load_file(run.model_folder / "model.safetensors")["classifier.weight"]
    assert torch.equal(model.classifier.weight, trained) == kept


@pytest.fixture
def trainer_for(tiny_config, tmp_path):
    def build(**settings):
        config = tiny_config(**settings)
        base = modeling.find_base_model(config.model.name, config.model.revision)
        tokenizer, data = modeling.load_tokenizer(base), load_labelled(config.data)
        model = modeling.load_for_training(base, tokenizer, data.labels, 1, config.model.hidden_dropout_prob)
        return build_trainer(config, data, model, tokenizer, config.model.max_length or 32, tmp_path / "out", [])

    return build


def test_early_stopping_patience_reaches_its_callback(trainer_for):
    trainer = trainer_for(early_stopping_patience=3, eval_strategy="epoch", save_strategy="epoch")
    found = [c for c in trainer.callback_handler.callbacks if isinstance(c, EarlyStoppingCallback)]
    assert [callback.early_stopping_patience for callback in found] == [3]


def test_without_patience_nothing_stops_early(trainer_for):
    assert not [c for c in trainer_for().callback_handler.callbacks if isinstance(c, EarlyStoppingCallback)]


@pytest.fixture
def uneven(jsonl):
    """Rows of which a tenth is rare and three tenths are b."""
    labels = ["rare", *"bbb", *"aaaaaa"]
    return load_labelled(
        DataConfig(source=str(jsonl([{"text": f"text {i}", "label": labels[i % 10]} for i in range(200)])), test_size=20)
    )


def test_balanced_weights_are_those_of_scikit_learn(uneven):
    labels = uneven.splits["train"].labels
    expected = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    assert loss_weights(TrainingConfig(class_weights="balanced"), uneven) == pytest.approx(expected.tolist())


def test_balanced_weights_of_a_label_without_training_rows_are_0(uneven):
    alone = replace(uneven, labels=(*uneven.labels, "unseen"))
    weights = loss_weights(TrainingConfig(class_weights="balanced"), alone)
    assert weights == [*loss_weights(TrainingConfig(class_weights="balanced"), uneven), 0.0]


def test_given_weights_stand_in_the_order_of_the_labels(uneven):
    given = {"rare": 5, "a": 0.5, "b": 2}
    assert loss_weights(TrainingConfig(class_weights=given), uneven) == [0.5, 2, 5]


@pytest.mark.parametrize("given", [{"a": 1, "b": 2}, {"a": 1, "b": 2, "rare": 3, "more": 4}, {"A": 1, "b": 2, "rare": 3}, {}])
def test_weights_must_name_every_label(given, uneven):
    with pytest.raises(SettingsError, match="must name every label once; the labels are 'a', 'b', 'rare'"):
        loss_weights(TrainingConfig(class_weights=given), uneven)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_weighted_loss_of_a_batch_is_the_one_worked_out_by_hand(smoothing, uneven):
    """−Σ over labels of target × weight × log p, a mean over the rows."""
    settings = TrainingConfig(class_weights={"a": 0.5, "b": 2, "rare": 5}, label_smoothing_factor=smoothing)
    logits, labels = [[1.0, 0.0, -1.0], [0.5, 0.5, 2.0]], [0, 2]
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        summed = math.log(sum(math.exp(value) for value in row))
        for index, weight in enumerate((0.5, 2, 5)):
            target = smoothing / 3 + (1 - smoothing) * (index == label)
            total -= target * weight * (row[index] - summed)
    loss = custom_loss(settings, uneven)({"logits": torch.tensor(logits)}, torch.tensor(labels))
    assert loss.item() == pytest.approx(total / 2)


def test_equal_weights_give_the_loss_without_weights(uneven):
    settings = TrainingConfig(class_weights={"a": 1, "b": 1, "rare": 1})
    logits, labels = torch.randn(8, 3, generator=torch.Generator().manual_seed(1)), torch.arange(8) % 3
    loss = custom_loss(settings, uneven)({"logits": logits}, labels)
    assert loss.item() == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item())


def test_without_class_weights_the_loss_is_the_models_own(trainer_for):
    trainer = trainer_for()
    model, batch = trainer.model.eval(), next(iter(trainer.get_train_dataloader()))
    assert trainer.compute_loss(model, dict(batch)).item() == pytest.approx(model(**batch).loss.item())


def test_a_loss_is_divided_by_the_rows_of_the_whole_step(uneven):
    logits, labels = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 0])
    loss = custom_loss(TrainingConfig(), uneven)
    assert loss({"logits": logits}, labels, torch.tensor(16)) == pytest.approx(loss({"logits": logits}, labels).item() / 4)


@pytest.mark.parametrize("settings", [{}, {"focal_gamma": 2.0, "label_smoothing_factor": 0.1, "class_weights": "balanced"}])
def test_a_row_labelled_minus_100_counts_for_nothing(settings, uneven):
    loss = custom_loss(TrainingConfig(**settings), uneven)
    logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(1), requires_grad=True)
    loss({"logits": logits}, torch.tensor([0, 1, 2, -100]), torch.tensor(3)).backward()
    assert not logits.grad[3].any()
    alone = loss({"logits": logits[:3]}, torch.tensor([0, 1, 2]))
    assert loss({"logits": logits}, torch.tensor([0, 1, 2, -100]), torch.tensor(3)).item() == pytest.approx(alone.item())


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_the_focal_loss_of_a_batch_is_the_one_worked_out_by_hand(gamma, uneven):
    """−(1 − p)^γ log p, a mean over the rows (Lin et al. 2017, equation 4)."""
    p = [0.7, 0.2]
    logits = torch.log(torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]))
    loss = custom_loss(TrainingConfig(focal_gamma=gamma), uneven)({"logits": logits}, torch.tensor([0, 2]))
    assert loss.item() == pytest.approx(sum(-((1 - q) ** gamma) * math.log(q) for q in p) / 2)


def test_a_row_that_is_surely_right_has_a_finite_focal_gradient(uneven):
    """Once a probability that rounds to 1 gave NaN gradients for a gamma below 1."""
    logits = torch.tensor([[30.0, 0.0, 0.0]], requires_grad=True)
    custom_loss(TrainingConfig(focal_gamma=0.5), uneven)({"logits": logits}, torch.tensor([0])).backward()
    assert torch.isfinite(logits.grad).all()


def test_rates_by_layer_reach_the_trainer(trainer_for):
    """What they do is in test_rates.py."""
    rates = trainer_for(layerwise_lr_decay=0.9, head_learning_rate=1e-3).rates
    assert (rates.layerwise_lr_decay, rates.head_learning_rate) == (0.9, 1e-3)


@pytest.fixture
def model_of(tiny_models):
    """A tiny BERT (2 layers, 64 units) shaped by model settings."""

    def make(**settings):
        config = RunConfig(model={"name": str(tiny_models["bert"]), **settings})
        base = modeling.find_base_model(config.model.name)
        return build_model(config, base, modeling.load_tokenizer(base), ("neg", "pos"))[0]

    return make


def frozen(model):
    return {name for name, parameter in model.named_parameters() if not parameter.requires_grad}


STRUCTURE = {
    "num_hidden_layers": ({"num_hidden_layers": 1}, lambda m: len(m.bert.encoder.layer) == 1),
    "layer_selection": (
        {"num_hidden_layers": 1, "layer_selection": "last"},
        lambda m: not torch.equal(m.bert.encoder.layer[0].output.dense.weight, m.first.output.dense.weight),
    ),
    "intermediate_size": ({"intermediate_size": 10}, lambda m: m.bert.encoder.layer[1].intermediate.dense.out_features == 10),
    "mean_pooling": ({"mean_pooling": True}, lambda m: len(m.bert.encoder.layer) == m.config.num_hidden_layers == 3),
    "freeze": ({"freeze": "embeddings"}, lambda m: frozen(m) and all("embeddings" in name for name in frozen(m))),
    "freeze_layers": ({"freeze_layers": 1}, lambda m: "bert.encoder.layer.0.output.dense.weight" in frozen(m)),
    "lora": ({"lora": 3}, lambda m: m.peft_config["default"].r == 3 and m.peft_config["default"].lora_alpha == 6),
    "lora_alpha": ({"lora": 3, "lora_alpha": 5}, lambda m: m.peft_config["default"].lora_alpha == 5),
    "lora_dropout": ({"lora": 3, "lora_dropout": 0.3}, lambda m: m.peft_config["default"].lora_dropout == 0.3),
}


@pytest.mark.parametrize("field", STRUCTURE)
def test_structure_reaches_the_model(field, model_of):
    settings, holds = STRUCTURE[field]
    plain, changed = model_of(), model_of(**settings)
    if field == "layer_selection":
        changed.first = plain.bert.encoder.layer[0]
    assert holds(changed)
    if field not in ("layer_selection", "lora", "lora_alpha", "lora_dropout"):
        assert not holds(plain)


def test_gradual_unfreezing_reaches_its_callback(trainer_for):
    callbacks = trainer_for(gradual_unfreezing=0.4).callback_handler.callbacks
    assert [callback.share for callback in callbacks if isinstance(callback, GradualUnfreezing)] == [0.4]


def test_weight_averaging_reaches_its_callback(trainer_for):
    """What it does is in test_averaging.py."""
    trainer = trainer_for(weight_averaging=0.3)
    assert trainer.averaging.share == 0.3
    assert trainer.averaging in trainer.callback_handler.callbacks
    assert trainer_for().averaging is None


def test_adversarial_epsilon_reaches_the_trainer(trainer_for):
    """What it does is in test_adversarial.py."""
    assert trainer_for(adversarial_epsilon=0.5).adversarial_epsilon == 0.5
    assert trainer_for().adversarial_epsilon is None


def test_class_weights_reach_the_loss_of_the_trainer(trainer_for):
    losses = []
    for weight in (1, 3):
        trainer = trainer_for(class_weights={"neg": weight, "pos": weight})
        batch = next(iter(trainer.get_train_dataloader()))
        losses.append(trainer.compute_loss(trainer.model.eval(), batch).item())
    assert losses[1] == pytest.approx(3 * losses[0], rel=1e-5)


def test_validation_measures_the_custom_loss(trainer_for):
    losses = [
        trainer_for(class_weights=weights).evaluate()["eval_loss"]
        for weights in (None, {"neg": 1, "pos": 1}, {"neg": 2, "pos": 2})
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    assert losses[2] == pytest.approx(2 * losses[0], rel=1e-5)


@pytest.mark.parametrize("architecture", tiny.ARCHITECTURES)
@pytest.mark.parametrize(("checkpointing", "calls"), [(False, 2), (True, 4)])
def test_checkpointing_of_activations_computes_each_layer_once_more(architecture, checkpointing, calls, trainer_for):
    trainer = trainer_for(architecture=architecture, activation_checkpointing=checkpointing, max_steps=2)
    layers = [module for module in trainer.model.modules() if isinstance(module, GradientCheckpointingLayer)]
    inner = [next(layer.children()) for layer in layers]  # the layer itself may be called once and compute twice
    called = []
    for module in inner:
        module.register_forward_hook(lambda module, *_: called.append(module))
    trainer.train()
    assert [called.count(module) for module in inner] == [calls, calls]


def test_max_length_cuts_the_rows(trainer_for):
    trainer = trainer_for(model={"max_length": 5})
    assert max(trainer.train_dataset["length"][:]) == 5


def test_rows_are_padded_to_the_longest_of_their_batch_only(trainer_for):
    trainer = trainer_for(train_sampling_strategy="sequential")
    assert isinstance(trainer.data_collator, DataCollatorWithPadding)
    batch = next(iter(trainer.get_train_dataloader()))
    assert batch["input_ids"].shape[1] == max(trainer.train_dataset[:4]["length"])


def test_pad_to_max_length_fills_every_row(trainer_for):
    trainer = trainer_for(model={"pad_to_max_length": True, "max_length": 40}, train_sampling_strategy="random")
    assert {len(ids) for ids in trainer.train_dataset["input_ids"][:]} == {40}


def test_pad_to_max_length_also_trains_with_the_default_order(trainer_for):
    assert trainer_for(model={"pad_to_max_length": True, "max_length": 40}, train_sampling_strategy="group_by_length").train()


def test_model_name_decides_the_base_model(trainer_for):
    assert type(trainer_for(architecture="distilbert").model).__name__ == "DistilBertForSequenceClassification"


def test_a_fingerprint_refuses_another_model_in_its_place(tiny_models, tmp_path):
    shutil.copytree(tiny_models["bert"], tmp_path / "base")
    pinned = ModelConfig(
        name=str(tmp_path / "base"), fingerprint=modeling.fingerprint(modeling.find_base_model(str(tmp_path / "base")))
    )
    assert modeling.find_pinned(pinned).location == str(tmp_path / "base")
    with (tmp_path / "base" / "model.safetensors").open("ab") as weights:
        weights.write(b" ")
    with pytest.raises(ModelError, match="has changed since the run was made"):
        modeling.find_pinned(pinned)


def test_a_revision_of_a_local_model_is_refused(trainer_for):
    with pytest.raises(modeling.ModelError, match="no revisions"):
        trainer_for(model={"revision": "main"})


@pytest.mark.parametrize("architecture", ["gpt2", "bert", "roberta", "distilbert", "modernbert"])
def test_dropout_reaches_every_dropout_of_the_model(architecture, trainer_for):
    from torch import nn

    model = trainer_for(architecture=architecture, model={"hidden_dropout_prob": 0.37}).model
    rates = {module.p for module in model.modules() if isinstance(module, nn.Dropout)}
    assert rates == {0.37}


def test_every_dropout_of_a_library_architecture_has_a_known_name():
    """The head of ALBERT has a name of its own."""
    from transformers import AutoConfig

    other_tasks = {"summary_first_dropout", "summary_last_dropout", "qa_dropout", "pooler_dropout"}
    for kind in ("albert", "bert", "deberta-v2", "distilbert", "electra", "gpt2", "modernbert", "mpnet", "roberta"):
        named = {name for name in AutoConfig.for_model(kind).to_dict() if "drop" in name}
        assert named <= {*modeling._DROPOUT_SETTINGS, *other_tasks}, kind


def test_compiled_steps_make_their_float32_products_in_float32(tmp_path):
    arguments = training_arguments(TrainingConfig(torch_compile=True, precision="fp32"), tmp_path, "cpu")
    assert arguments.tf32 is False


def test_length_column_counts_the_tokens(tiny_models, tiny_config):
    base = modeling.find_base_model(str(tiny_models["bert"]))
    rows = encode(load_labelled(tiny_config().data).splits["train"], modeling.load_tokenizer(base), 32, pad=False)
    assert rows["length"][:] == [len(ids) for ids in rows["input_ids"][:]]


def test_no_data_field_goes_untested():
    from tests.data import test_labelled

    assert set(DataConfig.model_fields) == set(test_labelled.DATA_FIELDS)
    assert all(hasattr(test_labelled, name) for name in test_labelled.DATA_FIELDS.values())


def test_run_config_has_no_further_section():
    assert set(RunConfig.model_fields) == {"preset", "name", "data", "model", "training", "augmentation"}
