"""The page is renewed when something it shows has changed, and a step of a run renews little of it."""

import shutil

import gradio as gr
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.ui.watching import changes, marks, seen_of, steps

MOVING = list("abcde")
SKIP = gr.skip()


@pytest.fixture
def run():
    found = runs.create(RunConfig())
    runs.write_status(found, state="running", step=3, max_steps=1_000)
    return found


def test_where_nothing_happens_the_marks_stay(run):
    assert marks(run.id) == marks(run.id)


def test_a_step_changes_the_second_mark_alone(run):
    rare, often = marks(run.id)
    runs.write_status(run, step=400)
    assert marks(run.id)[0] == rare
    assert marks(run.id)[1] != often


@pytest.mark.parametrize("change", [{"state": "completed"}, {"metrics": {"macro_f1": 0.5}}], ids=str)
def test_what_is_rare_changes_the_first_mark(run, change):
    before = marks(run.id)[0]
    runs.write_status(run, **change)
    assert marks(run.id)[0] != before


def test_a_stop_that_was_asked_for_elsewhere_changes_the_first_mark(run):
    before = marks(run.id)[0]
    runs.request_stop(run)
    assert marks(run.id)[0] != before


def test_a_new_run_changes_the_first_mark(run):
    before = marks(run.id)[0]
    runs.create(RunConfig())
    assert marks(run.id)[0] != before


def test_a_place_in_the_queue_changes_the_first_mark(run):
    """With it the buttons that move a run come and go."""
    waiting = runs.create(RunConfig())
    before = marks(waiting.id)[0]
    runs.write_status(waiting, message="Waiting for 1 run before this one.")
    assert marks(waiting.id)[0] != before


def test_a_step_sends_what_moves(run):
    before = seen_of(run.id, {})
    runs.write_status(run, step=400)
    listed, seen, head, *_ = steps(run.id, before, MOVING)
    assert "40%" in listed.constructor_args["choices"][0][0]
    assert "step 400 of 1,000" in head
    assert steps(run.id, seen, MOVING) == [SKIP, seen, *[SKIP] * len(MOVING)]


def test_what_a_step_does_not_show_is_still_to_be_shown(run):
    """A run that ends between the browser's look and its next question."""
    before = seen_of(run.id, {})
    runs.write_status(run, step=1_000, state="completed")
    _, seen, *_ = steps(run.id, before, MOVING)
    assert changes(run.id, seen, MOVING, ["report"])[-1] != SKIP


def test_a_run_that_was_deleted_elsewhere_is_let_go_before_it_leaves_the_list(run):
    """Once it stayed chosen without being a choice, and Gradio refused it with words of its own at every tick."""
    before = seen_of(run.id, {})
    shutil.rmtree(run.folder)
    assert steps(run.id, before, MOVING) == [SKIP] * 7
    chosen, _, _, gone, seen = changes(run.id, before, [], [])[:5]
    assert (chosen.constructor_args, gone) == ({"value": None}, run.id)
    assert changes(None, seen, [], [])[0].constructor_args == {"choices": []}
