"""The buttons beside a run are those that make sense for it."""

import shutil

import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.ui import playground_tab, run_actions, text

NAMES = ("stop", "resume", "earlier", "later", "further", "copy", "delete")


def shown(run):
    return {name for name, button in zip(NAMES, run_actions.view_of(run), strict=True) if button.visible}


@pytest.fixture
def run():
    return runs.create(RunConfig())


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("running", {"stop", "copy"}),
        ("completed", {"copy", "delete"}),
        ("lost", {"resume", "copy", "delete"}),
        ("queued", {"stop", "copy"}),
    ],
)
def test_each_state_has_its_buttons(run, state, expected):
    runs.write_status(run, state=state)
    assert shown(run) == expected


def test_one_of_several_queued_runs_can_be_moved(run):
    runs.create(RunConfig())
    assert shown(run) == {"stop", "earlier", "later", "copy"}


def test_a_finished_model_can_be_trained_further(run):
    run.model_folder.mkdir()
    (run.model_folder / "config.json").write_text("{}")
    runs.write_status(run, state="completed")
    assert "further" in shown(run)


def test_stop_says_what_it_will_do(run):
    def label():
        return run_actions.view_of(run)[0].value

    assert label() == text.WITHDRAW
    runs.write_status(run, state="running")
    assert label() == text.STOP
    runs.request_stop(run)
    assert label() == text.END_NOW


def test_without_a_run_nothing_is_shown():
    assert shown(None) == set()


def test_the_playground_lets_go_of_a_model_whose_run_was_deleted(run):
    names = [run.id, f"untouched:{run.id}", "owner/name", None]
    assert [playground_tab._kept(name) for name in names] == names
    shutil.rmtree(run.folder)
    assert [playground_tab._kept(name) for name in names] == [None, None, "owner/name", None]
