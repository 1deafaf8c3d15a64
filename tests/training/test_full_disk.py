"""A full disk fails a run with that as its cause, and costs it no more than the steps since the last checkpoint."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys

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


@pytest.fixture
def no_longer_than():
    """Files may be so many bytes long: `no_longer_than(run.folder / "events.jsonl", 10)` leaves room for 10 more."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(file, more):
        resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size + more, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_half_a_line_does_not_spoil_the_next_one(queued, tiny_config, no_longer_than):
    """The cause of a failure on a full disk was glued to the half of the line before it, and both were passed over."""
    run = queued(tiny_config())
    runs.append_event(run, "note", message="one")
    no_longer_than(run.folder / "events.jsonl", 10)
    runs.append_event(run, "note", message="two")
    no_longer_than(run.folder / "events.jsonl", 1_000)
    runs.append_event(run, "note", message="three")
    assert [event["message"] for event in runs.read_events(run)[0]] == ["one", "three"]


def test_room_for_the_last_word_is_kept_till_then(queued, tiny_config):
    run = queued(tiny_config())
    kept = []

    def work(run):
        kept.extend(path.stat().st_size for path in run.folder.iterdir() if path.stat().st_size >= 64 * 1024)
        raise OSError(errno.ENOSPC, "No space left on device")

    before = set(run.folder.iterdir())
    assert worker.main(run.id, work) == 1
    assert kept == [64 * 1024]
    assert set(run.folder.iterdir()) - before == {run.folder / "events.jsonl"}


def _may_mount():
    return shutil.which("unshare") and subprocess.run(["unshare", "-rm", "true"], capture_output=True).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not _may_mount(), reason="needs a file system of its own")
def test_a_disk_that_is_full_of_whole_checkpoints_fails_the_run_in_words(tiny_models, csv, home):
    """Nothing could be removed, so the run stood as running, then as lost, and `runs` and `show` ended in tracebacks."""
    home.mkdir(parents=True)
    steps = [word for name, value in {**STEPS, "max_steps": 40}.items() for word in ("--set", f"training.{name}={value}")]
    tuner = [sys.executable, "-m", "tuner"]
    train = [*tuner, "train", "--json", "--proceed-anyway", "--model", tiny_models["bert"], "--data", csv(600), *steps]
    mounted = 'mount -t tmpfs -o size=800k tmpfs "$TUNER_HOME"; "$@" >/dev/null; exec "$0" -m tuner show latest --json'
    done = subprocess.run(["unshare", "-rm", "sh", "-c", mounted, sys.executable, *train], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    shown = json.loads(done.stdout)
    assert (shown["state"], shown["message"][:17]) == ("failed", "The disk is full.")
