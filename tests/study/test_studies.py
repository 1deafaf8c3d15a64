"""Studies as they are run: the same trials each time, nothing lost by a stop or a kill, trials equal to runs."""

import errno
import gc
import os
import shutil
import signal
import time
import weakref

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import tuner
from tests.study.conftest import RATES
from tests.training import parts
from tuner import runs
from tuner.launch import local
from tuner.launch import study as studies
from tuner.study import trial, worker
from tuner.study.plan import StudyConfig, changes_of
from tuner.study.results import results

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _sigterm():
    handler = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, handler)


def best_of_events(run, metric="eval_macro_f1"):
    events, _ = runs.read_events(run)
    return max(event[metric] for event in events if event["event"] == "evaluate")


def what(result):
    return [(row.number, row.settings, row.state, row.metrics, row.evaluations) for row in result.rows]


def test_the_same_seed_makes_the_same_trials(study_here, study_config):
    plan = {"space": {**RATES, "model.lora": {"choices": [None, 4]}}, "n_trials": 3}
    config = study_config()
    first, second, other = study_here(config, **plan), study_here(config, **plan), study_here(config, **plan, seed=7)
    assert len(first.rows) == 3
    assert what(first) == what(second)
    assert [row.settings for row in first.rows] != [row.settings for row in other.rows]


def test_a_trial_scores_what_a_run_with_its_settings_scores(study_here, study_config, train_here):
    result = study_here(study_config(), space=RATES, n_trials=2)
    for row in result.rows:
        run = train_here(result.config.with_changes(changes_of(row.settings)))
        assert row.metrics["macro_f1"] == best_of_events(run)
    assert result.best_config.training.learning_rate == result.best.settings["training.learning_rate"]


@pytest.mark.parametrize("training", [True, False])
def test_a_trial_that_does_not_fit_goes_on_in_smaller_batches(training, study_here, study_config):
    plan = {"space": RATES, "n_trials": 1}
    whole = study_here(study_config(), **plan)
    give_back = parts.cramp(2, training)
    try:
        found = study_here(study_config(), **plan)
    finally:
        give_back()
    assert found.rows[0].state == "complete"
    assert len(found.rows[0].evaluations) == len(whole.rows[0].evaluations)
    assert found.rows[0].metrics["loss"] == pytest.approx(whole.rows[0].metrics["loss"], abs=1e-3)


@pytest.mark.parametrize("more", [{"eval_strategy": "no", "save_strategy": "no"}, {"save_strategy": "no"}])
def test_without_a_best_checkpoint_a_trial_scores_the_last_weights(more, study_here, study_config, train_here):
    result = study_here(study_config(**more), space=RATES, n_trials=1, pruning=False)
    run = train_here(result.best_config)
    assert result.rows[0].metrics["loss"] == run.status.metrics["eval_loss"]


@pytest.mark.parametrize("more", [{}, {"eval_strategy": "no", "save_strategy": "no"}, {"save_strategy": "no"}])
@pytest.mark.parametrize("rate", [1e-3, 1e-1])
def test_a_trial_scores_the_mean_of_the_weights_where_a_run_would_keep_it(more, rate, study_here, study_config, train_here):
    """The mean is kept at the first rate, and where nothing is scored; a run of the second one keeps its best checkpoint."""
    config = study_config(**more, weight_averaging=0.7, metric_for_best_model="loss")
    result = study_here(config, space={"training.learning_rate": {"choices": [rate]}}, n_trials=1, pruning=False)
    run = train_here(result.best_config)
    events = [event for event in runs.read_events(run)[0] if event["event"] == "evaluate"]
    assert [event.get("averaged") for event in events][-1]
    losses = [event["eval_loss"] for event in events]
    kept = losses[-1] if config.training.eval_strategy == "no" else min(losses if not more else losses[-2:])
    assert result.rows[0].metrics["loss"] == kept


def test_a_study_says_what_it_found_and_leaves_no_model(study_here, study_config):
    result = study_here(study_config(), space={"training.num_train_epochs": {"choices": [1, 2]}}, n_trials=9)
    run = runs.get(result.run_id)
    assert (run.status.state, run.status.step, run.status.max_steps, run.has_model) == ("completed", 2, 2, False)
    assert run.status.message.startswith("2 trials (2 complete). Best is trial")
    assert runs.summary(run)["kind"] == "search"
    assert run.status.metrics["eval_macro_f1"] == result.best.metrics["macro_f1"]
    assert {path.name for path in run.folder.iterdir()} == {
        *("config.yaml", "study.yaml", "status.json", "events.jsonl", "trials.jsonl")
    }
    assert len([event for event in runs.read_events(run)[0] if event["event"] == "trial"]) == 2


def test_a_hopeless_trial_is_pruned(study_here, study_config):
    """Rates from useless to good: after five trials those below the median end at their first evaluation."""
    result = study_here(study_config(num_train_epochs=3), space=RATES, n_trials=8, metric="loss")
    pruned = [row for row in result.rows if row.state == "pruned"]
    assert pruned
    assert all(row.number > 5 and len(row.evaluations) < 3 and "median" in row.cause for row in pruned)
    assert result.best.state == "complete"


def test_a_failed_trial_is_a_row_with_its_cause(study_here, study_config):
    space = {"model.freeze_layers": {"choices": [0, 1]}, "model.lora": {"choices": [None, 4]}}
    result = study_here(study_config(), space=space, n_trials=4)
    (failed,) = [row for row in result.rows if row.state == "failed"]
    assert failed.settings == {"model.freeze_layers": 1, "model.lora": 4}
    assert "lora freezes all but" in failed.cause
    assert result.state == "completed"


def test_a_study_whose_trials_all_fail_has_failed(study_here, study_config, diverging):
    result = study_here(study_config(model={"name": str(diverging)}), space=RATES, n_trials=2)
    status = runs.get(result.run_id).status
    assert (status.state, status.exit_code) == ("failed", 1)
    assert status.message.startswith("All 2 trials failed. The last one: ")


def test_a_full_disk_uses_up_no_trials(queued_study, study_config, monkeypatch):
    """Each trial counted as failed, to the last one; there was nothing to resume."""
    run = queued_study(study_config(), space=RATES, n_trials=1)
    with monkeypatch.context() as full:
        full.setattr(
            trial, "train_trial", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device"))
        )
        worker.main(run.id)
    assert (run.status.state, results(run).rows) == ("failed", [])
    assert "disk" in run.status.message
    runs.requeue(run)
    worker.main(run.id)
    assert (run.status.state, len(results(run).complete)) == ("completed", 1)


def test_a_killed_search_goes_on_as_if_it_had_not_been(study_config, study_here):
    config, plan = study_config(num_train_epochs=8), {"space": RATES, "n_trials": 3, "pruning": False}
    whole = study_here(config, **plan)
    run = studies.start(config, StudyConfig(kind="search", **plan))
    while run.status.step < 1 or "step" not in run.status.message:
        time.sleep(0.02)
    os.killpg(run.status.pid, signal.SIGKILL)
    while run.status.state != "lost":
        time.sleep(0.05)
    kept = what(results(run))
    assert 1 <= len(kept) < 3
    assert "after the last finished trial" in run.status.message
    used = run.status.train_runtime
    local.follow(local.resume(run))
    assert what(results(run)) == what(whole)
    assert what(results(run))[: len(kept)] == kept
    assert run.status.train_runtime > used > 0


def test_a_stop_ends_the_trial_in_hand_and_keeps_the_others(queued_study, study_config, monkeypatch):
    from tuner.study.callbacks import Watch

    run = queued_study(study_config(), space=RATES, n_trials=3)
    original = Watch.on_step_end

    def on_step_end(self, args, state, control, **kwargs):
        original(self, args, state, control, **kwargs)
        if runs.read_status(run).step == 1 and state.global_step == 1 and not run.stop_requested:
            runs.request_stop(run)

    monkeypatch.setattr(Watch, "on_step_end", on_step_end)
    worker.main(run.id)
    assert (run.status.state, len(results(run).rows)) == ("stopped", 1)
    monkeypatch.setattr(Watch, "on_step_end", original)
    runs.requeue(run)
    worker.main(run.id)
    assert (run.status.state, len(results(run).rows)) == ("completed", 3)


def test_minutes_count_over_all_sessions(queued_study, study_config):
    run = queued_study(study_config(), space=RATES, minutes=1)
    runs.write_status(run, train_runtime=59.9)
    worker.main(run.id)
    assert (run.status.state, len(results(run).rows)) == ("completed", 1)
    assert run.status.max_steps == 0


def test_repeats_over_seeds_are_runs_scored_on_test_rows(study_here, study_config, train_here):
    result = study_here(study_config(), kind="repeat", seeds=3)
    assert [row.settings for row in result.rows] == [{"training.seed": 42 + i} for i in range(3)]
    run = train_here(result.config.with_changes({"training": {"seed": 43}}))
    assert {name: result.rows[1].metrics[name] for name in run.report.scores} == run.report.scores
    values = [row.metrics["accuracy"] for row in result.rows]
    assert result.mean["accuracy"] == pytest.approx(np.mean(values))
    assert result.std["accuracy"] == pytest.approx(np.std(values, ddof=1))
    assert (result.low["accuracy"], result.high["accuracy"]) == (min(values), max(values))


def test_repeats_over_folds_validate_every_row_once(study_here, study_config, train_here):
    result = study_here(study_config(), kind="repeat", folds=2)
    assert [row.settings for row in result.rows] == [{"data.fold": 0}, {"data.fold": 1}]
    run = train_here(result.config.with_changes({"data": {"fold": 1, "fingerprint": None}}))
    assert result.rows[1].metrics["macro_f1"] == best_of_events(run)
    assert result.split == "validation"


def test_trials_leave_no_model_in_memory(study_here, study_config):
    from transformers import PreTrainedModel

    def models():
        gc.collect()
        return {id(thing) for thing in gc.get_objects() if isinstance(thing, PreTrainedModel)}

    before = models()  # of tests that ran in this process
    study_here(study_config(), space=RATES, n_trials=2)
    assert models() <= before


def test_the_package_searches_and_repeats(study_config):
    seen = []
    result = tuner.search(study_config(), RATES, n_trials=1, on_event=lambda event: seen.append(event["event"]))
    assert (result.state, seen.count("trial")) == ("completed", 1)
    assert tuner.repeat(result.best_config, seeds=2).std.keys() == {"accuracy", "macro_f1", "macro_recall"}


def test_what_a_failed_trial_held_is_free_before_the_next_one(study_here, study_config, tiny_models, monkeypatch, tmp_path):
    """On a GPU the next one would begin beside it."""
    from tuner.training import build

    made, alive = [], []
    build_model = build.build_model

    def watched(*args):
        alive.append(sum(model() is not None for model in made))
        model, before = build_model(*args)
        made.append(weakref.ref(model))
        return model, before

    monkeypatch.setattr(build, "build_model", watched)
    folder = shutil.copytree(tiny_models["bert"], tmp_path / "diverged")
    tensors = load_file(folder / "model.safetensors")
    tensors["bert.encoder.layer.0.output.dense.weight"][:] = np.nan
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    result = study_here(study_config(model={"name": str(folder)}), space=RATES, n_trials=2)
    assert [row.state for row in result.rows] == ["failed", "failed"]
    assert alive == [0, 0]


def test_a_study_gives_signs_of_life_beside_its_steps(study_here, study_config, monkeypatch):
    """A stop in a validation or scoring of over 20 s once ended the worker, and the trial's training was lost."""
    from tuner.study import callbacks

    said, told = [], callbacks.Watch.beat
    monkeypatch.setattr(callbacks.Watch, "beat", lambda watch, *words: (said.append(words[:1]), told(watch)))
    found = study_here(study_config(gradient_accumulation_steps=2), kind="repeat", seeds=2)
    assert set(said) == {(), ("Validating",), ("Calibrating",), ("Scoring",)}
    steps = sum(event["event"] == "trial" for event in runs.read_events(runs.get(found.run_id))[0]) * 2 * 6
    assert said.count(()) > 1.5 * steps  # 48 rows in 6 steps of two batches, twice; each batch is one
    assert runs.get(found.run_id).status.longest_silence > 0
