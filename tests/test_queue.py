"""Whose turn it is."""

import time

import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.queue import position, turn


@pytest.fixture
def three():
    made = [runs.create(RunConfig()) for _ in range(3)]
    now = time.time()
    for index, run in enumerate(made):
        runs.write_status(run, queued=now + index)
    return made


def test_the_oldest_queued_run_goes_first(three):
    assert [position(run) for run in three] == [0, 1, 2]


def test_a_run_under_way_goes_before_every_queued_one(three):
    runs.write_status(three[2], state="running")
    assert [position(run) for run in three[:2]] == [1, 2]


@pytest.mark.parametrize("change", [{"state": "completed"}, {"pid": 2**22 - 1, "process": "gone:1"}])
def test_ended_and_lost_runs_are_not_waited_for(three, change):
    runs.write_status(three[0], **change)
    assert position(three[1]) == 0


def test_a_run_asked_to_stop_gets_no_turn(three):
    runs.request_stop(three[1])
    with turn(three[1]) as granted:
        assert not granted


def test_a_waiting_run_says_for_how_many(three, monkeypatch):
    monkeypatch.setattr("tuner.queue.time.sleep", lambda _: runs.request_stop(three[2]))
    with turn(three[2]):
        pass
    assert runs.read_status(three[2]).message == "Waiting for 2 runs before this one"


def test_the_first_gets_its_turn(three):
    with turn(three[0]) as granted:
        assert granted
