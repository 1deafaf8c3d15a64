"""What the study panel holds becomes the plan of the study."""

import gradio as gr
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import DoubtError
from tuner.ui import study_panel
from tuner.ui.context import Context


@pytest.fixture
def plans(monkeypatch):
    """The plans that were started, in order."""
    started = []

    def start(config, plan, proceed_anyway):
        if config.training.per_device_train_batch_size > 1000 and not proceed_anyway:
            raise DoubtError("It needs more memory than there is.")
        started.append(plan)
        return runs.create(config, kind=plan.kind, plan=plan.to_yaml())

    monkeypatch.setattr(study_panel.studies, "start", start)
    return started


@pytest.fixture
def panel():
    """(what was drawn, the handlers of "Start search" and its "Proceed anyway")."""
    with gr.Blocks() as blocks:
        drawn, chosen = study_panel.draw(), gr.Radio([])
        config = RunConfig(training={"per_device_train_batch_size": 1024})
        study_panel.wire(Context(), drawn, lambda: config, [], chosen)
    proceed = drawn.starts[0].proceed
    press = [found.fn for found in blocks.fns.values() if found.outputs[:2] == [chosen, proceed]]
    return drawn, press


@pytest.fixture
def search(panel):
    """Starts a search with other values in some boxes, also where it is doubtful: `search(metric="loss")`."""
    drawn, (start, proceed) = panel
    values = {box.label.lower(): box.value for box in drawn.starts[0].inputs}

    def press(**given):
        own = {**values, **given}.values()
        return proceed(start(*own)[2], *own)

    return press


def test_a_doubtful_study_starts_only_when_told_to_proceed(panel, plans, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", lambda words, **_: said.append(words))
    drawn, (start, proceed) = panel
    values = [box.value for box in drawn.starts[0].inputs]
    _, anyway, told = start(*values)
    assert (anyway.visible, said, plans) == (True, ["It needs more memory than there is."], [])
    assert not proceed(told, *values)[1].visible
    assert len(plans) == 1


def test_proceed_anyway_starts_no_other_study_than_the_doubt_was_told_of(panel, plans, monkeypatch):
    said = []
    monkeypatch.setattr(gr, "Warning", lambda words, **_: said.append(words))
    drawn, (start, proceed) = panel
    values = [box.value for box in drawn.starts[0].inputs]
    told = start(*values)[2]
    changed = [*values[:1], "3", *values[2:]]
    assert proceed(told, *changed)[1].visible
    assert (len(said), plans) == (2, [])


def test_a_search_as_drawn_has_no_metric_of_its_own(search, plans):
    search()
    assert (plans[0].n_trials, plans[0].metric, plans[0].seed, plans[0].pruning) == (20, None, 42, True)


def test_metric_and_seed_of_a_search_are_those_chosen(search, plans):
    search(metric="log_loss", seed=7)
    assert (plans[0].metric, plans[0].seed) == ("log_loss", 7)
