"""The written script, run without Tuner, ends with the run's weights; so does the run's own config.yaml, run again."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file
from transformers import AutoModelForSequenceClassification

from tests import tiny
from tuner import runs
from tuner.config import RunConfig
from tuner.launch.local import prepare
from tuner.reproduce import write_script
from tuner.training import speed, worker

pytestmark = pytest.mark.slow
EPOCHS = {"max_steps": -1, "num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"}
STEPS = {"max_steps": 20, "eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 2, "save_steps": 2}
HOSTILE = ('he said "no"\n\\', "it's {x} # \N{RIGHT-TO-LEFT OVERRIDE} '''")
# name → (architecture, model, training, further sections)
CASES = {
    "quick": ("bert", {"hidden_dropout_prob": 0.0}, {**EPOCHS, "lr_scheduler_type": "cosine"}, {}),
    "dropout": ("bert", {}, EPOCHS, {}),
    "loss": (
        "roberta",
        {"max_length": 12},
        {"class_weights": "balanced", "focal_gamma": 1.5, "label_smoothing_factor": 0.1, "gradient_accumulation_steps": 2},
        {},
    ),
    "weighted": (
        "bert", {}, {"class_weights": {"neg": 3.0, "pos": 1.0}, "train_sampling_strategy": "random"}, {},
    ),
    "smoothing": ("distilbert", {}, {"label_smoothing_factor": 0.2, "optim": "adafactor", "max_grad_norm": 0.01}, {}),
    "rates": ("distilbert", {}, {**EPOCHS, "layerwise_lr_decay": 0.5, "head_learning_rate": 1e-2, "weight_decay": 0.3}, {}),
    "gpt2 rates": ("gpt2", {}, {"layerwise_lr_decay": 0.5, "gradient_accumulation_steps": 3}, {}),
    "head rate": ("modernbert", {}, {"head_learning_rate": 1e-2, "lr_scheduler_type": "constant_with_warmup"}, {}),
    "floor": ("bert", {}, {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr_rate": 0.3}}, {}),
    "plateau": ("bert", {}, {**STEPS, "lr_scheduler_type": "reduce_lr_on_plateau", "save_strategy": "no"}, {}),
    "the best between checkpoints": (
        "bert",
        {},
        {**STEPS, "save_steps": 8, "learning_rate": 0.03, "lr_scheduler_type": "constant", "metric_for_best_model": "log_loss"},
        {},
    ),
    "shape": ("bert", {"num_hidden_layers": 1, "intermediate_size": 24, "freeze": "embeddings"}, {"optim": "sgd"}, {}),
    "modernbert shape": ("modernbert", {"num_hidden_layers": 1, "layer_selection": "last", "intermediate_size": 24}, {}, {}),
    "gpt2 shape": ("gpt2", {"num_hidden_layers": 1, "layer_selection": "last", "intermediate_size": 24}, {}, {}),
    "mean": ("bert", {"mean_pooling": True, "num_hidden_layers": 1, "intermediate_size": 24}, EPOCHS, {}),
    "mean with lora": ("roberta", {"mean_pooling": True, "lora": 2}, {"layerwise_lr_decay": 0.5}, {}),
    "frozen": ("roberta", {"freeze_layers": 1}, {"activation_checkpointing": True, "precision": "bf16"}, {}),
    "head alone": ("distilbert", {"freeze": "all_but_head"}, {"warmup_steps": 2}, {}),
    "lora": ("bert", {"lora": 2}, {**EPOCHS, "layerwise_lr_decay": 0.5}, {}),
    "lora without dropout": ("gpt2", {"lora": 2, "lora_alpha": 3, "lora_dropout": 0.0}, {"gradual_unfreezing": 0.5}, {}),
    "unfreezing": ("bert", {}, {"gradual_unfreezing": 0.8, "max_steps": 8, "train_sampling_strategy": "random"}, {}),
    "averaging": ("bert", {}, {"max_steps": 9, "weight_averaging": 0.5}, {}),
    "averaging or the best": (
        "distilbert", {}, {**STEPS, "max_steps": 8, "weight_averaging": 0.5, "metric_for_best_model": "loss"}, {},
    ),
    "averaging with lora": ("bert", {"lora": 2}, {**EPOCHS, "weight_averaging": 1.0, "gradual_unfreezing": 0.5}, {}),
    "adversarial": ("bert", {}, {**EPOCHS, "adversarial_epsilon": 0.5}, {}),
    "adversarial steps of three batches": (
        "gpt2",
        {},
        {"adversarial_epsilon": 2, "gradient_accumulation_steps": 3, "train_sampling_strategy": "random"},
        {},
    ),
    "classroom": (
        "gpt2",
        {"pad_to_max_length": True, "max_length": 20},
        {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 4, "train_sampling_strategy": "sequential"},
        {},
    ),
    "early stopping": (
        "distilbert",
        {},
        {**STEPS, "early_stopping_patience": 2, "metric_for_best_model": "loss", "learning_rate": 5e-2},
        {},
    ),
    "kept head": ("roberta", {"keep_head": True}, {}, {"head": ("pos", "neg")}),
    "new head": ("distilbert", {}, {}, {"head": ("good", "bad")}),
    "best by calibration": ("bert", {}, {**STEPS, "max_steps": 8, "metric_for_best_model": "ece"}, {}),
    "best by ranks": ("bert", {}, {**STEPS, "max_steps": 8, "metric_for_best_model": "roc_auc", "learning_rate": 1e-2}, {}),
    "copies": ("bert", {}, EPOCHS, {"augmentation": {"swap": 0.3, "case": 0.3, "copies": 2}}),
    "hostile names": ("bert", {}, {}, {"labels": HOSTILE, "folder": "a 'b\" \\ \n__import__('os')"}),
}  # fmt: skip
# Its gradient is zero but for rounding (every key moved alike leaves attention as it was), and Adam blows that up.
NO_GRADIENT = ".attention.self.key.bias"
_DRIVER = """
import json, pathlib, runpy, sys
sys.modules["tuner"] = None  # an import of it fails, also where it is installed
for path in sys.argv[1:]:
    made = runpy.run_path(path, run_name="__main__")
    scores = {**made["scores"], "steps": made["trainer"].state.global_step}
    pathlib.Path(path).with_name("scores.json").write_text(json.dumps(scores))
assert not [name for name, module in sys.modules.items() if name.startswith("tuner") and module]
"""


def config_of(case, models, folder):
    architecture, model, training, more = CASES[case]
    labels = more.get("labels", ("neg", "pos"))
    rows = [{"text": text, "label": label} for text, label in tiny.labelled_rows(60, labels)]
    source = folder / f"{case}.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in rows))
    base = models[architecture]
    if "head" in more:
        classifier = AutoModelForSequenceClassification.from_pretrained(base, id2label=dict(enumerate(more["head"])))
        base = shutil.copytree(base, folder / f"base of {case}")
        classifier.save_pretrained(base)
    if "folder" in more:
        base = shutil.copytree(base, folder / more["folder"])
    quick = {"max_steps": 6, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "precision": "fp32"}
    never = {"eval_strategy": "no", "save_strategy": "no", "logging_steps": 1}
    return RunConfig(
        data={"source": str(source)},
        model={"name": str(base), "hidden_dropout_prob": None, **model},
        training={**quick, **never, **training},
        augmentation=more.get("augmentation", {}),
    )


@pytest.fixture(scope="module")
def trained(tiny_models, tmp_path_factory):
    """Case → (its run, the folder in which its script was run). All scripts share a process: importing takes seconds."""
    folder, found = tmp_path_factory.mktemp("reproduced"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNER_HOME", str(folder / "home"))
        for case in CASES:
            # But for the quick case, attention is computed as the scripts do: else the rounding is another one.
            patch.setattr(speed, "_MATH_ATTENTION_TOKENS", 128 if case == "quick" else 0)
            run = runs.create(prepare(config_of(case, tiny_models, folder)))
            worker.main(run.id)
            assert run.status.state == "completed", (case, run.status.message)
            found[case] = (run, write_script(run, folder / f"script of {case}").parent)
    (folder / "driver.py").write_text(_DRIVER)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"HF_HUB_OFFLINE": "1"}
    scripts = [str(place / "train.py") for _, place in found.values()]
    command = [sys.executable, "-I", str(folder / "driver.py"), *scripts]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return found


def weights(folder):
    return load_file(folder / "model.safetensors")


@pytest.mark.parametrize("case", [case for case in CASES if case != "quick"])
def test_the_script_ends_with_the_same_weights_to_the_last_bit(case, trained):
    run, folder = trained[case]
    ours, theirs = weights(run.model_folder), weights(folder / "model")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []


def test_with_tuners_quicker_steps_the_weights_are_the_same_within_rounding(trained):
    run, folder = trained["quick"]
    ours, theirs = weights(run.model_folder), weights(folder / "model")
    assert any(name.endswith(NO_GRADIENT) for name in ours)
    for name in ours:
        if not name.endswith(NO_GRADIENT):
            np.testing.assert_allclose(theirs[name], ours[name], atol=1e-5, rtol=0, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_the_script_ends_with_the_same_test_accuracy_after_as_many_steps(case, trained):
    run, folder = trained[case]
    scores = json.loads((folder / "scores.json").read_text())
    assert scores["test_accuracy"] == pytest.approx(run.report.accuracy)
    assert scores["steps"] == run.status.step


def test_the_cases_train(trained, tiny_models):
    """Else equal weights would say nothing."""
    base = {name: load_file(folder / "model.safetensors") for name, folder in tiny_models.items()}
    for case, (run, _) in trained.items():
        before, after = base[CASES[case][0]], weights(run.model_folder)
        moved = [name for name in before.keys() & after.keys() if not np.array_equal(before[name], after[name])]
        assert moved or case == "head alone", case


def test_early_stopping_stopped_early_in_both(trained):
    assert trained["early stopping"][0].status.step < 20


def test_the_saved_model_names_the_labels(trained):
    _, folder = trained["hostile names"]
    assert set(json.loads((folder / "model" / "config.json").read_text())["label2id"]) == set(HOSTILE)


def test_the_settings_of_a_run_trained_again_end_with_the_same_weights(tiny_config, train_here):
    run = train_here(tiny_config("bert", **EPOCHS, model={"lora": 2}))
    again = train_here(RunConfig.from_yaml((run.folder / "config.yaml").read_text()))
    assert run.id != again.id
    ours, theirs = weights(run.model_folder), weights(again.model_folder)
    assert [name for name in ours if not np.array_equal(ours[name], theirs[name])] == []
