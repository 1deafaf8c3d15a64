"""Playground: type a text, see what the model says and why, change it, correct it; many texts, and code for elsewhere."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, runs
from tuner.inference import UNTOUCHED
from tuner.ui import (
    correct_panel,
    elsewhere_panel,
    label_panel,
    many_panel,
    one_text_panel,
    side_panel,
    text,
    what_if_panel,
)
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.stopping import Stops


@dataclass(frozen=True)
class PlaygroundTab:
    """What the page needs of this tab; `stops` are asked when a page is closed."""

    text: gr.Textbox
    model: gr.Dropdown
    next: gr.Button
    stops: list[Stops]


def build(context: Context, chosen: gr.Radio, page: gr.Tab, tabs: gr.Tabs, states: gr.HTML) -> PlaygroundTab:
    """Draws the tab inside the current gr.Tab.

    Args:
        chosen: the list of runs: the chosen one is the model, until another is named.
        page: this tab, `tabs` all of them.
        states: what changes whenever a run's state does.
    """
    gr.Markdown(text.PLAYGROUND, elem_classes="quiet")
    model = gr.Dropdown(
        [], value=None, label="Model", info=text.MODEL_INFO_LOCAL if context.local else text.MODEL_INFO, allow_custom_value=True,
        elem_id="playground-model",
    )  # fmt: skip
    with gr.Tabs(elem_id="playground-tabs"):
        with gr.Tab(text.ONE_TEXT, id="one"), gr.Row():
            with gr.Column(scale=1, min_width=300):
                drawn = one_text_panel.draw_text()
            with gr.Column(scale=2, min_width=420):  # what there is to see of the answer
                one = one_text_panel.draw_answer(*drawn)
                correct = correct_panel.draw(context)
                what_if = what_if_panel.draw()
        with gr.Tab(text.SIDE_BY_SIDE, id="side") as side_page:
            side = side_panel.draw()
        with gr.Tab(text.MANY, id="many") as many_page:
            many = many_panel.draw()
        with gr.Tab(text.LABEL_DOUBTFUL, id="label"):
            label = label_panel.draw()
        with gr.Tab(text.ELSEWHERE, id="elsewhere") as elsewhere_page:
            elsewhere = elsewhere_panel.draw()

    following = gr.Button(text.TO_SHARE, variant="primary", elem_id="to-share")
    one_text_panel.wire(context, one, model)
    correct_panel.wire(context, correct, model, one, chosen, tabs)
    stops_here = what_if_panel.wire(context, what_if, model, one)
    side_panel.wire(context, side, model)
    stops = [many_panel.wire(context, many, model), label_panel.wire(context, label, model)]
    elsewhere_panel.wire(context, elsewhere, model, one.text, elsewhere_page)
    _wire_models(context, model, chosen, page, states)
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    # What was typed goes along to the next sub-tab; what stands there already stays.
    side_page.select(lambda there, here: there or here, [side.text, one.text], side.text, **private)
    for sub_page, box in ((side_page, side.model), (many_page, many.other)):
        sub_page.select(lambda kept: gr.Dropdown(context.model_choices(), value=kept), box, box, **private)
    return PlaygroundTab(one.text, model, following, [*stops, stops_here])


def _wire_models(context: Context, model: gr.Dropdown, chosen: gr.Radio, page: gr.Tab, states: gr.HTML) -> None:
    """The chosen run becomes the model, one that trains yet when the tab is opened next; a model named meanwhile stays."""
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}
    awaited = gr.State(None)  # the chosen run that had no model yet, and the model that stood here then

    @toast
    def take(run_id: str | None, name: str | None) -> list[Any]:
        run, kept = context.run_of(run_id), _kept(name)
        follows = not kept or context.run_of(kept)  # a model of the Hub was named by somebody, and stays
        return [
            gr.Dropdown(context.model_choices(), value=run.id if run else kept),
            (run_id, kept) if follows and not run else None,
        ]

    @toast
    def refresh(run_id: str | None, name: str | None, waiting: tuple[str, str | None] | None) -> list[Any]:
        run, kept = context.run_of(run_id), _kept(name)
        has_come = run is not None and waiting == (run_id, kept)
        value = run.id if run and (has_come or not kept) else kept
        return [gr.Dropdown(context.model_choices(), value=value), None if has_come else waiting]

    @toast
    def fill(run_id: str | None, name: str | None) -> Any:  # noqa: ANN401
        run = None if name else context.run_of(run_id)
        return gr.Dropdown(context.model_choices(), value=run.id) if run else gr.skip()

    heard(chosen.change)(take, [chosen, model], [model, awaited], **private)
    page.select(refresh, [chosen, model, awaited], [model, awaited], **private)
    states.change(fill, [chosen, model], model, **private)  # a first run has ended while somebody stands here


def _kept(name: str | None) -> str | None:
    """The model that stands there; None where it is of a run that was deleted."""
    run_id = (name or "").removeprefix(UNTOUCHED)
    return None if runs.is_run_id(run_id) and run_id not in {run.id for run in access.visible()} else name
