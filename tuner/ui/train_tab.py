"""Train: settings generated from the config, start and stop, live progress and curves."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import catalog, runs
from tuner.config import RunConfig, fields
from tuner.launch import local
from tuner.runs import LIVING, RESUMABLE
from tuner.ui import data_tab, forms, render, text
from tuner.ui.context import Context
from tuner.ui.data_tab import DataTab
from tuner.ui.errors import toast
from tuner.ui.theme import ACCENT, SENTIMENT

_LINE_COLOURS = {"training": ACCENT, "validation": SENTIMENT["negative"]}
_SCORE_COLOURS = {"accuracy": "#0072B2", "macro F1": "#009E73", "macro recall": "#E69F00"}


@dataclass(frozen=True)
class TrainTab:
    """What the page needs of this tab: the components a tick fills, and the button that goes on."""

    view: list[gr.components.Component]
    next: gr.Button
    start_event: Any


def own_settings() -> list[forms.Key]:
    """The settings drawn on this tab: all but the source, its columns and splits, and the model's name and length."""
    elsewhere = {("data", field) for field in ("source", "label_map", "fingerprint")} | set(data_tab.COLUMNS_AND_SPLITS)
    elsewhere |= {("model", "name"), ("model", "max_length"), ("model", "revision")}
    return [key for key in forms.setting_keys() if key not in elsewhere]


def view_of(run_id: str | None) -> list[Any]:
    """Values for `TrainTab.view`: what the chosen run looks like now."""
    if not run_id:
        hidden = gr.Button(visible=False)
        return [render.empty(text.NO_RUN_CHOSEN), None, None, "", "", "", hidden, hidden, hidden, hidden]
    run = runs.get(run_id)
    row = runs.summary(run)
    events, _ = runs.read_events(run)
    loss, scores = render.loss_frame(events), render.metric_frame(events)
    state = row["state"]
    readable = state != "unreadable"
    steps = [0, row["max_steps"]]
    return [
        render.run_head(row),
        gr.LinePlot(loss, y_lim=[0, float(loss["loss"].max()) * 1.05], x_lim=steps) if len(loss) else None,
        gr.LinePlot(scores, x_lim=steps) if len(scores) else None,
        render.notes(events),
        run.log_tail(),
        render.command_line(run.config) if readable else "",
        gr.Button(visible=state in LIVING, interactive=not run.stop_requested),
        gr.Button(visible=state in RESUMABLE),
        gr.Button(visible=state not in LIVING),
        gr.Button(visible=run.has_model and state not in LIVING),
    ]


def build(context: Context, data: DataTab, chosen: gr.Radio) -> TrainTab:
    """Draws the tab inside the current gr.Tab.

    Args:
        chosen: the list of runs beside the tabs; its value is the chosen run's id.
    """
    gr.Markdown(text.STEPS_TRAIN, elem_classes="quiet")
    default = RunConfig()
    info = {(section, field): found for section, field, found in fields()}
    widgets: dict[forms.Key, gr.components.Component] = {}

    def draw(key: forms.Key) -> None:
        widgets[key] = forms.widget(*key, info[key], forms.value_of(default, key))

    own = own_settings()
    folded = {key: group for group in text.GROUPS for key in forms.setting_keys(common=False, group=group) if key in own}
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            preset = gr.Radio(
                [(f"{p.title} — {p.when} {p.measured}".strip(), name) for name, p in catalog.PRESETS.items()],
                value=catalog.DEFAULT_PRESET,
                label="Preset",
                elem_id="preset",
            )
            start = gr.Button(text.START, variant="primary", elem_id="start")
            gr.Markdown(text.STEP_BASE, elem_classes="step")
            base = gr.Markdown(_base_line(catalog.SAMPLE_MINILM), elem_classes="quiet")
            _fold("Model", folded, draw)
            gr.Markdown(text.STEP_EVALUATION, elem_classes="step")
            draw(("training", "metric_for_best_model"))
            _fold("Evaluation", folded, draw)
            gr.Markdown(text.STEP_TRAINER, elem_classes="step")
            for key in forms.setting_keys(common=True):
                if key in own and key not in widgets:
                    draw(key)
            for group in text.GROUPS:
                if group not in ("Model", "Evaluation"):
                    _fold(group, folded, draw)
            name = gr.Textbox(label="Name", info="for people to read; empty: model on data", max_lines=1, elem_id="run-name")
        with gr.Column(scale=2, min_width=480):
            head = gr.HTML(render.empty(text.NO_RUN_CHOSEN), elem_id="run-head")
            with gr.Row():
                loss = gr.LinePlot(
                    x="step", y="loss", color="rows", title="Loss", height=260, color_map=_LINE_COLOURS, elem_id="loss-chart"
                )
                scores = gr.LinePlot(
                    x="step", y="score", color="metric", title="Validation scores", height=260, color_map=_SCORE_COLOURS,
                    y_lim=[0, 1], elem_id="score-chart",
                )  # fmt: skip
            with gr.Row():
                stop = gr.Button(text.STOP, variant="stop", visible=False, size="sm", scale=0, min_width=160, elem_id="stop")
                resume = gr.Button(
                    text.RESUME, variant="primary", visible=False, size="sm", scale=0, min_width=160, elem_id="resume"
                )
                delete = gr.Button(text.DELETE, visible=False, size="sm", scale=0, min_width=120, elem_id="delete")
                sure = gr.Button(
                    text.DELETE_SURE, variant="stop", visible=False, size="sm", scale=0, min_width=300, elem_id="delete-sure"
                )
            notes = gr.Textbox(label="What happened", lines=5, interactive=False, elem_id="run-notes")
            with gr.Accordion("Command line", open=False):
                command = gr.Code(language="shell", interactive=False, show_label=False, elem_id="command-line")
            with gr.Accordion("Log", open=False):
                log = gr.Textbox(
                    lines=12, max_lines=12, interactive=False, show_label=False, autoscroll=True, elem_id="train-log"
                )
            following = gr.Button(text.TO_EVALUATE, variant="primary", visible=False, elem_id="to-evaluate")
    view = [head, loss, scores, notes, log, command, stop, resume, delete, following]
    order = list(widgets)

    @toast
    def begin(preset_name: str, run_name: str, model_name: str, length: str, *values: Any) -> Any:  # noqa: ANN401
        own_values, source = values[: len(order)], values[len(order) :]
        settings = forms.to_settings(dict(zip(order, own_values, strict=True)))
        settings["data"] |= data_tab.settings_of(context, *source)
        settings["model"] |= {"name": (model_name or "").strip(), "max_length": length or None}
        context.check_model(settings["model"]["name"])
        run = local.start(RunConfig(preset=preset_name, name=run_name or "", **settings))
        gr.Info(f"{run.title} is queued and starts when nothing else trains.", duration=4)
        return gr.Radio(choices=[render.run_choice(runs.summary(r)) for r in runs.list_runs()], value=run.id)

    pressed = start.click(
        lambda: gr.Button(text.STARTING, interactive=False), None, start, api_visibility="private", queue=False
    ).then(
        begin,
        [preset, name, data.model, data.max_length, *widgets.values(), *data.inputs],
        chosen,
        api_visibility="private",
        show_progress="hidden",
    )
    pressed.then(lambda: gr.Button(text.START, interactive=True), None, start, api_visibility="private", queue=False)

    @toast
    def fill(preset_name: str) -> list[Any]:
        config = RunConfig(preset=preset_name)
        return [config.model.name, config.model.max_length, *(forms.value_of(config, key) for key in order)]

    preset.input(fill, preset, [data.model, data.max_length, *widgets.values()], api_visibility="private", show_progress="hidden")
    data.model.change(_base_line, data.model, base, api_visibility="private", queue=False)

    @toast
    def act(action: str, run_id: str) -> Any:  # noqa: ANN401
        run = runs.get(run_id or "")
        {"stop": runs.request_stop, "resume": local.resume, "delete": runs.delete}[action](run)
        if action != "delete":
            return gr.skip()
        left = runs.list_runs()
        return gr.Radio(choices=[render.run_choice(runs.summary(r)) for r in left], value=left[0].id if left else None)

    for button, action in ((stop, "stop"), (resume, "resume"), (sure, "delete")):
        button.click(
            lambda run_id, action=action: act(action, run_id), chosen, chosen, api_visibility="private", show_progress="hidden"
        ).then(toast(view_of), chosen, view, api_visibility="private", show_progress="hidden")
    sure.click(lambda: gr.Button(visible=False), None, sure, api_visibility="private", queue=False)
    delete.click(lambda: gr.Button(visible=True), None, sure, api_visibility="private", queue=False)
    chosen.change(lambda: gr.Button(visible=False), None, sure, api_visibility="private", queue=False)
    return TrainTab(view, following, pressed)


def _fold(group: str, folded: dict[forms.Key, str], draw: Any) -> None:  # noqa: ANN401
    found = [key for key, its_group in folded.items() if its_group == group]
    if found:
        with gr.Accordion(text.GROUPS[group], open=False):
            for key in found:
                draw(key)


def _base_line(name: str) -> str:
    summary = next((offer.summary for offer in catalog.BASE_MODELS if offer.name == name), "")
    safe = "".join(char for char in (name or "") if char.isalnum() or char in "-_./: ")
    return f"`{safe}`{': ' + summary if summary else ''}. Its weights stay; a new classification head is put on top."
