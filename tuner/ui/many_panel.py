"""Many texts, on the Playground: pasted lines or a file in, a table with every answer out."""

import html
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from tuner.batch import FileAnswers, Texts, answer_file, read_texts
from tuner.data.files import FILE_SUFFIXES
from tuner.errors import SourceError
from tuner.export import convert
from tuner.scoring import trained_with
from tuner.ui import render, render_answers, stopping, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.stopping import Stops
from tuner.ui.uploaded import uploaded
from tuner.words import shortened

_FOLDER = "tuner-answers-"
_KEPT_SECONDS = 3_600


@dataclass(frozen=True)
class ManyPanel:
    """What was drawn. `made`: the folder of the answers, until Gradio has its copies."""

    pasted: gr.Textbox
    file: gr.File
    column: gr.Textbox
    other: gr.Dropdown
    go: gr.Button
    stop: gr.Button
    summary: gr.HTML
    table: gr.Dataframe
    csv: gr.DownloadButton
    parquet: gr.DownloadButton
    made: gr.State


def draw() -> ManyPanel:
    """Draws the texts on the left, the answers on the right."""
    gr.Markdown(text.MANY_WHAT, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            pasted = gr.Textbox(label=text.PASTE, info=text.PASTE_INFO, lines=6, max_lines=14, elem_id="many-lines")
            file = gr.File(label=text.OR_A_FILE, file_types=list(FILE_SUFFIXES), type="filepath", height=120, elem_id="many-file")
            column = gr.Textbox(label=text.TEXT_COLUMN, info=text.TEXT_COLUMN_INFO, max_lines=1, elem_id="many-column")
            other = gr.Dropdown(
                [], value=None, label=text.OTHER_MODEL, info=text.OTHER_MODEL_INFO, allow_custom_value=True, elem_id="many-model"
            )
            with gr.Row():
                go = gr.Button(text.ANSWER_ALL, variant="primary", elem_id="answer-all")
                stop = gr.Button(
                    text.STOP_ANSWERING, variant="stop", interactive=False, scale=0, min_width=90, elem_id="many-stop"
                )
        with gr.Column(scale=2, min_width=460):
            summary = gr.HTML(render.empty(text.NOTHING_ANSWERED), elem_id="many-summary", min_height=120)
            with gr.Row():
                csv = gr.DownloadButton(text.DOWNLOAD_ANSWERS_CSV, size="sm", visible=False, elem_id="many-csv")
                parquet = gr.DownloadButton(text.DOWNLOAD_ANSWERS_PARQUET, size="sm", visible=False, elem_id="many-parquet")
            table = gr.Dataframe(
                datatype="str",
                interactive=False,
                wrap=True,
                label=text.FIRST_ANSWERS,
                max_height=520,
                visible=False,
                elem_id="answers",
            )
    return ManyPanel(pasted, file, column, other, go, stop, summary, table, csv, parquet, gr.State(""))


def wire(context: Context, panel: ManyPanel, model: gr.Dropdown) -> Stops:
    """Connects the buttons; a page has one file in work at a time, and can stop it."""
    stops = Stops()

    @toast
    def answer(name: str | None, pasted: str, file: str | None, column: str, other: str | None, request: gr.Request,
               progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008  # fmt: skip
        if not name:
            raise SourceError("There is no model to answer.", text.NO_MODEL)
        if not file and not (pasted or "").strip():
            raise SourceError("There is no text to classify.", "Paste lines of text, or choose a file.")
        stop = stops.of(request)
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix=_FOLDER))
        try:
            lines = [line for line in (pasted or "").splitlines() if line.strip()]
            classifier, column = context.classifier(name), column.strip() or None
            second = context.classifier(other.strip()) if (other or "").strip() else None
            texts = read_texts(uploaded(file), column, trained_with(name)) if file else lines
            others = read_texts(uploaded(file), column, trained_with(other.strip())) if file and second else None
            found = answer_file(
                classifier, texts, folder / "answers.parquet", other=second, other_texts=others,
                on_progress=lambda done: progress((done, len(texts)), desc=text.ANSWERING, unit="texts"),
                should_stop=stop.is_set,
            )  # fmt: skip
            convert(folder / "answers.parquet", folder / "answers.csv")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            stops.end(request)
        table = render_answers.file_rows(found.first, tuple(found.labels))
        # Texts of any length leave the answers beside them in sight.
        widths = ["52%", *[f"{48 / (len(table.columns) - 1):.0f}%"] * (len(table.columns) - 1)]
        return [
            _summary(
                found,
                Path(file).name if file else "",
                texts if file else None,
                context.title(name),
                context.title(other) if second else "",
            ),
            gr.Dataframe(table, column_widths=widths, visible=True),
            gr.DownloadButton(value=str(folder / "answers.csv"), visible=True),
            gr.DownloadButton(value=str(folder / "answers.parquet"), visible=True),
            str(folder),
        ]

    inputs = [model, panel.pasted, panel.file, panel.column, panel.other]
    outputs = [panel.summary, panel.table, panel.csv, panel.parquet, panel.made]
    going = stopping.wire(panel.go, panel.stop, stops, answer, inputs, outputs, [panel.summary], _blank)
    # Gradio has its own copies now.
    going.then(
        lambda folder: shutil.rmtree(folder or "", ignore_errors=True), panel.made, None, api_visibility="private",
        show_progress="hidden", queue=False,
    )  # fmt: skip
    return stops


def _blank() -> list[Any]:
    none = gr.DownloadButton(value=None, visible=False)
    return [render.empty(text.NOTHING_ANSWERED), gr.Dataframe(value=None, visible=False), none, none, ""]


def _sweep() -> None:
    """Removes answers that nobody fetched: their page was closed before they were ready."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        try:
            if time.time() - folder.stat().st_mtime > _KEPT_SECONDS:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


def _summary(found: FileAnswers, file: str, texts: Texts | None, model: str, other: str) -> str:
    """How many were answered, of which columns of which file ("": pasted lines) by which model, and the label shares as bars; a
    second model's beside them."""
    stopped = f" Stopped: {found.of - found.rows:,} were left." if found.stopped else ""
    empty = f" {found.empty:,} were empty." if found.empty else ""
    unsure = f" {found.unsure:,} are unsure." if found.unsure is not None else ""
    agree = f" Both models agree on {found.agree:,}." if found.agree is not None else ""
    columns = texts.columns if texts else ()
    where = f" of column{'s' * (len(columns) > 1)} “{html.escape(', '.join(columns)[:80])}”" if columns else ""
    what = f"{html.escape(shortened(file))}: " if file else ""
    note = f" {html.escape(texts.note)}" if texts and texts.note else ""
    by = "" if other else f" by {html.escape(shortened(model))}"
    count = f"{found.rows:,} of {found.of:,} texts"
    words = f'<p class="answer">{what}{count}{where} were answered{by}.{empty}{unsure}{agree}{stopped}{note}</p>'
    parts = [_shares(found.labels, model if other else "")]
    if found.other_labels is not None:
        parts.append(_shares(found.other_labels, other))
    return f'{words}<div class="side-grid columns-{len(parts)}">{"".join(parts)}</div>'


def _shares(labels: dict[str, int], title: str) -> str:
    total = max(sum(labels.values()), 1)
    bars = render_answers.bars({name: count / total for name, count in labels.items()}, labels)
    return f'<div class="answer-box">{render_answers.small_title(title)}{bars}</div>'
