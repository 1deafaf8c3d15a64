"""Who is told the token: the Hub, by the process a person started; nobody and nothing else."""

import os

import pytest

from tests.hub.server import TOKEN
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


def test_a_worker_is_told_where_the_hub_is_and_no_token(monkeypatch, hub, hf_home):
    for key, value in {**hub.environment, "HF_HOME": str(hf_home), "HF_TOKEN": TOKEN, "TUNER_HF_TOKEN": TOKEN}.items():
        monkeypatch.setenv(key, value)
    kept = worker_environment()
    assert {"HF_ENDPOINT", "HF_HOME", "HF_HUB_DISABLE_XET"} <= set(kept)
    assert TOKEN in os.environ.values()
    assert TOKEN not in kept.values()
