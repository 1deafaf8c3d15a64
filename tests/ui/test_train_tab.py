"""What the buttons of the Train tab fill in."""

import gradio as gr
import pytest

from tuner import runs
from tuner.config import RunConfig
from tuner.study import results
from tuner.study.plan import StudyConfig
from tuner.ui import source_picker, train_tab
from tuner.ui.context import Context


@pytest.fixture
def pressed():
    """Presses a button of the tab for a run: component → what is filled in."""
    context = Context(local=True)
    with gr.Blocks() as page:
        chosen, tab = gr.Radio([]), gr.Tab("Train")
        train_tab.build(context, source_picker.draw(context), chosen, tab.select, page.load)

    def press(button, run):
        filled = next(f for f in page.fns.values() for number, _ in f.targets if _id(page, number) == button)
        return dict(zip(filled.outputs, filled.fn(run.id), strict=True))

    return press


def _id(page, number):
    return getattr(page.blocks.get(number), "elem_id", None)


def test_the_best_settings_bring_their_data_along(pressed, csv):
    """They came without: another data set stood on the form, and "Start training" trained on that one."""
    config = RunConfig(
        preset="best", name="mine", data={"source": str(csv()), "text_column": "text", "label_map": {"neg": "bad"}}
    )
    plan = StudyConfig(kind="search", space={"training.weight_decay": {"choices": [0.125, 0.25]}}, n_trials=1)
    run = runs.create(config, kind="search", plan=plan.to_yaml())
    scores = dict.fromkeys([*results.SCORES, "log_loss", config.training.metric_for_best_model], 0.5)
    best = {"training.weight_decay": 0.125}
    results.add_row(run, results.TrialRow(number=1, settings=best, state="complete", metrics=scores, seconds=1))
    best, copied = pressed("use-best", run), pressed("copy-settings", run)
    assert {box.elem_id: value for box, value in best.items() if value != copied[box]} == {"set-training-weight_decay": 0.125}
    assert {"base-model", "preset", "run-name", "source-kind", "source-name"} <= {box.elem_id for box in best}


def test_the_loss_has_both_its_lines_before_the_first_validation(queued, tiny_config):
    """Once a page that followed a run from its start never drew the validation's: it had not been in the chart's first data."""
    run = queued(tiny_config())
    runs.append_event(run, "log", step=1, loss=0.7)
    drawn = train_tab.view_of(run.id)[1].value["data"]
    assert {row[-1] for row in drawn} == {"training", "validation"}
