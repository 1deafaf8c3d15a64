"""Calibration, on the Evaluate tab: whether a confidence can be believed, and below which one the model says "unsure"."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, evaluations
from tuner.errors import RunError
from tuner.evaluation.report import EvaluationReport
from tuner.thresholds import choose_threshold
from tuner.ui import render_report, text
from tuner.ui.errors import toast
from tuner.ui.theme import ACCENT

_BY_PRECISION, _BY_COST = "share of answers right", "cost of a wrong answer"
_COLOURS = {"after": ACCENT, "answers": ACCENT, "before": "#E69F00", "as sure as right": "#868e96"}


@dataclass(frozen=True)
class CalibrationPanel:
    """What was drawn. `shown` are what `values` fills."""

    words: gr.HTML
    reliability: gr.LinePlot
    bins: gr.Dataframe
    coverage: gr.LinePlot
    threshold: gr.HTML
    rule: gr.Radio
    value: gr.Number
    keep: gr.Button
    remove: gr.Button

    @property
    def shown(self) -> list[gr.components.Component]:
        """What `values` fills."""
        return [self.words, self.reliability, self.bins, self.coverage, self.threshold]


def draw() -> CalibrationPanel:
    """Draws diagram, curve and the choice of a threshold."""
    words = gr.HTML("", elem_id="calibration-words")
    with gr.Row():
        reliability = gr.LinePlot(
            x="confidence", y="share right", color="which", height=320, title="Reliability", x_lim=[0, 1], y_lim=[0, 1],
            color_map=_COLOURS, elem_id="reliability",
        )  # fmt: skip
        coverage = gr.LinePlot(
            x="share answered", y="share right", height=320, title="Answering only when sure", x_lim=[0, 1], elem_id="coverage"
        )
    with gr.Row():
        with gr.Column(scale=2):
            threshold = gr.HTML("", elem_id="threshold-words")
        rule = gr.Radio([_BY_PRECISION, _BY_COST], value=_BY_PRECISION, label="Threshold by", elem_id="threshold-rule")
        value = gr.Number(0.9, label="Value", info=text.THRESHOLD_VALUE, minimum=0, elem_id="threshold-value")
        with gr.Column(min_width=160):
            keep = gr.Button(text.KEEP_THRESHOLD, size="sm", elem_id="keep-threshold")
            remove = gr.Button(text.REMOVE_THRESHOLD, size="sm", elem_id="remove-threshold")
    bins = gr.Dataframe(label=text.BINS, interactive=False, datatype="str", elem_id="reliability-bins")
    return CalibrationPanel(words, reliability, bins, coverage, threshold, rule, value, keep, remove)


def values(report: EvaluationReport) -> list[Any]:
    """Values for `CalibrationPanel.shown`."""
    calibration = report.calibration
    return [
        render_report.sentences(render_report.calibration_words(calibration)),
        render_report.reliability_frame(calibration) if calibration else None,
        render_report.reliability_table(calibration),
        render_report.coverage_frame(report.coverage),
        render_report.sentences(render_report.threshold_words(report.threshold, report.coverage)),
    ]


def wire(panel: CalibrationPanel, shown: gr.State, chosen: gr.Radio) -> None:
    """Connects the two buttons; the threshold is chosen on the run's validation rows and kept with its model."""

    def changed(name: str, run_id: str | None, **rule: float | None) -> str:
        if not run_id:
            raise RunError("No run is chosen.", "Choose one in the list on the left.")
        if name and evaluations.get(name).report.model != run_id:
            raise RunError("The report shown is not the chosen run's.", "Evaluate the run itself, then choose its threshold.")
        threshold = choose_threshold(access.get(run_id, "threshold"), **rule)
        coverage = evaluations.get(name).report.coverage if name else []
        return render_report.sentences(render_report.threshold_words(threshold, coverage))

    @toast
    def keep(name: str, run_id: str | None, rule: str, value: float | None) -> str:
        if value is None:
            raise RunError("There is no value to choose a threshold by.", text.THRESHOLD_VALUE)
        return changed(name, run_id, **{"precision" if rule == _BY_PRECISION else "cost_of_error": float(value)})

    @toast
    def remove(name: str, run_id: str | None) -> str:
        return changed(name, run_id)

    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal", "concurrency_limit": 2}
    panel.keep.click(keep, [shown, chosen, panel.rule, panel.value], panel.threshold, **private)
    panel.remove.click(remove, [shown, chosen], panel.threshold, **private)
