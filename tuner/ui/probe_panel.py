"""The base-model probe on the Train tab: candidates ranked on the person's own rows, and one click to take the best."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import catalog
from tuner.config import RunConfig
from tuner.data.browsing import cut
from tuner.launch.prober import MOST_MODELS, probe
from tuner.training.probe_result import ProbeResult, ProbeRow
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast, when_over

_HEADER = ["model", "macro F1", "s / 1,000", "MB", "accuracy", "macro recall", "size"]
# The first four fit into the left column of a small screen.
_WIDTHS = ["118px", "78px", "68px", "56px", "92px", "84px", "70px"]
_MOST_NAME = 60


@dataclass(frozen=True)
class ProbePanel:
    """What was drawn. `best` holds the name of the best model."""

    candidates: gr.Dropdown
    run: gr.Button
    table: gr.Dataframe
    says: gr.Textbox
    use: gr.Button
    best: gr.State


def draw(context: Context) -> ProbePanel:
    """Draws the panel in an accordion of its own."""
    with gr.Accordion(text.PROBE, open=False, elem_id="probe"):
        gr.Markdown(text.PROBE_WHAT, elem_classes="quiet")
        candidates = gr.Dropdown(
            choices=[offer.name for offer in catalog.BASE_MODELS],
            value=[catalog.SAMPLE_MINILM],
            multiselect=True,
            allow_custom_value=True,
            max_choices=MOST_MODELS,
            label=text.CANDIDATES,
            info=text.CANDIDATES_INFO_LOCAL if context.local else text.CANDIDATES_INFO,
            elem_id="probe-candidates",
        )
        run = gr.Button(text.RUN_PROBE, size="sm", elem_id="run-probe")
        table = gr.Dataframe(
            headers=_HEADER, datatype="str", interactive=False, wrap=True, column_widths=_WIDTHS, visible=False,
            show_label=False, elem_id="probe-table",
        )  # fmt: skip
        says = gr.Textbox(show_label=False, lines=3, max_lines=26, interactive=False, visible=False, elem_id="probe-says")
        use = gr.Button(size="sm", variant="primary", visible=False, elem_id="use-model")
    return ProbePanel(candidates, run, table, says, use, gr.State(None))


def wire(
    context: Context,
    panel: ProbePanel,
    config_of: Callable[..., RunConfig],
    inputs: list[gr.components.Component],
    model: gr.components.Component,
) -> None:
    """Connects the buttons.

    Args:
        config_of: settings from the values of `inputs`.
        model: the box of the base model.
    """

    @toast
    def run(candidates: list[str], *values: Any, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: ANN401, B008
        progress(0, desc=text.LOADING)
        for name in candidates or []:
            context.check_model(name)
        result = probe(
            config_of(*values),
            candidates or [],
            lambda done, texts, name: progress((done, texts), desc=text.PROBING.format(cut(name, _MOST_NAME)), unit="texts"),
        )
        use = gr.Button(text.USE_MODEL.format(cut(result.best or "", _MOST_NAME)), visible=result.best is not None)
        return [gr.Dataframe(table_of(result), visible=True), gr.Textbox(words_of(result), visible=True), use, result.best]

    private: dict[str, Any] = {"api_visibility": "private"}
    done = panel.run.click(
        lambda: [gr.Button(interactive=False), gr.Textbox("", visible=True)],
        None, [panel.run, panel.says], queue=False, **private,
    ).then(
        run, [panel.candidates, *inputs], [panel.table, panel.says, panel.use, panel.best],
        show_progress_on=panel.says, **private,
    )  # fmt: skip
    done.failure(lambda: gr.Textbox(visible=False), None, panel.says, queue=False, **private)
    when_over(done, lambda: gr.Button(interactive=True), panel.run)
    panel.use.click(lambda best: best, panel.best, model, queue=False, **private)


def table_of(result: ProbeResult) -> list[list[str]]:
    """The candidates and, below them, the baselines, as the table shows them."""
    return [_cells(row) for row in [*result.models, *result.baselines]]


def words_of(result: ProbeResult) -> str:
    """What the result says, and why a candidate could not be examined."""
    problems = [f"{cut(row.model, _MOST_NAME)}: {row.problem}" for row in result.models if row.problem]
    return "\n\n".join([*result.says, *problems])


def _cells(row: ProbeRow) -> list[str]:
    if row.macro_f1 is None:
        return [cut(row.model), "failed", *[""] * 5]
    seconds = memory = size = ""
    if row.parameters is not None:
        seconds, memory, size = f"{row.seconds_per_1000:.1f}", f"{row.memory_mb:,.0f}", f"{row.parameters / 1e6:,.1f} M"
    spread = f" ±\N{NO-BREAK SPACE}{row.spread:.3f}" if row.spread is not None else ""
    return [
        cut(row.model),
        f"{row.macro_f1:.3f}{spread}",
        seconds,
        memory,
        f"{row.accuracy:.3f}",
        f"{row.macro_recall:.3f}",
        size,
    ]
