"""Whatever goes wrong with a push: one sentence of cause, one of cure, a whole run, and a push that can be repeated."""

import time

import pytest

from tests.hub.server import EXPIRED, TOKEN
from tests.hub.test_push import MODEL, content, send, snapshot  # noqa: F401 (a fixture)
from tests.hub.writing import FINE_GRAINED, READ_ONLY, STRANGER, Person
from tuner.errors import NetworkError, RunError, SourceError, TunerError
from tuner.hub import client, commit, push_state
from tuner.hub.push import push


@pytest.fixture(autouse=True)
def people(hub):
    hub.people |= {READ_ONLY: Person("owner", "read"), STRANGER: Person("somebody", orgs=("a-team",))}
    hub.people |= {FINE_GRAINED: Person("owner", "fineGrained")}


REFUSALS = [
    (False, "owner/model", "no Hugging Face token"),
    (EXPIRED, "owner/model", "does not accept your token"),
    (READ_ONLY, "owner/model", "may not write to 'owner/model'"),
    (FINE_GRAINED, "owner/model", "may not write to 'owner/model'"),
    (STRANGER, "owner/model", "you are somebody, of a-team"),
    (TOKEN, "a-team/model", r"you are owner\."),
    (TOKEN, "model", "no name of a repository"),
    (TOKEN, "owner/a b", "no name of a repository"),
    (TOKEN, "owner/a--b", "no name of a repository"),
    (TOKEN, "../../etc/passwd", "no name of a repository"),
]


@pytest.mark.parametrize(("token", "name", "cause"), REFUSALS)
def test_who_may_not_write_is_told_before_anything_is_sent(token, name, cause, hub, send, trained):  # noqa: F811
    before = snapshot(trained.folder)
    with pytest.raises(TunerError, match=cause) as refusal:
        send(name, token=token)
    assert refusal.value.cure
    assert (hub.repos, snapshot(trained.folder)) == ({}, before)


def test_an_owner_in_other_letters_is_the_person(hub, send, trained):  # noqa: F811
    done = send("Owner/model")
    assert (done.repo_id, push_state(trained).wanted.repo_id, list(hub.repos)) == ("owner/model", "owner/model", [MODEL])


FAULTS = [
    ("whoami", 503, "The Hub answered 503"),
    ("whoami", "drop", "connection to the Hub broke"),
    ("create", 409, "it is something else on the Hub"),
    ("create", 403, "no more room"),
    ("auth-check", 403, "no more room"),
    ("card", 400, "refuses the card of 'owner/model' .license must be one of those"),
    ("card", "drop", "connection to the Hub broke"),
    ("preupload", 401, "does not accept your token"),
    ("lfs", 401, "does not accept your token"),
    ("put", 403, "no more room"),
    ("commit", 401, "does not accept your token"),
    ("commit", 402, "no more room"),
    ("commit", 403, "no more room for 'owner/model' .Storage quota exceeded"),
    ("commit", 429, "asked too often"),
    ("commit", 500, "The Hub answered 500"),
    ("commit", 503, "The Hub answered 503"),
    ("commit", 412, "changed by somebody else"),
    ("commit", "drop", "connection to the Hub broke"),
]


@pytest.mark.parametrize(("step", "fault", "cause"), FAULTS)
def test_a_fault_is_a_sentence_and_the_push_can_be_repeated(step, fault, cause, hub, send, trained):  # noqa: F811
    before = snapshot(trained.folder)
    hub.fail(step, fault)
    with pytest.raises(TunerError, match=cause) as refusal:
        send()
    assert refusal.value.cure
    assert hub.commits == []
    state = push_state(trained)
    assert state is None or (state.state, state.cause, state.cure) == ("failed", refusal.value.cause, refusal.value.cure)
    assert snapshot(trained.folder) == before
    assert not send().unchanged
    assert (len(hub.commits), push_state(trained).state) == (1, "done")


@pytest.mark.parametrize(
    ("step", "fault"),
    [
        ("preupload", 503),
        ("preupload", 429),
        ("lfs", 500),
        ("lfs", 503),
        ("put", 500),
        ("put", 503),
        ("put", "drop"),
        ("put", "torn"),
    ],
)
def test_a_short_trouble_is_waited_for(step, fault, hub, send, trained):  # noqa: F811
    hub.fail(step, fault)
    assert not send().unchanged
    assert content(hub)["model.safetensors"] == (trained.model_folder / "model.safetensors").read_bytes()


@pytest.mark.slow
def test_a_long_trouble_is_given_up_and_the_push_can_be_repeated(hub, send, trained):  # noqa: F811
    """The client tries six times in about 20 s."""
    hub.fail("put", 503, 50)
    before = snapshot(trained.folder)
    with pytest.raises(NetworkError, match="The Hub answered 503"):
        send()
    assert (hub.commits, snapshot(trained.folder), push_state(trained).state) == ([], before, "failed")
    hub.faults.clear()
    assert not send().unchanged


@pytest.mark.parametrize("fault", ["gated", "private"])
def test_a_base_model_that_others_may_not_read_does_not_stop_it(fault, hub, files, send, trained):  # noqa: F811
    hub.add("model", "owner/base", files("base", {"config.json": "{}"}), fault)
    config = trained.config.with_changes({"model": {"name": "owner/base", "revision": None}})
    (trained.folder / "config.yaml").write_text(config.to_yaml())
    assert not send().unchanged
    assert b"base_model: owner/base" in content(hub)["README.md"]
    assert not [request for request in hub.requests if "owner/base" in request.path]


def test_a_token_revoked_midway_and_renewed(hub, send, trained):  # noqa: F811
    hub.fail("put", 401)
    with pytest.raises(NetworkError, match="does not accept your token"):
        send()
    assert push_state(trained).cure.startswith("Log in again")
    assert not send().unchanged


def test_an_answer_lost_after_the_commit_is_found(hub, send, trained):  # noqa: F811
    hub.fail("commit", "lost")
    done = send()
    assert (len(hub.commits), done.commit, push_state(trained).state) == (1, hub.repos[MODEL].commit, "done")
    assert send().unchanged


@pytest.mark.parametrize("step", ["whoami", "create", "put", "commit"])
def test_a_silent_hub_is_not_waited_for_ever(step, hub, send, trained, monkeypatch):  # noqa: F811
    monkeypatch.setattr(client, "SECONDS", 2.0)
    monkeypatch.setattr(commit, "LEAST_SECONDS", 2.0)
    hub.fail(step, "silent")
    begun = time.monotonic()
    with pytest.raises(NetworkError, match="did not answer"):
        send()
    assert time.monotonic() - begun < 20
    assert not send().unchanged


def test_a_file_deleted_in_the_middle_is_named_without_its_folder(hub, tmp_path):
    """Also where one of its name is on the Hub, with which it is compared."""
    path, owner = tmp_path / "model.safetensors", client.Client(TOKEN, hub.url)
    repo = owner.writable("owner/model", "model", private=True)
    for _ in range(2):
        with pytest.raises(
            SourceError, match=r"^model.safetensors cannot be read any more \(No such file or directory\)\. Make it"
        ):
            commit.push_files(owner, repo, {"model.safetensors": path}, "first")
        (hub.repos[MODEL].folder / path.name).write_text("weights")


def test_without_a_network_it_is_told_at_once(trained):
    with pytest.raises(NetworkError, match="connection to the Hub broke"):
        push(trained, "owner/model", token=TOKEN, endpoint="http://127.0.0.1:9")
    assert push_state(trained) is None


def test_a_secret_in_the_model_stops_it_before_a_repository_is_made(hub, send, trained):  # noqa: F811
    (trained.model_folder / "special_tokens_map.json").write_text('{"note": "hf_' + "x" * 30 + '"}')
    with pytest.raises(RunError, match="Nothing was sent"):
        send()
    assert hub.repos == {}
    assert "x" * 30 not in push_state(trained).cause


def test_a_comparison_that_fails_leaves_the_push_done(hub, files, send, trained):  # noqa: F811
    """The model is on the Hub; that it could not be fetched from there is told."""
    hub.add("model", "owner/model", files("theirs", {"notes.txt": "x"}), "gated")
    assert not send(private=False, compare=True).unchanged
    state = push_state(trained)
    assert (state.state, state.compared) == ("done", None)
    assert "could not be loaded from the Hub to compare its answers" in state.answers
