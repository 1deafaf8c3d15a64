"""What a checkpoint may be resumed under."""

import json

import pytest

from tuner.config import RunConfig
from tuner.training import checkpoints


def identity(**training):
    return checkpoints.identity_of(RunConfig(training=training))


DEALT = [
    {"per_device_train_batch_size": 16, "gradient_accumulation_steps": 2},
    {"num_processes": 2},
    {"per_device_eval_batch_size": 8},
    {"auto_find_batch_size": False},
    {"torch_compile": True},
]


@pytest.mark.parametrize("settings", DEALT, ids=lambda settings: next(iter(settings)))
def test_how_the_rows_of_a_step_are_dealt_out_may_change(settings):
    assert identity(**settings) == identity()


OTHER = [{"per_device_train_batch_size": 16}, {"gradient_accumulation_steps": 2}, {"seed": 1}, {"fsdp": True, "num_processes": 2}]


@pytest.mark.parametrize("settings", OTHER, ids=lambda settings: next(iter(settings)))
def test_what_changes_the_steps_or_the_files_may_not(settings):
    assert identity(**settings) != identity()


def test_a_setting_left_at_its_default_is_no_part_of_the_identity():
    """So one that comes with a later version leaves older checkpoints as they are."""
    whole = RunConfig().model_dump(mode="json")
    assert checkpoints.identity_of(RunConfig(**whole)) == identity()


def test_files_in_folders_are_sealed_too(tmp_path):
    folder = tmp_path / "checkpoint-3"
    (folder / "optimizer_0").mkdir(parents=True)
    (folder / "optimizer_0" / "part").write_bytes(b"12")
    checkpoints.seal(folder, 3, "x")
    assert set(json.loads((folder / "manifest.json").read_text())["files"]) == {"optimizer_0/part"}
    assert checkpoints.newest_whole(tmp_path, "x") == folder
    (folder / "optimizer_0" / "part").write_bytes(b"13")
    assert checkpoints.newest_whole(tmp_path, "x") is None


def test_a_checkpoint_that_early_stopping_ended_with_goes_before_a_resume(tmp_path):
    """Of the highest step, it was kept in place of those that the resumed run wrote."""
    for step, waited in ((100, 0), (300, 2)):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        early = {"args": {"early_stopping_patience": 2}, "attributes": {"early_stopping_patience_counter": waited}}
        (folder / "trainer_state.json").write_text(json.dumps({"stateful_callbacks": {"EarlyStoppingCallback": early}}))
        checkpoints.seal(folder, step, "x")
    assert checkpoints.remove_torn(tmp_path, "x") == []
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-100"]
