"""Evaluate: how good the chosen run is, and where it is wrong."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner import catalog, runs
from tuner.config import DataConfig
from tuner.errors import RunError
from tuner.evaluation.report import EvaluationReport
from tuner.inference import score_on
from tuner.runs import Run
from tuner.ui import render, text
from tuner.ui.context import Context
from tuner.ui.errors import toast

_OWN_DATA = "the run's own data"


@dataclass(frozen=True)
class EvaluateTab:
    """What the page needs of this tab: the components a chosen run fills, and the button that goes on."""

    view: list[gr.components.Component]
    next: gr.Button


def view_of(run_id: str | None) -> list[Any]:
    """Values for `EvaluateTab.view`: the chosen run's stored report, or what is missing."""
    run = runs.get(run_id) if run_id else None
    report = run.report if run else None
    if run is None or report is None:
        return [gr.HTML(render.empty(_missing(run))), *[gr.skip()] * 3, gr.Column(visible=False), gr.Button(visible=False)]
    return _filled(report, _stored_predictions(run))


def build(context: Context, chosen: gr.Radio) -> EvaluateTab:
    """Draws the tab inside the current gr.Tab."""
    gr.Markdown("How good is the chosen run on rows it never saw, and where is it wrong?", elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=280):
            source = gr.Dropdown(
                [_OWN_DATA, catalog.SAMPLE_TWEETS],
                value=_OWN_DATA,
                allow_custom_value=True,
                label="Data",
                info="score the run on its own data, or on another source with the same labels",
                elem_id="evaluate-source",
            )
            split = gr.Radio(
                ["test", "validation"], value="test", label="Split", info="rows held out from training", elem_id="evaluate-split"
            )
            go = gr.Button(text.EVALUATE, variant="primary", elem_id="evaluate")
            following = gr.Button(text.TO_PLAYGROUND, variant="primary", visible=False, elem_id="to-playground")
        with gr.Column(scale=2, min_width=480):
            answer = gr.HTML(render.empty(text.NO_REPORT), elem_id="answer")
            with gr.Column(visible=False) as filled:
                matrix = gr.Dataframe(
                    label="Confusion matrix: rows are true labels, columns predicted ones; share of the true label's rows",
                    interactive=False, datatype="str", elem_id="confusion",
                )  # fmt: skip
                classes = gr.Dataframe(label="By label", interactive=False, datatype="str", elem_id="per-class")
                mistakes = gr.Dataframe(
                    label="Worst mistakes: wrong, and surest of it", interactive=False, datatype="str", wrap=True,
                    column_widths=["10%", "13%", "15%", "62%"], elem_id="mistakes",
                )  # fmt: skip
    view = [answer, matrix, classes, mistakes, filled, following]

    @toast
    def evaluate(run_id: str, source_name: str, split_name: str, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: B008
        run = runs.get(run_id) if run_id else None
        if run is None or not run.has_model:
            raise RunError(_missing(run), "")
        config = run.config.data if source_name in ("", None, _OWN_DATA) else DataConfig(source=source_name)
        progress(0, desc="Reading the data")
        data = context.data(config)
        progress(0, desc="Loading the model")
        classifier = context.classifier(run.id)
        total = len(data.splits[split_name])
        report, probabilities = score_on(
            classifier, data, split_name, lambda done: progress((done, total), desc="Scoring", unit="texts")
        )
        rows = data.splits[split_name]
        frame = pd.DataFrame(
            {
                "text": rows.texts,
                "label": [data.labels[i] for i in rows.labels],
                "predicted": [classifier.labels[i] for i in probabilities.argmax(axis=1)],
                "confidence": probabilities.max(axis=1),
            }
        )
        return _filled(report, frame)

    go.click(evaluate, [chosen, source, split], view, api_visibility="private", show_progress_on=[answer])
    return EvaluateTab(view, following)


def _filled(report: EvaluationReport, predictions: pd.DataFrame | None) -> list[Any]:
    mistakes = render.mistakes_table(predictions) if predictions is not None else None
    return [
        gr.HTML(render.answer(report) + render.tiles(report)),
        render.confusion_table(report),
        render.class_table(report),
        mistakes,
        gr.Column(visible=True),
        gr.Button(visible=True),
    ]


def _stored_predictions(run: Run) -> pd.DataFrame | None:
    try:
        frame = pd.read_parquet(run.folder / "predictions.parquet")
    except OSError:
        return None
    shares = [column for column in frame.columns if column.startswith("probability_")]
    return frame.assign(confidence=frame[shares].max(axis=1))[["text", "label", "predicted", "confidence"]]


def _missing(run: Run | None) -> str:
    if run is None:
        return text.NO_REPORT
    state, kind = (runs.summary(run)[key] for key in ("state", "kind"))
    if kind != "run":
        return text.STUDY_HAS_NO_MODEL
    if run.has_model:
        return f"This run is {state} and has no report. Press “{text.EVALUATE}”."
    return (
        f"This run is {state} and has no model yet. Scores, confusion matrix and mistakes will stand here when it is completed."
    )
