"""Whose turn it is."""

import os
import subprocess
import sys
import time

import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import RunError
from tuner.queue import move, places, position, turn, waiting


@pytest.fixture
def three():
    made = [runs.create(RunConfig()) for _ in range(3)]
    now = time.time() - 10
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


def order():
    return [run.id for run in waiting()]


@pytest.mark.parametrize(
    ("which", "place", "expected"), [(2, 1, [2, 0, 1]), (2, 2, [0, 2, 1]), (0, 3, [1, 2, 0]), (0, 9, [1, 2, 0])]
)
def test_a_queued_run_is_moved_to_a_place(three, which, place, expected):
    move(three[which], place)
    assert order() == [three[index].id for index in expected]


def test_a_run_can_be_moved_many_times(three):
    for _ in range(10):
        move(three[2], 1)
        move(three[0], 1)
    assert order() == [three[0].id, three[2].id, three[1].id]


def test_only_a_queued_run_is_moved(three):
    runs.write_status(three[0], state="running")
    with pytest.raises(RunError, match="is running: only a queued run can be moved"):
        move(three[0], 1)
    with pytest.raises(RunError, match="Place 0"):
        move(three[1], 0)


def test_a_resumed_run_is_queued_anew(three):
    move(three[2], 1)
    runs.write_status(three[2], state="stopped")
    runs.requeue(three[2])
    assert order()[-1] == three[2].id


IN_ANOTHER_PROCESS = """
import sys
from tuner import queue, runs
run = runs.get(sys.argv[1])
runs.take_over(run)
with queue.turn(run) as granted:
    runs.write_status(run, state="running", message=__import__("os").environ.get("CUDA_VISIBLE_DEVICES", ""))
    print(granted, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def begin():
    started = []

    def begin_run(run):
        command = [sys.executable, "-c", IN_ANOTHER_PROCESS, run.id]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield begin_run
    for process in started:
        process.kill()
        process.wait()


def states(three):
    return [runs.read_status(run).state for run in three]


def test_one_trains_at_a_time_and_the_next_when_it_ends(three, begin):
    first, second = begin(three[0]), begin(three[1])
    assert first.stdout.readline() == "True\n"
    time.sleep(1.2)
    assert states(three) == ["running", "queued", "queued"]
    first.kill()
    assert second.stdout.readline() == "True\n"


def test_as_many_train_as_the_setting_allows(three, begin, monkeypatch):
    monkeypatch.setenv("TUNER_MAX_RUNS", "2")
    for run in three[:2]:
        assert begin(run).stdout.readline() == "True\n"
    begin(three[2])
    time.sleep(1.2)
    assert states(three) == ["running", "running", "queued"]


@pytest.mark.parametrize(("setting", "expected"), [("3", 3), ("", 1), ("0", 1), ("many", 1)])
def test_places(monkeypatch, setting, expected):
    monkeypatch.setenv("TUNER_MAX_RUNS", setting)
    monkeypatch.setattr("tuner.hardware.gpus", lambda: ())
    assert places() == expected


def test_a_run_of_more_processes_than_places_sees_every_gpu(monkeypatch):
    """It was given as many GPUs as $TUNER_MAX_RUNS says, and its third process found none."""
    monkeypatch.setattr("tuner.hardware.gpus", lambda: ("0", "1", "2", "3"))
    monkeypatch.setenv("TUNER_MAX_RUNS", "2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    with turn(runs.create(RunConfig(training={"num_processes": 4}))) as granted:
        assert granted
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


def test_each_gpu_takes_one_run_which_sees_it_alone(three, monkeypatch):
    monkeypatch.setattr("tuner.hardware.gpus", lambda: ("4", "7"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    with turn(three[0]) as granted:
        assert (places(), granted) == (2, True)
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "4"


def test_runs_share_the_gpus_evenly_where_there_are_more_places(three, monkeypatch):
    """All of them were on the first one."""
    monkeypatch.setattr("tuner.hardware.gpus", lambda: ("4", "7"))
    monkeypatch.setenv("TUNER_MAX_RUNS", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    code = (
        "import fcntl, sys; file = open(sys.argv[1], 'a'); fcntl.lockf(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(runs.home() / "training-0.lock")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        other.stdout.readline()
        with turn(three[0]):
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
        other.stdin.close()
