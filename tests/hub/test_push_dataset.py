"""Feedback as a data set on the Hub: rights first, one commit; whatever breaks, a sentence, and the push can be repeated."""

import json
import time

import pytest
from huggingface_hub import DatasetCard

from tests.hub.server import EXPIRED, TOKEN
from tests.hub.writing import FINE_GRAINED, READ_ONLY, STRANGER, Person
from tuner import feedback
from tuner.errors import NetworkError, SourceError, TunerError
from tuner.feedback import Feedback
from tuner.hub import Client, client, commit, dataset_findings, push_dataset, push_files


@pytest.fixture(autouse=True)
def people(hub):
    hub.people |= {READ_ONLY: Person("owner", "read"), STRANGER: Person("somebody", orgs=("a-team",))}
    hub.people |= {FINE_GRAINED: Person("owner", "fineGrained")}


@pytest.fixture
def push(hub):
    """Pushes six rows of feedback, or those there are."""
    feedback.add("mine", *(Feedback(f"text {i}", ("neg", "pos")[i % 2], by="Ann", model="/home/ann/model") for i in range(6)))

    def call(name="owner/rows", token=TOKEN, **more):
        return push_dataset("mine", name, token=token, endpoint=hub.url, **more)

    return call


@pytest.fixture
def much(push):
    """More than a commit carries itself."""
    feedback.add("mine", *(Feedback(f"{i} " + "word " * 10_000, "neg") for i in range(4)))


def files(hub, name="owner/rows"):
    return {path: file.read_text() for path, file in hub.repos["dataset", name].files.items()}


def test_a_push_is_one_commit_of_rows_and_card(hub, push):
    done = push()
    assert hub.commits == ["6 labelled rows"]
    assert hub.repos["dataset", "owner/rows"].fault == "private"
    assert [json.loads(line) for line in files(hub)["train.jsonl"].splitlines()] == [
        {"text": f"text {i}", "label": ("neg", "pos")[i % 2]} for i in range(6)
    ]
    assert (done.link, done.commit) == (f"{hub.url}/datasets/owner/rows", hub.repos["dataset", "owner/rows"].commit)
    assert (done.private, done.unchanged) == (True, False)


def test_who_judged_and_where_stay_at_home(hub, push):
    push()
    assert not [word for word in ("Ann", "/home", TOKEN) for content in files(hub).values() if word in content]


def test_the_card_is_valid_and_names_no_licence(hub, push):
    push()
    about = DatasetCard(files(hub)["README.md"]).data
    assert (about.task_categories, about.size_categories, about.license) == (["text-classification"], ["n<1K"], None)


def test_labels_cannot_break_out_of_the_cards_table(hub, push):
    feedback.add("mine", Feedback("odd", "a|b\n# <script>"))
    push()
    assert r"| a\|b \# \<script\> | 1 |" in files(hub)["README.md"]


def test_the_same_rows_again_make_no_commit(hub, push):
    first, again = push(), push()
    assert (len(hub.commits), again.unchanged, again.commit) == (1, True, first.commit)


def test_more_rows_make_a_second_commit(hub, push):
    push()
    feedback.add("mine", Feedback("one more", "neg"))
    assert not push().unchanged
    assert hub.commits == ["6 labelled rows", "7 labelled rows"]


@pytest.mark.usefixtures("much")
def test_a_large_file_is_sent_apart(hub, push):
    push()
    assert hub.repos["dataset", "owner/rows"].apart == {"train.jsonl"}
    assert len(files(hub)["train.jsonl"].splitlines()) == 10
    assert push().unchanged


def test_files_of_a_folder_are_pushed_beside_what_is_there(hub, write):
    """As a model's will be: weights are bytes, and what another put there stays."""
    writer = Client(TOKEN, hub.url)
    push_files(writer, writer.writable("owner/model", "model", True), {"notes.txt": b"mine"}, "notes")
    weights = write("model.safetensors", b"\0" * 300)
    done = push_files(writer, writer.writable("owner/model", "model", True), {"model.safetensors": weights}, "weights")
    repo = hub.repos["model", "owner/model"]
    assert {"notes.txt", "model.safetensors"} <= set(repo.files)
    assert (repo.apart, done.link) == ({"model.safetensors"}, f"{hub.url}/owner/model")
    assert push_files(writer, writer.writable("owner/model", "model", True), {"model.safetensors": weights}, "again").unchanged


def test_public_by_choice(hub, push):
    assert not push(private=False).private
    assert hub.repos["dataset", "owner/rows"].fault == ""


def test_private_rows_never_go_to_a_public_set(hub, push):
    push(private=False)
    feedback.add("mine", Feedback("secret", "neg"))
    with pytest.raises(NetworkError, match="everybody may read it"):
        push()
    assert len(hub.commits) == 1


def test_personal_data_is_counted_by_text():
    rows = [("write to ann@example.com and bob@example.com", "neg"), ("call +43 660 1234567", "pos"), ("nothing", "pos")]
    assert dataset_findings(rows) == {"email": 1, "phone": 1}


def test_no_rows_are_no_data_set(hub):
    with pytest.raises(SourceError, match="no row to push"):
        push_dataset([], "owner/rows", token=TOKEN, endpoint=hub.url)
    assert not hub.requests


REFUSALS = [
    (False, "owner/rows", "no Hugging Face token"),
    (EXPIRED, "owner/rows", "does not accept your token"),
    (READ_ONLY, "owner/rows", "may not write to 'owner/rows'"),
    (FINE_GRAINED, "owner/rows", "may not write to 'owner/rows'"),
    (STRANGER, "owner/rows", "you are somebody, of a-team"),
    (TOKEN, "a-team/rows", r"you are owner\."),
    (TOKEN, "rows", "no name of a repository"),
    (TOKEN, "owner/a b", "no name of a repository"),
    (TOKEN, "owner/a--b", "no name of a repository"),
]


@pytest.mark.parametrize(("token", "name", "cause"), REFUSALS)
def test_who_may_not_write_is_told_before_anything_is_sent(token, name, cause, hub, push):
    with pytest.raises(TunerError, match=cause) as refusal:
        push(name, token=token)
    assert refusal.value.cure
    assert hub.repos == {}


def test_the_members_of_an_organisation_push_there(hub, push):
    assert push("a-team/rows", token=STRANGER).link == f"{hub.url}/datasets/a-team/rows"


FAULTS = [
    ("create", 409, "it is something else on the Hub"),
    ("create", 403, "no more room"),
    ("auth-check", 403, "no more room"),
    ("card", 400, "refuses the card of 'owner/rows' .license must be one of those"),
    ("card", "drop", "connection to the Hub broke"),
    ("preupload", 401, "does not accept your token"),
    ("commit", 401, "does not accept your token"),
    ("commit", 402, "no more room"),
    ("commit", 403, "no more room for 'owner/rows' .Storage quota exceeded"),
    ("commit", 429, "asked too often"),
    ("commit", 500, "The Hub answered 500"),
    ("commit", 412, "changed by somebody else"),
    ("commit", "drop", "connection to the Hub broke"),
    ("whoami", 503, "The Hub answered 503"),
]


@pytest.mark.parametrize(("step", "fault", "cause"), FAULTS)
def test_a_fault_is_a_sentence_and_the_push_can_be_repeated(step, fault, cause, hub, push):
    hub.fail(step, fault)
    with pytest.raises(TunerError, match=cause) as refusal:
        push()
    assert refusal.value.cure
    assert TOKEN not in str(refusal.value)
    assert hub.commits == []
    assert not push().unchanged
    assert len(hub.commits) == 1


@pytest.mark.usefixtures("much")
@pytest.mark.parametrize(("step", "fault"), [("preupload", 503), ("preupload", 429), ("put", 500), ("put", "drop"), ("lfs", 503)])
def test_a_short_trouble_is_waited_for(step, fault, hub, push):
    hub.fail(step, fault)
    assert not push().unchanged
    assert len(hub.commits) == 1


@pytest.mark.usefixtures("much")
def test_a_file_that_is_refused_apart_says_why(hub, push):
    hub.fail("put", 403)
    with pytest.raises(NetworkError, match="no more room"):
        push()
    assert hub.commits == []


def test_an_answer_lost_after_the_commit_is_found(hub, push):
    """The client says the connection broke; what stands on the Hub says the push is done."""
    hub.fail("commit", "lost")
    done = push()
    assert (len(hub.commits), done.commit) == (1, hub.repos["dataset", "owner/rows"].commit)


@pytest.mark.parametrize("step", ["whoami", "create", "commit"])
def test_a_silent_hub_is_not_waited_for_ever(step, hub, push, monkeypatch):
    """The client itself has no deadline: a stalled `create_repo` waited for ever."""
    monkeypatch.setattr(client, "SECONDS", 1.0)
    monkeypatch.setattr(commit, "LEAST_SECONDS", 1.0)
    hub.fail(step, "silent")
    begun = time.monotonic()
    with pytest.raises(NetworkError, match="did not answer"):
        push()
    assert time.monotonic() - begun < 10


def test_the_command_line_pushes_what_becomes_a_source(push, tuner):
    done = tuner("feedback", "mine", "--push", "owner/rows", "--json", HF_TOKEN=TOKEN).json
    assert (done["private"], done["findings"]) == (True, {})
    sizes = ("--set", "data.validation_size=2", "--set", "data.test_size=2")
    assert tuner("preview", "owner/rows", *sizes, "--json", HF_TOKEN=TOKEN).json["labels"] == ["neg", "pos"]
    assert "was there already, unchanged" in tuner("feedback", "mine", "--push", "owner/rows", HF_TOKEN=TOKEN).out


def test_the_command_line_shows_personal_data_before_anything_is_sent(hub, push, tuner):
    feedback.add("mine", Feedback("write to ann@example.com or call +43 660 1234567", "neg"))
    answer = tuner("feedback", "mine", "--push", "owner/rows", HF_TOKEN=TOKEN)
    assert answer.code == 2
    assert "1 text with an e-mail address, 1 text with a phone number" in answer.err
    assert not hub.requests
    assert "private data set" in tuner("feedback", "mine", "--push", "owner/rows", "--yes", HF_TOKEN=TOKEN).out


def test_the_command_line_without_a_token_says_how_to_log_in(push, tuner):
    answer = tuner("feedback", "mine", "--push", "owner/rows")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "hf auth login" in answer.err
