"""A run's model on the Hub: one commit of what others need, and the same answers from there."""

import json
import shutil
import subprocess

import pytest
from huggingface_hub import ModelCard

from tests.hub.server import TOKEN
from tests.hub.test_files import EXPECTED
from tests.hub.writing import STRANGER, Person
from tuner import runs
from tuner.errors import NetworkError, RunError, SettingsError
from tuner.hub import push_state
from tuner.hub.client import check_branch
from tuner.hub.push import push

MODEL = ("model", "owner/model")
APART = {"model.safetensors", "confusion.png", "calibration.png"}


@pytest.fixture
def send(hub, trained):
    """Pushes the trained run; without the comparison (6 s), which has tests of its own."""

    def call(name="owner/model", token=TOKEN, compare=False, **more):
        return push(trained, name, token=token, endpoint=hub.url, compare=compare, **more)

    return call


def content(hub, name="owner/model", revision=None):
    return {path: file.read_bytes() for path, file in hub.at("model", name, revision).files.items() if path != ".gitattributes"}


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "push.json"}


def test_a_push_is_one_commit_and_the_answers_agree(hub, send, trained):
    before = snapshot(trained.folder)
    done = send(compare=True)
    assert set(content(hub)) == EXPECTED
    assert (len(hub.commits), hub.repos[MODEL].fault, hub.repos[MODEL].apart) == (1, "private", APART)
    assert (done.link, done.commit, done.private) == (f"{hub.url}/owner/model", hub.repos[MODEL].commit, True)
    state = push_state(trained)
    assert (state.state, state.pushed, state.sent) == ("done", done, state.total)
    assert (state.compared.n, state.compared.same) == (4, 4)
    assert "answers 4 test texts of the run as the model of this machine does" in state.answers
    assert snapshot(trained.folder) == before


def test_pipeline_loads_it_from_the_hub(send, trained, python):
    send()
    code = """
    from transformers import pipeline
    classify = pipeline("text-classification", model="owner/model")
    print(json.dumps([classify.model.config.id2label, classify("a great film today")[0]["label"]]))"""
    names, label = python(code, HF_TOKEN=TOKEN)
    assert (sorted(names.values()), label in ("neg", "pos")) == (["neg", "pos"], True)


def test_the_card_names_its_repository(hub, send):
    send()
    card = ModelCard(content(hub)["README.md"].decode())
    assert card.data.model_name == "model"
    assert 'model="owner/model"' in card.text


def test_the_same_model_again_makes_no_commit(hub, send):
    first, again = send(), send()
    assert (len(hub.commits), again.unchanged, again.commit) == (1, True, first.commit)


def test_what_another_put_there_stays(hub, send):
    send()
    (hub.repos[MODEL].folder / "notes.txt").write_text("mine")
    (hub.repos[MODEL].folder / "README.md").write_text("old")
    assert not send().unchanged
    assert "notes.txt" in content(hub)


def test_progress_ends_with_all_bytes(send, trained):
    told = []
    send(on_progress=lambda sent, total: told.append((sent, total)))
    weights = (trained.model_folder / "model.safetensors").stat().st_size
    assert told[0][0] > 0
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == push_state(trained).total > weights


def test_a_branch_is_made_and_main_stays(hub, send, trained):
    done = send(branch="better-data", compare=True)
    assert set(content(hub, revision="better-data")) == EXPECTED
    assert content(hub) == {}
    assert (done.revision, push_state(trained).compared.same) == ("better-data", 4)
    assert send(branch="better-data").unchanged


def test_a_pull_request_at_a_repository_of_somebody_else(hub, files, send, trained):
    hub.add("model", "somebody/model", files("theirs", {"README.md": "---\nlicense: mit\n---\n"}))
    done = send("somebody/model", private=False, pull_request=True, compare=True)
    assert (done.revision, done.pull_request) == ("refs/pr/1", f"{hub.url}/somebody/model/discussions/1")
    assert set(content(hub, "somebody/model", "refs/pr/1")) == EXPECTED
    assert set(content(hub, "somebody/model")) == {"README.md"}
    assert push_state(trained).compared.same == 4


def test_a_pull_request_that_is_open_already_is_not_made_twice(hub, send):
    send()
    (hub.repos[MODEL].folder / "README.md").write_text("old")
    hub.fail("commit", "lost")
    made, again = send(pull_request=True), send(pull_request=True)
    assert (len(hub.requests_open), len(hub.commits)) == (1, 2)
    assert (made.unchanged, again.unchanged, again.pull_request) == (False, True, made.pull_request)


def test_a_pull_request_needs_a_repository(hub, send):
    with pytest.raises(NetworkError, match="There is no 'somebody/gone'"):
        send("somebody/gone", pull_request=True)
    assert hub.repos == {}


def test_a_private_model_is_not_proposed_to_everybody(hub, files, send):
    hub.add("model", "somebody/model", files("theirs", {"README.md": "x"}))
    with pytest.raises(NetworkError, match="everybody may read it"):
        send("somebody/model", pull_request=True)
    assert hub.commits == []


def test_an_organisation_and_everybody(hub, send):
    hub.people[STRANGER] = Person("somebody", orgs=("a-team",))
    assert not send("a-team/model", STRANGER, private=False).private
    assert hub.repos["model", "a-team/model"].fault == ""


@pytest.mark.parametrize("branch", ["refs/pr/1", "../main", "a b", "/a", "x" * 101, "a..b", "a.lock/b", "-x", "a.", "HEAD"])
def test_a_branch_that_cannot_be_is_told_first(branch, hub, send):
    with pytest.raises(SettingsError, match="no name of a branch"):
        send(branch=branch)
    assert hub.requests == []


@pytest.mark.parametrize("branch", ["v1.0", "a.b/c_d", "x/-y", "a./b", "HEADS", "my.locker"])
def test_what_git_takes_for_a_branch_is_one(branch):
    subprocess.run(["git", "check-ref-format", "--branch", branch], check=True, capture_output=True)
    check_branch(branch)


def test_a_run_without_a_model_is_not_pushed(hub, send, trained):
    shutil.rmtree(trained.model_folder)
    with pytest.raises(RunError, match="no finished model"):
        send()
    assert hub.requests == []


def test_answers_that_differ_are_told(hub, send, trained):
    """The weights on the Hub are not those of the run any more."""
    import torch
    from safetensors.torch import load_file, save_file

    from tuner.hub.answers import compare_answers

    done = send()
    path = hub.repos[MODEL].folder / "model.safetensors"
    weights = {name: torch.randn_like(value) if "classifier" in name else value for name, value in load_file(path).items()}
    save_file(weights, path, {"format": "pt"})
    found = compare_answers(trained, done.repo_id, hub.repos[MODEL].commit, token=TOKEN, seconds=120, endpoint=hub.url)
    assert found.same < found.n == 4
    assert found.largest > 0.01
    assert "do not rely on it" in str(found)


def test_without_test_rows_plain_sentences_are_compared(send, trained):
    (trained.folder / "predictions.parquet").unlink()
    send(compare=True)
    assert "answers 4 sentences as the model of this machine does" in push_state(trained).answers


def test_a_push_whose_process_is_gone_can_be_repeated(hub, send, trained):
    send()
    written = json.loads((trained.folder / "push.json").read_text())
    (trained.folder / "push.json").write_text(json.dumps({**written, "state": "pending", "pid": 1, "process": "another"}))
    assert (push_state(trained).state, push_state(trained).cause[:23]) == ("failed", "The push was broken off")
    assert send().unchanged


def test_two_pushes_of_one_run_at_a_time_are_refused(hub, send, trained):
    send()
    written = json.loads((trained.folder / "push.json").read_text())
    (trained.folder / "push.json").write_text(json.dumps({**written, "state": "pending"}))
    with pytest.raises(RunError, match="is being pushed to 'owner/model' already"):
        send()


def test_a_damaged_state_is_no_obstacle(send, trained):
    (trained.folder / "push.json").write_text("{")
    assert push_state(trained) is None
    send()
    assert runs.get(trained.id).status.state == "completed"
