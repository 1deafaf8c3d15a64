"""Train: settings generated from the config, start and stop, live progress and curves."""

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner import access, catalog, runs
from tuner.colours import SENTIMENT
from tuner.config import RunConfig, fields
from tuner.data.sources import kind_of
from tuner.launch.refusals import ANY_MACHINE, told_at_once
from tuner.runs import LIVING, Run
from tuner.ui import (
    augment_panel,
    curves_panel,
    doubted,
    estimate_panel,
    forms,
    jobs_panel,
    keep_line,
    kept_form,
    lr_panel,
    probe_panel,
    render,
    reproduce_panel,
    run_actions,
    source_picker,
    study_panel,
    text,
)
from tuner.ui.augment_panel import AugmentPanel
from tuner.ui.context import Context
from tuner.ui.curves_panel import CurvesPanel
from tuner.ui.errors import as_text, toast, when_over
from tuner.ui.estimate_panel import EstimatePanel
from tuner.ui.event_columns import Columns, columns_of
from tuner.ui.heard import heard
from tuner.ui.jobs_panel import JobsPanel
from tuner.ui.lr_panel import LrPanel
from tuner.ui.probe_panel import ProbePanel
from tuner.ui.reproduce_panel import ReproducePanel
from tuner.ui.run_actions import RunActions
from tuner.ui.source_picker import SourcePicker
from tuner.ui.study_panel import StudyFound, StudyPanel
from tuner.ui.theme import ACCENT
from tuner.words import listed

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# The first components of the view are those that move with each step: the run's head, two charts, what happened, and the log.
_MOVING = 5
_LINE_COLOURS = {"training": ACCENT, "validation": SENTIMENT["negative"]}
_NAMED_SETTINGS = 6  # in a toast
_SCORE_COLOURS = {"accuracy": "#0072B2", "macro F1": "#009E73", "macro recall": "#E69F00"}
# A chart without a point is drawn, too: one that is taken off the page while its tab is hidden measures itself, and fails. A
# point that is nowhere says of what kind the columns are, and which lines there will be.
_NO_LOSS = pd.DataFrame({"step": math.nan, "loss": math.nan, "rows": list(_LINE_COLOURS)})
_NO_SCORES = pd.DataFrame({"step": math.nan, "score": math.nan, "metric": list(_SCORE_COLOURS)})


@dataclass(frozen=True)
class TrainTab:
    """What the page needs of this tab: the components that follow the chosen run, and the button that goes on.

    Attributes:
        view: all of them; `view_of` fills them.
        moving: the first ones, which change from step to step; `moving_of` fills them.
    """

    view: list[gr.components.Component]
    moving: list[gr.components.Component]
    curves: CurvesPanel
    next: gr.Button
    start_event: Any


def own_settings() -> list[forms.Key]:
    """The settings drawn on this tab: all but those of the source picker."""
    elsewhere = {("data", field) for field in ("source", "label_map", "fingerprint", *source_picker.FIELDS)}
    elsewhere |= {("model", field) for field in ("name", "fingerprint", "max_length")}
    return [key for key in forms.setting_keys() if key not in elsewhere]


def view_of(run_id: str | None) -> list[Any]:
    """Values for `TrainTab.view`: what the chosen run looks like now."""
    if not run_id:
        empty = [render.empty(text.NO_RUN_CHOSEN), None, None, "", "", ""]
        return [*empty, *run_actions.view_of(None), gr.Button(visible=False), *study_panel.view_of(None)]
    run = access.get(run_id)
    row = runs.summary(run)
    state = row["state"]
    command = study_panel.command_line if row["kind"] != "run" else lambda run: render.command_line(run.config)
    return [
        *_moving(run, row),
        command(run) if state != "unreadable" else "",
        *run_actions.view_of(run),
        gr.Button(visible=run.has_model and state not in LIVING),
        *study_panel.view_of(run),
    ]


def moving_of(run_id: str | None) -> list[Any]:
    """Values for `TrainTab.moving`: what changes from step to step while a run goes on."""
    if not run_id:
        return [gr.skip()] * _MOVING
    run = access.get(run_id)
    return _moving(run, runs.summary(run))


def _moving(run: Run, row: dict[str, Any]) -> list[Any]:
    said = columns_of(run)
    points = said if row["kind"] == "run" else Columns().and_then(study_panel.points_of(run))
    loss, scores = render.loss_frame(points), render.metric_frame(points)
    highest = float(loss["loss"].max()) if len(loss) else 1.0
    end, title = study_panel.axis_of(run)
    steps: dict[str, Any] = {"x_lim": [0, end or 1], "x_title": title}
    scored = study_panel.scored_rows(run)
    return [
        render.run_head(row),
        # "hidden" and not False, see `_NO_LOSS`: nothing validates where test rows are scored.
        gr.LinePlot(
            _every_line(loss, _NO_LOSS), y_lim=[0, highest * 1.05], visible="hidden" if scored == "test" else True, **steps
        ),
        gr.LinePlot(_every_line(scores, _NO_SCORES), title=text.SCORES_OF[scored], **steps),
        "\n".join(said.notes),
        run.log_tail(),
    ]


def _every_line(found: pd.DataFrame, none: pd.DataFrame) -> pd.DataFrame:
    """Also the lines without a point yet: a chart on the page never draws one that was not in its first data."""
    series = none.columns[-1]
    missing = none[~none[series].isin(found[series])]
    return pd.concat([missing, found], ignore_index=True) if len(missing) and len(found) else found if len(found) else none


@dataclass(frozen=True)
class _Settings:
    """The left side. `widgets` holds the settings drawn here, in their order."""

    preset: gr.Radio
    estimate: EstimatePanel
    where: JobsPanel
    start: gr.Button
    proceed: gr.Button
    base: gr.Markdown
    head: gr.Markdown
    probe: ProbePanel
    name: gr.Textbox
    widgets: dict[forms.Key, gr.components.Component]
    finder: LrPanel
    copies: AugmentPanel
    study: StudyPanel


@dataclass(frozen=True)
class _Progress:
    """The right side. `view` is what `view_of` fills, in its order."""

    view: list[gr.components.Component]
    actions: RunActions
    following: gr.Button
    curves: CurvesPanel
    study: StudyFound
    reproduce: ReproducePanel


def build(context: Context, picker: SourcePicker, chosen: gr.Radio, shown: Any, loaded: Any) -> TrainTab:  # noqa: ANN401
    """Draws the tab inside the current gr.Tab.

    Args:
        chosen: the list of runs beside the tabs; its value is the chosen run's id.
        shown: the event of the tab that comes into sight.
        loaded: the event of the page that is loaded.
    """
    gr.Markdown(text.STEPS_TRAIN, elem_classes="quiet")
    keep_line.draw(context)
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            settings = _draw_settings(context, picker)
        with gr.Column(scale=2, min_width=480, elem_id="train-progress"):
            progress = _draw_progress()
    pressed = _wire_start(context, picker, settings, chosen, shown)
    _wire_preset(picker, settings)
    _wire_form(context, picker, settings, progress, chosen, loaded)
    return TrainTab(progress.view, progress.view[:_MOVING], progress.curves, progress.following, pressed)


def _draw_settings(context: Context, picker: SourcePicker) -> _Settings:
    default = RunConfig()
    info = {(section, field): found for section, field, found in fields()}
    own = own_settings()
    widgets: dict[forms.Key, gr.components.Component] = {}

    def draw(key: forms.Key) -> None:
        if key == ("training", "class_weights"):
            widgets[key] = picker.class_weights.render()
        else:
            widgets[key] = forms.widget(*key, info[key], forms.value_of(default, key))

    folded = {key: group for group in text.GROUPS for key in forms.setting_keys(common=False, group=group) if key in own}
    preset = gr.Radio(
        [(f"{p.title} — {p.when} {p.measured}".strip(), name) for name, p in catalog.PRESETS.items()],
        value=catalog.DEFAULT_PRESET,
        label="Preset",
        elem_id="preset",
    )
    estimate = estimate_panel.draw()
    where = jobs_panel.draw()
    start = gr.Button(text.START, variant="primary", elem_id="start")
    proceed = gr.Button(text.PROCEED, visible=False, size="sm", elem_id="proceed")
    gr.Markdown(text.STEP_BASE, elem_classes="step")
    base = gr.Markdown(_base_line(catalog.SAMPLE_MINILM), elem_classes="quiet")
    head = gr.Markdown(text.NEW_HEAD, elem_classes="quiet")
    probe = probe_panel.draw(context)
    _fold("Model", folded, draw)
    _fold("Structure", folded, draw)
    gr.Markdown(text.STEP_EVALUATION, elem_classes="step")
    draw(("training", "metric_for_best_model"))
    _fold("Evaluation", folded, draw)
    gr.Markdown(text.STEP_TRAINER, elem_classes="step")
    for key in forms.setting_keys(common=True):
        if key in own and key not in widgets:
            draw(key)
    for group in text.GROUPS:
        if group == "Augmentation":
            copies = _fold(group, folded, draw, augment_panel.draw)
        elif group == "Learning rate":
            finder = _fold(group, folded, draw, lr_panel.draw)
        elif group not in ("Model", "Structure", "Evaluation"):
            _fold(group, folded, draw)
    study = study_panel.draw()
    name = gr.Textbox(label="Name", info="for people to read; empty: model on data", max_lines=1, elem_id="run-name")
    return _Settings(preset, estimate, where, start, proceed, base, head, probe, name, widgets, finder, copies, study)


def _draw_progress() -> _Progress:
    head = gr.HTML(render.empty(text.NO_RUN_CHOSEN), elem_id="run-head")
    with gr.Row():
        loss = gr.LinePlot(
            x="step", y="loss", color="rows", title="Loss", height=260, color_map=_LINE_COLOURS, elem_id="loss-chart"
        )
        scores = gr.LinePlot(
            x="step", y="score", color="metric", title=text.SCORES_OF["validation"], height=260, color_map=_SCORE_COLOURS,
            y_lim=[0, 1], elem_id="score-chart",
        )  # fmt: skip
    study = study_panel.draw_found()
    actions = run_actions.draw()
    curves = curves_panel.draw()
    notes = gr.Textbox(label="What happened", lines=5, interactive=False, elem_id="run-notes")
    with gr.Accordion("Command line", open=False):
        command = gr.Code(language="shell", interactive=False, show_label=False, elem_id="command-line")
    reproduce = reproduce_panel.draw()
    with gr.Accordion("Log", open=False):
        log = gr.Textbox(lines=12, max_lines=12, interactive=False, show_label=False, autoscroll=True, elem_id="train-log")
    following = gr.Button(text.TO_EVALUATE, variant="primary", visible=False, elem_id="to-evaluate")
    view = [head, loss, scores, notes, log, command, *actions.view, following, *study.view]
    return _Progress(view, actions, following, curves, study, reproduce)


def _wire_start(context: Context, picker: SourcePicker, settings: _Settings, chosen: gr.Radio, shown: Any) -> Any:  # noqa: ANN401
    """Connects "Start training" and the panels that read the settings; returns the event after which the new run is chosen."""
    order = list(settings.widgets)

    def config_of(preset: str, name: str, model: str, max_length: str, *values: Any) -> RunConfig:  # noqa: ANN401
        own_values, source = values[: len(order)], values[len(order) :]
        given = forms.to_settings(dict(zip(order, own_values, strict=True)))
        given["data"] |= source_picker.settings_of(context, *source)
        given["model"] |= {"name": (model or "").strip(), "max_length": max_length or None}
        context.check_model(given["model"]["name"])
        if not name and kind_of(given["data"]["source"]) == "upload":
            name = f"{runs.short_name(given['model']['name'])} on {source_picker.title_of(given['data']['source'])}"
        config = RunConfig(preset=preset, name=(name or "")[:200], **given)
        context.check_data(config.data)
        return config

    def begin(told: list[Any] | None, values: tuple[Any, ...]) -> list[Any]:
        chosen_machine, values = values[: len(where)], values[len(where) :]
        with told_at_once(context.check, ANY_MACHINE if jobs_panel.elsewhere(chosen_machine) else None):
            config = config_of(*values)
        key = [*chosen_machine, config.to_yaml()]
        return doubted.begin(key, told, lambda anyway: jobs_panel.start(context, config, chosen_machine, anyway))

    inputs = [settings.preset, settings.name, picker.model, picker.max_length, *settings.widgets.values(), *picker.source]
    where = settings.where.inputs
    jobs_panel.wire(context, settings.where)
    lr_panel.wire(settings.finder, config_of, inputs, settings.widgets["training", "learning_rate"])
    probe_panel.wire(context, settings.probe, config_of, inputs, picker.model)
    augment_panel.wire(context, settings.copies, config_of, inputs)
    study_panel.wire(context, settings.study, config_of, inputs, chosen)
    estimate_panel.wire(context, settings.estimate, config_of, inputs, shown)
    start, proceed = settings.start, settings.proceed
    starting = lambda: gr.Button(text.STARTING, interactive=False)  # noqa: E731
    ready = lambda: gr.Button(text.START, interactive=True)  # noqa: E731
    told = gr.State(None)
    begun: dict[str, Any] = {"outputs": [chosen, proceed, told], "show_progress": "hidden", **_PRIVATE}
    pressed = start.click(starting, None, start, queue=False, **_PRIVATE).then(
        toast(lambda *values: begin(None, values)), [*where, *inputs], **begun
    )
    when_over(pressed, ready, start)
    proceed.click(toast(lambda told, *values: begin(told, values)), [told, *where, *inputs], **begun)
    line = settings.estimate.line
    hidden: dict[str, Any] = {"queue": False, "show_progress": "hidden", **_PRIVATE}
    line.change(lambda said: gr.skip() if estimate_panel.doubts(said) else gr.Button(visible=False), line, proceed, **hidden)
    return pressed


def _filled_by(preset: str, form: dict[forms.Key, Any]) -> tuple[list[Any], str]:
    """The form's values with a preset, and a word on those it replaced that no preset had put there: a person had.

    A base model of the person's own stays: presets name one so that they can start at all. Another than before is said too: it
    stands on the Data tab.
    """
    config, presets = RunConfig(preset=preset), [RunConfig(preset=name) for name in catalog.PRESETS]
    filled = {key: forms.value_of(config, key) for key in form}
    own = [key for key in form if not any(forms.same(form[key], forms.value_of(one, key)) for one in presets)]
    said = []
    if form["model", "name"] and ("model", "name") in own:
        stays = [("model", "name"), ("model", "revision")]
        filled |= {key: form[key] for key in stays}
        own = [key for key in own if key not in stays]
        said = [text.PRESET_KEPT_MODEL.format(form["model", "name"])]
    elif filled["model", "name"] != form["model", "name"]:
        said = [text.PRESET_MODEL.format(filled["model", "name"])]
    if own:
        words = [f"{forms.label(field)} {form[section, field] or 'none'}" for section, field in own]
        said.insert(0, text.PRESET_REPLACED.format(listed(words, _NAMED_SETTINGS)))
    return list(filled.values()), " ".join(said)


def _wire_preset(picker: SourcePicker, settings: _Settings) -> None:
    """A preset fills the settings; a new base model is said where its head is put on."""
    keys = [("model", "name"), ("model", "max_length"), *settings.widgets]

    @toast
    def fill(preset: str, *values: Any) -> list[Any]:  # noqa: ANN401
        filled, said = _filled_by(preset, dict(zip(keys, values, strict=True)))
        if said:
            gr.Info(as_text(said), duration=12)
        return filled

    filled = [picker.model, picker.max_length, *settings.widgets.values()]
    settings.preset.input(
        fill, [settings.preset, *filled], filled, show_progress="hidden", **_PRIVATE, trigger_mode="always_last"
    )
    # Apart: of two changes in one moment the answers may come in either order.
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", **_PRIVATE}
    heard(picker.model.change)(_base_line, picker.model, settings.base, **quiet)
    keep_head = settings.widgets["model", "keep_head"]
    keep_head.change(lambda keeps: text.KEPT_HEAD if keeps else text.NEW_HEAD, keep_head, settings.head, **quiet)
    # A commit goes with its model. That model is remembered: the box says `input` when somebody has only looked into it, too.
    revision, of = settings.widgets["model", "revision"], gr.State("")
    revision.change(lambda model: model, picker.model, of, **quiet)
    picker.model.input(
        lambda model, of: gr.skip() if model == of else "", [picker.model, of], revision, trigger_mode="always_last", **quiet
    )


def _wire_form(
    context: Context,
    picker: SourcePicker,
    settings: _Settings,
    progress: _Progress,
    chosen: gr.Radio,
    loaded: Any,  # noqa: ANN401
) -> None:
    """Connects what fills the form (a chosen run, a best trial, what the browser kept), and what else stands beside the run."""
    boxes = list(settings.widgets.values())
    form = [settings.preset, settings.name, picker.model, picker.max_length, *boxes, *picker.chosen]

    def form_of(config: RunConfig) -> list[Any]:
        own = [forms.value_of(config, key) for key in settings.widgets]
        # A dropdown's "none" is the empty text.
        own = ["" if value is None and isinstance(box, gr.Dropdown) else value for value, box in zip(own, boxes, strict=True)]
        model = config.model
        return [config.preset, config.name, model.name, model.max_length, *own, *source_picker.chosen_of(context, config)]

    run_actions.wire(progress.actions, chosen, progress.view, toast(view_of), form, form_of)
    study_panel.wire_best(progress.study, chosen, form, form_of)
    kept_form.wire(context, settings.estimate.kept, loaded, form, form_of)
    curves_panel.wire(progress.curves, chosen)
    reproduce_panel.wire(progress.reproduce, chosen)


def _fold(group: str, folded: dict[forms.Key, str], draw: Any, more: Any = None) -> Any:  # noqa: ANN401
    """Draws a theme's settings in an accordion, and `more` below them; returns what `more` gives."""
    found = [key for key, its_group in folded.items() if its_group == group]
    if not found:
        return None
    with gr.Accordion(text.GROUPS[group], open=False):
        for key in found:
            draw(key)
        return more() if more else None


def _base_line(name: str) -> str:
    offer = catalog.offered_model(name)
    safe = "".join(char for char in (name or "") if char.isalnum() or char in "-_./: ")
    return f"`{safe}`{': ' + offer.summary if offer else ''}. {text.BASE_CHOSEN}"
