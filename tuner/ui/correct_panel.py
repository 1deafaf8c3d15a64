"""Correct it, on the Playground: what a person says of an answer is kept as a labelled row, and trained on by one click."""

import os
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, evaluations, feedback, runs
from tuner.data.repeats import overlap
from tuner.errors import RunError
from tuner.feedback import Feedback
from tuner.launch import local
from tuner.runs import Run
from tuner.ui import render, text
from tuner.ui.context import Context
from tuner.ui.errors import as_text, toast
from tuner.ui.heard import heard
from tuner.ui.one_text_panel import OneTextPanel, Shown

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class CorrectPanel:
    """What was drawn."""

    right: gr.Button
    wrong: gr.Dropdown
    kept: gr.Markdown
    retrain: gr.Button


def draw(context: Context) -> CorrectPanel:
    """Draws what one can say of the answer, and the button that trains on all that was said."""
    with gr.Row(elem_id="correct"):
        right = gr.Button(text.RIGHT, size="md", scale=1, min_width=120, elem_id="that-is-right")
        wrong = gr.Dropdown([], value=None, label=text.WRONG, scale=2, min_width=200, elem_id="that-is-wrong")
        retrain = gr.Button(text.RETRAIN, size="md", interactive=False, scale=2, min_width=200, elem_id="retrain")
    kept = gr.Markdown(what(context), elem_classes="quiet", elem_id="kept")
    return CorrectPanel(right, wrong, kept, retrain)


def wire(context: Context, panel: CorrectPanel, model: gr.Dropdown, one: OneTextPanel, chosen: gr.Radio, tabs: gr.Tabs) -> None:
    """Connects the panel.

    Args:
        chosen, tabs: a started training is chosen in the list of runs, and shown on the Train tab.
    """

    def keep(words: str, name: str | None, shown: Shown | None, label: str | None) -> list[Any]:
        person = access.logged_in("correct answers")
        if shown is None or (shown.model, shown.text) != (name, words):
            raise RunError("The answer to this text does not stand here yet.", "Wait for it, then judge it.")
        given = label or shown.label
        if given not in context.classifier(shown.named).labels:
            raise RunError(f"'{given[:80]}' is none of the model's labels.", "Choose one of the list.")
        judged = Feedback(
            text=shown.text,
            label=given,
            predicted=shown.label,
            probability=shown.probability,
            model=shown.named,
            kind="right" if given == shown.label else "wrong",
            by=person.name,
        )
        feedback.add(feedback.name_for(shown.named), judged)
        if _is_test_row(context.run_of(shown.named), shown.text):
            gr.Info(as_text(text.KEPT_OF_TEST.format(given)), duration=8)
        else:
            gr.Success(as_text(f"Kept as “{given}”."), duration=4)
        return [None, *_state(context, shown.named)]

    @toast
    def right(words: str, name: str | None, shown: Shown | None) -> list[Any]:
        return keep(words, name, shown, None)

    @toast
    def wrong(words: str, name: str | None, shown: Shown | None, label: str | None) -> list[Any]:
        return keep(words, name, shown, label) if label else [gr.skip()] * 3

    @toast
    def retrain(name: str | None, shown: Shown | None) -> list[Any]:
        judged = shown.named if shown and shown.model == name else None  # the run that answered, were there a later one by now
        run = context.run_of(judged or (context.named(name) if name else None))
        if run is None:
            raise RunError("This model is no run.", text.NOT_A_RUN)
        context.check_data(run.config.data)
        config = feedback.retrain_config(run, feedback.name_for(run.id))
        started = local.start(config)
        choices = [render.run_choice(runs.summary(row)) for row in access.visible()]
        return [gr.Radio(choices=choices, value=started.id), gr.Tabs(selected="train")]

    @toast
    def labels(name: str | None) -> list[Any]:
        names = list(context.classifier(name).labels[:500]) if name else []
        return [gr.Dropdown(names, value=None), *_state(context, context.named(name) if name else None)]

    outputs = [panel.wrong, panel.kept, panel.retrain]
    panel.right.click(right, [one.text, model, one.shown], outputs, **_PRIVATE)
    # `select` is a click alone, `input` comes twice with one. Emptied whatever became of it, the box hears the same label again.
    judged = panel.wrong.change(wrong, [one.text, model, one.shown, panel.wrong], outputs, **_PRIVATE)
    judged.failure(lambda: None, None, panel.wrong, queue=False, **_PRIVATE)
    panel.retrain.click(retrain, [model, one.shown], [chosen, tabs], **_PRIVATE | {"show_progress": "minimal"})
    heard(model.change)(labels, model, outputs, concurrency_limit=4, **_PRIVATE)


def what(context: Context) -> str:
    """What becomes of a correction; where several people meet, who sees it."""
    if context.local:
        return text.CORRECT_WHAT
    return text.CORRECT_OWN if os.environ.get("SPACE_ID") else text.CORRECT_SHARED


def _is_test_row(run: Run | None, words: str) -> bool:
    """Whether the run was scored on this text, as on those of the examples: a training leaves it out."""
    found = evaluations.of_run(run) if run else None
    return found is not None and overlap([words], found.predictions["text"].tolist()) > 0


def _state(context: Context, name: str | None) -> list[Any]:
    """How many corrections there are for the model, and whether it can be trained with them."""
    set_name = feedback.name_for(name) if name else ""
    count = feedback.count(set_name) if set_name in feedback.names() else 0
    if not count:
        return [what(context), gr.Button(text.RETRAIN, interactive=False)]
    words = "1 labelled row is" if count == 1 else f"{count:,} labelled rows are"
    return [
        text.CORRECTIONS.format(words, f"`feedback:{set_name}`"),
        gr.Button(text.RETRAIN, interactive=context.run_of(name) is not None),
    ]
