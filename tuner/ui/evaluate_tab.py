"""Evaluate: how good the chosen run is, where it is wrong, and whether it is really better."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from tuner import access, catalog, evaluations, runs
from tuner.colours import label_colours
from tuner.errors import RunError
from tuner.evaluation.label_map import UnknownLabels
from tuner.evaluation.page import page
from tuner.evaluation.report import EvaluationReport
from tuner.evaluations import Evaluation, of_run
from tuner.export import write_table
from tuner.runs import Run
from tuner.scoring import Extras
from tuner.ui import calibration_panel, compare_panel, made_files, mistakes_panel, render, render_report, source_picker, text
from tuner.ui.context import Context
from tuner.ui.errors import as_text, toast
from tuner.ui.uploaded import uploaded

_OWN_DATA = "the run's own data"


@dataclass(frozen=True)
class EvaluateTab:
    """What the page needs of this tab.

    Attributes:
        view: the components a chosen run fills.
        made: the name of the last evaluation that was made here while each run was chosen.
        next: the button that goes on.
        send: a click sends the text of `text` to the Playground.
    """

    view: list[gr.components.Component]
    made: gr.State
    next: gr.Button
    send: gr.Button
    text: gr.Textbox


@dataclass(frozen=True)
class _Form:
    """What is evaluated. `labels` is filled with the labels to map where the data's and the model's names differ."""

    more: gr.Accordion
    labels: gr.Dataframe
    values: list[gr.components.Component]


@dataclass(frozen=True)
class _Overview:
    numbers: gr.Dataframe
    baselines: gr.Dataframe
    matrix: gr.Dataframe
    confusions: gr.Dataframe
    classes: gr.Dataframe
    notes: gr.Textbox
    page: gr.Button
    download: gr.DownloadButton
    make_matrix: gr.Button
    matrix_file: gr.DownloadButton

    @property
    def shown(self) -> list[gr.components.Component]:
        matrix = [self.matrix, self.confusions, self.make_matrix, self.matrix_file]
        return [self.baselines, *matrix, self.classes, self.numbers, self.notes, self.download]


@dataclass(frozen=True)
class _Parts:
    """Slices, curves and behaviour tests."""

    worst: gr.HTML
    search: gr.Textbox
    expression: gr.Checkbox
    found: gr.HTML
    open: gr.Button
    slices: gr.Dataframe
    drawn: gr.HTML
    roc: gr.LinePlot
    precision_recall: gr.LinePlot
    areas: gr.Dataframe
    behaviour: gr.Dataframe
    failures: gr.Dataframe

    @property
    def shown(self) -> list[gr.components.Component]:
        curves = [self.drawn, self.roc, self.precision_recall, self.areas]
        return [self.worst, self.found, self.slices, *curves, self.behaviour, self.failures]


def view_of(run_id: str | None, size: int, made: dict[str, str] | None = None) -> list[Any]:
    """Values for `EvaluateTab.view`: the chosen run's newest evaluation, or what is missing.

    Args:
        size: how many components the view has.
        made: `EvaluateTab.made`; None for the run's own evaluation alone.
    """
    run = access.get(run_id) if run_id else None
    found = _newest(run, (made or {}).get(run.id)) if run else None
    if found is None:
        nothing = [gr.HTML(render.empty(_missing(run))), "", gr.Column(visible=False), gr.Button(visible=False)]
        return [*nothing, *[gr.skip()] * (size - len(nothing))]
    return _filled(found)


def build(context: Context, chosen: gr.Radio) -> EvaluateTab:
    """Draws the tab inside the current gr.Tab."""
    gr.Markdown(text.HOW_GOOD if context.trains else text.HOW_GOOD_A_MODEL, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            form = _draw_form(context.trains)
            go = gr.Button(text.EVALUATE, variant="primary", elem_id="evaluate")
            following = gr.Button(text.TO_PLAYGROUND, variant="primary", visible=False, elem_id="to-playground")
        with gr.Column(scale=2, min_width=480):
            answer = gr.HTML(render.empty(_missing(None)), elem_id="answer")
    shown, made, of = gr.State(""), gr.State({}), gr.State(None)
    with gr.Column(visible=False) as filled, gr.Tabs(elem_id="evaluate-tabs") as tabs:
        with gr.Tab("Overview", id="overview"):
            overview = _draw_overview()
        with gr.Tab("Mistakes", id="mistakes"):
            mistakes = mistakes_panel.draw()
        parts = _draw_parts()
        with gr.Tab("Calibration", id="calibration"):
            calibration = calibration_panel.draw()
        with gr.Tab("Compare", id="compare") as compare_page:
            compare = compare_panel.draw()
    view = [answer, shown, filled, following, *overview.shown, *mistakes.shown, *parts.shown, *calibration.shown]

    @toast
    def evaluate(run_id: str, source: str, split: str, model: str, texts: list[str], label: str | None, labels: pd.DataFrame,
                 against: str, metrics: str, tests: str | None, made: dict[str, str],
                 progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  # fmt: skip
        name, own = (model or "").strip(), source in ("", None, _OWN_DATA)
        for each in [name, *_words(against)] if name else _words(against):
            context.check_model(each)
        if not own:
            context.check_source(source)
        if not name and not _has_model(run_id):
            raise RunError(_missing(access.get(run_id) if run_id else None), "")
        extras = Extras(
            label_map=_mapping(labels),
            against=tuple(_words(against)),
            metrics=tuple(_words(metrics)),
            tests=uploaded(tests) if tests else None,
            text_column=tuple(texts or ()),
            label_column=label or None,
        )

        def say(what: str, done: int, total: int) -> None:
            progress((done, total), desc=what, unit="")

        try:
            found = context.evaluate(name or run_id, None if own else source, split, extras, say)
        except UnknownLabels as error:
            cure = f"Say in the table which of its labels each of them is, then press “{text.EVALUATE}” again."
            gr.Warning(as_text(f"{error.cause} {cure}"))
            rows = [[unknown, ""] for unknown in error.unknown]
            return [gr.Accordion(open=True), gr.Dataframe(rows), gr.skip(), None]
        return [gr.skip(), gr.skip(), {**made, run_id: found.name}, [run_id]]

    @toast
    def show(run_id: str, of: list[str] | None, made: dict[str, str]) -> list[Any]:
        if of is None:
            return [gr.skip()] * len(view)
        if of[0] in (None, run_id):  # one of no run stands under none where another is looked for
            return _filled(context.evaluation(made[of[0]]))
        with suppress(RunError):  # another run was chosen meanwhile, and this one may be gone
            gr.Info(as_text(text.EVALUATED_MEANWHILE.format(access.get(of[0]).title)), duration=8)
        return [gr.skip()] * len(view)

    asked = {"api_visibility": "private", "show_progress_on": [answer]}
    scored = go.click(evaluate, [chosen, *form.values, made], [form.more, form.labels, made, of], **asked)
    scored.success(show, [chosen, of, made], view, **asked)
    _wire_cells(context, shown, overview, parts, mistakes, tabs)
    made_files.wire(overview.page, overview.download, lambda folder, name: _write_page(context.evaluation(name), folder), [shown])
    matrix = lambda folder, name: _write_matrix(context.evaluation(name), folder)  # noqa: E731
    made_files.wire(overview.make_matrix, overview.matrix_file, matrix, [shown])
    mistakes_panel.wire(context, mistakes, shown)
    calibration_panel.wire(calibration, shown, chosen)
    compare_panel.wire(context, compare, chosen, shown, compare_page)
    return EvaluateTab(view, made, following, mistakes.send, mistakes.whole)


def _draw_form(trains: bool) -> _Form:
    """Where nothing is trained there are no runs: a model is named, and a source for it."""
    source = gr.Dropdown(
        [_OWN_DATA, catalog.SAMPLE_TWEETS], value=_OWN_DATA if trains else catalog.SAMPLE_TWEETS, allow_custom_value=True,
        label="Data",
        info="score the run on its own data, or on another source with the same labels", elem_id="evaluate-source",
    )  # fmt: skip
    split = gr.Radio(
        ["test", "validation", "train", "all"], value="test", label="Split",
        info="test rows were held out from training; all: every row of another source",
        elem_id="evaluate-split",
    )  # fmt: skip
    with gr.Accordion(text.MORE, open=not trains, elem_id="evaluate-more") as more:
        model = gr.Textbox(label="Model", info=text.EVALUATE_MODEL, max_lines=1, elem_id="evaluate-model")
        with gr.Row():
            columns: dict[str, Any] = {"choices": [], "allow_custom_value": True, "min_width": 200}
            texts = gr.Dropdown(
                value=[],
                multiselect=True,
                label=text.TEXT_COLUMNS,
                info=text.TEXT_COLUMNS_INFO,
                elem_id="evaluate-texts",
                **columns,
            )
            label = gr.Dropdown(
                value=None, label=text.LABEL_COLUMN, info=text.LABEL_COLUMN_INFO, elem_id="evaluate-label", **columns
            )
        labels = gr.Dataframe(
            column_widths=["50%", "50%"],
            wrap=True,
            headers=text.LABEL_MAP_COLUMNS,
            column_count=2,
            datatype="str",
            interactive=True,
            label=text.LABEL_MAP,
            elem_id="label-map",
        )
        against = gr.Textbox(label="Further models", info=text.AGAINST, max_lines=1, elem_id="evaluate-against")
        metrics = gr.Textbox(label="Metrics of the Hub", info=text.HUB_METRICS, max_lines=1, elem_id="evaluate-metrics")
        tests = gr.File(label=text.TESTS_FILE, file_types=[".yaml", ".yml"], type="filepath", elem_id="evaluate-tests")
    return _Form(more, labels, [source, split, model, texts, label, labels, against, metrics, tests])


def _draw_overview() -> _Overview:
    table: dict[str, Any] = {"interactive": False, "datatype": "str"}
    baselines = gr.Dataframe(label="Beside it", elem_id="baselines", wrap=True, **table)
    matrix = gr.Dataframe(label=text.CONFUSION, elem_id="confusion", **table)
    confusions = gr.Dataframe(visible=False, elem_id="confusions", **table)
    classes = gr.Dataframe(label="By label (95 % interval)", elem_id="per-class", **table)
    numbers = gr.Dataframe(label="All numbers", elem_id="numbers", **table)
    notes = gr.Textbox(label="Worth knowing", lines=1, max_lines=8, interactive=False, elem_id="report-notes")
    with gr.Row():
        make = gr.Button(text.MAKE_PAGE, size="sm", scale=0, min_width=220, elem_id="make-page")
        download = gr.DownloadButton(
            text.DOWNLOAD_PAGE, size="sm", scale=0, min_width=220, variant="primary", visible=False, elem_id="download-page"
        )
        make_matrix = gr.Button(text.WHOLE_MATRIX, size="sm", scale=0, min_width=220, visible=False, elem_id="make-matrix")
        matrix_file = gr.DownloadButton(
            text.DOWNLOAD_MATRIX, size="sm", scale=0, min_width=220, variant="primary", visible=False, elem_id="download-matrix"
        )
    return _Overview(numbers, baselines, matrix, confusions, classes, notes, make, download, make_matrix, matrix_file)


def _draw_parts() -> _Parts:
    table: dict[str, Any] = {"interactive": False, "datatype": "str", "wrap": True}
    with gr.Tab("Slices", id="slices"):
        worst = gr.HTML("", elem_id="worst-slices")
        with gr.Row():
            search = gr.Textbox(label=text.OWN_SLICE, placeholder=text.SEARCH, max_lines=1, elem_id="slice-search")
            expression = gr.Checkbox(label="regular expression", value=False, scale=0, min_width=180, elem_id="slice-expression")
            show = gr.Button(text.SHOW_ROWS, size="sm", scale=0, min_width=140, elem_id="slice-open")
        found = gr.HTML("", elem_id="slice-found")
        slices = gr.Dataframe(label=text.SLICES, elem_id="slices", **table)
    with gr.Tab("Curves", id="curves"):
        drawn = gr.HTML(visible=False, elem_id="curves-drawn")
        with gr.Row():
            roc = gr.LinePlot(
                x="false positive rate", y="true positive rate", color="label", height=320, title="ROC", elem_id="roc"
            )
            precision_recall = gr.LinePlot(
                x="recall", y="precision", color="label", height=320, title="Precision and recall", elem_id="precision-recall"
            )
        areas = gr.Dataframe(label="Areas under the curves", elem_id="areas", **table)
    with gr.Tab("Behaviour", id="behaviour"):
        gr.Markdown(text.BEHAVIOUR, elem_classes="quiet")
        behaviour = gr.Dataframe(
            label=text.BEHAVIOUR_TABLE, column_widths=["20%", "9%", "14%", "8%", "49%"], elem_id="behaviour", **table
        )
        failures = gr.Dataframe(label=text.FAILURES, visible=False, elem_id="failures", **table)
    return _Parts(worst, search, expression, found, show, slices, drawn, roc, precision_recall, areas, behaviour, failures)


def _wire_cells(
    context: Context, shown: gr.State, overview: _Overview, parts: _Parts, mistakes: mistakes_panel.MistakesPanel, tabs: gr.Tabs
) -> None:
    """A cell of the confusion matrix and a slice open their rows; a behaviour test its failing cases."""
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}

    @toast
    def open_cell(event: gr.SelectData, name: str) -> list[Any]:
        found = context.evaluation(name)
        row, column = event.index
        labels = found.report.matrix_labels
        if column == 0:
            return [
                *mistakes_panel.first_page(found, label=labels[row], order=mistakes_panel.ALL_ROWS),
                gr.Tabs(selected="mistakes"),
            ]
        chosen = {"label": labels[row], "predicted": labels[column - 1], "order": mistakes_panel.ALL_ROWS}
        return [*mistakes_panel.first_page(found, **chosen), gr.Tabs(selected="mistakes")]

    overview.matrix.select(open_cell, shown, [*mistakes.shown, tabs], **private)

    @toast
    def open_confusion(event: gr.SelectData, name: str) -> list[Any]:
        chosen = {"label": event.row_value[0], "predicted": event.row_value[1], "order": mistakes_panel.ALL_ROWS}
        return [*mistakes_panel.first_page(context.evaluation(name), **chosen), gr.Tabs(selected="mistakes")]

    overview.confusions.select(open_confusion, shown, [*mistakes.shown, tabs], **private)

    @toast
    def open_slice(event: gr.SelectData, name: str) -> list[Any]:
        found = context.evaluation(name)
        part = render_report.listed(found.report.slices)[event.index[0]].key
        order = {"order": mistakes_panel.ALL_ROWS}
        return [*mistakes_panel.first_page(found, part=part, **order), gr.Tabs(selected="mistakes")]

    parts.slices.select(open_slice, shown, [*mistakes.shown, tabs], **private)

    @toast
    def measure(name: str, words: str, expression: bool) -> str:
        return render_report.sentences(render_report.own_slice(context.evaluation(name), words or "", expression))

    inputs = [shown, parts.search, parts.expression]
    gr.on([parts.search.submit, parts.expression.input], measure, inputs, parts.found, trigger_mode="always_last", **private)

    @toast
    def open_found(name: str, words: str, expression: bool) -> list[Any]:
        chosen = {"search": words or "", "expression": bool(expression), "order": mistakes_panel.ALL_ROWS}
        return [*mistakes_panel.first_page(context.evaluation(name), **chosen), gr.Tabs(selected="mistakes")]

    parts.open.click(open_found, inputs, [*mistakes.shown, tabs], **private)

    @toast
    def open_test(event: gr.SelectData, name: str) -> Any:  # noqa: ANN401
        found = context.evaluation(name)
        result = next(r for r in found.report.behaviour if r.name == event.row_value[0])
        what = f"{text.FAILURES}: {result.name}" if result.failures else f"{result.name}: no failing case"
        return gr.Dataframe(render_report.failure_table(result), label=what, visible=True)

    parts.behaviour.select(open_test, shown, parts.failures, trigger_mode="multiple", **private)


def _write_page(found: Evaluation, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(page(found.report, found.predictions), encoding="utf-8")
    return path


def _write_matrix(found: Evaluation, folder: Path) -> Path:
    path = folder / "confusion.csv"
    write_table(render_report.whole_matrix(found.report), path)
    return path


def _matrix(report: EvaluationReport) -> list[Any]:
    """The matrix; where it has not every label also the most frequent confusions, and a button for the whole of it."""
    shown, all_ = len(report.matrix_labels), len(report.labels)
    words = text.CONFUSION if shown == all_ else text.CONFUSION_PART.format(shown=shown, all=all_)
    listed = render_report.confusion_list(report)
    name = text.CONFUSIONS.format(shown=len(listed), all=len(report.confusions))
    return [
        gr.Dataframe(render_report.confusion_table(report), label=words, column_widths=render_report.matrix_widths(report)),
        gr.Dataframe(listed, label=name, visible=not listed.empty),
        gr.Button(visible=shown < all_),
        gr.DownloadButton(visible=False),
    ]


def _filled(found: Evaluation) -> list[Any]:
    report = found.report
    drawn = render_report.curves_drawn(report)
    # That of the charts is cut off after four names.
    legend = render.legend(label_colours(report.curve_labels))
    notes = render_report.notes(report)
    answer = render_report.answer(report, source_picker.title_of(report.source))
    return [
        gr.HTML(answer + render_report.tiles(report) + render_report.sentences(report.did_it_pay)),
        found.name,
        gr.Column(visible=True),
        gr.Button(visible=True),
        gr.Dataframe(render_report.baseline_table(report), visible=bool(report.baselines)),
        *_matrix(report),
        render_report.class_table(report),
        render_report.numbers_table(report),
        gr.Textbox(notes, visible=bool(notes)),
        gr.DownloadButton(visible=False),
        *mistakes_panel.first_page(found),
        render_report.sentences(render_report.worst(report.slices)),
        "",
        render_report.slice_table(report.slices),
        gr.HTML(render_report.sentences(drawn) + legend, visible=bool(drawn)),
        render_report.curve_plot(report.roc, "false positive rate", "true positive rate", report.curve_labels),
        render_report.curve_plot(report.precision_recall, "recall", "precision", report.curve_labels),
        render_report.areas(report),
        render_report.behaviour_table(report.behaviour),
        gr.Dataframe(visible=False),
        *calibration_panel.values(report),
    ]


def _newest(run: Run, name: str | None) -> Evaluation | None:
    """The run's own evaluation, or the named one where that was written later and is still there."""
    if name and evaluations.written(name) > evaluations.written(run.id):
        with suppress(RunError):
            return evaluations.get(name)
    return of_run(run)


def _has_model(run_id: str | None) -> bool:
    return bool(run_id) and access.get(run_id).has_model


def _mapping(frame: pd.DataFrame) -> dict[str, str]:
    """Label of the data → label of the model, of the rows that are filled in."""
    pairs = ((str(row[0] or "").strip(), str(row[1] or "").strip()) for row in frame.fillna("").to_numpy())
    return {name: place for name, place in pairs if name and place}


def _words(text_: str | None) -> list[str]:
    return [word for word in (text_ or "").replace(",", " ").split() if word]


def _missing(run: Run | None) -> str:
    if run is None:
        return text.NO_REPORT if runs.trains() else text.NAME_A_MODEL
    state, kind = (runs.summary(run)[key] for key in ("state", "kind"))
    if kind != "run":
        return text.STUDY_HAS_NO_MODEL
    if run.has_model:
        return f"This run is {state} and has no report. Press “{text.EVALUATE}”."
    return (
        f"This run is {state} and has no model yet. Scores, confusion matrix and mistakes will stand here when it is completed."
    )
