"""Starting workers on this machine."""

import errno
import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tuner import queue, runs
from tuner.children import ask
from tuner.config import TrainingConfig
from tuner.errors import ModelError, RunError, RunFailed, SettingsError, SourceError
from tuner.hardware import Device
from tuner.launch.local import follow, prepare, resume, start, worker_environment
from tuner.runs import LIVING
from tuner.training import fitting

SECRETS = {
    "HF_TOKEN": "hf_canary",
    "HUGGING_FACE_HUB_TOKEN": "hf_canary",
    "OMP_TOKEN": "hf_canary",
    "TUNER_SECRET": "hf_canary",
    "OPENAI_API_KEY": "hf_canary",
    "AWS_SECRET_ACCESS_KEY": "hf_canary",
    "OAUTH_CLIENT_SECRET": "hf_canary",
}


def test_a_worker_gets_no_secret(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    assert "hf_canary" not in worker_environment().values()


def test_a_worker_gets_the_home_and_the_network_settings(monkeypatch, home):
    monkeypatch.setenv("NCCL_P2P_DISABLE", "1")  # accelerate's own advice
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:3128")
    environment = worker_environment()
    assert environment["TUNER_HOME"] == str(home)
    assert environment["https_proxy"] == "http://127.0.0.1:3128"
    assert environment["NCCL_P2P_DISABLE"] == "1"


SPY = """#!{python}
import json, os, sys
number = os.environ["TUNER_TOKEN_FD"]
with open(os.open("{file}", os.O_WRONLY | os.O_CREAT | os.O_APPEND), "w") as file:
    seen = [os.fdopen(int(number)).read(), sys.argv, dict(os.environ)]
    file.write(json.dumps(seen) + chr(10))
"""


@pytest.fixture
def stopped(queued, tiny_config):
    run = queued(tiny_config())
    runs.write_status(run, state="stopped")
    return run


@pytest.fixture
def spied(stopped, tmp_path, monkeypatch):  # after `stopped`: reading a file takes a child of ours as well
    """Stands in for every worker, and returns what each was given: token, arguments, environment."""
    program, file = tmp_path / "spy", tmp_path / "seen.jsonl"
    program.write_text(SPY.format(python=sys.executable, file=file))
    program.chmod(0o755)
    monkeypatch.setattr("tuner.launch.local.sys.executable", str(program))

    def seen(run):
        deadline = time.monotonic() + 20
        while run.status.state in LIVING and time.monotonic() < deadline:
            time.sleep(0.05)
        return [json.loads(line) for line in file.read_text().splitlines()]

    return seen


def test_every_worker_of_a_run_gets_the_token_of_its_time_through_the_pipe(spied, stopped, monkeypatch):
    before = set(os.listdir("/proc/self/fd"))
    for turn, token in enumerate(["hf_first", "hf_second"]):
        monkeypatch.setenv("HF_TOKEN", token)
        given, arguments, environment = spied(resume(stopped))[turn]
        assert given == token
        assert token not in " ".join([*arguments, *environment.values()])
    assert set(os.listdir("/proc/self/fd")) == before


def test_a_worker_without_a_token_is_told_so(spied, stopped):
    assert [given for given, _, _ in spied(resume(stopped))] == [""]


def raising(error):
    def on_event(event):
        raise error

    return on_event


def test_an_interrupt_asks_the_run_to_stop_and_says_which(queued, tiny_config):
    """Once the training went on unseen. A second interrupt asks nothing: that would end it without saving."""
    run = queued(tiny_config())
    runs.append_event(run, "note", message="")
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt) as caught:
            follow(run, raising(KeyboardInterrupt()))
        assert run.stop_requested
        assert run.status.state == "queued"
        assert caught.value.__notes__ == [
            f"Run {run.id} is stopping and saves. To go on with it: python -m tuner resume {run.id}"
        ]


def test_the_first_events_of_a_run_can_be_skipped(queued, tiny_config):
    """Once a terminal showed a run's whole story again after Ctrl-C."""
    run = queued(tiny_config())
    for message in "abc":
        runs.append_event(run, "note", message=message)
    runs.write_status(run, state="stopped")
    seen = []
    follow(run, lambda event: seen.append(event["message"]), skip=2)
    assert seen == ["c"]


def test_what_on_event_raises_passes_with_the_run_that_goes_on(queued, tiny_config):
    run = queued(tiny_config())
    runs.append_event(run, "note", message="")
    with pytest.raises(ZeroDivisionError) as caught:
        follow(run, raising(ZeroDivisionError()))
    assert not run.stop_requested
    assert caught.value.__notes__ == [f"Run {run.id} is not stopped by this. To end it: python -m tuner stop {run.id}"]


def test_prepare_pins_paths_and_rows(tiny_config, csv, monkeypatch):
    path = csv()
    monkeypatch.chdir(path.parent)
    config = prepare(tiny_config(source=path.name))
    assert config.data.source == str(path)
    assert len(config.data.fingerprint) == 64


def test_prepare_is_idempotent(tiny_config):
    once = prepare(tiny_config())
    assert prepare(once) == once


def test_pad_to_max_length_without_one_takes_the_models_limit(tiny_config):
    assert prepare(tiny_config("roberta", model={"pad_to_max_length": True})).model.max_length == 64


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"data": {"source": "/nowhere/rows.csv"}}, SourceError),
        ({"data": {"label_column": "nope"}}, SourceError),
        ({"model": {"name": "/nowhere"}}, ModelError),
        ({"model": {"max_length": 65}}, SettingsError),
        ({"training": {"precision": "fp16"}}, SettingsError),
        ({"training": {"torch_compile": True}}, SettingsError),
        ({"training": {"fsdp": True, "num_processes": 2}}, SettingsError),
    ],
    ids=["source", "column", "model", "max_length", "precision", "compile", "fsdp"],
)
def test_what_would_fail_is_told_before_a_run_is_made(change, error, tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.training.fitting.describe", lambda: Device("cpu", "1 CPU core", bf16=False))
    with pytest.raises(error):
        start(tiny_config().with_changes(change))
    assert runs.list_runs() == []


def test_two_that_start_at_once_make_two_runs_in_a_row(tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.launch.local.spawn", lambda run: None)
    meet = threading.Barrier(2)

    def begin(seed):
        meet.wait()
        return start(tiny_config(seed=seed))

    with ThreadPoolExecutor() as pool:
        made = list(pool.map(begin, (1, 2)))
    assert {run.config.training.seed for run in made} == {1, 2}
    assert sorted(queue.position(run) for run in made) == [0, 1]
    assert {run.id for run in queue.waiting()} == {run.id for run in made}


def test_all_that_base_model_and_machine_refuse_is_told_at_once(tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.training.fitting.describe", lambda: Device("cpu", "1 CPU core", bf16=False))
    model = {"max_length": 9999, "num_hidden_layers": 99, "intermediate_size": 100_000}
    changes = {"training": {"precision": "fp16"}, "model": model, "augmentation": {"masked": 0.1}}
    with pytest.raises(SettingsError) as refusal:
        prepare(tiny_config("gpt2").with_changes(changes))
    fields = [f"model.{field}" for field in model]
    assert [told.split(" =")[0] for told in refusal.value.problems] == ["training.precision", *fields, "augmentation.masked"]


def test_a_base_model_and_a_source_that_are_not_found_hide_nothing(tiny_config, monkeypatch):
    monkeypatch.setattr("tuner.training.fitting.describe", lambda: Device("cpu", "1 CPU core", bf16=False))
    changes = {"model": {"name": "/nowhere"}, "data": {"source": "/nowhere/rows.csv"}, "training": {"precision": "fp16"}}
    with pytest.raises(SettingsError) as refusal:
        start(tiny_config().with_changes(changes))
    model, precision, source = refusal.value.problems
    assert "'/nowhere'" in model
    assert precision.startswith("training.precision = 'fp16'")
    assert "/nowhere/rows.csv" in source


def test_a_base_model_that_is_not_found_hides_no_wrong_class_weights(tiny_config):
    config = tiny_config(model={"name": "/nowhere"}, class_weights={"neither": 2})
    with pytest.raises(SettingsError, match=r"'/nowhere'.*training\.class_weights"):
        prepare(config)


MACHINES = {
    "cpu": Device("cpu", "1 CPU core", False),
    "mps": Device("mps", "Apple GPU", False),
    "cuda": Device("cuda", "G", True),
}


@pytest.mark.parametrize(
    ("kind", "cause"), [("mps", "an Apple GPU takes one"), ("cuda", "this machine has 2 GPUs, one for each")]
)
def test_more_processes_than_gpus_are_refused(kind, cause, monkeypatch):
    monkeypatch.setattr(fitting, "describe", lambda: MACHINES[kind])
    monkeypatch.setattr(fitting, "gpus", lambda: ("0", "1"))
    with pytest.raises(SettingsError, match=f"num_processes = 4: {cause}"):
        fitting.refuse_unfit(TrainingConfig(num_processes=4))


@pytest.mark.parametrize("optim", ["adafactor", "adagrad"])
def test_an_optimizer_that_takes_no_parted_weights_is_refused(optim, monkeypatch):
    """In both the first step, or the first checkpoint, fails (torch 2.13, two processes)."""
    monkeypatch.setattr(fitting, "describe", lambda: MACHINES["cuda"])
    monkeypatch.setattr(fitting, "gpus", lambda: ("0", "1"))
    with pytest.raises(SettingsError, match=f"optim = '{optim}': not with training.fsdp"):
        fitting.refuse_unfit(TrainingConfig(num_processes=2, fsdp=True, optim=optim))


@pytest.mark.parametrize(("kind", "processes"), [("cpu", 4), ("cuda", 2), ("mps", 1)])
def test_as_many_processes_as_there_are_devices_are_taken(kind, processes, monkeypatch):
    monkeypatch.setattr(fitting, "describe", lambda: MACHINES[kind])
    monkeypatch.setattr(fitting, "gpus", lambda: ("0", "1"))
    fitting.refuse_unfit(TrainingConfig(num_processes=processes))


@pytest.mark.parametrize("state", ["queued", "completed"])
def test_only_an_ended_and_unfinished_run_resumes(state, queued, tiny_config):
    run = queued(tiny_config())
    runs.write_status(run, state=state)
    with pytest.raises(RunError, match="cannot be resumed"):
        resume(run)


def test_a_worker_that_cannot_be_started_fails_the_run(queued, tiny_config, monkeypatch):
    run = queued(tiny_config())
    runs.write_status(run, state="stopped")
    monkeypatch.setattr("tuner.launch.local.sys.executable", "/nowhere/python")
    with pytest.raises(SettingsError, match="worker could not be started"):
        resume(run)
    assert run.status.state == "failed"


def test_a_run_whose_log_cannot_be_opened_waits_for_nobody(queued, tiny_config):
    """It stayed queued for as long as the server lived, and all others behind it."""
    run = queued(tiny_config())
    runs.write_status(run, state="stopped")
    (run.folder / "train.log").mkdir()
    with pytest.raises(SettingsError, match="worker could not be started"):
        resume(run)
    assert run.status.state == "failed"


def test_that_a_worker_could_not_be_started_is_said_once_the_disk_takes_it(queued, tiny_config, monkeypatch):
    run = queued(tiny_config())
    runs.write_status(run, state="stopped")
    full, write = [True], runs._write_status

    def written(run, status):
        if full and status.state != "queued":
            raise OSError(errno.ENOSPC, "No space left on device")
        write(run, status)

    monkeypatch.setattr(runs, "_write_status", written)
    monkeypatch.setattr("tuner.launch.local.sys.executable", "/nowhere/python")
    with pytest.raises(SettingsError, match="worker could not be started"):
        resume(run)
    assert run.status.state == "queued"
    full.clear()
    end = time.monotonic() + 30
    while run.status.state != "failed":
        assert time.monotonic() < end, run.status
        time.sleep(0.05)


def test_a_child_that_cannot_be_started_is_told_as_such(monkeypatch):
    monkeypatch.setattr("tuner.children.sys.executable", "/nowhere/python")
    with pytest.raises(RunFailed, match=r"^The timing could not be started \(No such file or directory\)\. Free some memory"):
        ask("tuner.training.timing", "The timing", "", "per_token")
