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


@pytest.fixture
def toasts(monkeypatch):
    """What is said in toasts."""
    said = []
    monkeypatch.setattr(gr, "Info", lambda words, **_: said.append(words))
    return said


def preset_clicked(name, changed):
    """The form with the preset `quick` and some changes of a person's → setting → value after a click on another preset."""
    context = Context(local=True)
    with gr.Blocks() as page:
        chosen, tab = gr.Radio([]), gr.Tab("Train")
        train_tab.build(context, source_picker.draw(context), chosen, tab.select, page.load)
    fill = next(f for f in page.fns.values() if ("input" in [e for n, e in f.targets if _id(page, n) == "preset"]))
    form = {box.elem_id: box.value for box in fill.inputs[1:]} | changed
    return dict(zip(form, fill.fn(name, *form.values()), strict=True))


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


@pytest.mark.parametrize(
    ("plan", "drawn"),
    [({"seeds": 2}, ("hidden", "Test scores", "repeat")), ({"folds": 2}, (True, "Validation scores", "repeat"))],
)
def test_the_charts_of_repeats_say_what_is_scored(plan, drawn):
    """Scores of test rows were called those of the validation, over a "trial", beside a chart of losses that stayed empty."""
    plan = StudyConfig(kind="repeat", **plan)
    _, loss, scores, *_ = train_tab.view_of(runs.create(RunConfig(), kind="repeat", plan=plan.to_yaml()).id)
    assert (loss.visible, scores.title, scores.x_title) == drawn


def test_a_preset_says_what_it_replaces_of_a_persons_own(toasts):
    """A click took seeds, rates and lengths away without a word."""
    after = preset_clicked("best", {"set-training-seed": 7, "set-training-learning_rate": 0.0003})
    assert (after["set-training-seed"], after["set-training-learning_rate"]) == (42, 0.00015)
    assert toasts == ["The preset replaced what you had set: Learning rate 0.0003, Seed 7."]


def test_a_preset_leaves_the_base_model_a_person_chose(toasts):
    after = preset_clicked("best", {"base-model": "distilbert-base-uncased", "set-model-revision": "v1"})
    assert (after["base-model"], after["set-model-revision"]) == ("distilbert-base-uncased", "v1")
    assert toasts == ["Your base model stays: distilbert-base-uncased."]


def test_a_preset_says_which_base_model_it_brings(toasts):
    """GPT-2 stood on the Data tab without a word, and without a network the start was refused for it."""
    assert preset_clicked("seven-steps", {})["base-model"] == "gpt2"
    assert toasts == ["The base model is gpt2 now."]


@pytest.mark.parametrize("name", ["quick", "best", "lora", "few-shot"])
def test_from_preset_to_preset_there_is_nothing_to_say(name, toasts):
    preset_clicked(name, {})
    assert toasts == []
