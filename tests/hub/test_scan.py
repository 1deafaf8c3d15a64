"""Nothing secret and nothing of this machine leaves it."""

from pathlib import Path

import pytest

from tuner import runs
from tuner.errors import RunError
from tuner.hub.scan import path_in, refuse_unsafe, secret_in

TOKEN = "hf_" + "C" * 34


@pytest.mark.parametrize("secret", [TOKEN, "AKIA" + "A" * 16, "ghp_" + "a" * 36, "-----BEGIN RSA PRIVATE KEY-----"])
def test_a_secret_is_refused_without_being_repeated(secret):
    with pytest.raises(RunError, match=r"Nothing was sent: README\.md holds a") as error:
        refuse_unsafe({"README.md": f"key: {secret}.".encode()})
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    "path", ["/home/me/data.csv", "see /tmp/x", "C:\\Users\\me\\a.csv", "D:/data/a.csv", '"/mnt/rows"', "/Users/me/a b.csv"]
)
def test_a_path_is_seen(path):
    assert path_in(path)


@pytest.mark.parametrize(
    "text", ["and/or", "https://huggingface.co/tmp/x", "/sports/tennis", "label: /Home & Garden/Tools", "owner/home/x", "note: /"]
)
def test_words_with_slashes_are_no_paths(text):
    assert not path_in(text)
    assert not secret_in(text)


def test_the_folders_of_this_machine_are_seen_wherever_they_lie(monkeypatch):
    monkeypatch.setenv("TUNER_HOME", "/somewhere/else")
    assert path_in("it lies in /somewhere/else/runs")
    assert path_in(f"{Path.home()}/x") if len(str(Path.home())) > 4 else True
    assert path_in("rows of /elsewhere/a.csv", ["/elsewhere/a.csv"])


def test_a_path_is_seen_through_the_escapes_of_json(monkeypatch):
    monkeypatch.setenv("TUNER_HOME", "/daten/müller")
    with pytest.raises(RunError, match=r"a\.json holds a path"):
        refuse_unsafe({"a.json": b'{"x": ["/daten/m\\u00fcller/runs"]}'})


def test_a_path_in_a_vocabulary_is_this_machine_s_alone():
    refuse_unsafe({"tokenizer.json": b'{"model": {"vocab": {"/usr/bin": 1, "/root/": 2}}}'})
    with pytest.raises(RunError, match="tokenizer"):
        refuse_unsafe({"tokenizer.json": f'{{"from": "{runs.home()}/x"}}'.encode()})
