"""Who is told the token: the Hub, by the process a person started; nobody and nothing else."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.hub.server import TOKEN
from tests.serving import ROOT
from tuner import hub_read
from tuner.launch.local import worker_environment


@pytest.fixture
def served(hub, tweets, tiny_models):
    hub.add("dataset", "owner/data", tweets)
    hub.add("model", "owner/model", tiny_models["bert"])


@pytest.fixture
def logged_in(hf_home):
    """As `hf auth login` leaves it."""
    (hf_home / "token").write_text(TOKEN)


def sent(hub):
    return {request.authorization for request in hub.requests}


@pytest.mark.usefixtures("served")
def test_without_a_token_none_is_sent(hub, tuner):
    tuner("preview", "owner/data", "--model", "owner/model", "--json").json  # noqa: B018
    assert sent(hub) == {None}


@pytest.mark.usefixtures("served", "logged_in")
def test_who_is_logged_in_is_known_to_the_hub(hub, tuner):
    tuner("preview", "owner/data", "--model", "owner/model", "--json").json  # noqa: B018
    assert f"Bearer {TOKEN}" in sent(hub)


@pytest.mark.slow
@pytest.mark.usefixtures("served", "logged_in")
def test_the_token_is_in_no_file_of_a_run(tuner, home):
    few = ("--set", "training.max_steps=2", "--set", "training.save_strategy=epoch")
    done = tuner("train", "--data", "owner/data", "--model", "owner/model", "--json", *few, HF_TOKEN=TOKEN).json
    assert done["state"] == "completed"
    files = [path for path in home.rglob("*") if path.is_file()]
    assert [path for path in files if path.name == "model.safetensors"]
    assert not [path for path in files if TOKEN.encode() in path.read_bytes()]


@pytest.mark.slow
def test_a_private_set_and_model_train_with_a_token_that_lies_nowhere(hub, tweets, tiny_models, environment, home, hf_home):
    """The worker has it from the pipe: its environment and arguments, the run and the caches hold none of it."""
    hub.add("dataset", "owner/data", tweets, "private")
    hub.add("model", "owner/model", tiny_models["bert"], "private")
    command = [sys.executable, "-m", "tuner", "train", "--data", "owner/data", "--model", "owner/model", "--json"]
    few = ["--set", "training.max_steps=2", "--set", "training.save_strategy=epoch"]
    parent = subprocess.Popen(
        [*command, *few], env={**environment, "HF_TOKEN": TOKEN}, cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    seen = worker_seen(home, parent)
    out, _ = parent.communicate(timeout=120)
    assert json.loads(out)["state"] == "completed"
    assert {b"HF_ENDPOINT", b"TUNER_HOME"} < {line.partition(b"=")[0] for line in seen["environ"].split(b"\0")}
    assert b"tuner.training.worker" in seen["cmdline"]
    kept = {path: path.read_bytes() for folder in (home, hf_home) for path in folder.rglob("*") if path.is_file()}
    assert [path for path in kept if path.name == "model.safetensors"]
    assert not [name for name, content in (kept | seen).items() if TOKEN.encode() in content]


def worker_seen(home, parent):
    """What /proc shows of the worker while it runs."""
    while parent.poll() is None:
        for path in home.glob("runs/*/status.json"):
            pid = json.loads(path.read_text())["pid"]
            if pid and pid != parent.pid:
                return {name: Path(f"/proc/{pid}/{name}").read_bytes() for name in ("environ", "cmdline")}
        time.sleep(0.01)
    raise AssertionError("the worker never started")


@pytest.fixture
def own(monkeypatch):
    """`own("hf_…")`: the token that the person's login gives."""
    monkeypatch.setattr(hub_read, "_handed", None)
    monkeypatch.delenv("SPACE_ID", raising=False)
    return lambda value: monkeypatch.setenv("HF_TOKEN", value)


def test_here_the_token_is_that_of_the_login(own):
    assert hub_read.token() is False
    own(TOKEN)
    assert hub_read.token() == TOKEN


def test_on_a_space_the_owners_token_is_nobodys(own, monkeypatch):
    own(TOKEN)
    monkeypatch.setenv("SPACE_ID", "owner/space")
    assert hub_read.token() is False


@pytest.mark.parametrize(("handed", "used"), [("hf_handed", "hf_handed"), ("", False)])
def test_what_was_handed_over_goes_first(own, handed, used):
    own(TOKEN)
    hub_read.use_token(handed)
    assert hub_read.token() == used


@pytest.mark.usefixtures("served")
def test_a_space_reads_without_the_owners_token(hub, tuner):
    profile = tuner("preview", "owner/data", "--model", "owner/model", "--json", HF_TOKEN=TOKEN, SPACE_ID="owner/space")
    assert profile.json["labels"] == ["neg", "pos"]
    assert sent(hub) == {None}


def test_a_worker_is_told_where_the_hub_is_and_no_token(monkeypatch, hub, hf_home):
    for key, value in {**hub.environment, "HF_HOME": str(hf_home), "HF_TOKEN": TOKEN, "TUNER_HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(key, value)
    kept = worker_environment()
    assert {"HF_ENDPOINT", "HF_HOME", "HF_HUB_DISABLE_XET"} <= set(kept)
    assert TOKEN in os.environ.values()
    assert TOKEN not in kept.values()
