"""A Space whose disk does not last: its runs are kept as they go, and a restarted one goes on with them."""

import json
import logging
import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from tests import tiny
from tests.hub.conftest import as_csv
from tests.hub.server import TOKEN
from tests.people import client, cookie_of, start_space
from tuner import runs
from tuner.access import Person, acting
from tuner.data.files import store_upload
from tuner.errors import SettingsError
from tuner.hub import Client
from tuner.hub.keep import Keep
from tuner.launch import job_state
from tuner.launch.job_state import JobState
from tuner.launch.keeper import Keeper, keeper
from tuner.launch.resuming import resume

KEPT = ("dataset", "owner/kept")
SPACE = {"SPACE_ID": "owner/space", "TUNER_KEEP_REPO": "owner/kept", "TUNER_KEEP_TOKEN": TOKEN, "TUNER_KEEP_MINUTES": "0.02"}


def wait_until(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def there(hub):
    return set(hub.repos[KEPT].files) if KEPT in hub.repos else set()


def kept_checkpoints(hub, run_id):
    return {path for path in there(hub) if path.startswith(f"runs/{run_id}/checkpoints") and path.endswith("manifest.json")}


@pytest.fixture
def space(hub, home, hf_home, tmp_path, monkeypatch):
    """`space()` starts a Space on `home`; each is ended with the test, and so are the workers."""
    for name, value in {**hub.environment, **SPACE, "HF_HOME": str(hf_home)}.items():
        monkeypatch.setenv(name, value)
    started = []

    def start(**more):
        process, url = start_space(hub, home, hf_home, tmp_path / f"server{len(started)}.log", **{**SPACE, **more})
        started.append(process)
        return process, client(url, cookie_of(hub, url, "anna"))

    yield start
    for process in started:
        process.kill()
        process.wait()
    for run in runs.list_runs():
        if runs.is_living(run):
            os.killpg(run.status.pid, signal.SIGKILL)


@pytest.fixture
def settings(hub, home, tiny_models, tmp_path):
    """What a visitor may give: a file they uploaded, and a model of the Hub."""
    hub.add("model", "owner/tiny", tiny_models["bert"])
    rows = tmp_path / "rows.csv"
    rows.write_text(as_csv(tiny.labelled_rows(100)))
    training = {"max_steps": 120, "per_device_train_batch_size": 4, "precision": "fp32", "learning_rate": 1e-3}
    stepwise = {"eval_strategy": "steps", "save_strategy": "steps", "eval_steps": 20, "save_steps": 20}
    with acting(Person("anna", token=False)):
        source = store_upload(rows)
    return {
        "data": {"source": source},
        "model": {"name": "owner/tiny"},
        "training": {**training, **stepwise},
    }


def start_run(caller, settings):
    return runs.get(caller.predict(settings, api_name="/start_run")["run_id"])


def ended(run):
    """A run that was fetched is lost until it is begun again."""
    return (run.folder / "status.json").is_file() and run.status.state in ("completed", "failed")


def secrets_of(pid):
    return [line for line in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") if TOKEN.encode() in line]


@pytest.mark.slow
def test_a_killed_space_goes_on_to_the_same_weights(hub, home, space, settings):
    server, caller = space()
    settings["training"] |= {"max_steps": 900, "eval_steps": 60, "save_steps": 60}  # longer than a look of the keeper
    run = start_run(caller, settings)
    wait_until(lambda: kept_checkpoints(hub, run.id) or ended(run))
    worker = run.status.pid
    assert secrets_of(worker) == []
    assert run.status.state == "running"
    os.killpg(worker, signal.SIGKILL)
    server.kill()
    server.wait()
    assert not run.has_model
    shutil.rmtree(home)

    _, caller = space()
    wait_until(lambda: ended(run))
    assert (run.status.state, run.status.step) == ("completed", 900)
    assert any("Resumed from checkpoint-" in event.get("message", "") for event in runs.read_events(run)[0])
    whole = start_run(caller, settings)
    wait_until(lambda: ended(whole))
    first, second = (load_file(each.model_folder / "model.safetensors") for each in (run, whole))
    assert {name: tensor.tobytes() for name, tensor in first.items()} == {n: t.tobytes() for n, t in second.items()}
    wait_until(lambda: f"runs/{whole.id}/report.json" in there(hub) and not kept_checkpoints(hub, run.id))
    assert not [path for path in home.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_stopped_space_saves_and_goes_on_in_order(hub, home, space, settings):
    server, caller = space(TUNER_KEEP_MINUTES="60")  # what is there came with the end
    settings["training"] |= {"max_steps": 600, "eval_steps": 100, "save_steps": 100}  # one is ended in its middle
    first, second = start_run(caller, settings), start_run(caller, settings)
    wait_until(lambda: first.status.step > 5)
    server.terminate()
    assert server.wait(40) == 143
    assert json.loads((hub.repos[KEPT].folder / "keep.json").read_text())["living"] == [first.id, second.id]
    assert kept_checkpoints(hub, first.id)
    shutil.rmtree(home)

    space(TUNER_KEEP_MINUTES="0.02")
    wait_until(lambda: ended(first) and ended(second))
    assert [run.status.state for run in (first, second)] == ["completed", "completed"]
    assert first.status.finished < second.status.finished
    assert first.status.train_runtime < second.status.train_runtime * 2


@pytest.fixture
def keeping(hub):
    """A keeper in this process; closed with the test."""
    made = []

    def start(seconds=0.1, token=TOKEN):
        made.append(Keeper(Keep(Client(token, hub.url), "owner/kept", "owner/space"), seconds))
        made[-1].start()
        return made[-1]

    yield start
    for each in made:
        each.close()


@pytest.fixture
def finished(queued, tiny_config):
    run = queued(tiny_config())
    runs.write_status(run, state="completed")
    return run


def test_what_changes_is_kept_and_then_there_is_quiet(hub, keeping, finished):
    kept = keeping()
    wait_until(lambda: f"runs/{finished.id}/status.json" in there(hub))
    time.sleep(1)
    assert (len(hub.commits), kept.standing.fetching, kept.standing.trouble) == (1, False, "")


def test_commits_are_not_more_frequent_than_asked(hub, keeping, finished, monkeypatch):
    monkeypatch.setattr("tuner.launch.keeper._LOOK_SECONDS", 0.05)
    keeping(seconds=60.0)
    wait_until(lambda: hub.commits)
    runs.write_status(finished, step=1)
    time.sleep(1)
    assert len(hub.commits) == 1


def test_a_deleted_run_soon_goes_there_too(hub, keeping, finished, monkeypatch):
    """One deleted less than ten minutes before a restart came back."""
    monkeypatch.setattr("tuner.launch.keeper._LOOK_SECONDS", 0.05)
    monkeypatch.setattr("tuner.launch.keeper._AGAIN_SECONDS", 0.1)
    keeping(seconds=600.0)
    wait_until(lambda: hub.commits)
    runs.delete(finished)
    wait_until(lambda: f"runs/{finished.id}/status.json" not in there(hub), 60)


def test_a_hub_that_is_away_at_the_start_is_asked_again(hub, keeping, finished, home, caplog):
    caplog.set_level(logging.WARNING, "tuner")
    first = keeping()
    wait_until(lambda: f"runs/{finished.id}/status.json" in there(hub))
    first.close()
    shutil.rmtree(home)
    hub.fail("whoami", 503, 30)
    late = keeping()
    wait_until(lambda: late.standing.trouble)
    assert late.standing.fetching
    wait_until(lambda: not late.standing.fetching)
    assert (finished.status.state, late.standing.trouble) == ("completed", "")
    assert [record for record in caplog.records if "answered 503" in record.message]
    assert TOKEN not in caplog.text


def test_one_folder_that_cannot_be_fetched_is_tried_again_while_the_rest_is_kept(hub, keeping, finished, home):
    """It blocked all others; and what was not fetched is not taken for deleted."""
    first = keeping()
    wait_until(lambda: f"runs/{finished.id}/status.json" in there(hub))
    first.close()
    shutil.rmtree(home)
    upload = hub.repos[KEPT].folder / "uploads" / "a"
    (upload / ("x" * 200 + "+")).mkdir(parents=True)
    (upload / ("x" * 200 + "+") / ("x" * 100)).write_text("too long a name for a disk")
    late = keeping()
    wait_until(lambda: "uploads/a cannot be fetched" in late.standing.trouble)
    runs.write_status(finished, step=7)
    wait_until(lambda: json.loads((hub.repos[KEPT].folder / f"runs/{finished.id}/status.json").read_text())["step"] == 7)
    assert [path for path in there(hub) if path.startswith("uploads/a")]
    shutil.rmtree(upload)
    (hub.repos[KEPT].folder / "feedback" / "b").mkdir(parents=True)
    (hub.repos[KEPT].folder / "feedback" / "b" / "rows.jsonl").write_text("kept\n")
    wait_until(lambda: (home / "feedback" / "b" / "rows.jsonl").exists() and not late.standing.trouble)


def test_a_run_that_another_container_kept_meanwhile_is_fetched(hub, keeping, finished, home, tmp_path):
    """A new version of a Space starts while the old one still runs: what that kept last was in no list until the next start."""
    keeping()
    wait_until(lambda: hub.commits)
    others = "20200101-000000-abcdef"
    shutil.copytree(hub.repos[KEPT].folder / "runs" / finished.id, tmp_path / others)
    (tmp_path / others).rename(hub.repos[KEPT].folder / "runs" / others)  # at once, as a commit is
    runs.write_status(finished, step=1)
    wait_until(lambda: (home / "runs" / others / "status.json").exists(), 60)


def test_a_disk_that_went_away_is_no_wish_to_delete(hub, keeping, finished, home):
    kept = keeping()
    wait_until(lambda: f"runs/{finished.id}/status.json" in there(hub))
    shutil.rmtree(home)
    wait_until(lambda: "is gone" in kept.standing.trouble)
    assert f"runs/{finished.id}/status.json" in there(hub)


@pytest.mark.parametrize("state", ["stopped", "lost"])
def test_what_the_machine_ended_before_the_keeper_looked_goes_on(state, hub, keeping, queued, tiny_config):
    """A signal to the whole container reaches the workers as soon as the server: they had stopped, and nothing resumed them."""
    before, run, stopped = (queued(tiny_config()) for _ in range(3))
    runs.write_status(before, state=state, exit_code=-15, finished=time.time())
    kept = keeping(seconds=60.0)
    wait_until(lambda: hub.commits)
    for each in (run, stopped):
        runs.write_status(each, state=state, exit_code=-15, finished=time.time())
    (stopped.folder / "STOP").touch()
    kept.close()
    assert json.loads((hub.repos[KEPT].folder / "keep.json").read_text())["living"] == [run.id]


def test_what_fails_at_the_end_is_tried_once_more(hub, keeping, finished):
    kept = keeping(seconds=60.0)
    wait_until(lambda: f"runs/{finished.id}/status.json" in there(hub))
    runs.write_status(finished, step=3)
    hub.fail("commit", 403, 1)
    kept.close()
    assert (len(hub.commits), kept.standing.trouble) == (2, "")


def test_trouble_is_told_and_passes(hub, keeping, finished):
    hub.fail("commit", 403, 3)
    kept = keeping()
    wait_until(lambda: "no more room" in kept.standing.trouble)
    wait_until(lambda: kept.standing.kept_at and not kept.standing.trouble)
    assert f"runs/{finished.id}/status.json" in there(hub)


@pytest.fixture
def broken_off(queued, tiny_config, monkeypatch):
    """A run that was going on when its machine went down; a worker that is begun now ends at once, and says nothing."""
    run = queued(tiny_config())  # reads the rows in a child
    monkeypatch.setattr(sys, "executable", shutil.which("true"))
    runs.write_status(run, state="running", pid=None, process=None)
    return run


def test_a_run_that_comes_no_further_is_not_begun_for_ever(broken_off):
    for _ in range(3):
        assert resume([broken_off.id]) == [broken_off]
        wait_until(lambda: broken_off.status.state == "lost")
    assert resume([broken_off.id]) == []
    assert "came no further" in broken_off.status.message


def test_a_run_that_waits_behind_it_is_not_given_up_with_it(broken_off, monkeypatch):
    """Every restart counted, though the run never had its turn."""
    monkeypatch.setattr("tuner.queue.places", lambda: 1)
    waits = runs.create(broken_off.config)
    runs.write_status(waits, pid=None, process=None)
    begun = []
    for _ in range(4):
        begun.append(resume([broken_off.id, waits.id]))
        wait_until(lambda: {broken_off.status.state, waits.status.state} == {"lost"})
    assert begun == [[broken_off, waits]] * 3 + [[waits]]


def test_why_a_run_may_not_go_on_is_said(broken_off, monkeypatch):
    """It stayed "lost: The worker is gone and said nothing"."""
    monkeypatch.setenv("TUNER_MAX_GIGABYTES", "0.0000001")
    runs.write_status(broken_off, owner="anna")
    assert resume([broken_off.id]) == []
    assert "GB allowed here. Delete runs you need no more." in broken_off.status.message


def test_a_run_of_jobs_waits_for_its_person(broken_off):
    """It was begun again without a token and failed, while its paid job went on."""
    about = {"namespace": "anna", "flavor": "cpu-basic", "timeout": 60, "per_hour": 0.01, "repo": "anna/run"}
    job = JobState(**about, attempt=1, job_id="abc", link="http://hub/jobs/anna/abc", began=time.time())
    job_state.write(broken_off, job)
    assert resume([broken_off.id]) == []
    assert broken_off.status.state == "lost"
    assert "Log in and press Resume: the job goes on at http://hub/jobs/anna/abc." in broken_off.status.message


@pytest.mark.parametrize("state", ["completed", "failed"])
def test_what_had_ended_is_left_alone(state, broken_off):
    runs.write_status(broken_off, state=state)
    assert resume([broken_off.id, "20000101-000000-abcdef"]) == []


def test_what_a_person_stopped_stays_stopped(broken_off):
    (broken_off.folder / "STOP").touch()
    assert resume([broken_off.id]) == []
    assert broken_off.status.state == "stopped"


def test_the_token_leaves_the_environment():
    environment = dict(SPACE)
    assert keeper(environment) is None  # this disk lasts
    assert TOKEN not in environment.values()


def test_on_a_space_whose_disk_does_not_last_a_repository_keeps_the_runs(monkeypatch):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    assert keeper(dict(SPACE)).seconds == pytest.approx(1.2)
    assert keeper({"SPACE_ID": "owner/space"}) is None


@pytest.mark.parametrize(
    ("wrong", "cause"),
    [({"TUNER_KEEP_TOKEN": ""}, "there is no TUNER_KEEP_TOKEN"), ({"TUNER_KEEP_MINUTES": "soon"}, "must be a number above 0")],
)
def test_a_setting_that_cannot_be_honoured_is_refused(wrong, cause, monkeypatch):
    monkeypatch.setenv("SPACE_ID", "owner/space")
    with pytest.raises(SettingsError, match=cause):
        keeper({**SPACE, **wrong})
