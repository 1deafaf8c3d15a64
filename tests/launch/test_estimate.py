"""What would fail is said before the start; a judgement can be overruled."""

from types import SimpleNamespace

import pytest

from tests import tiny
from tuner import runs
from tuner.cli import main
from tuner.errors import DoubtError
from tuner.launch import local, timer
from tuner.launch.estimate import estimate


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr("tuner.launch.estimate.free_memory", lambda: 1_000_000)


def test_a_run_that_does_not_fit_is_not_started(narrow, tiny_config):
    with pytest.raises(DoubtError, match=r"1 MB are free.*proceed anyway"):
        local.start(tiny_config())
    assert runs.list_runs() == []


@pytest.mark.slow
def test_a_person_may_proceed_anyway(narrow, tiny_config):
    assert local.train(tiny_config(), proceed_anyway=True).status.state == "completed"


@pytest.fixture
def unspawned(monkeypatch):
    """Runs are made, and no worker begins."""
    monkeypatch.setattr(local, "spawn", lambda run: None)


IMPATIENT = {"eval_strategy": "epoch", "save_strategy": "epoch", "early_stopping_patience": 2}


def notes(run):
    return [event["message"] for event in runs.read_events(run)[0] if event["event"] == "note"]


@pytest.mark.parametrize("anyway", [False, True])
def test_what_the_estimate_warns_of_is_noted_in_the_run(anyway, tiny_config, unspawned):
    first, *_ = notes(local.start(tiny_config(max_steps=20, **IMPATIENT), proceed_anyway=anyway))
    assert "Early stopping can never fire" in first


@pytest.mark.parametrize(("preset", "advised"), [("quick", True), ("few-shot", False)])
def test_few_steps_over_few_rows_bring_up_the_preset_for_these(preset, advised, tiny_config):
    """A smaller batch was all the advice for 96 rows, on which the preset quick takes three steps."""
    found = estimate(tiny_config(max_steps=3).with_changes({"preset": preset})).warnings
    assert any("preset few-shot" in line for line in found) == advised


def test_a_run_without_a_warning_gets_no_note(tiny_config, unspawned):
    assert notes(local.start(tiny_config(max_steps=20))) == []


@pytest.mark.slow
def test_the_cli_says_the_warnings_of_a_run_it_starts(tiny_config, tmp_path, capsys):
    settings = tmp_path / "run.yaml"
    settings.write_text(tiny_config().to_yaml())
    assert main(["train", "--file", str(settings)]) == 0
    assert "The run has only 4 steps" in capsys.readouterr().err


def test_the_cli_says_the_warnings_of_a_run_it_leaves_to_its_turn(tiny_config, tmp_path, unspawned, capsys):
    settings = tmp_path / "run.yaml"
    settings.write_text(tiny_config().to_yaml())
    assert main(["train", "--file", str(settings), "--queue"]) == 0
    assert capsys.readouterr().err.startswith("The run has only 4 steps")


def test_memory_is_that_of_the_longest_batch_there_is(tiny_config):
    """Refused would be a start that fits: batches are filled up to their longest text, and no longer than there are rows."""

    def needed(length, **training):
        return local.estimate(tiny_config(model={"max_length": length}, **training)).memory

    assert needed(tiny.LIMIT) == needed(tiny.LIMIT - 1) > needed(4)
    assert needed(tiny.LIMIT, per_device_train_batch_size=2048) == needed(tiny.LIMIT, per_device_train_batch_size=4096)
    padded = local.estimate(tiny_config(model={"max_length": tiny.LIMIT, "pad_to_max_length": True})).memory
    assert padded > needed(tiny.LIMIT)


@pytest.fixture
def full_disk(monkeypatch):
    monkeypatch.setattr("tuner.launch.estimate.shutil.disk_usage", lambda _: SimpleNamespace(free=1_000))


def test_a_run_whose_checkpoints_do_not_fit_on_the_disk_is_not_started(full_disk, tiny_config):
    with pytest.raises(DoubtError, match=r"of disk and 1 MB are free.*proceed anyway"):
        local.start(tiny_config())
    assert runs.list_runs() == []


@pytest.mark.slow
def test_a_few_timed_steps_give_time_and_memory(tiny_config):
    config = tiny_config(max_steps=50, eval_strategy="steps", eval_steps=10, save_strategy="no")
    seen = []
    timing = timer.time_steps(config, lambda step, steps: seen.append((step, steps)))
    found = local.estimate(config, timing=timing)
    assert seen[-1] == (10, 10)
    assert (found.steps, found.evaluations, found.timed) == (50, 5, True)
    assert 0 < found.seconds < 60
    assert 200e6 < found.memory < 3e9
    assert runs.list_runs() == []


def test_the_cli_says_that_it_would_not_fit(narrow, tiny_config, tmp_path, capsys):
    settings = tmp_path / "run.yaml"
    settings.write_text(tiny_config().to_yaml())
    assert main(["train", "--file", str(settings)]) == 2
    assert "of memory and 1 MB are free" in capsys.readouterr().err
