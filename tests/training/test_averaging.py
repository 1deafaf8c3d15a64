"""The saved model is the mean of the weights after each of the last steps, also after a stop or a kill."""

import os
import signal

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.numpy import load_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from tests.training.test_worker import (  # noqa: F401 (a fixture)
    STEPWISE,
    resume_here,
    same_weights,
    stop_at,
    wait_until,
    weights,
)
from tuner import runs
from tuner.config import RunConfig
from tuner.errors import SettingsError
from tuner.launch import local
from tuner.training import worker
from tuner.training.averaging import WeightAveraging, at_least_as_good, steps_averaged
from tuner.training.callbacks import Progress

slow = pytest.mark.slow
LAST = {"max_steps": 10, "weight_averaging": 0.4}


@pytest.fixture
def seen(monkeypatch):
    """The model's weights after each step, as numpy arrays by name."""
    found, original = [], Progress.on_step_end

    def on_step_end(self, args, state, control, model, **kwargs):
        found.append({name: tensor.detach().numpy().copy() for name, tensor in model.state_dict().items()})
        return original(self, args, state, control, model=model, **kwargs)

    monkeypatch.setattr(Progress, "on_step_end", on_step_end)
    return found


@pytest.fixture
def decided(monkeypatch):
    """Decides for or against the mean, whatever the two scores are."""
    return lambda better: monkeypatch.setattr("tuner.training.averaging.at_least_as_good", lambda *_: better)


def is_mean_of(run, steps):
    saved = weights(run)
    means = {name: np.mean([step[name].astype(np.float64) for step in steps], axis=0) for name in saved}
    return all(np.allclose(saved[name], means[name], atol=1e-6, rtol=0) for name in saved)


def notes(run):
    return [event["message"] for event in runs.read_events(run)[0] if event["event"] == "note"]


def evaluations(run):
    return [event for event in runs.read_events(run)[0] if event["event"] == "evaluate"]


@pytest.mark.parametrize(("share", "steps", "count"), [(0.4, 10, 4), (1.0, 10, 10), (0.25, 10, 2), (0.01, 10, 1), (0.5, 1, 1)])
def test_the_last_share_of_the_steps_counts(share, steps, count):
    assert steps_averaged(share, steps) == count


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_is_above_0_and_at_most_1(share):
    with pytest.raises(SettingsError, match=r"training\.weight_averaging"):
        RunConfig(training={"weight_averaging": share})


def test_with_fsdp_it_is_refused():
    with pytest.raises(SettingsError, match="weight_averaging needs the whole model in each process, and fsdp parts it"):
        RunConfig(training={"weight_averaging": 0.5, "fsdp": True, "num_processes": 2})


@pytest.mark.parametrize(("metric", "good"), [("macro_f1", 0.8), ("loss", 0.2), ("ece", 0.2)])
def test_an_equal_score_is_good_enough(metric, good):
    assert at_least_as_good(good, 0.5, metric)
    assert at_least_as_good(0.5, 0.5, metric)
    assert not at_least_as_good(0.5, good, metric)


def test_a_mean_worked_out_by_hand(tmp_path):
    model = torch.nn.Linear(1, 1, bias=False)
    averaging, state = WeightAveraging(0.75), TrainerState(max_steps=4)
    usual = (TrainingArguments(str(tmp_path), use_cpu=True), state, TrainerControl())
    averaging.on_train_begin(*usual, model=model, optimizer=torch.optim.SGD(model.parameters()))
    for state.global_step, value in enumerate((100.0, 1.0, 2.0, 6.0), 1):
        model.weight.data.fill_(value)
        averaging.on_step_end(*usual)
    averaging.swap()
    assert (averaging.count, model.weight.item()) == (3, 3.0)
    averaging.swap()
    assert model.weight.item() == 6.0


@slow
@pytest.mark.parametrize("model", [{}, {"freeze_layers": 1}, {"freeze": "all_but_head"}], ids=str)
def test_the_model_is_the_mean_of_its_weights_after_the_last_steps(model, seen, train_here, tiny_config):
    run = train_here(tiny_config(**LAST, model=model))
    assert is_mean_of(run, seen[-4:])
    assert not is_mean_of(run, seen[-1:])
    assert "The mean of the weights over 4 steps is kept." in notes(run)
    assert [event.get("averaged") for event in evaluations(run)] == [True]


@slow
def test_without_it_the_model_is_the_last_weights(seen, train_here, tiny_config):
    run = train_here(tiny_config(max_steps=10))
    assert is_mean_of(run, seen[-1:])
    assert [event.get("averaged") for event in evaluations(run)] == [None]


@slow
def test_layers_that_are_unfrozen_on_the_way_are_averaged(seen, train_here, tiny_config):
    run = train_here(tiny_config(max_steps=10, weight_averaging=1, gradual_unfreezing=1))
    assert is_mean_of(run, seen)


@slow
@pytest.mark.parametrize("more", [{}, STEPWISE], ids=["no validation", "best checkpoint"])
def test_loras_matrices_are_averaged(more, train_here, tiny_config, seen, decided):
    decided(True)
    run = train_here(tiny_config(**LAST, model={"lora": 2}, **more))
    assert notes(run)[-1].endswith("is kept.")
    adapter = load_file(run.folder / "adapter" / "adapter_model.safetensors")
    steps = [{name.replace(".modules_to_save", "").replace(".default", ""): step[name] for name in step} for step in seen[-4:]]
    for name, tensor in adapter.items():
        np.testing.assert_allclose(tensor, np.mean([step[name] for step in steps], axis=0), atol=1e-6)


@slow
def test_the_mean_is_kept_where_it_scores_as_well_as_the_best_checkpoint(seen, train_here, tiny_config):
    run = train_here(tiny_config(**LAST, metric_for_best_model="loss", **STEPWISE))
    first, last, mean = evaluations(run)
    best = min(first["eval_loss"], last["eval_loss"])
    assert (mean["averaged"], mean["step"]) == (True, 10)
    words = f"scores {mean['eval_loss']:.4f} loss on validation, the best checkpoint {best:.4f}"
    assert f"The mean of the weights over 4 steps {words}" in notes(run)[-1]
    better = mean["eval_loss"] <= best
    assert notes(run)[-1].endswith("the mean is kept." if better else "the best checkpoint is kept.")
    assert is_mean_of(run, seen[-4:]) == better


@slow
@pytest.mark.parametrize("better", [True, False])
@pytest.mark.parametrize(
    ("more", "other"),
    [(STEPWISE, "the best checkpoint is kept."), ({"eval_strategy": "epoch"}, "the last weights are kept.")],
    ids=["best checkpoint", "last weights"],
)
def test_a_mean_that_scores_worse_is_not_kept(more, other, better, seen, train_here, tiny_config, decided):
    decided(better)
    run = train_here(tiny_config(**LAST, metric_for_best_model="loss", **more))
    assert notes(run)[-1].endswith("the mean is kept." if better else other)
    best = min(evaluations(run)[:-1], key=lambda event: event["eval_loss"])["step"] if "save_strategy" in more else 10
    assert is_mean_of(run, seen[-4:] if better else seen[best - 1 : best])


@slow
def test_a_stopped_run_has_the_mean_so_far_and_resumes_to_the_same_weights(
    seen,
    train_here,
    queued,
    tiny_config,
    stop_at,  # noqa: F811
):
    config = tiny_config(max_steps=20, weight_averaging=0.7)
    whole = train_here(config)
    run = queued(config)
    seen.clear()
    stop_at(run, 12)
    worker.main(run.id)
    assert (run.status.state, run.status.step) == ("stopped", 12)
    assert is_mean_of(run, seen[6:12])
    stop_at()
    resume_here(run)
    assert (run.status.state, run.status.step) == ("completed", 20)
    assert same_weights(run, whole)


@slow
@pytest.mark.parametrize("step", [3, 12])
def test_with_validation_a_resumed_run_ends_with_the_same_weights(
    step,
    train_here,
    queued,
    tiny_config,
    stop_at,  # noqa: F811
):
    config = tiny_config(max_steps=20, weight_averaging=0.5, metric_for_best_model="loss", **STEPWISE)
    whole, run = train_here(config), queued(config)
    stop_at(run, step)
    worker.main(run.id)
    stop_at()
    resume_here(run)
    assert notes(run)[-1] == notes(whole)[-1]
    assert same_weights(run, whole)


@slow
def test_a_run_killed_within_the_averaging_resumes_to_the_same_weights(tiny_config, train_here):
    config = tiny_config(max_steps=200, weight_averaging=0.95, save_strategy="steps", save_steps=20)
    run = local.start(config)
    wait_until(lambda: list(run.folder.glob("checkpoints/*/averaged.safetensors")) or run.status.state not in runs.LIVING)
    wait_until(lambda: list(run.folder.glob("checkpoints/*/manifest.json")) or run.status.state not in runs.LIVING)
    os.kill(run.status.pid, signal.SIGKILL)
    wait_until(lambda: run.status.state == "lost")
    local.follow(local.resume(run))
    assert run.status.state == "completed"
    assert any("Resumed from checkpoint-" in note for note in notes(run))
    assert same_weights(run, train_here(config))


@slow
def test_a_checkpoint_holds_the_mean_under_its_manifest(seen, train_here, tiny_config):
    run = train_here(tiny_config(**LAST, save_strategy="steps", save_steps=5))
    early, late = (run.folder / "checkpoints" / f"checkpoint-{step}" for step in (5, 10))
    assert not (early / "averaged.safetensors").exists()
    assert '"averaged.safetensors"' in (late / "manifest.json").read_text()
    with safe_open(late / "averaged.safetensors", framework="np") as saved:
        assert saved.metadata() == {"count": "4"}
        for name in saved.keys():  # noqa: SIM118 (it is no mapping)
            np.testing.assert_allclose(saved.get_tensor(name), np.mean([step[name] for step in seen[-4:]], axis=0), atol=1e-6)


@slow
def test_a_run_that_ends_before_says_that_nothing_is_averaged(seen, train_here, tiny_config):
    every = {**STEPWISE, "eval_steps": 2, "save_steps": 2, "learning_rate": 1e-7}
    run = train_here(tiny_config(max_steps=30, weight_averaging=0.2, early_stopping_patience=2, **every))
    end = run.status.step
    assert end < 24
    words = f"Weight averaging was to begin with step 25; the run ended after step {end}: nothing is averaged."
    assert notes(run)[-1] == words


@slow
def test_early_stopping_within_the_averaging_counts_what_there_is(train_here, tiny_config):
    every = {**STEPWISE, "eval_steps": 2, "save_steps": 2, "learning_rate": 1e-7}
    run = train_here(tiny_config(max_steps=30, weight_averaging=1, early_stopping_patience=2, **every))
    assert run.status.step < 30
    assert notes(run)[-1].startswith(f"The mean of the weights over {run.status.step} steps scores")
    assert "early stopping" not in run.log_tail()


@slow
def test_smaller_batches_begin_the_mean_anew(train_here, tiny_config):
    from tests.training.parts import cramp

    give_back = cramp(2, training=True)
    try:
        run = train_here(tiny_config(**LAST))
    finally:
        give_back()
    assert any("going on with 2" in note for note in notes(run))
    assert "The mean of the weights over 4 steps is kept." in notes(run)
