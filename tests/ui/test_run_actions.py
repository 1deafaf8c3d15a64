"""The buttons beside a run are those that make sense for it."""

import shutil
import signal
import subprocess
import sys

import gradio as gr
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.ui import playground_tab, run_actions, text

NAMES = ("stop", "resume", "earlier", "later", "further", "copy", "delete", "end", "end-sure")


def shown(run):
    return {name for name, button in zip(NAMES, run_actions.view_of(run), strict=True) if getattr(button, "visible", False)}


@pytest.fixture
def run():
    return runs.create(RunConfig())


@pytest.fixture
def pressed():
    """Presses one of the buttons, named by its id, for a run."""
    with gr.Blocks() as page:
        actions, chosen = run_actions.draw(), gr.Radio([])
        run_actions.wire(actions, chosen, actions.view, run_actions.view_of, [], lambda _: [])

    def press(name, run):
        button = next(one for one in vars(actions).values() if one.elem_id == name)
        clicked = next(f for f in page.fns.values() if (button._id, "click") in f.targets and f.inputs == [chosen])
        clicked.fn(run.id)

    return press


@pytest.fixture
def worker(run):
    code = "import time; time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=run.folder, start_new_session=True)
    yield process
    process.kill()
    process.wait()


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
    def stop():
        button = run_actions.view_of(run)[0]
        return button.value, button.interactive

    assert stop() == (text.WITHDRAW, True)
    runs.write_status(run, state="running")
    assert stop() == (text.STOP, True)
    runs.request_stop(run)
    assert stop() == (text.STOPPING, False)


def test_what_was_asked_to_stop_can_be_ended_at_once(run):
    runs.write_status(run, state="stopping")
    runs.request_stop(run)
    assert shown(run) == {"stop", "copy", "end"}


def test_stop_pressed_twice_ends_no_run_without_saving(run, pressed, worker):
    """The second press came 1.2 s after the first, or from a window that had not heard of it."""
    runs.write_status(run, state="running", pid=worker.pid, process=runs.process_identity(worker.pid))
    pressed("stop", run)
    pressed("stop", run)
    assert (run.stop_requested, worker.poll()) == (True, None)
    pressed("end-sure", run)
    assert worker.wait(timeout=10) == -signal.SIGKILL


def test_without_a_run_nothing_is_shown():
    assert shown(None) == set()


def test_the_playground_lets_go_of_a_model_whose_run_was_deleted(run):
    names = [run.id, f"untouched:{run.id}", "owner/name", None]
    assert [playground_tab._kept(name) for name in names] == names
    shutil.rmtree(run.folder)
    assert [playground_tab._kept(name) for name in names] == [None, None, "owner/name", None]
