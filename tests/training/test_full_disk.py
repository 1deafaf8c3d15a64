"""A full disk fails a run with that as its cause, and costs it no more than the steps since the last checkpoint."""

import os

import pytest

from tuner import runs
from tuner.training import callbacks, worker

STEPS = {"max_steps": 6, "eval_strategy": "steps", "eval_steps": 2, "save_strategy": "steps", "save_steps": 2}


@pytest.fixture
def full_at(monkeypatch):
    """The disk takes no more of a checkpoint's optimizer from the given step on: `full_at(4)`; `full_at(None)` ends it."""
    begin = callbacks.Progress.on_step_begin
    wanted = None

    def on_step_begin(self, args, state, control, **kwargs):
        folder = self.run.folder / "checkpoints" / f"checkpoint-{wanted}"
        if state.global_step == (wanted or 0) - 1 and not folder.exists():
            folder.mkdir(parents=True)
            (folder / "optimizer.pt").symlink_to("/dev/full")  # its every write ends with ENOSPC
        return begin(self, args, state, control, **kwargs)

    def full(step):
        nonlocal wanted
        wanted = step

    monkeypatch.setattr(callbacks.Progress, "on_step_begin", on_step_begin)
    return full


@pytest.mark.slow
def test_the_cause_is_said_and_the_run_resumes_from_the_last_whole_checkpoint(full_at, queued, tiny_config):
    full_at(4)
    run = queued(tiny_config(**STEPS))
    assert worker.main(run.id) == 1
    assert (run.status.state, run.status.exit_code) == ("failed", 1)
    assert run.status.message.startswith("The disk is full.")
    assert sorted(os.listdir(run.folder / "checkpoints")) == ["checkpoint-2"]

    full_at(None)
    runs.requeue(run)
    worker.main(run.id)
    assert (run.status.state, run.status.step) == ("completed", 6)
    assert any(event.get("message") == "Resumed from checkpoint-2." for event in runs.read_events(run)[0])


def test_a_line_of_the_log_that_finds_no_room_is_left_out(queued, tiny_config):
    run = queued(tiny_config())
    (run.folder / "events.jsonl").unlink(missing_ok=True)
    (run.folder / "events.jsonl").symlink_to("/dev/full")
    runs.append_event(run, "note", message="x" * 100_000)
