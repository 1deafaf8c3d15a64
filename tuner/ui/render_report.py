"""A report as what the page shows: pure functions, everything that comes from data is escaped or shown as text."""

import html
import re
from collections.abc import Sequence
from typing import Any

import gradio as gr
import pandas as pd

from tuner.colours import label_colours
from tuner.comparisons import ComparedModels
from tuner.evaluation.behaviour import BehaviourResult
from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.calibration import Calibration, CoveragePoint, ReliabilityBin, Threshold
from tuner.evaluation.curves import Curve
from tuner.evaluation.metrics import NAMES, full_name
from tuner.evaluation.report import SHOWN, EvaluationReport
from tuner.evaluation.slices import Slice, search_slice, searched, worst_slices
from tuner.evaluations import Evaluation, probabilities_of, truth_of
from tuner.ui import text

MOST_CHARACTERS = 300
_TILES = ("accuracy", "macro_f1", "macro_recall", "log_loss", "ece")
_MOST_CONFUSIONS = 100
# Characters of a label's name that a column of the matrix has room for, and the width of one that has more.
_LONG, _LONG_NAME = 24, "220px"
_RIGHT, _WRONG = "0,158,115", "213,94,0"


def answer(report: EvaluationReport, source: str) -> str:
    """The answer in a sentence, and what it was measured on: `source` as people know it."""
    seen = "" if not report.seen_in_training else f" · {report.seen_in_training:,} of the texts stand in the training rows"
    where = html.escape(f"{report.rows_in_words} of {source} · model {report.model}{seen}")
    return f'<p class="answer">{html.escape(report.headline)}</p><p class="run-line">{where}</p>'


def sentences(words: str) -> str:
    """Paragraphs, one for each line; labels, names and values in them are shown as text, what stands in backticks as code."""
    marked = re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(words))
    return "".join(f'<p class="sentence">{line}</p>' for line in marked.splitlines() if line)


def tiles(report: EvaluationReport) -> str:
    """Headline numbers with their intervals."""
    cells = []
    for key in _TILES:
        interval = in_words(report.intervals[key])
        cells.append(f'<div class="tile"><span>{NAMES[key]}</span><b>{getattr(report, key):.3f}</b><span>{interval}</span></div>')
    drawn = f"{report.n:,} rows drawn anew 1,000 times (where all or none are right, Wilson’s)"
    words = f"Below each number its 95 % interval: {drawn}. Log loss and ECE: lower is better."
    return f'<div class="tiles">{"".join(cells)}</div><p class="run-line">{words}</p>'


def numbers_table(report: EvaluationReport) -> pd.DataFrame:
    """Every number with its interval."""
    rows = [
        {
            "number": full_name(key),
            "value": f"{getattr(report, key):.3f}",
            "95 % interval": _interval(report.intervals.get(key)),
        }
        for key in SHOWN
    ]
    rows += [{"number": name, "value": f"{value:.3f}", "95 % interval": ""} for name, value in report.hub_metrics.items()]
    return pd.DataFrame(rows)


def baseline_table(report: EvaluationReport) -> pd.DataFrame:
    """This model and the baselines on the same rows."""
    own = {"on the same rows": "this model", **_three(report), "difference in macro F1": ""}
    rows = [
        {
            "on the same rows": baseline.name,
            **_three(baseline),
            "difference in macro F1": f"{d.difference:+.3f} (95 % {d.interval[0]:+.3f} to {d.interval[1]:+.3f})"
            if (d := baseline.difference)
            else "",
        }
        for baseline in report.baselines
    ]
    return pd.DataFrame([own, *rows])


def class_table(report: EvaluationReport) -> pd.DataFrame:
    """Precision, recall and F1 with intervals, and support, per label."""
    return pd.DataFrame(
        [
            {
                "label": name,
                "precision": f"{s.precision:.3f}  ({_interval(s.precision_interval)})",
                "recall": f"{s.recall:.3f}  ({_interval(s.recall_interval)})",
                "F1": f"{s.f1:.3f}  ({_interval(s.f1_interval)})",
                "rows": f"{s.support:,}",
            }
            for name, s in report.per_class.items()
        ]
    )


def confusion_table(report: EvaluationReport) -> dict[str, Any]:
    """The confusion matrix for gr.Dataframe: counts and row shares, cells tinted by their share of the true label's rows.

    Its labels are the report's `matrix_labels`.
    """
    data, styling, labels = [], [], report.matrix_labels
    places = [report.labels.index(label) for label in labels]
    for place, label in enumerate(labels):
        row = report.confusion_matrix[places[place]]
        total, counts = max(sum(row), 1), [row[i] for i in places]
        data.append([label, *(f"{count:,} ({count / total:.0%})" for count in counts)])
        tints = [
            f"background-color: rgba({_RIGHT if i == place else _WRONG},{0.06 + 0.55 * count / total:.2f})" if count else ""
            for i, count in enumerate(counts)
        ]
        styling.append(["font-weight: 600", *tints])
    return {"headers": ["true \\ predicted", *labels], "data": data, "metadata": {"styling": styling}}


def matrix_widths(report: EvaluationReport) -> list[str]:
    """Widths of the confusion matrix's columns: as Gradio makes them, but bounded for long names."""
    longest = max(report.matrix_labels, key=len)
    return [_LONG_NAME if len(name) > _LONG else "auto" for name in (longest, *report.matrix_labels)]


def confusion_list(report: EvaluationReport) -> pd.DataFrame:
    """The most frequent confusions, at most 100; none where the matrix shows every label."""
    found = report.confusions[:_MOST_CONFUSIONS] if len(report.matrix_labels) < len(report.labels) else []
    return pd.DataFrame(
        [
            {
                "true label": true,
                "predicted": answer,
                "rows": f"{count:,}",
                "share of the label": f"{count / report.per_class[true].support:.0%}",
            }
            for true, answer, count in found
        ],
        columns=["true label", "predicted", "rows", "share of the label"],
    )


def whole_matrix(report: EvaluationReport) -> pd.DataFrame:
    """The whole confusion matrix as counts: a row for each true label, its name in the first column."""
    matrix = pd.DataFrame(report.confusion_matrix, columns=report.labels)
    matrix.insert(0, "true \\ predicted", report.labels, allow_duplicates=True)
    return matrix


def prediction_rows(frame: pd.DataFrame, labels: Sequence[str]) -> pd.DataFrame:
    """A page of predictions as the table shows them; texts cut at 300 characters.

    Args:
        frame: columns row, text, label, predicted, confidence.
    """
    return pd.DataFrame(
        {
            "row": frame["row"].astype(str),
            "label": frame["label"],
            "predicted": frame["predicted"],
            "probabilities": [_probabilities(row, labels, 3) for _, row in frame.iterrows()],
            "text": [value if len(value) <= MOST_CHARACTERS else f"{value[:MOST_CHARACTERS]}…" for value in frame["text"]],
        }
    )


def shares(row: pd.Series, labels: Sequence[str]) -> str:
    """All probabilities of one row, in words."""
    return f"Label {row['label']}. The model says: {_probabilities(row, labels, 8)}."


def _probabilities(row: pd.Series, labels: Sequence[str], most: int) -> str:
    """The highest of them: "negative 93%, neutral 4%, positive 3%"."""
    found = sorted(((float(row[f"probability_{name}"]), name) for name in labels), reverse=True)[:most]
    return ", ".join(f"{name} {share:.0%}" for share, name in found)


def listed(found: Sequence[Slice]) -> list[Slice]:
    """The slices of the table: one thing at a time, without the combinations."""
    return [s for s in found if s.kind != "combination"]


def slice_table(found: Sequence[Slice]) -> pd.DataFrame:
    """Accuracy of every slice with rows and interval; those of fewer than 30 rows are marked."""
    return pd.DataFrame(
        [
            {
                "slice": s.name,
                "kind": s.kind,
                "rows": f"{s.n:,}" + (" (few)" if s.small and s.n else ""),
                "accuracy": (s.note or "no rows") if s.value is None else f"{s.value:.3f}",
                "95 % interval": _interval(s.interval),
                "against the rest": "" if s.difference is None else f"{s.difference:+.3f}",
            }
            for s in listed(found)
        ],
        columns=["slice", "kind", "rows", "accuracy", "95 % interval", "against the rest"],
    )


def worst(found: Sequence[Slice]) -> str:
    """The weakest slices in a sentence; empty where none is judged."""
    weakest = worst_slices(found)
    names = "; ".join(f"{s.name} {s.value:.2f} (n = {s.n:,}, 95 % {_interval(s.interval)})" for s in weakest)
    return f"Weakest by accuracy: {names}. {searched(found, weakest)}" if weakest else searched(found, weakest)


def own_slice(found: Evaluation, words: str, expression: bool) -> str:
    """How right the model is on the texts that hold what a person typed.

    Raises:
        SettingsError: a regular expression that cannot be read.
    """
    if not words.strip():
        return ""
    frame, labels = found.predictions, found.report.labels
    probabilities, truth = probabilities_of(frame, labels), truth_of(frame, labels)
    s, _ = search_slice(frame["text"].tolist(), truth, probabilities, words, regular_expression=expression)
    if s.value is None:
        return f"No text of the {found.report.n:,} rows is {s.name}."
    rest = "" if s.difference is None else f", {s.difference:+.3f} against the other rows"
    few = " Few rows: take it as a hint." if s.small else ""
    return f"Texts {s.name}: accuracy {s.value:.3f} (n = {s.n:,}, 95 % {_interval(s.interval)}){rest}.{few}"


def reliability_frame(calibration: Calibration) -> pd.DataFrame:
    """Share right over confidence: columns confidence, share right, which (those of `Calibration.lines`, as sure as right)."""

    def points(bins: Sequence[ReliabilityBin], name: str) -> list[dict[str, Any]]:
        return [{"confidence": b.confidence, "share right": b.accuracy, "which": name} for b in bins if b.n]

    diagonal = [{"confidence": value, "share right": value, "which": "as sure as right"} for value in (0.0, 1.0)]
    return pd.DataFrame([point for name, bins in calibration.lines.items() for point in points(bins, name)] + diagonal)


def calibration_words(calibration: Calibration | None) -> str:
    """What the temperature did."""
    if calibration is None:
        return "This model has no temperature: it was not fitted, since no validation rows of it are known."
    c = calibration
    if not c.kept:
        why = "" if c.unfitted else ", would not have helped"
        left = f"log loss {c.log_loss_before:.3f}, ECE {c.ece_before:.3f}"
        return f"{c.how}{why}. Probabilities stay as they are: {left}."
    manner = "less sure" if c.temperature > 1 else "surer"
    return (
        f"{c.how}, makes the answers {manner}. "
        f"On these rows: log loss {c.log_loss_before:.3f} before, {c.log_loss_after:.3f} after; "
        f"ECE {c.ece_before:.3f} before, {c.ece_after:.3f} after. It is kept with the model and used wherever Tuner answers."
    )


def reliability_table(calibration: Calibration | None) -> pd.DataFrame:
    """The bins behind the diagram, as the classifier answers."""
    bins = list(calibration.lines.values())[-1] if calibration else []
    return pd.DataFrame(
        [
            {
                "confidence": f"{b.low:.2f}–{b.high:.2f}",
                "rows": f"{b.n:,}",
                "mean": f"{b.confidence:.3f}",
                "share right": f"{b.accuracy:.3f}",
            }
            for b in bins
            if b.n
        ],
        columns=["confidence", "rows", "mean", "share right"],
    )


def coverage_frame(found: Sequence[CoveragePoint], name: str = "") -> pd.DataFrame:
    """Share right of what is answered: columns share answered, share right, model."""
    rows = [
        {"share answered": p.coverage, "share right": p.accuracy, "model": name} for p in found if p.accuracy is not None and p.n
    ]
    return pd.DataFrame(rows, columns=["share answered", "share right", "model"])


def threshold_words(threshold: Threshold | None, coverage: Sequence[CoveragePoint]) -> str:
    """What a threshold does: where it was chosen, and on the rows of the report."""
    if threshold is None:
        return "No threshold: the model always answers."
    near = min((p for p in coverage if p.threshold >= threshold.value - 1e-9), key=lambda p: p.threshold, default=None)
    here = ""
    if near is not None and near.accuracy is not None:
        here = f" On the rows of this report: {near.coverage:.0%} answered, {near.accuracy:.1%} of these right."
    precision = "none" if threshold.precision is None else f"{threshold.precision:.1%}"
    return (
        f"Below {threshold.value:.2f} the answer is “unsure” ({threshold.rule}). On the {threshold.n_fitted:,} validation rows: "
        f"{threshold.coverage:.0%} answered, {precision} of these right.{here}"
    )


def curve_frame(curves: Sequence[Curve], across: str, up: str) -> pd.DataFrame:
    """Curves for a line plot: columns across, up, label."""
    return pd.DataFrame(
        [{across: x, up: y, "label": curve.label} for curve in curves for x, y in zip(curve.x, curve.y, strict=True)],
        columns=[across, up, "label"],
    )


def curve_plot(curves: Sequence[Curve], across: str, up: str, labels: Sequence[str]) -> gr.LinePlot:
    """Curves of `labels` in their colours."""
    frame = curve_frame([curve for curve in curves if curve.label in labels], across, up)
    return gr.LinePlot(None if frame.empty else frame, color_map=label_colours(labels), x_lim=[0, 1], y_lim=[0, 1.02])


def curves_drawn(report: EvaluationReport) -> str:
    """Which curves are drawn; empty where all are."""
    shown, all_ = len(report.curve_labels), len(report.precision_recall)
    return text.CURVES_DRAWN.format(shown=shown, all=all_) if shown < all_ else ""


def areas(report: EvaluationReport) -> pd.DataFrame:
    """The areas under the curves, per label."""
    roc = {curve.label: curve.area for curve in report.roc}
    precision_recall = {curve.label: curve.area for curve in report.precision_recall}
    return pd.DataFrame(
        [
            {"label": label, "ROC-AUC": f"{roc[label]:.3f}", "average precision": f"{precision_recall[label]:.3f}"}
            for label in report.labels
            if label in roc and label in precision_recall
        ],
        columns=["label", "ROC-AUC", "average precision"],
    )


def behaviour_table(results: Sequence[BehaviourResult]) -> pd.DataFrame:
    """Every behaviour test with its rate."""
    return pd.DataFrame(
        [
            {
                "test": r.name,
                "passed": "not run" if r.rate is None else f"{r.rate:.0%}",
                "95 % interval": _interval(r.interval),
                "cases": f"{r.n:,}",
                "what it asks": r.skipped or r.description,
            }
            for r in results
        ],
        columns=["test", "passed", "95 % interval", "cases", "what it asks"],
    )


def failure_table(result: BehaviourResult) -> pd.DataFrame:
    """Failing cases of one behaviour test; what the text was changed to where the test changes texts."""
    columns = ["text", "changed to", "expected", "answer"]
    if not any(failure.other for failure in result.failures):
        columns.remove("changed to")
    return pd.DataFrame(
        [
            {
                "text": f.text[:MOST_CHARACTERS],
                "changed to": f.other[:MOST_CHARACTERS],
                "expected": f.expected,
                "answer": f"{f.predicted} ({f.probability:.0%})",
            }
            for f in result.failures
        ],
        columns=columns,
    )


def difference_table(found: ComparedModels, titles: Sequence[str]) -> pd.DataFrame:
    """Differences of the first model to each other one, with paired intervals."""
    return pd.DataFrame(
        [
            {
                "number": NAMES[d.metric],
                titles[0]: f"{d.a:.3f}",
                "against": title,
                "its value": f"{d.b:.3f}",
                "difference": f"{d.difference:+.3f}",
                "95 % interval": f"{d.interval[0]:+.3f} to {d.interval[1]:+.3f}",
            }
            for pair, title in zip(found.pairs, titles[1:], strict=True)
            for d in pair.differences
        ]
    )


def settings_table(found: ComparedModels, titles: Sequence[str]) -> pd.DataFrame:
    """Settings in which the models differ."""
    rows = [
        {"setting": name, titles[0]: values[0], "against": title, "its value": values[1]}
        for pair, title in zip(found.pairs, titles[1:], strict=True)
        for name, values in pair.settings.items()
    ]
    return pd.DataFrame(rows, columns=["setting", titles[0], "against", "its value"])


def disagreement_table(found: ComparedModels, titles: Sequence[str], most: int = 50) -> pd.DataFrame:
    """Rows the models answer differently, the surest first."""
    shown = found.disagreements.head(most)
    answers = {
        title: [f"{p} ({c:.0%})" for p, c in zip(shown[f"predicted_{name}"], shown[f"confidence_{name}"], strict=True)]
        for name, title in zip(found.names, titles, strict=True)
    }
    return pd.DataFrame({"label": shown["label"], **answers, "text": [value[:MOST_CHARACTERS] for value in shown["text"]]})


def leader_table(frame: pd.DataFrame) -> pd.DataFrame:
    """Runs scored on the same rows, the best first."""
    columns = ["run", "macro F1", "95 % interval", "accuracy", "macro recall", "training"]
    if frame.empty:
        return pd.DataFrame(columns=columns)
    return pd.DataFrame(
        {
            "run": [f"{title[:60]} · {run}" for title, run in zip(frame["title"], frame["run"], strict=True)],
            "macro F1": [f"{value:.3f}" for value in frame["macro_f1"]],
            "95 % interval": [_interval(pair) for pair in zip(frame["low"], frame["high"], strict=True)],
            "accuracy": [f"{value:.3f}" for value in frame["accuracy"]],
            "macro recall": [f"{value:.3f}" for value in frame["macro_recall"]],
            "training": ["" if pd.isna(value) else f"{value:.0f} s" for value in frame["seconds"]],
        },
        columns=columns,
    )


def notes(report: EvaluationReport) -> str:
    """What could not be made, a line each."""
    return "\n".join(report.notes)


def _three(scored: Any) -> dict[str, str]:  # noqa: ANN401
    return {
        "accuracy": f"{scored.accuracy:.3f}",
        "macro F1": f"{scored.macro_f1:.3f}",
        "macro recall": f"{scored.macro_recall:.3f}",
    }


def _interval(found: tuple[float, float] | None) -> str:
    return "" if found is None else in_words(found)
