"""Asking the Hub with a deadline."""

import threading
import time

import pytest

from tuner import hub_read
from tuner.errors import ModelError, NetworkError


def test_an_answer_that_does_not_come_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(hub_read, "DEADLINE_SECONDS", 0.1)
    start = time.monotonic()
    with pytest.raises(NetworkError, match="cannot be reached, and 'a/b' lies there"):
        hub_read._ask(lambda _: threading.Event().wait(5), "a/b", ModelError)
    assert time.monotonic() - start < 2


def test_an_answer_in_time_is_handed_on():
    assert hub_read._ask(lambda _: "commit", "a/b", ModelError) == "commit"


@pytest.mark.parametrize("name", ["a/b", "A-1/b_c.d", "stanfordnlp/imdb"])
def test_hub_ids(name):
    assert hub_read.HUB_ID.fullmatch(name)


@pytest.mark.parametrize("name", ["a", "a/b/c", "../b", "a/..", "a/.b", "/a/b", "a/b\n", "a b/c", "ä/b", "a/b.", "a/" + "b" * 97])
def test_what_is_no_hub_id(name):
    assert not hub_read.HUB_ID.fullmatch(name)
