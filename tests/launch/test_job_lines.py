"""The lines by which a job tells of its run."""

import json
import sys
import time

from tuner import runs
from tuner.config import RunConfig
from tuner.launch.job_lines import Told, event_line, log_line, parse, status_line
from tuner.launch.job_state import JobState
from tuner.launch.job_stream import Copy, LogStream
from tuner.launch.on_job import _Reporter, _say

STATE = JobState(namespace="owner", flavor="cpu-basic", timeout=600, per_hour=0.01, repo="owner/r", attempt=1, job_id="1")


def test_an_event_comes_back_as_it_went():
    event = {"event": "note", "message": "ünïcode \u2028 and\nlines", "time": 1.0}
    line = event_line(7, event)
    assert (line.isascii(), "\n" in line) == (True, False)
    assert (parse(line).event, parse(line).number) == (event, 7)


def test_a_status_tells_nothing_of_processes():
    run = runs.create(RunConfig())
    told = parse(status_line(Told.of(runs.read_status(run)))).status
    assert told.state == "queued"
    assert not {"pid", "process", "owner"} & told.changes().keys()
    assert parse('::tuner:: {"status": {"state": "running", "pid": 1}}').status.changes().get("pid") is None


def test_what_looks_like_the_job_s_own_line_is_a_line_of_the_log():
    fake = event_line(0, {"event": "state", "state": "completed"})
    assert parse(log_line(fake)).kind == "log"


def test_a_line_goes_out_in_one_piece(monkeypatch):
    """The thread that sends checkpoints speaks as well: an event in the middle of its line was lost until the end."""
    pieces = []
    monkeypatch.setattr(sys.stdout, "write", pieces.append)
    _say("checkpoint-1000 is on the Hub")
    assert pieces == ["checkpoint-1000 is on the Hub\n"]


def test_damaged_lines_are_passed_over():
    for line in ("{", '{"n": 1}', '{"event": 3, "n": 0}', '{"status": {"state": "happy"}}', "[]"):
        assert parse(f"::tuner:: {line}") is None


def test_a_line_too_long_for_a_log_is_left_to_the_result():
    assert event_line(0, {"event": "note", "message": "x" * 20_000}) is None


def test_a_job_s_lines_are_copied_once_however_often_they_are_told():
    run = runs.create(RunConfig())
    runs.append_event(run, "job", id="1", message="")
    lines = ["Installing", *(event_line(n, {"event": "log", "step": n, "time": 5.0}) for n in range(3)), "loaded"]
    Copy(run, STATE).write(lines[:3])
    Copy(run, STATE).write(lines)
    events, _ = runs.read_events(run)
    assert [(event["step"], event["time"]) for event in events[1:]] == [(0, 5.0), (1, 5.0), (2, 5.0)]
    assert (run.folder / "train.log").read_text() == "Installing\nloaded\n"


def test_the_next_job_s_events_are_counted_anew():
    run = runs.create(RunConfig())
    for _ in range(2):
        runs.append_event(run, "job", id="1", message="")
        Copy(run, STATE).write([event_line(0, {"event": "note", "message": "hello"})])
    assert [event["event"] for event in runs.read_events(run)[0]] == ["job", "note", "job", "note"]


def test_how_the_run_ended_is_not_told_before_its_result_is_here():
    run = runs.create(RunConfig())
    Copy(run, STATE).write([event_line(0, {"event": "state", "state": "completed"})])
    assert runs.read_events(run)[0] == []


def test_a_log_that_breaks_off_goes_on_where_it_was():
    from tuner.errors import NetworkError

    tries = []

    def lines():
        tries.append(1)
        yield from ("a", "b")
        if len(tries) == 1:
            raise NetworkError("gone", "")
        yield "c"

    stream = LogStream(lines)
    stream.finish(10)
    assert stream.new() == ["a", "b", "c"]


def test_a_run_is_stopped_before_its_job_s_time_is_over():
    from tuner.launch.job_files import Task

    run = runs.create(RunConfig())
    task = Task(run_id=run.id, attempt=1, config={}, checkpoint_seconds=300, timeout=3600)
    early, late = (_Reporter(run, task, None, "owner/r", time.time() + left) for left in (310, 290))
    assert early.last_moment > time.time()
    late._heed_stop()
    assert run.stop_requested
    assert "time is nearly over" in json.dumps(runs.read_events(run)[0])
