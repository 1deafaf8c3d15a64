"""Events as columns: each line is parsed once, and a file that became another is read anew."""

import json

import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.ui.event_columns import EventColumns

LOSS = ("log", "loss")


@pytest.fixture
def run():
    return runs.create(RunConfig())


@pytest.fixture
def parsed(monkeypatch):
    """Lines parsed so far."""
    lines = []
    loads = json.loads
    monkeypatch.setattr(runs.json, "loads", lambda line: lines.append(line) or loads(line))
    return lines


def log(run, *losses):
    for step, loss in enumerate(losses, 1):
        runs.append_event(run, "log", step=step, loss=loss)


def test_only_new_lines_are_parsed(run, parsed):
    columns = EventColumns()
    log(run, 3.0, 2.0)
    columns.of(run)
    del parsed[:]
    log(run, 1.0)
    assert columns.of(run).series[LOSS].tolist() == [[1, 2, 1], [3, 2, 1]]
    assert len(parsed) == 1


def test_a_look_with_nothing_new_parses_nothing(run, parsed):
    columns = EventColumns()
    log(run, 3.0)
    first = columns.of(run)
    del parsed[:]
    assert columns.of(run) is first
    assert parsed == []


def test_what_somebody_draws_stays_as_it_is(run):
    columns = EventColumns()
    log(run, 3.0)
    first = columns.of(run)
    log(run, 2.0)
    columns.of(run)
    assert first.series[LOSS].shape == (2, 1)


@pytest.mark.parametrize("atomic", [True, False])
@pytest.mark.parametrize("new", [[9.0], [9.0, 8.0], [9.0] * 50])
def test_a_file_that_was_replaced_is_read_anew(run, new, atomic):
    columns, path = EventColumns(), run.folder / "events.jsonl"
    log(run, 3.0, 2.0)
    columns.of(run)
    text = "".join(json.dumps({"event": "log", "step": 1, "loss": loss}) + "\n" for loss in new)
    runs.write_atomically(path, text) if atomic else path.write_text(text)
    assert columns.of(run).series[LOSS][1].tolist() == new


def test_a_file_that_is_gone_says_nothing(run):
    columns = EventColumns()
    log(run, 3.0)
    columns.of(run)
    (run.folder / "events.jsonl").unlink()
    assert columns.of(run).series == {}


def test_half_a_last_line_waits_for_its_other_half(run):
    columns, path = EventColumns(), run.folder / "events.jsonl"
    log(run, 3.0)
    with path.open("a") as file:
        file.write('{"event": "log", "step": 2, ')
    assert columns.of(run).series[LOSS].shape == (2, 1)
    with path.open("a") as file:
        file.write('"loss": 2.0}\n')
    assert columns.of(run).series[LOSS].tolist() == [[1, 2], [3, 2]]


def test_notes_are_kept_and_words_are_no_numbers(run):
    runs.append_event(run, "note", message="a")
    runs.append_event(run, "evaluate", step=1, eval_loss=1.0, averaged=True)
    runs.append_event(run, "state", state="running")
    found = EventColumns().of(run)
    assert found.notes == ("a",)
    assert ("evaluate", "averaged") not in found.series


def test_no_more_runs_are_kept_than_wanted():
    columns = EventColumns(most=1)
    one, two = runs.create(RunConfig()), runs.create(RunConfig())
    log(one, 3.0)
    log(two, 2.0)
    columns.of(one)
    columns.of(two)
    assert list(columns._read) == [two.folder]
    assert columns.of(one).series[LOSS].tolist() == [[1], [3]]


def test_a_note_that_a_resumed_run_says_again_stands_once(run):
    for message in ("a", "b", "a"):
        runs.append_event(run, "note", message=message)
    assert EventColumns().of(run).notes == ("a", "b")
