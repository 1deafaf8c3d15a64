"""More curves of the chosen run, smoothed, beside those of an earlier one."""

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, runs
from tuner.ui import render, text
from tuner.ui.errors import toast
from tuner.ui.event_columns import columns_of
from tuner.ui.heard import heard
from tuner.ui.theme import ACCENT
from tuner.words import age, shortened

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
_EARLIER = "#adb5bd"


@dataclass(frozen=True)
class CurvesPanel:
    """What was drawn. `opened` says whether anybody looks; `due` grows when the run has something new to show them."""

    fold: gr.Accordion
    opened: gr.State
    due: gr.Number
    curve: gr.Dropdown
    smoothing: gr.Slider
    other: gr.Dropdown
    plot: gr.LinePlot


def draw() -> CurvesPanel:
    """Draws the panel, folded."""
    with gr.Accordion(text.CURVES, open=False, elem_id="curves") as fold:
        with gr.Row():
            curve = gr.Dropdown(list(render.CURVES), value="learning rate", label="Curve", elem_id="curve")
            smoothing = gr.Slider(0, 0.95, value=0, step=0.05, label="Smoothing", info=text.SMOOTHING, elem_id="smoothing")
            other = gr.Dropdown([("none", "")], value="", label="Beside it", info=text.EARLIER_RUN, elem_id="other-run")
        plot = gr.LinePlot(
            x="step", y="value", color="run", height=260, color_map={text.THIS_RUN: ACCENT, text.OTHER_RUN: _EARLIER},
            elem_id="curve-chart",
        )  # fmt: skip
    due = gr.Number(0, precision=0, visible="hidden", show_label=False, container=False)
    return CurvesPanel(fold, gr.State(False), due, curve, smoothing, other, plot)


def wire(panel: CurvesPanel, chosen: gr.Radio) -> None:
    """Connects the panel."""

    @toast
    def plot(opened: bool, run_id: str | None, curve: str, smoothing: float, other_id: str) -> Any:  # noqa: ANN401
        if not opened:
            return gr.skip()
        names = {other_id: text.OTHER_RUN, run_id: text.THIS_RUN}  # beside itself it is this one
        columns = {name: columns_of(access.get(id_)) for id_, name in names.items() if id_}
        frame = render.curve_frame(columns, curve, smoothing)
        return None if frame.empty else frame

    @toast
    def name(curve: str, other_id: str) -> gr.LinePlot:
        return gr.LinePlot(title=f"{curve}, {shortened(access.get(other_id).title)} beside it" if other_id else curve)

    @toast
    def open_fold(run_id: str | None) -> list[Any]:
        rows = [runs.summary(run) for run in access.visible() if run.id != run_id]
        choices = [(_named(row), row["run_id"]) for row in rows if row.get("kind", "run") == "run"]
        return [True, gr.Dropdown(choices=[("none", ""), *choices])]

    inputs = [panel.opened, chosen, panel.curve, panel.smoothing, panel.other]
    panel.fold.expand(open_fold, chosen, [panel.opened, panel.other], **_PRIVATE).then(plot, inputs, panel.plot, **_PRIVATE)
    panel.fold.collapse(lambda: False, None, panel.opened, queue=False, **_PRIVATE)
    changes = [panel.curve.change, panel.smoothing.change, panel.other.change, panel.due.change, chosen.change]
    drawn = heard(*changes)(plot, inputs, panel.plot, **_PRIVATE)
    # Apart: with rows and title in one answer the component draws the rows it had before; a new title alone makes it draw
    # the lines of runs that joined or left.
    drawn.then(name, [panel.curve, panel.other], panel.plot, **_PRIVATE)


def _named(row: dict[str, Any]) -> str:
    """A run by its name and age, as the list of runs has them; its id would not fit into the box."""
    return f"{shortened(row['title'])} · {age(time.time() - row['created'])}"
