"""A run on Hugging Face Jobs from a local table to the model, and one that is lost, found, stopped and resumed.

The loopback Hub really runs the jobs; the same settings are trained here, and the weights are compared bit for bit.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from safetensors.torch import load_file

from tests import tiny
from tests.hub.conftest import as_csv
from tests.hub.server import TOKEN, Hub
from tests.serving import ROOT
from tuner import runs
from tuner.config import RunConfig

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
SETTINGS = {
    "per_device_train_batch_size": 4, "precision": "fp32", "learning_rate": 1e-3, "eval_strategy": "'no'", "logging_steps": 1,
}  # fmt: skip


@dataclass
class Place:
    """A home of its own with a table and a base model, and the command line that takes the loopback Hub for the real one."""

    folder: Path
    hub: Hub
    said: list[bytes] = field(default_factory=list)

    @property
    def home(self):
        return self.folder / "home"

    def call(self, *arguments):
        at = {"TUNER_HOME": str(self.home), "HF_HOME": str(self.folder / "hf"), "TUNER_JOBS_CHECKPOINT_SECONDS": "1"}
        environment = {**os.environ, **self.hub.environment, **at, "HF_TOKEN": TOKEN}
        command = [sys.executable, "-m", "tuner", *map(str, arguments)]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)

    def train(self, *more, **settings):
        given = [part for name, value in {**SETTINGS, **settings}.items() for part in ("--set", f"training.{name}={value}")]
        source = ("--data", self.folder / "rows.csv", "--model", self.folder / "base")
        where = ("--backend", "jobs", "--flavor", "cpu-basic", "--timeout", "10m", "--json")
        return self.call("train", *source, *where, *given, *more)

    def run(self):
        (folder,) = (self.home / "runs").glob("*-*-*")
        return runs.Run(folder.name, folder)

    def trained_here(self, run):
        """The same settings, trained by a worker of this machine in another home."""
        at = {"TUNER_HOME": str(self.folder / "here"), "HF_HOME": str(self.folder / "hf")}
        file = self.folder / "same.yaml"
        config = RunConfig.from_yaml((run.folder / "config.yaml").read_text())
        file.write_text(config.to_yaml())
        command = [sys.executable, "-m", "tuner", "train", "--file", str(file), "--json"]
        done = subprocess.run(command, env={**os.environ, **at}, cwd=ROOT, capture_output=True, text=True, check=True)
        return Path(json.loads(done.stdout)["folder"])


@contextlib.contextmanager
def made(folder):
    tiny.save_model("bert", folder / "base")
    (folder / "rows.csv").write_text(as_csv(tiny.labelled_rows(60)))
    with Hub() as hub:
        yield Place(folder, hub)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    with made(tmp_path_factory.mktemp("jobs")) as place:
        yield place


def watch(place, stop):
    """Arguments and environment of every process that works for the run, but for the environment a job itself is given."""
    me = psutil.Process()
    while not stop.is_set():
        given = {job.process.pid for job in place.hub.jobs.values() if job.process}
        for process in me.children(recursive=True):
            try:
                command = "\0".join(process.cmdline())
                about = "" if process.pid in given or "--backend" in command else "\0".join(process.environ().values())
                place.said.append(f"{command}\0{about}".encode())
            except psutil.Error:
                continue
        time.sleep(0.1)


@pytest.fixture(scope="module")
def trained(place):
    """Trained with a log that breaks off and a Hub that does not answer for a while."""
    place.hub.fail("job-log", "drop", 2)
    place.hub.fail("job-look", "drop", 1)
    stop = threading.Event()
    watching = threading.Thread(target=watch, args=(place, stop))
    watching.start()
    done = place.train(max_steps=8, save_strategy="steps", save_steps=4)
    stop.set()
    watching.join()
    assert done.returncode == 0, done.stderr
    return done


def weights(folder):
    return {name: value.tolist() for name, value in load_file(folder / "model" / "model.safetensors").items()}


def test_a_run_from_a_local_table_ends_with_the_weights_of_a_local_run(place, trained):
    here = place.trained_here(place.run())
    assert weights(place.run().folder) == weights(here)
    own, other = (json.loads((folder / "report.json").read_text()) for folder in (place.run().folder, here))
    assert [own[key] for key in ("accuracy", "log_loss", "rows_fingerprint", "source")] == [
        other[key] for key in ("accuracy", "log_loss", "rows_fingerprint", "source")
    ]


def test_the_command_prints_what_a_local_run_does_and_the_price_first(place, trained):
    said = json.loads(trained.stdout)
    assert (said["state"], said["run_id"], said["job"]["flavor"]) == ("completed", place.run().id, "cpu-basic")
    assert {"metrics", "folder", "train_samples_per_second", "train_runtime"} <= said.keys()
    assert trained.stderr.splitlines()[0] == "cpu-basic: 0.01 US dollars an hour, at most 0.0017 for 10 min."


def test_a_log_that_broke_off_is_told_once_and_whole(place, trained):
    events, _ = runs.read_events(place.run())
    assert [event["step"] for event in events if event["event"] == "log"] == [*range(1, 9)]
    log = (place.run().folder / "train.log").read_text().splitlines()
    assert log.count("Installing what Tuner needs") == 1


def test_rows_and_base_model_lie_in_private_repositories_and_the_run_s_own_is_gone(place, trained):
    held = {name: sorted(repo.files) for (_, name), repo in place.hub.repos.items()}
    assert {repo.fault for repo in place.hub.repos.values()} == {"private"}
    (data,) = (files for name, files in held.items() if name.startswith("owner/tuner-data-"))
    (base,) = (files for name, files in held.items() if name.startswith("owner/tuner-base-"))
    assert data == [".gitattributes", "README.md", "rows/source/rows.csv"]
    assert "model.safetensors" in base
    assert len(held) == 2


def test_the_token_is_in_no_file_argument_environment_or_log(place, trained):
    jobs = [job.folder for job in place.hub.jobs.values()]
    repos = [repo.folder for repo in place.hub.repos.values()]
    files = [path for folder in (place.folder, *jobs, *repos) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if TOKEN.encode() in path.read_bytes()] == []
    assert any(b"tuner.launch.on_job" in said for said in place.said)
    assert any(b"tuner.launch.follower" in said for said in place.said)
    assert [said for said in place.said if TOKEN.encode() in said] == []
    assert TOKEN not in trained.stdout + trained.stderr


def test_nothing_of_this_machine_is_told_the_hub_but_the_rows(place, trained):
    sent = [path for repo in place.hub.repos.values() for path in repo.folder.rglob("*") if path.is_file()]
    assert [path for path in sent if str(place.folder).encode() in path.read_bytes()] == []


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def test_a_run_that_is_lost_found_stopped_and_resumed_ends_as_if_nothing_had_been(tmp_path, place, trained, monkeypatch):
    """The follower is killed: the job goes on, and a resume finds it. A stop saves there; the next job begins from that."""
    other = Place(tmp_path, place.hub)
    for name in ("base", "rows.csv"):
        (tmp_path / name).symlink_to(place.folder / name)
    monkeypatch.setenv("TUNER_HOME", str(other.home))
    before = len(place.hub.jobs)
    # The rate is so high that the best checkpoint is an early one, which the next job must have, too.
    stepwise = {"save_strategy": "steps", "save_steps": 50, "eval_strategy": "steps", "eval_steps": 50}
    begun = other.train(
        "--queue", max_steps=1200, **stepwise, learning_rate=0.1, metric_for_best_model="log_loss", save_total_limit=2
    )
    assert begun.returncode == 0, begun.stderr
    run = other.run()
    until(lambda: len(place.hub.jobs) > before and runs.read_status(run).message == "Loading the libraries")
    os.kill(runs.read_status(run).pid, signal.SIGKILL)
    until(lambda: run.status.state == "lost")
    assert "The job may go on" in run.status.message

    resumed = threading.Thread(target=other.call, args=("resume", run.id, "--json"))
    resumed.start()
    until(lambda: runs.read_status(run).step > 120)
    runs.request_stop(run)
    resumed.join()
    assert (run.status.state, len(place.hub.jobs)) == ("stopped", before + 1)
    assert 120 < run.status.step < 1200
    stopped_at = run.status.step

    ended = other.call("resume", run.id, "--json")
    assert ended.returncode == 0, ended.stderr
    steps = [event["step"] for event in runs.read_events(run)[0] if event["event"] == "log"]
    assert (run.status.state, steps) == ("completed", [*range(1, 1201)])
    assert f"checkpoint-{stopped_at}" in (run.folder / "train.log").read_text()
    assert weights(run.folder) == weights(other.trained_here(run))


def test_on_a_machine_with_two_gpus_two_processes_train(tmp_path):
    """The loopback's machine has none, so that they train on its cores."""
    with made(tmp_path) as place:
        done = place.train("--flavor", "a10g-largex2", max_steps=3)
        assert done.returncode == 0, done.stderr
        assert place.run().status.state == "completed"
        assert any("in 2 processes" in event.get("message", "") for event in runs.read_events(place.run())[0])
