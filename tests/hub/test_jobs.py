"""Runs on Hugging Face Jobs, against the loopback Hub: what is refused, what becomes of a job that fails, what is left."""

import re
import threading
import time

import pytest

from tests.hub import jobs as fake
from tests.hub import writing
from tests.hub.server import TOKEN
from tuner import hub_read, queue, runs
from tuner.config import RunConfig
from tuner.errors import DoubtError, NetworkError, RunError, RunFailed, SettingsError
from tuner.hub.client import Client
from tuner.launch import follower, job_result, job_state, jobs, local, on_job
from tuner.launch.job_files import Task
from tuner.launch.job_state import JobState
from tuner.launch.jobs_api import Flavor, flavors, timeout_seconds
from tuner.person import Person, acting
from tuner.training.fitting import Machine


@pytest.fixture
def logged_in(monkeypatch):
    monkeypatch.setattr(hub_read, "_handed", TOKEN)


@pytest.fixture
def job_run(tiny_config, logged_in):
    """Makes a run for Jobs whose follower was not started."""

    def make(config=None, **changes):
        prepared = local.prepare(config or tiny_config())
        state = JobState(namespace="owner", flavor="cpu-basic", timeout=600, per_hour=0.01, repo="", **changes)
        run = runs.create(prepared, job=state.model_dump_json())
        job_state.write(run, state.model_copy(update={"repo": f"owner/tuner-run-{run.id}"}))
        return run

    return make


def when(condition, act):
    """Does something in a thread as soon as something is so."""

    def wait():
        while not condition():
            time.sleep(0.05)
        act()

    threading.Thread(target=wait, daemon=True).start()


def start(hub, config, **more):
    return jobs.start(config, **{"flavor": "cpu-basic", "timeout": "30m", "token": TOKEN, "endpoint": hub.url, **more})


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"flavor": "a100-tiny"}, r"a100-tiny.*cpu-basic \(0.01 \$/h\), a10g-small \(1.00 \$/h\), a10g-largex2 \(3.00 \$/h\)"),
        ({"timeout": "soon"}, "timeout = 'soon': give between 1m and 7d"),
        ({"timeout": "8d"}, "between 1m and 7d"),
        ({"namespace": "somebody"}, "namespace = 'somebody': give one of owner"),
    ],
)
def test_what_no_job_can_be_is_refused_before_anything_is_made(hub, tiny_config, home, bad, said):
    with pytest.raises(SettingsError, match=said):
        start(hub, tiny_config(), **bad)
    assert (hub.repos, hub.jobs, list(home.glob("runs/*"))) == ({}, {}, [])


def test_without_a_token_nothing_is_asked(hub, tiny_config, home):
    with pytest.raises(NetworkError, match="no Hugging Face token"):
        start(hub, tiny_config(), token=False)
    assert hub.requests == []


def test_a_token_that_only_reads_is_refused(hub, tiny_config):
    hub.people[writing.READ_ONLY] = writing.Person("owner", "read")
    with pytest.raises(NetworkError, match="may not write"):
        start(hub, tiny_config(), token=writing.READ_ONLY)


def test_a_silent_hub_is_waited_for_ten_seconds(hub):
    hub.fail("hardware", "silent")
    begun = time.monotonic()
    with pytest.raises(NetworkError, match="cannot be reached"):
        flavors(TOKEN, hub.url)
    assert time.monotonic() - begun < 12


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("30m", 1800), ("1.5h", 5400), ("2d", 172_800)])
def test_times(text, seconds):
    assert timeout_seconds(text) == seconds


def test_prices_are_those_of_an_hour(hub):
    assert [(each.name, each.per_hour, each.gpus, each.memory) for each in flavors(TOKEN, hub.url)] == [
        ("cpu-basic", 0.01, 0, 16_000_000_000),
        ("a10g-small", 1.0, 1, 24_000_000_000),
        ("a10g-largex2", 3.0, 2, 24_000_000_000),
    ]


def machine(**changes):
    return Flavor(**{"name": "f", "title": "F", "gpus": 0, "memory": None, "disk": None, "per_hour": 1.0, **changes})


def test_each_gpu_of_the_machine_gets_a_process(tiny_config):
    assert jobs._for_machine(tiny_config(), machine(gpus=2)).training.num_processes == 2
    assert jobs._for_machine(tiny_config(), machine(gpus=0)).training.num_processes == 1


def test_settings_are_checked_for_that_machine(tiny_config):
    fp16 = tiny_config(precision="fp16")
    assert local.prepare(fp16, Machine("cuda", 1)).training.precision == "fp16"
    with pytest.raises(SettingsError, match="fp16 needs a CUDA GPU"):
        local.prepare(fp16, Machine("cpu", 0))
    with pytest.raises(SettingsError, match="that machine has 2 GPUs"):
        local.prepare(tiny_config(num_processes=4), Machine("cuda", 2))


def test_a_machine_that_is_too_small_is_doubted(hub, tiny_config, monkeypatch):
    monkeypatch.setitem(fake.HARDWARE[0], "ram", "0.1 GB")
    with pytest.raises(DoubtError, match="Take a larger flavor"):
        start(hub, tiny_config())
    assert hub.repos == {}


def test_a_job_that_may_outlast_the_login_is_doubted_and_a_shorter_one_is_not(hub):
    anna = Person("owner", TOKEN, until=time.time() + 8 * 3600)
    with acting(anna):
        jobs._doubt_login(7 * 3600)
        with pytest.raises(
            DoubtError, match=r"may take 72 h 0 min.*your login ends in 8 h.*Give it less time, log in again first"
        ):
            start(hub, RunConfig(), timeout="3d")
    assert hub.requests == []


def test_trackers_are_refused(tiny_config):
    with pytest.raises(SettingsError, match="a job installs no trackers"):
        jobs._for_machine(tiny_config(report_to=["tensorboard"]), machine())


@pytest.mark.parametrize(
    ("step", "fault", "said"),
    [
        ("job-run", 402, r"want to be paid first \(Pre-paid credit balance is insufficient\). Add credit"),
        ("job-run", 403, r"may not run Jobs there \(missing permissions: job.write\)"),
        ("job-run", 500, "The Hub answered 500"),
        (
            "job",
            "error",
            "ended with an error. Its last lines: CUDA driver is too old. Resume begins another job, from the start.",
        ),
        ("job", "no result", "left no result"),
        ("job", "timeout", "time of 10 min was over before it had saved.*Give it more time"),
        ("commit", 403, "no more room"),
    ],
)
def test_what_goes_wrong_with_a_job_fails_the_run_in_words(hub, job_run, step, fault, said):
    run = job_run()
    hub.fail(step, fault)
    assert follower.main(run.id, hub.url) == 1
    assert run.status.state == "failed"
    assert re.search(said, run.status.message), run.status.message


def test_a_job_whose_start_got_no_answer_is_found_and_not_begun_twice(hub, job_run):
    run = job_run()
    hub.fail("job-run", "lost")
    hub.fail("job", "waits")
    when(lambda: hub.jobs and job_state.read(run).job_id, lambda: runs.request_stop(run))
    assert follower.main(run.id, hub.url) == 0
    assert [job.stage for job in hub.jobs.values()] == ["CANCELED"]
    assert [event["id"] for event in runs.read_events(run)[0] if event["event"] == "job"] == [f"{1:024x}"]
    assert (run.status.state, "cancelled before it had saved" in run.status.message) == ("stopped", True)


def test_a_run_stopped_before_its_job_began_begins_none(hub, job_run):
    run = job_run()
    runs.request_stop(run)
    follower.main(run.id, hub.url)
    assert (run.status.state, hub.jobs) == ("stopped", {})


def test_a_broken_connection_is_told_and_taken_up_again(hub, job_run):
    run = job_run()
    hub.fail("job", "waits")
    hub.fail("job-look", "drop", 2)
    said = []
    when(lambda: said.append(runs.read_status(run).message) or "Trying again" in said[-1], lambda: runs.request_stop(run))
    assert follower.main(run.id, hub.url) == 0
    assert "No answer from the Hub for" in said[-1]


def test_a_token_that_is_refused_midway_leaves_the_job_to_be_found_again(hub, job_run):
    run = job_run()
    hub.fail("job", "waits")
    hub.fail("job-look", 401)
    assert follower.main(run.id, hub.url) == 1
    assert (run.status.state, "Then resume: the job goes on" in run.status.message) == ("lost", True)
    runs.requeue(run)
    when(lambda: runs.read_status(run).message.startswith("Waiting for a machine"), lambda: runs.request_stop(run))
    follower.main(run.id, hub.url)
    assert len(hub.jobs) == 1


def test_a_job_deleted_on_the_hub_fails_the_run(hub, job_run):
    run = job_run()
    hub.fail("job", "waits")
    hub.fail("job-look", 404)
    follower.main(run.id, hub.url)
    assert (run.status.state, "deleted on the Hub" in run.status.message) == ("failed", True)


def test_a_job_takes_no_place_of_this_machine(queued, tiny_config, job_run):
    job_run()
    run = queued(tiny_config())
    assert (queue.position(run), [each.id for each in queue.waiting()]) == (0, [run.id])


def test_a_second_stop_cancels_the_job_and_leaves_the_follower(job_run):
    run = job_run()
    runs.request_stop(run)
    runs.request_stop(run)
    assert (run.folder / "CANCEL").exists()
    assert run.status.state == "queued"


def test_a_stop_is_asked_of_the_job_and_a_second_one_cancels_it(hub, job_run):
    run = job_run()
    hub.fail("job", "sleeps")
    asked = lambda: "stop/1" in hub.repos["model", job_state.read(run).repo].files  # noqa: E731
    when(lambda: runs.read_status(run).message == "Preparing the machine", lambda: runs.request_stop(run))
    when(lambda: run.stop_requested and asked(), lambda: runs.request_stop(run))
    assert follower.main(run.id, hub.url) == 0
    assert ([job.stage for job in hub.jobs.values()], run.status.state) == (["CANCELED"], "stopped")


def test_a_stop_that_does_not_get_through_is_asked_again_and_not_at_once(hub, job_run):
    """It once asked as fast as it could."""
    run = job_run()
    hub.fail("job", "sleeps")
    when(
        lambda: runs.read_status(run).message == "Preparing the machine",
        lambda: hub.fail("commit", 500) or runs.request_stop(run),
    )
    when(lambda: "Stop" in hub.commits, lambda: runs.request_stop(run))
    follower.main(run.id, hub.url)
    tries = [request for request in hub.requests if "/commit/" in request.path and job_state.read(run).repo in request.path]
    assert len(tries) == 3  # what the job needs, and the stop twice


def test_a_hub_that_is_gone_for_an_hour_leaves_the_run_lost_from_sight(hub, job_run, monkeypatch):
    monkeypatch.setattr(follower, "_PATIENCE_SECONDS", 0.0)
    run = job_run()
    hub.fail("job", "waits")
    hub.fail("job-look", "drop", 2)
    assert follower.main(run.id, hub.url) == 1
    assert (run.status.state, "Resume later: the job goes on at" in run.status.message) == ("lost", True)


def test_a_run_whose_job_may_go_on_is_deleted_only_with_it(hub, job_run):
    run = job_run(job_id="1" * 24, attempt=1, began=time.time(), link="https://hub/job")
    runs.write_status(run, state="lost")
    hub.fail("job-cancel", 500)
    hub.jobs["1" * 24] = fake.Job("1" * 24, "owner", {}, run.folder)
    with pytest.raises(RunError, match=r"may still go on and could not be cancelled.*Cancel it at https://hub/job"):
        jobs.delete(run, TOKEN, hub.url)
    jobs.delete(run, TOKEN, hub.url)
    assert (hub.jobs["1" * 24].stage, run.folder.exists()) == ("CANCELED", False)


def test_no_job_is_cancelled_for_a_run_that_is_needed_yet(hub, job_run):
    run = job_run(job_id="1" * 24, attempt=1, began=time.time(), link="https://hub/job")
    runs.write_status(run, state="lost")
    runs.create(RunConfig(model={"name": f"run:{run.id}"}))
    hub.jobs["1" * 24] = fake.Job("1" * 24, "owner", {}, run.folder)
    with pytest.raises(RunError, match="begins with the model of"):
        jobs.delete(run, TOKEN, hub.url)
    assert hub.jobs["1" * 24].stage != "CANCELED"


def test_a_run_whose_job_has_ended_is_deleted_without_a_token(job_run):
    run = job_run(job_id="1" * 24, attempt=1, began=time.time(), ended=True)
    runs.write_status(run, state="failed")
    jobs.delete(run, False)
    assert not run.folder.exists()


def test_resume_takes_another_machine_and_more_time(hub, job_run, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", hub.url)
    run = job_run()
    runs.write_status(run, state="failed")
    hub.fail("job", "no result")
    jobs.resume(run, TOKEN, "a10g-small", "2h", hub.url)
    with pytest.raises(RunFailed, match="left no result"):
        local.follow(run)
    (job,) = hub.jobs.values()
    assert (job.spec["flavor"], job.spec["timeoutSeconds"]) == ("a10g-small", 7200)


def test_a_damaged_job_file_is_told(job_run):
    run = job_run()
    (run.folder / "job.json").write_text("{}")
    with pytest.raises(RunError, match="missing or damaged"):
        job_state.read(run)


def test_the_settings_of_a_run_hold_nothing_of_a_job(job_run):
    assert RunConfig.from_yaml((job_run().folder / "config.yaml").read_text()) == job_run().config


@pytest.fixture
def result(hub, job_run):
    """A result on the Hub, its client, and its list."""
    run = job_run()
    (run.folder / "report.txt").write_text("good")
    client = Client(TOKEN, hub.url)
    client.writable("owner/result", "model", private=True)
    job_result.send_result(run, client, "owner/result", 1)
    return run, client, job_result.listed(client, "owner/result", job_result.RESULT)


def test_a_result_is_what_the_run_became_and_nothing_of_the_machine(result):
    run, client, parcel = result
    assert (set(parcel.files), parcel.attempt, parcel.status.state) == ({"report.txt"}, 1, "queued")
    with job_result.fetched(client, "owner/result", job_result.RESULT, parcel, run.folder) as part:
        assert (part / "report.txt").read_text() == "good"
    assert not part.exists()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(job_result, "_WAIT_SECONDS", 0.01)


def test_a_hub_in_trouble_is_waited_for_while_the_job_has_time(hub, result, impatient):
    run, client, _ = result
    (run.folder / "report.txt").write_text("better")
    hub.fail("commit", 503, 9)
    job_result.send_result(run, client, "owner/result", 2, time.time() + 60)
    assert job_result.listed(client, "owner/result", job_result.RESULT).attempt == 2


@pytest.mark.parametrize(("fault", "seconds"), [(503, 0.01), (401, 60)])
def test_neither_time_that_is_over_nor_a_refusal_is_waited_for(hub, result, impatient, fault, seconds):
    run, client, _ = result
    hub.fail("commit", fault, 9)
    with pytest.raises(NetworkError):
        job_result.send_result(run, client, "owner/result", 2, time.time() + seconds)
    assert len(hub.faults["commit"]) == 3


def test_a_result_that_is_not_whole_is_not_taken(hub, result):
    run, client, parcel = result
    (hub.repos["model", "owner/result"].folder / "result" / "report.txt").write_text("evil")
    with (
        pytest.raises(RunFailed, match=r"not whole: report.txt is missing or damaged"),
        job_result.fetched(client, "owner/result", job_result.RESULT, parcel, run.folder),
    ):
        pass


def test_a_result_that_points_elsewhere_is_not_taken(result):
    run, client, parcel = result
    parcel = parcel.model_copy(update={"files": {"../../status.json": parcel.files["report.txt"]}})
    with (
        pytest.raises(RunFailed, match="not whole"),
        job_result.fetched(client, "owner/result", job_result.RESULT, parcel, run.folder),
    ):
        pass


def test_a_repository_without_a_result_has_none(hub, result):
    assert job_result.listed(result[1], "owner/result", job_result.CHECKPOINT) is None


def test_a_checkpoint_comes_with_the_best_one(hub, result, tmp_path):
    run, client, _ = result
    newest, best = (tmp_path / name for name in ("checkpoint-22", "checkpoint-15"))
    for folder in (newest, best):
        folder.mkdir()
        (folder / "model.safetensors").write_text(folder.name)
    job_result.send_checkpoint(newest, best, client, "owner/result", 1)
    parcel = job_result.listed(client, "owner/result", job_result.CHECKPOINT)
    assert (parcel.name, parcel.best) == ("checkpoint-22", "checkpoint-15")
    with job_result.fetched(client, "owner/result", job_result.CHECKPOINT, parcel, run.folder) as part:
        assert (part / "model.safetensors").read_text() == "checkpoint-22"
        assert (part / job_result.BEST / "model.safetensors").read_text() == "checkpoint-15"


def test_a_second_job_knows_how_long_the_first_one_trained(hub, result, tiny_config, monkeypatch):
    run, client, _ = result
    task = Task(run_id="20261123-120000-abcd", attempt=2, config=run.config.model_dump(mode="json"), checkpoint_seconds=1,
                timeout=60, train_runtime=3000.0)  # fmt: skip
    assert on_job._prepare(task, client, "owner/result").status.train_runtime == 3000
