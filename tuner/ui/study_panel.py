"""Studies on the Train tab: what to vary, to repeat or to leave out, the trials as table and chart, one click for the best."""

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import gradio as gr

from tuner import access, runs
from tuner.config import RunConfig
from tuner.errors import RunError, SettingsError
from tuner.launch import study as studies
from tuner.launch.refusals import told_at_once
from tuner.runs import LIVING, Run
from tuner.sections.training import Metric
from tuner.study.plan import SHARES, USUAL, StudyConfig, parse_over, plan_of
from tuner.study.results import results, split_of
from tuner.study.words import settings_in_words, table
from tuner.ui import doubted, render, text
from tuner.ui.context import Context
from tuner.ui.errors import as_text, toast, when_over
from tuner.words import exact

_FIRST = ["training.learning_rate"]
# Pixels of the table's columns, so that no word breaks: those of repeats fit beside the settings on a page of 1,280, more of
# them, or those of a smaller page, are scrolled to. In any other column stands a metric.
_WIDTHS = {
    "trial": 72, "repeat": 72, "rows": 72, "settings": 130, "share": 130, "accuracy": 88, "macro F1": 76, "macro recall": 76,
    "seconds": 82, "state": 92,
}  # fmt: skip
_WIDTH = 104


@dataclass(frozen=True)
class _Start:
    """A button that starts a study. `plan`: the values of `inputs` as fields of a StudyConfig; `proceed`: shown after a doubt."""

    button: gr.Button
    label: str
    proceed: gr.Button
    inputs: list[gr.components.Component]
    plan: Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class StudyPanel:
    """The left side: what to try."""

    vary: gr.Dropdown
    values: gr.Textbox
    starts: "list[_Start]"


@dataclass(frozen=True)
class StudyFound:
    """The right side. `view` is what `view_of` fills, in its order."""

    view: list[Any]
    use: gr.Button


def draw() -> StudyPanel:
    """Draws the left side."""
    with gr.Accordion(text.STUDY, open=False, elem_id="study"):
        gr.Markdown(text.STUDY_SEARCH, elem_classes="quiet")
        choices = [(path.rpartition(".")[2].replace("_", " "), path) for path in USUAL]
        vary = gr.Dropdown(choices, value=_FIRST, multiselect=True, label="Vary", info=text.STUDY_VARY, elem_id="study-vary")
        values = gr.Textbox(_lines(_FIRST, ""), lines=3, label="Values", info=text.STUDY_VALUES, elem_id="study-values")
        with gr.Row():
            trials = gr.Textbox("20", label="Trials", info=text.STUDY_TRIALS, min_width=120, elem_id="study-trials")
            minutes = gr.Textbox("", label="Minutes", info=text.STUDY_MINUTES, min_width=120, elem_id="study-minutes")
        with gr.Row():
            metric = gr.Dropdown(
                [(text.STUDY_METRIC_OF_SETTINGS, ""), *get_args(Metric)], value="", label="Metric", info=text.STUDY_METRIC,
                min_width=120, elem_id="study-metric",
            )  # fmt: skip
            seed = gr.Number(
                StudyConfig.model_fields["seed"].default, precision=0, label="Seed", info=text.STUDY_SEED, min_width=120,
                elem_id="study-seed",
            )  # fmt: skip
        pruning = gr.Checkbox(True, label="Pruning", info=text.STUDY_PRUNING, elem_id="study-pruning")
        search = _start("search", text.START_SEARCH, [values, trials, minutes, metric, seed, pruning], _search_plan)
        gr.Markdown(text.STUDY_REPEATS, elem_classes="quiet")
        with gr.Row():
            over = gr.Radio(["seeds", "folds"], value="seeds", label="Over", info=text.STUDY_OVER, elem_id="study-over")
            times = gr.Number(5, precision=0, label="How many", min_width=100, elem_id="study-times")
        repeat = _start("repeats", text.START_REPEATS, [over, times], _repeat_plan)
        gr.Markdown(text.STUDY_CURVE, elem_classes="quiet")
        with gr.Row():
            shares = gr.Textbox(
                ", ".join(f"{share:g}" for share in SHARES), label="Shares", info=text.STUDY_SHARES, elem_id="study-shares"
            )
            draws = gr.Number(1, precision=0, label="Repeats", info=text.STUDY_DRAWS, min_width=100, elem_id="study-draws")
        curve = _start("curve", text.START_CURVE, [shares, draws], _curve_plan)
    return StudyPanel(vary, values, [search, repeat, curve])


def _start(name: str, label: str, inputs: list[gr.components.Component], plan: Callable[..., dict[str, Any]]) -> _Start:
    button = gr.Button(label, size="sm", elem_id=f"start-{name}")
    proceed = gr.Button(text.PROCEED, visible=False, size="sm", elem_id=f"proceed-{name}")
    return _Start(button, label, proceed, inputs, plan)


def _search_plan(values: str, trials: str, minutes: str, metric: str, seed: float, pruning: bool) -> dict[str, Any]:
    space = parse_over([line for line in (values or "").splitlines() if line.strip()])
    budget = {"n_trials": _number("Trials", trials), "minutes": _number("Minutes", minutes)}
    return {"kind": "search", "space": space, "metric": metric or None, "seed": seed, "pruning": pruning, **budget}


def _repeat_plan(over: str, times: float) -> dict[str, Any]:
    return {"kind": "repeat", over: times}


def _curve_plan(shares: str, draws: float) -> dict[str, Any]:
    given = [_number("Shares", share) for share in (shares or "").split(",") if share.strip()]
    return {"kind": "learning-curve", "shares": given, "repeats": draws}


def draw_found() -> StudyFound:
    """Draws the right side, hidden until a study is chosen."""
    # "hidden" and not False: a table that is taken off the page still measures itself, and fails.
    rows = gr.Dataframe(interactive=False, datatype="str", wrap=True, max_height=380, visible="hidden", elem_id="study-table")
    use = gr.Button(text.USE_BEST, variant="primary", size="sm", visible=False, elem_id="use-best")
    return StudyFound([rows, use], use)


def view_of(run: Run | None) -> list[Any]:
    """Values for `StudyFound.view`; all hidden where the run is no study."""
    if run is None or runs.summary(run)["kind"] == "run":
        return [gr.Dataframe(visible="hidden"), gr.Button(visible=False)]
    found = results(run)
    if not found.rows:
        return [gr.Dataframe(visible="hidden"), gr.Button(visible=False)]
    header, rows = table(found)
    label = text.STUDY_TABLE[found.split if found.kind == "repeat" else found.kind]
    widths = [f"{_WIDTHS.get(name, _WIDTH)}px" for name in header]
    return [
        gr.Dataframe({"headers": header, "data": rows}, label=label, column_widths=widths, visible=True),
        gr.Button(visible=found.best is not None, interactive=runs.read_status(run).state not in LIVING),
    ]


def points_of(run: Run) -> list[dict[str, Any]]:
    """The trials as evaluations of a run, so that the same charts draw them: a trial, or its rows, takes the place of a step."""
    found = results(run)
    if found.kind == "learning-curve":
        return [
            {"event": "evaluate", "step": point.rows, **{f"eval_{name}": value for name, value in point.scores.items()}}
            for point in found.points
        ]
    return [
        {"event": "evaluate", "step": row.number, **{f"eval_{name}": value for name, value in row.metrics.items()}}
        for row in found.rows
    ]


def axis_of(run: Run) -> tuple[int, str]:
    """(end, title) of the charts' horizontal axis."""
    row = runs.summary(run)
    if row["kind"] == "learning-curve":
        rows = [point.rows / point.share for point in results(run).points]
        return round(max(rows, default=1)), "training rows"
    return row["max_steps"] or row["step"], {"run": "step", "search": "trial", "repeat": "repeat"}[row["kind"]]


def scored_rows(run: Run) -> str:
    """The rows behind the scores of the charts: "validation", or "test" where seeds are repeated."""
    return "validation" if runs.summary(run)["kind"] == "run" else split_of(plan_of(run))


def command_line(run: Run) -> str:
    """The command that repeats the study."""
    plan, command = plan_of(run), render.command_line(run.config)
    more = [f"--over {shlex.quote(f'{path}={part}')}" for path, part in plan.space.items()]
    more += [f"--shares {' '.join(map(exact, plan.shares))}"] if plan.shares else []
    given = {"trials": plan.n_trials, "minutes": plan.minutes, "seeds": plan.seeds, "folds": plan.folds, "repeats": plan.repeats}
    more += [f"--{name} {exact(value)}" for name, value in given.items() if value]
    if plan.kind == "search":
        more += [f"--seed {plan.seed}", *([] if plan.pruning else ["--no-pruning"])]
    return " \\\n  ".join([command.replace("tuner train", f"tuner {plan.kind}", 1), *more])


def wire(
    context: Context,
    panel: StudyPanel,
    config_of: Callable[..., RunConfig],
    inputs: list[gr.components.Component],
    chosen: gr.Radio,
) -> None:
    """Connects the left side.

    Args:
        config_of: settings from the values of `inputs`.
        chosen: the list of runs, in which a new study is chosen.
    """
    private: dict[str, Any] = {"api_visibility": "private"}
    panel.vary.input(_lines, [panel.vary, panel.values], panel.values, queue=False, trigger_mode="always_last", **private)

    def begin(start: _Start, told: list[Any] | None, given: tuple[Any, ...]) -> list[Any]:
        own, settings = given[: len(start.inputs)], given[len(start.inputs) :]
        given_plan = start.plan(*own)
        with told_at_once(context.check):
            config = config_of(*settings)
        plan = StudyConfig(**given_plan)

        def started(anyway: bool) -> tuple[Run, str]:
            run = studies.start(config, plan, proceed_anyway=anyway)
            return run, f"{runs.summary(run)['title']} is queued and starts when nothing else trains."

        return doubted.begin([config.to_yaml(), plan.to_yaml()], told, started)

    for start in panel.starts:
        told, values = gr.State(None), [*start.inputs, *inputs]
        begun: dict[str, Any] = {"outputs": [chosen, start.proceed, told], "show_progress": "hidden", **private}
        pressed = start.button.click(
            lambda: [gr.Button(text.STARTING, interactive=False), gr.Button(visible=False)], None,
            [start.button, start.proceed], queue=False, **private,
        ).then(toast(lambda *given, start=start: begin(start, None, given)), values, **begun)  # fmt: skip
        when_over(pressed, lambda start=start: gr.Button(start.label, interactive=True), start.button)
        start.proceed.click(toast(lambda told, *given, start=start: begin(start, told, given)), [told, *values], **begun)


def wire_best(
    found: StudyFound, chosen: gr.Radio, form: list[gr.components.Component], form_of: Callable[[RunConfig], list[Any]]
) -> None:
    """Connects "Use the best settings".

    Args:
        form: the settings' components, those of the data as well: a score is one on the search's own rows.
        form_of: what fills them for a RunConfig.
    """

    @toast
    def use(run_id: str) -> list[Any]:
        result = results(access.get(run_id or ""))
        if result.best is None or result.best_config is None:
            raise RunError("No trial is complete yet, so there are no best settings.", "Wait for the first one.")
        gr.Info(as_text(text.BEST_USED.format(settings_in_words(result.best.settings))), duration=8)
        return form_of(result.best_config)

    found.use.click(use, chosen, form, show_progress="hidden", api_visibility="private")


def _lines(chosen: list[str], before: str) -> str:
    """The chosen settings with their values, one a line; what a person wrote for one, or of others than are offered, is kept."""
    known = {line.partition("=")[0].strip(): line.strip() for line in (before or "").splitlines() if line.strip()}
    own = [line for path, line in known.items() if path not in USUAL]
    return "\n".join([*(known.get(path, f"{path}={USUAL[path]}") for path in chosen or []), *own])


def _number(name: str, given: str) -> float | None:
    try:
        return float(given) if (given or "").strip() else None
    except ValueError:
        raise SettingsError([f"{name} = '{given[:40]}': must be a number, or empty."]) from None
