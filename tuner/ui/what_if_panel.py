"""What would change the answer: the text changed, the smallest removals that flip it, and its nearest training rows."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access
from tuner.errors import RunError
from tuner.inference import Classifier
from tuner.neighbours import nearest
from tuner.ui import render_answers, stopping, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.one_text_panel import OneTextPanel
from tuner.ui.render_report import sentences
from tuner.ui.stopping import Stops
from tuner.what_if import flips, variants


@dataclass(frozen=True)
class WhatIfPanel:
    """What was drawn. `found`: the whole texts of the variants shown, in their order; `of`: text and model they belong to."""

    change: gr.Button
    table: gr.Dataframe
    found: gr.State
    flip: gr.Button
    flips: gr.HTML
    find: gr.Button
    stop: gr.Button
    neighbours: gr.Dataframe
    note: gr.HTML
    of: gr.State


def draw() -> WhatIfPanel:
    """Draws two accordions; nothing is computed before a button is pressed."""
    with gr.Accordion(text.WHAT_IF, open=False, elem_id="what-if"):
        with gr.Row():
            change = gr.Button(text.CHANGE_IT, size="sm", scale=0, min_width=180, elem_id="change-it")
            flip = gr.Button(text.FLIP_IT, size="sm", scale=0, min_width=230, elem_id="flip-it")
        flipped = gr.HTML("", elem_id="flips")
        table = gr.Dataframe(
            headers=["what", "text", "answer", "", "change"], datatype="str", interactive=False, wrap=True, label=text.VARIANTS,
            column_widths=["19%", "37%", "15%", "15%", "14%"], visible=False, elem_id="variants",
        )  # fmt: skip
    with gr.Accordion(text.NEIGHBOURS, open=False, elem_id="neighbours-box"):
        gr.Markdown(text.NEIGHBOURS_WHAT, elem_classes="quiet")
        with gr.Row():
            find = gr.Button(text.FIND_NEIGHBOURS, size="sm", scale=0, min_width=260, elem_id="find-neighbours")
            stop = gr.Button(
                text.STOP_ANSWERING,
                size="sm",
                variant="stop",
                interactive=False,
                scale=0,
                min_width=90,
                elem_id="neighbours-stop",
            )
        note = gr.HTML("", elem_id="neighbours-note")
        neighbours = gr.Dataframe(
            headers=["nearness", "label", "text", "row"], datatype="str", interactive=False, wrap=True, label=text.NEAREST,
            column_widths=["10%", "13%", "65%", "12%"], visible=False, elem_id="neighbours",
        )  # fmt: skip
    return WhatIfPanel(change, table, gr.State([]), flip, flipped, find, stop, neighbours, note, gr.State(None))


def wire(context: Context, panel: WhatIfPanel, model: gr.Dropdown, one: OneTextPanel) -> Stops:
    """Connects the buttons to the text and to the tab's model."""
    inputs = [one.text, model]
    stops = Stops()
    private: dict[str, Any] = {"api_visibility": "private", "concurrency_limit": 2}

    @toast
    def change(words: str, name: str | None) -> list[Any]:
        classifier = _classifier(context, name)
        before = context.predict(name or "", [words])[0]
        found = variants(classifier, words)
        table = render_answers.variant_table(found, before.label)
        return [gr.Dataframe(table, visible=True), [variant.text for variant in found], [words, name]]

    @toast
    def flip(words: str, name: str | None, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        progress(0, desc=text.FLIPPING)
        return [render_answers.flip_words(flips(_classifier(context, name), words)), [words, name]]

    @toast
    def neighbours(words: str, name: str | None, request: gr.Request,
                   progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  # fmt: skip
        run = context.run_of(name)
        if run is None:
            raise RunError("This model is no run.", text.NO_TRAINING_ROWS)
        access.check(run, "rows")

        def say(done: int, total: int) -> None:
            progress((done, total), desc=text.EMBEDDING, unit="rows")

        stop = stops.of(request)
        try:
            found = nearest(run, context.classifier(run.id), words, on_progress=say, should_stop=stop.is_set)
        finally:
            stops.end(request)
        return [gr.Dataframe(render_answers.neighbour_table(found), visible=True), sentences(found.note), [words, name]]

    def clear_if_other(words: str, name: str | None, of: list[Any] | None) -> list[Any]:
        if of in (None, [words, name]):
            return [gr.skip()] * 5
        return [gr.Dataframe(visible=False), [], "", gr.Dataframe(visible=False), ""]

    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    shown = [panel.table, panel.found, panel.flips, panel.neighbours, panel.note]
    nearest_rows = [panel.neighbours, panel.note, panel.of]
    ended = [
        panel.change.click(change, inputs, [panel.table, panel.found, panel.of], show_progress="minimal", **private),
        panel.flip.click(flip, inputs, [panel.flips, panel.of], show_progress_on=[panel.flips], **private),
        stopping.wire(panel.find, panel.stop, stops, neighbours, inputs, nearest_rows, [panel.note]),
    ]
    # What was asked of a text that was changed meanwhile is no answer to the one that stands there; and the news of a change may
    # come, on a busy machine, seconds after the answer to the new text.
    for event in (*(end.then for end in ended), heard(one.paused.change, model.change)):
        event(clear_if_other, [*inputs, panel.of], shown, **quiet)

    def take(event: gr.SelectData, found: list[str]) -> Any:  # noqa: ANN401
        return found[event.index[0]] if event.index[0] < len(found) else gr.skip()

    panel.table.select(take, panel.found, one.text, **quiet)
    return stops


def _classifier(context: Context, name: str | None) -> Classifier:
    if not name:
        raise RunError("There is no model to ask.", text.NO_MODEL)
    return context.classifier(name)
