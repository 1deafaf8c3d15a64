"""What of a data set can be chosen, and which texts name one."""

import pytest

from tests.hub.conftest import CARD, as_csv, several
from tests.tiny import labelled_rows
from tuner.data.hub_sets import id_in
from tuner.errors import SourceError

MOST_SECONDS = 6
SHOW = """
    found = hub_sets.choices("owner/data")
    print(json.dumps([found.configs, found.default, found.revision]))
"""
REFUSAL = """
    import time
    start = time.monotonic()
    try:
        hub_sets.choices("owner/data", {revision!r})
    except TunerError as error:
        print(json.dumps([error.cause, error.cure, time.monotonic() - start]))
"""


def test_configurations_and_splits_are_listed_without_a_data_file(hub, python, files):
    commit = hub.add("dataset", "owner/data", several(files))
    assert python(SHOW) == [{"english": ["train"], "german": ["train"]}, None, commit]
    assert not [request for request in hub.requests if request.path.endswith(".csv")]


def test_the_default_configuration_is_told(hub, python, files):
    card = CARD.replace("- config_name: german", "- config_name: german\n  default: true")
    hub.add("dataset", "owner/data", several(files, card))
    assert python(SHOW)[1] == "german"


def test_files_alone_make_one_configuration(hub, python, tweets):
    commit = hub.add("dataset", "owner/data", tweets)
    assert python(SHOW) == [{"default": ["train", "test"]}, "default", commit]


def test_splits_of_named_files(hub, python, files):
    rows = as_csv(labelled_rows(4))
    card = "---\nconfigs:\n- config_name: x\n  data_files:\n" + "".join(
        f"  - split: {split}\n    path: {split}.csv\n" for split in ("easy", "hard")
    )
    hub.add("dataset", "owner/data", files("named", {"README.md": f"{card}---\n", "easy.csv": rows, "hard.csv": rows}))
    assert python(SHOW)[:2] == [{"x": ["easy", "hard"]}, "x"]


def test_the_hub_alone_is_asked(hub, python, tweets):
    """`datasets` asks datasets-server.<host of the Hub> as well, unless the commit is pinned."""
    hub.add("dataset", "owner/data", tweets)
    code = """
        import sys
        asked = set()
        sys.addaudithook(lambda event, values: event == "socket.getaddrinfo" and asked.add(values[0]))
        hub_sets.choices("owner/data")
        print(json.dumps(sorted(asked)))
    """
    assert python(code) == ["127.0.0.1"]


FAULTS = {
    "missing": "is not on the Hub, or it is private",
    "private": "is not on the Hub, or it is private",
    "gated": "is gated",
    "silent": "cannot be reached",
    "silent files": "cannot be reached",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refusal_is_quick(hub, python, tweets, fault):
    (tweets / "README.md").write_text("A data set.")
    if fault != "missing":
        hub.add("dataset", "owner/data", tweets, fault)
    cause, cure, seconds = python(REFUSAL.format(revision=None))
    assert FAULTS[fault] in cause
    assert cure
    assert seconds < MOST_SECONDS


def test_a_private_set_is_spoken_of_like_a_missing_one(hub, python, tweets):
    missing = python(REFUSAL.format(revision=None))[:2]
    hub.add("dataset", "owner/data", tweets, "private")
    assert python(REFUSAL.format(revision=None))[:2] == missing


def test_without_a_network_it_is_told_at_once(python):
    cause, _, seconds = python(REFUSAL.format(revision=None), HF_ENDPOINT="https://huggingface.co")
    assert "cannot be reached" in cause
    assert seconds < 5


def test_an_unknown_revision_is_refused(hub, python, tweets):
    hub.add("dataset", "owner/data", tweets)
    assert "has no such revision" in python(REFUSAL.format(revision="v9"))[0]


@pytest.mark.parametrize(
    ("content", "cause"),
    [({"data.py": "raise SystemExit"}, "is a Python script"), ({"README.md": "nothing"}, "holds no data file")],
    ids=["script", "no data"],
)
def test_what_holds_no_rows_has_no_choices(hub, python, files, content, cause):
    hub.add("dataset", "owner/data", files("odd", content))
    assert cause in python(REFUSAL.format(revision=None))[0]


@pytest.mark.parametrize(
    "text",
    [
        "owner/data",
        "  owner/data\n",
        "https://huggingface.co/datasets/owner/data",
        "http://huggingface.co/datasets/owner/data/",
        "https://www.huggingface.co/datasets/owner/data?row=3#top",
        "https://hf.co/datasets/owner/data",
        "https://huggingface.co/datasets/owner/data/viewer/english/train",
        "https://huggingface.co/datasets/owner/data/tree/main/english",
        "http://127.0.0.1:8001/datasets/owner/data",
    ],
)
def test_texts_that_name_a_data_set(text, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:8001")
    assert id_in(text) == "owner/data"


@pytest.mark.parametrize(
    "text", ["", " ", "text", "csv", ".", "../x", "user/..", "-", "a b", "ü/x", "a/b/c", "/etc/passwd", "C:\\x"]
)
def test_texts_that_name_none(text):
    assert id_in(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/datasets/owner/data",
        "https://huggingface.co.example.org/datasets/owner/data",
        "https://huggingface.co@example.org/datasets/owner/data",
        "https://huggingface.co/owner/model",
        "https://huggingface.co/datasets/owner/../data",
        "https://huggingface.co/datasets/owner",
        "https://huggingface.co/datasets/owner/data/tree/v2",
        "https://127.0.0.1:9/datasets/owner/data",
        "ftp://huggingface.co/datasets/owner/data",
        "hf://datasets/owner/data",
        "file:///etc/passwd",
        "https://[huggingface.co/datasets/owner/data",
        "https:///datasets/owner/data",
    ],
)
def test_addresses_of_anything_else_are_refused(text, monkeypatch):
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    with pytest.raises(SourceError, match="is not the address of a data set"):
        id_in(text)


def test_a_foreign_address_is_refused_without_a_request(hub, python):
    code = f"""
        asked = []
        import sys
        sys.addaudithook(lambda event, values: asked.append(event) if event.startswith("socket.") else None)
        try:
            hub_sets.load_hub("{hub.url.replace("127.0.0.1", "127.0.0.2")}/datasets/owner/data", None, None)
        except TunerError as error:
            print(json.dumps([error.cause, asked]))
    """
    cause, asked = python(code)
    assert "is not the address of a data set" in cause
    assert asked == []
    assert hub.requests == []


def test_an_address_is_read_as_its_data_set(hub, python, tweets):
    hub.add("dataset", "owner/data", tweets)
    code = f"""
        raw = hub_sets.load_hub("{hub.url}/datasets/owner/data", None, None)
        print(json.dumps([raw.source, len(raw.splits["train"])]))
    """
    assert python(code) == ["owner/data", 60]
