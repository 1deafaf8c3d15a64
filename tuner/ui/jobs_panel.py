"""Where a run is trained: on this machine, or on Hugging Face Jobs, with the machines there and their prices."""

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner.config import RunConfig
from tuner.errors import TunerError
from tuner.launch import jobs, local
from tuner.runs import Run
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.sharing import own_token

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class JobsPanel:
    """What was drawn; `offered` holds the machines with their prices once they were asked for."""

    where: gr.Radio
    machine: gr.Column
    flavor: gr.Dropdown
    timeout: gr.Textbox
    price: gr.HTML
    offered: gr.State

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What `start` reads, in its order."""
        return [self.where, self.flavor, self.timeout]


def draw() -> JobsPanel:
    """Draws an accordion; the Hub is asked nothing before Jobs are chosen in it."""
    with gr.Accordion(text.WHERE, open=False, elem_id="where"):
        where = gr.Radio(
            [text.HERE, text.ON_JOBS], value=text.HERE, label=text.TRAIN_WHERE, info=text.TRAIN_WHERE_INFO, elem_id="train-where"
        )
        with gr.Column(visible=False) as machine:
            flavor = gr.Dropdown([], label=text.FLAVOR, info=text.FLAVOR_INFO, allow_custom_value=True, elem_id="job-flavor")
            timeout = gr.Textbox(
                jobs.DEFAULT_TIMEOUT, label=text.TIMEOUT, info=text.TIMEOUT_INFO, max_lines=1, elem_id="job-timeout"
            )
            price = gr.HTML("", elem_id="job-price")
    return JobsPanel(where, machine, flavor, timeout, price, gr.State([]))


def wire(context: Context, panel: JobsPanel) -> None:
    """Connects choice and price."""

    @toast
    def choose(where: str, timeout: str) -> list[Any]:
        if where != text.ON_JOBS:
            return [gr.Radio(value=text.HERE), gr.Column(visible=False), gr.skip(), [], ""]
        try:
            found = jobs.flavors(own_token(context.local))
        except TunerError as error:
            return [gr.Radio(value=text.HERE), gr.Column(visible=True), gr.skip(), [], _line(str(error), "doubt")]
        choices = [(f"{each.name}, {each.per_hour:.2f} $ an hour", each.name) for each in found]
        value = next((name for _, name in choices if name == jobs.DEFAULT_FLAVOR), choices[0][1] if choices else None)
        shown = gr.Dropdown(choices=choices, value=value)
        return [gr.skip(), gr.Column(visible=True), shown, found, _price(found, value, timeout)]

    shown = [panel.where, panel.machine, panel.flavor, panel.offered, panel.price]
    panel.where.input(choose, [panel.where, panel.timeout], shown, trigger_mode="always_last", **_PRIVATE)
    gr.on(
        [panel.flavor.change, panel.timeout.change], _price, [panel.offered, panel.flavor, panel.timeout], panel.price, **_PRIVATE
    )


def elsewhere(chosen: tuple[str, str | None, str]) -> bool:
    """Whether the values of `JobsPanel.inputs` are those of a job."""
    return chosen[0] == text.ON_JOBS


def start(context: Context, config: RunConfig, chosen: tuple[str, str | None, str], proceed_anyway: bool) -> tuple[Run, str]:
    """Starts the run where it was chosen to be trained; returns what to say, too.

    Args:
        chosen: values of `JobsPanel.inputs`.

    Raises:
        TunerError: as `local.start` and `jobs.start`.
    """
    _, flavor, timeout = chosen
    if not elsewhere(chosen):
        run = local.start(config, proceed_anyway=proceed_anyway)
        return run, f"{run.title} is queued and starts when nothing else trains."
    about = {"flavor": flavor or "", "timeout": timeout or "", "token": own_token(context.local)}
    run = jobs.start(config, proceed_anyway=proceed_anyway, **about)
    return run, f"{run.title} is sent to Hugging Face Jobs."


def _price(offered: list[jobs.Flavor], flavor: str | None, timeout: str) -> str:
    if not offered:
        return ""
    try:
        return _line(f"{jobs.price_line(jobs.flavor_named(flavor or '', offered), jobs.timeout_seconds(timeout))}.")
    except TunerError as error:
        return _line(str(error), "doubt")


def _line(said: str, kind: str = "") -> str:
    return f'<div class="estimate {kind}">{html.escape(said)}</div>'
