"""What is said when an answer is judged."""

import gradio as gr
import pytest

from tuner import evaluations, feedback
from tuner.ui import correct_panel, one_text_panel
from tuner.ui.context import Context
from tuner.ui.one_text_panel import Shown


@pytest.fixture
def handlers():
    """Name → what a press of the panel does."""
    context = Context(local=True)
    with gr.Blocks() as page:
        panel, model = correct_panel.draw(context), gr.Dropdown()
        one = one_text_panel.draw_answer(*one_text_panel.draw_text())
        correct_panel.wire(context, panel, model, one, gr.Radio(), gr.Tabs())
    return {f.fn.__name__: f.fn for f in page.fns.values() if f.fn}


@pytest.fixture
def judge(handlers):
    """Presses "That is right" below an answer."""
    return lambda shown: handlers["right"](shown.text, shown.model, shown)


def test_of_a_test_row_it_is_said_at_once_that_no_training_learns_it(judge, train_here, tiny_config, monkeypatch):
    """The examples of the page all are such rows; that they were left out stood in the notes of the retrained run alone."""
    run, said = train_here(tiny_config(max_steps=1)), []
    for kind in ("Info", "Success"):
        monkeypatch.setattr(gr, kind, lambda words, **_: said.append(words))
    row = evaluations.of_run(run).predictions.iloc[0]
    for words in (row["text"].upper(), "a text of my own"):
        judge(Shown(run.id, run.id, words, row["predicted"], 0.9))
    assert [("test row" in words) for words in said] == [True, False]
    assert feedback.count(run.id) == 2


def test_a_correction_goes_to_the_run_that_answered_and_trains_that(
    judge, handlers, train_here, tiny_config, queued, monkeypatch
):
    run, later = train_here(tiny_config(max_steps=1)), queued(tiny_config(max_steps=1))
    shown = Shown("latest", run.id, "a text of my own", evaluations.of_run(run).predictions.iloc[0]["predicted"], 0.9)
    *_, button = judge(shown)
    assert (feedback.names(), button.interactive) == ([run.id], True)
    begun = []
    monkeypatch.setattr("tuner.launch.local.start", lambda config: begun.append(config) or later)
    handlers["retrain"]("latest", shown)
    assert begun[0].data.extra_source.startswith(f"feedback:{run.id}")
