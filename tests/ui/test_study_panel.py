"""What the study panel holds becomes the plan of the study."""

import gradio as gr
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.ui import study_panel


@pytest.fixture
def plans(monkeypatch):
    """The plans that were started, in order."""
    started = []

    def start(config, plan):
        started.append(plan)
        return runs.create(config, kind=plan.kind, plan=plan.to_yaml())

    monkeypatch.setattr(study_panel.studies, "start", start)
    return started


@pytest.fixture
def search():
    """Presses "Start search" with other values in some boxes: `search(metric="loss")`."""
    with gr.Blocks() as blocks:
        panel = study_panel.draw()
        study_panel.wire(panel, RunConfig, [], gr.Radio([]))
    drawn = {box.label.lower(): box.value for box in panel.search_inputs}
    (press,) = (found.fn for found in blocks.fns.values() if found.fn and found.fn.__name__ == "search")
    return lambda **given: press(*{**drawn, **given}.values())


def test_a_search_as_drawn_has_no_metric_of_its_own(search, plans):
    search()
    assert (plans[0].n_trials, plans[0].metric, plans[0].seed, plans[0].pruning) == (20, None, 42, True)


def test_metric_and_seed_of_a_search_are_those_chosen(search, plans):
    search(metric="log_loss", seed=7)
    assert (plans[0].metric, plans[0].seed) == ("log_loss", 7)
