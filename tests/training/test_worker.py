"""The worker: what a run leaves behind, and that stopping, killing and crashing lose nothing."""

import json
import os
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import tuner
from tuner import runs
from tuner.data.labelled import load_labelled
from tuner.errors import RunFailed
from tuner.launch import local
from tuner.training import checkpoints, worker

pytestmark = pytest.mark.slow
STEPWISE = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 5, "save_steps": 5}


def weights(run):
    return load_file(run.model_folder / "model.safetensors")


def same_weights(one, other):
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(np.array_equal(first[name], second[name]) for name in first)


def wait_until(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def wait_for_step(run, step):
    wait_until(lambda: run.status.step >= step or run.status.state not in runs.LIVING)
    assert run.status.state in ("running", "stopping")


@pytest.fixture
def stop_at(monkeypatch):
    """Asks a run to stop within a step, as a person might: `stop_at(run, 7)`; `stop_at()` takes it back."""
    from tuner.training.callbacks import Progress

    original = Progress.on_step_begin

    def arrange(run=None, step=None):
        def on_step_begin(self, args, state, control, **kwargs):
            original(self, args, state, control, **kwargs)
            if run and state.global_step == step - 1:
                runs.request_stop(run)

        monkeypatch.setattr(Progress, "on_step_begin", on_step_begin)

    return arrange


def resume_here(run):
    runs.requeue(run)
    worker.main(run.id)


def test_a_completed_run_has_every_file(tiny_config):
    run = tuner.train(tiny_config())
    assert run.status.state == "completed"
    files = {"config.yaml", "status.json", "events.jsonl", "train.log", "model", "report.json", "predictions.parquet"}
    assert files <= {path.name for path in run.folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= {
        path.name for path in run.model_folder.iterdir()
    }


def test_the_last_step_is_reached(train_here, tiny_config):
    status = train_here(tiny_config(max_steps=7)).status
    assert (status.step, status.max_steps, status.exit_code, status.eta) == (7, 7, 0, None)


def test_training_learns(train_here, tiny_config, csv):
    run = train_here(tiny_config(source=csv(120), max_steps=60, learning_rate=5e-3, per_device_train_batch_size=16))
    assert run.report.accuracy > 0.9


def test_status_shows_the_reports_scores(train_here, tiny_config):
    run = train_here(tiny_config())
    assert run.status.metrics["accuracy"] == run.report.accuracy


def test_predictions_stand_in_the_order_of_the_test_rows(train_here, tiny_config):
    run = train_here(tiny_config())
    test = load_labelled(run.config.data).splits["test"]
    table = pq.read_table(run.folder / "predictions.parquet").to_pydict()
    assert (table["text"], table["row"]) == (list(test.texts), list(test.row_ids))
    assert {"label", "predicted", "probability_neg", "probability_pos"} <= set(table)


def test_events_tell_the_loss_of_every_step(train_here, tiny_config):
    events, _ = runs.read_events(train_here(tiny_config(max_steps=5)))
    assert [event["step"] for event in events if event["event"] == "log"] == [1, 2, 3, 4, 5]
    assert all(event["loss"] > 0 for event in events if event["event"] == "log")


def test_a_stopped_run_has_its_model_and_resumes_to_the_same_weights(train_here, queued, tiny_config, stop_at):
    config = tiny_config(max_steps=20, **STEPWISE)
    whole = train_here(config)
    run = queued(config)
    stop_at(run, 8)
    worker.main(run.id)
    assert (run.status.state, run.status.step, run.has_model) == ("stopped", 8, True)
    assert run.report.accuracy == run.status.metrics["accuracy"]
    stop_at()
    resume_here(run)
    assert (run.status.state, run.status.step) == ("completed", 20)
    assert same_weights(run, whole)


EPOCHS = {"max_steps": -1, "num_train_epochs": 4, "eval_strategy": "epoch", "save_strategy": "epoch"}


@pytest.mark.parametrize("step", [8, 12])
@pytest.mark.parametrize(
    "settings",
    [
        {"learning_rate": 0.03, "metric_for_best_model": "log_loss"},
        {"model": {"hidden_dropout_prob": 0.3}},
        {"lr_scheduler_type": "reduce_lr_on_plateau", "learning_rate": 0.01},
        {"early_stopping_patience": 1, "learning_rate": 0.01},
    ],
)
def test_a_stop_within_an_epoch_or_at_its_end_changes_nothing(step, settings, train_here, queued, tiny_config, csv, stop_at):
    """Once the validation where an epoch was left counted: as the best, against patience, for the rate and for dropout."""
    config = tiny_config(source=csv(50), **{**EPOCHS, "per_device_train_batch_size": 8, **settings})
    whole, run = train_here(config), queued(config)
    assert whole.status.max_steps == 24
    stop_at(run, step)
    worker.main(run.id)
    stop_at()
    validated = [event["step"] for event in runs.read_events(run)[0] if event["event"] == "evaluate"]
    assert (run.status.state, validated[-1]) == ("stopped", step)
    resume_here(run)
    assert run.status.step == whole.status.step
    assert same_weights(run, whole)


def test_a_stopped_run_keeps_the_weights_it_was_stopped_at_where_they_score_best(queued, tiny_config, csv, stop_at):
    steps = {**EPOCHS, "per_device_train_batch_size": 8, "learning_rate": 5e-3, "metric_for_best_model": "log_loss"}
    run = queued(tiny_config(source=csv(120), **steps))
    stop_at(run, 20)
    worker.main(run.id)
    first, last = [event["eval_log_loss"] for event in runs.read_events(run)[0] if event["event"] == "evaluate"]
    assert last < first
    saved, stopped_at = weights(run), load_file(run.folder / "checkpoints/checkpoint-20/model.safetensors")
    assert all(np.array_equal(saved[name], stopped_at[name]) for name in saved)


OFTEN = {**STEPWISE, "max_steps": 30, "eval_steps": 3, "save_steps": 3}


@pytest.fixture
def checkpoint_kept(train_here, tiny_config, csv):
    """Trains on what is soon learnt; the steps of the checkpoints that have the saved model's weights, and all validations."""

    def train(metric, **more):
        learns = {"learning_rate": 5e-3, "per_device_train_batch_size": 16, "save_total_limit": 10}
        run = train_here(tiny_config(source=csv(120), metric_for_best_model=metric, **{**OFTEN, **learns, **more}))
        saved = weights(run)
        stored = {path.parent: load_file(path) for path in run.folder.glob("checkpoints/*/model.safetensors")}
        same = [folder for folder, found in stored.items() if all(np.array_equal(found[name], saved[name]) for name in saved)]
        validations = [event for event in runs.read_events(run)[0] if event["event"] == "evaluate"]
        return [int(folder.name.partition("-")[2]) for folder in same], validations

    return train


def test_the_saved_model_is_the_checkpoint_that_is_best_by_the_metric_asked_for(checkpoint_kept):
    by_recall, validations = checkpoint_kept("macro_recall")
    by_loss, again = checkpoint_kept("loss")
    assert [event["eval_loss"] for event in again] == [event["eval_loss"] for event in validations]
    assert by_recall == [max(validations, key=lambda event: event["eval_macro_recall"])["step"]]  # the first of equal ones
    assert by_loss == [min(validations, key=lambda event: event["eval_loss"])["step"]]
    assert by_recall != by_loss


@pytest.mark.parametrize("averaged", [None, 0.5])
def test_the_metrics_of_an_ended_run_are_those_of_the_weights_it_kept(averaged, train_here, tiny_config, csv):
    """They were the last validation's, or the dropped mean's, beside a test score of other weights."""
    learns = {"learning_rate": 5e-3, "per_device_train_batch_size": 16, "metric_for_best_model": "macro_recall"}
    run = train_here(tiny_config(source=csv(120), weight_averaging=averaged, **{**OFTEN, **learns}))
    validations = [event for event in runs.read_events(run)[0] if event["event"] == "evaluate"]
    best = max(validations, key=lambda event: (event["eval_macro_recall"], event.get("averaged", False)))
    assert {name: run.status.metrics[name] for name in ("eval_macro_recall", "eval_log_loss")} == {
        name: best[name] for name in ("eval_macro_recall", "eval_log_loss")
    }
    assert best["eval_log_loss"] != validations[-1]["eval_log_loss"] or averaged


def test_the_best_validation_is_kept_also_where_no_checkpoint_was_due(checkpoint_kept):
    """Once a best validation between two checkpoints made the library forget every one: the last weights were the model."""
    kept, validations = checkpoint_kept("log_loss", learning_rate=2e-2, lr_scheduler_type="constant", save_steps=15)
    best = min(validations, key=lambda event: event["eval_log_loss"])["step"]
    assert best % 15
    assert kept == [best]


@pytest.mark.parametrize(("settings", "kept"), [({}, 2), ({"save_total_limit": 4}, 4)])
def test_as_many_checkpoints_are_left_as_were_asked_for(settings, kept, train_here, tiny_config):
    run = train_here(tiny_config(**OFTEN, **settings))
    left = {path.name for path in (run.folder / "checkpoints").iterdir()}
    assert len(left) == kept
    assert "checkpoint-30" in left


@pytest.mark.parametrize("order", ["random", "group_by_length"])
def test_a_resumed_run_without_validation_ends_with_the_same_weights(order, train_here, queued, tiny_config, stop_at):
    config = tiny_config(max_steps=20, train_sampling_strategy=order, gradient_accumulation_steps=2)
    whole, run = train_here(config), queued(config)
    stop_at(run, 7)
    worker.main(run.id)
    assert run.status.step == 7
    stop_at()
    resume_here(run)
    assert same_weights(run, whole)


def test_patience_is_not_renewed_by_a_resume(train_here, queued, tiny_config, stop_at):
    """Once evaluations without a better score were counted from zero again after a resume."""
    steps = {**STEPWISE, "eval_steps": 2, "save_steps": 2, "learning_rate": 1e-7}
    config = tiny_config(max_steps=30, early_stopping_patience=3, **steps)
    whole, run = train_here(config), queued(config)
    stop_at(run, 5)
    worker.main(run.id)
    stop_at()
    resume_here(run)
    assert whole.status.step == 8
    assert (run.status.state, run.status.step) == ("completed", 8)


def test_a_run_that_early_stopping_ended_says_so(train_here, tiny_config):
    run = train_here(tiny_config(max_steps=30, early_stopping_patience=2, **{**STEPWISE, "learning_rate": 1e-7}))
    notes = [event["message"] for event in runs.read_events(run)[0] if event["event"] == "note"]
    assert "Stopped early at step 15 of 30: macro_f1 did not get better in 2 validations." in notes
    assert run.status.state == "completed"


def test_a_run_that_goes_to_its_end_is_not_said_to_stop_early(train_here, tiny_config):
    run = train_here(tiny_config(max_steps=4, early_stopping_patience=2, **{**STEPWISE, "eval_steps": 2, "save_steps": 2}))
    assert not any("early" in event.get("message", "") for event in runs.read_events(run)[0])


def test_a_run_that_early_stopping_ended_goes_no_further_in_a_resume(train_here, queued, tiny_config, monkeypatch):
    """A worker may be killed between its last checkpoint and its scores; once the resumed run trained on for another epoch."""
    config = tiny_config(max_steps=30, early_stopping_patience=2, **{**STEPWISE, "learning_rate": 1e-7})
    whole, run = train_here(config), queued(config)
    with monkeypatch.context() as killed:
        killed.setattr("tuner.training.worker._score", lambda *_: 1 / 0)
        worker.main(run.id)
    assert (run.status.state, whole.status.step) == ("failed", 15)
    resume_here(run)
    assert run.status.step == 15
    assert same_weights(run, whole)


@pytest.mark.parametrize("ending", [{"max_steps": 10}, {"max_steps": -1, "num_train_epochs": 0.5}])
def test_after_its_last_step_a_resumed_run_takes_no_other(ending, train_here, queued, tiny_config, monkeypatch):
    """Once a seventh of six was taken where the last one ends no epoch, and its weights were kept."""
    config = tiny_config(**{**STEPWISE, "lr_scheduler_type": "constant", "metric_for_best_model": "log_loss", **ending})
    whole, run = train_here(config), queued(config)
    with monkeypatch.context() as killed:
        killed.setattr("tuner.training.worker._score", lambda *_: 1 / 0)
        worker.main(run.id)
    resume_here(run)
    assert (run.status.state, run.status.step) == ("completed", whole.status.step)
    assert same_weights(run, whole)


@pytest.mark.parametrize("how", ["moved", "lost", "copied"])
def test_the_best_checkpoint_is_found_where_the_runs_were_moved_to(
    how, tiny_config, csv, train_here, queued, stop_at, monkeypatch, tmp_path
):
    """As on another machine. Without it the best of those that follow is kept, once the last weights were.

    The rate is so high that the score at step 15 is never reached again.
    """
    config = tiny_config(source=csv(80), max_steps=30, **{**STEPWISE, "learning_rate": 1e-2, "metric_for_best_model": "log_loss"})
    whole, run = train_here(config), queued(config)
    stop_at(run, 22)
    worker.main(run.id)
    stop_at()
    best = checkpoints.best_beside(run.folder / "checkpoints/checkpoint-22")
    assert best.name == "checkpoint-15"
    lost, before = how == "lost", run.folder
    if lost:
        shutil.rmtree(best)
    monkeypatch.setenv("TUNER_HOME", str(tmp_path / "elsewhere"))
    (shutil.copytree if how == "copied" else shutil.move)(before, runs.home() / "runs" / run.id)
    resume_here(run := runs.get(run.id))
    if how == "copied":  # once it was looked for there, and what was rotated here had the wrong one kept
        state = json.loads((run.folder / "checkpoints/checkpoint-30/trainer_state.json").read_text())
        assert state["best_model_checkpoint"] == str(run.folder / "checkpoints/checkpoint-15")
    scores = {event["step"]: event["eval_log_loss"] for event in runs.read_events(run)[0] if event["event"] == "evaluate"}
    assert run.status.metrics["eval_log_loss"] == (min(scores[25], scores[30]) if lost else scores[15])
    assert same_weights(run, whole) != lost


def test_a_resumed_run_says_how_long_all_of_it_took(interrupted):
    first = interrupted.status.train_runtime
    assert first > 0
    runs.write_status(interrupted, train_runtime=1000.0)
    resume_here(interrupted)
    assert 1000 < interrupted.status.train_runtime < 1000 + 60


def test_a_run_killed_midway_is_lost_and_resumes_to_the_same_weights(tiny_config, train_here):
    config = tiny_config(max_steps=200, **{**STEPWISE, "eval_steps": 20, "save_steps": 20})
    run = local.start(config)
    wait_until(lambda: list(run.folder.glob("checkpoints/*/manifest.json")) or run.status.state not in runs.LIVING)
    os.kill(run.status.pid, signal.SIGKILL)
    wait_until(lambda: run.status.state == "lost")
    assert not run.has_model
    local.follow(local.resume(run))
    assert run.status.state == "completed"
    assert any("Resumed from checkpoint-" in event.get("message", "") for event in runs.read_events(run)[0])
    assert same_weights(run, train_here(config))


def test_sigterm_ends_a_run_as_stopped_with_its_model(tiny_config):
    run = local.start(tiny_config(max_steps=20_000))
    wait_for_step(run, 1)
    os.kill(run.status.pid, signal.SIGTERM)
    wait_until(lambda: run.status.state not in runs.LIVING)
    assert (run.status.state, run.has_model) == ("stopped", True)


@pytest.fixture
def interrupted(queued, tiny_config, stop_at):
    """A run stopped at step 12, with whole checkpoints at 10 and 12."""
    run = queued(tiny_config(max_steps=20, **STEPWISE, train_sampling_strategy="random"))
    stop_at(run, 12)
    worker.main(run.id)
    stop_at()
    assert run.status.state == "stopped"
    return run


def test_a_model_whose_answers_are_no_numbers_fails_the_run_as_diverged(train_here, tiny_config, tiny_models, tmp_path):
    """Also where a validation comes before the first loss that is logged."""
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "diverged")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.encoder.layer.0.output.dense.weight"][:] = np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    run = train_here(tiny_config(model={"name": str(folder)}, max_steps=20, **STEPWISE, logging_steps=10))
    assert run.status.state == "failed"
    assert run.status.message.startswith("The training diverged: the answer to a validation row is NaN at step 5.")


def newest(run):
    return checkpoints.newest_whole(run.folder / "checkpoints", checkpoints.identity_of(run.config)).name


def test_the_newest_whole_checkpoint_counts(interrupted):
    assert newest(interrupted) == "checkpoint-12"


def test_a_checkpoint_without_its_optimizer_does_not_count(interrupted):
    (interrupted.folder / "checkpoints/checkpoint-12/optimizer.pt").unlink()
    assert newest(interrupted) != "checkpoint-12"


def test_a_checkpoint_with_a_flipped_byte_does_not_count(interrupted):
    file = interrupted.folder / "checkpoints/checkpoint-12/optimizer.pt"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert newest(interrupted) != "checkpoint-12"


def test_a_checkpoint_without_a_manifest_does_not_count(interrupted):
    (interrupted.folder / "checkpoints/checkpoint-12/manifest.json").unlink()
    assert newest(interrupted) != "checkpoint-12"


def test_a_checkpoint_of_other_settings_does_not_count(interrupted):
    other = checkpoints.identity_of(interrupted.config.with_changes({"training": {"seed": 1}}))
    assert checkpoints.newest_whole(interrupted.folder / "checkpoints", other) is None


def test_another_name_does_not_change_what_may_be_resumed(interrupted):
    renamed = interrupted.config.with_changes({"name": "a better name"})
    assert checkpoints.identity_of(renamed) == checkpoints.identity_of(interrupted.config)


def test_resume_passes_over_a_torn_checkpoint_and_ends_with_the_same_weights(interrupted, train_here):
    (interrupted.folder / "checkpoints/checkpoint-12/optimizer.pt").unlink()
    resume_here(interrupted)
    assert interrupted.status.state == "completed"
    messages = [event.get("message", "") for event in runs.read_events(interrupted)[0]]
    assert "checkpoint-12 is not whole and was removed." in messages
    assert same_weights(interrupted, train_here(interrupted.config))


def test_a_loss_that_is_no_number_fails_the_run_in_words(tiny_config, diverging, queued):
    run = queued(tiny_config(model={"name": str(diverging)}))
    assert worker.main(run.id) == 1
    assert run.status.state == "failed"
    assert "loss is nan at step 1" in run.status.message


def test_a_crash_fails_the_run_with_its_cause_and_exit_code(tiny_config, queued):
    run = queued(tiny_config())
    Path(run.config.data.source).unlink()
    local.spawn(run)
    with pytest.raises(RunFailed, match="There is no file"):
        local.follow(run)
    assert (run.status.state, run.status.exit_code) == ("failed", 1)
    assert "Traceback" in run.log_tail()


def test_changed_data_is_refused_at_resume(interrupted):
    source = Path(interrupted.config.data.source)
    source.write_text(source.read_text().replace("today", "tonight"))
    resume_here(interrupted)
    assert interrupted.status.state == "failed"
    assert "has changed since the run was made" in interrupted.status.message


def test_another_base_model_in_its_place_is_refused(tiny_config, tiny_models, tmp_path, queued):
    """A LoRA run went on upon other weights: its checkpoint holds the adapter alone."""
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "base")
    run = queued(tiny_config(model={"name": str(folder), "lora": 2}))
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor * 2 for name, tensor in weights.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    assert worker.main(run.id) == 1
    assert f"The base model '{folder}' has changed since the run was made" in run.status.message


def test_a_failed_evaluation_does_not_cost_the_model(tiny_config, queued, monkeypatch):
    monkeypatch.setattr("tuner.scoring.assess", lambda *_: 1 / 0)
    run = queued(tiny_config())
    worker.main(run.id)
    assert (run.status.state, run.has_model) == ("completed", True)
    assert run.status.message.startswith("Trained, but the evaluation failed")


def test_a_queued_run_asked_to_stop_never_trains(tiny_config, queued):
    run = queued(tiny_config())
    runs.request_stop(run)
    worker.main(run.id)
    assert (run.status.state, run.status.message, run.has_model) == ("stopped", "Stopped before it began.", False)


def test_a_stopped_queued_run_can_be_resumed(tiny_config, queued):
    run = queued(tiny_config())
    runs.request_stop(run)
    worker.main(run.id)
    resume_here(run)
    assert run.status.state == "completed"


def test_two_runs_started_at_once_train_one_after_the_other(tiny_config):
    config = tiny_config(max_steps=30)
    first, second = local.start(config), local.start(config)
    times = [[event["time"] for event in runs.read_events(local.follow(run))[0]] for run in (first, second)]
    assert min(map(len, times)) > 30
    assert max(times[0]) <= min(times[1])


def test_no_file_of_a_run_holds_a_token(tiny_config, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_canary0123456789")
    run = tuner.train(tiny_config(save_strategy="epoch", max_steps=20))
    files = [path for path in run.folder.rglob("*") if path.is_file()]
    assert any(path.name == "training_args.bin" for path in files)
    assert not [path for path in files if b"hf_canary" in path.read_bytes()]


def test_a_stored_model_needs_none_of_ours(train_here, tiny_config):
    config = json.loads((train_here(tiny_config()).model_folder / "config.json").read_text())
    assert "auto_map" not in config
    assert config["id2label"] == {"0": "neg", "1": "pos"}
