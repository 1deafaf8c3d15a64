"""A Hub that refuses, breaks or says nothing: cause and cure within 6 s, and no run is left behind."""

import pytest

from tests.hub.server import EXPIRED, TOKEN

# The deadline is 5 s; the libraries' own retries would take 23 s, and a silent Hub for ever.
MOST_SECONDS = 15
CAUSES = {
    "missing": "is not on the Hub, or it is private",
    "private": "is not on the Hub, or it is private",
    "gated": "is gated",
    "broken": "The Hub answered 500",
    "silent": "cannot be reached",
}


@pytest.fixture
def served(hub, tweets, tiny_models):
    """Serves owner/data and owner/model, one of them with a fault; "missing" is not served at all."""

    def serve(kind, fault):
        for each, name, folder in (("dataset", "owner/data", tweets), ("model", "owner/model", tiny_models["bert"])):
            if (each, fault) != (kind, "missing"):
                hub.add(each, name, folder, fault if each == kind else "")

    return serve


@pytest.mark.parametrize("fault", CAUSES)
@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_a_refusal_is_quick_and_leaves_nothing(kind, fault, served, tuner, home):
    served(kind, fault)
    answer = tuner("train", "--data", "owner/data", "--model", "owner/model", "--json")
    cause, cure = answer.err.strip().splitlines()
    assert (answer.code, answer.out) == (2, "")
    assert CAUSES[fault] in cause
    assert f"'owner/{'data' if kind == 'dataset' else 'model'}'" in cause
    assert cure
    assert answer.waited < MOST_SECONDS
    assert not list(home.glob("runs/*-*"))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["dataset", "model"])
def test_files_that_never_come_are_not_waited_for(kind, served, tuner, tweets):
    """The client asks five times, 60 s each: the preview hung for five minutes."""
    (tweets / ".gitattributes").write_text("*.parquet filter=lfs")
    served(kind, "silent files")
    answer = tuner("preview", "owner/data", "--model", "owner/model")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "cannot be reached" in answer.err
    assert answer.waited < 2 * MOST_SECONDS


def test_a_gated_data_set_names_the_page_where_to_ask(served, tuner):
    served("dataset", "gated")
    assert "https://huggingface.co/datasets/owner/data" in tuner("preview", "owner/data", HF_TOKEN=TOKEN).err


def test_a_token_that_has_expired_is_named(served, tuner):
    served("dataset", "")
    answer = tuner("preview", "owner/data", HF_TOKEN=EXPIRED)
    cause, cure = answer.err.strip().splitlines()
    assert "does not accept your token" in cause
    assert "hf auth login" in cure


def test_a_private_data_set_opens_to_its_owner(served, tuner):
    served("dataset", "private")
    assert tuner("preview", "owner/data", "--json", HF_TOKEN=TOKEN).json["labels"] == ["neg", "pos"]
