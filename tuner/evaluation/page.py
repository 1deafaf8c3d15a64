"""A report as one HTML page with its pictures: opens anywhere, asks no network."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.evaluation import pictures
from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.metrics import full_name
from tuner.evaluation.mistakes import most_confident_errors
from tuner.evaluation.report import SHOWN, EvaluationReport
from tuner.evaluation.slices import worst_slices

if TYPE_CHECKING:
    import jinja2
    import pandas as pd

_MOST_ERRORS = 25
_MOST_CONFUSIONS = 25
_MOST_CHARACTERS = 300


def page(report: EvaluationReport, predictions: "pd.DataFrame") -> str:
    """The page; every name and text of the data is escaped.

    Args:
        predictions: as `predictions.parquet`, for the worst mistakes.
    """
    calibration = report.calibration
    return _template().render(
        report=report,
        numbers=[(full_name(key), getattr(report, key), report.intervals.get(key)) for key in SHOWN],
        confusion=pictures.confusion(report),
        reliability=pictures.reliability(calibration) if calibration else "",
        coverage=pictures.coverage(report.coverage) if report.coverage else "",
        confusions=report.confusions[:_MOST_CONFUSIONS] if len(report.matrix_labels) < len(report.labels) else [],
        roc=pictures.curves(report.roc, report.curve_labels, "false positive rate", "true positive rate") if report.roc else "",
        precision_recall=pictures.curves(report.precision_recall, report.curve_labels, "recall", "precision")
        if report.precision_recall
        else "",
        worst=worst_slices(report.slices),
        errors=most_confident_errors(predictions).head(_MOST_ERRORS).to_dict("records"),
        most_characters=_MOST_CHARACTERS,
    )


@cache
def _template() -> "jinja2.Template":
    import jinja2

    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["in_words"] = in_words
    return environment.from_string((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))
