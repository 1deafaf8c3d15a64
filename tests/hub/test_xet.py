"""With hf_xet, as everybody has it: a push goes around it, and what it says when it is refused becomes a sentence."""

import pytest

from tests.hub.server import TOKEN
from tests.hub.test_push import MODEL

ON = {"HF_HUB_DISABLE_XET": "0"}
# What the Hub's client does of itself, not what Tuner does: a file by its path.
UPLOAD = """
from pathlib import Path
from huggingface_hub import CommitOperationAdd
from tuner.hub import Client

client, said = Client({token!r}), ""
client.call(lambda api: api.create_repo("owner/model", private=True), "owner/model", "model")
Path({file!r}).write_bytes(bytes(range(256)) * 1000)
added = [CommitOperationAdd("weights.bin", {file!r})]
try:
    client.call(lambda api: api.create_commit("owner/model", added, commit_message="x"), "owner/model", "model")
except TunerError as error:
    said = str(error)
print(json.dumps(said))
"""


def asked_of_xet(hub):
    return [request.path for request in hub.requests if "xet-" in request.path or request.path.startswith("/v1/")]


def test_a_push_asks_nothing_of_xet(hub, trained, tuner):
    answer = tuner("push", trained.id, "owner/model", "--no-compare", "--json", HF_TOKEN=TOKEN, **ON)
    assert answer.code == 0, answer.err
    assert asked_of_xet(hub) == []
    weights = trained.model_folder / "model.safetensors"
    assert hub.repos[MODEL].files["model.safetensors"].read_bytes() == weights.read_bytes()


def test_what_is_in_memory_goes_around_it_too(hub, python):
    """The client took xet where no file of a commit was handed to it open."""
    code = f"""
    from tuner.hub import Client, push_files
    client = Client({TOKEN!r})
    repo = client.writable("owner/model", "model", private=True)
    print(json.dumps(push_files(client, repo, {{"a.png": bytes(1000)}}, "x").unchanged))"""
    assert python(code, **ON) is False
    assert (hub.repos[MODEL].apart, asked_of_xet(hub)) == ({"a.png"}, [])


REFUSALS = [
    ("token", 401, "does not accept your token"),
    ("token", 403, "may not write to 'owner/model'"),
    ("xorbs", 401, "does not accept your token"),
    ("shards", 403, "may not write to 'owner/model'"),
]


@pytest.mark.parametrize(("step", "status", "cause"), REFUSALS)
def test_what_xet_refuses_is_a_sentence(step, status, cause, hub, python, tmp_path):
    hub.xet[step] = status
    assert cause in python(UPLOAD.format(token=TOKEN, file=str(tmp_path / "weights.bin")), **ON)
    assert asked_of_xet(hub)


def test_weights_that_xet_does_not_give_are_a_sentence(hub, tiny_models, tuner, csv):
    hub.add("model", "owner/model", tiny_models["bert"])
    hub.xet_files = True
    answer = tuner("train", "--data", csv(60), "--model", "owner/model", "--set", "training.max_steps=1", **ON)
    assert asked_of_xet(hub)
    assert "Traceback" not in answer.err
    assert "'owner/model' cannot be loaded" in answer.err
