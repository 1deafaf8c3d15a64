"""The pictures of a report, drawn with matplotlib: SVG for the HTML page, PNG for the model card. The app draws its own."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tuner.colours import PALETTE, label_colours
from tuner.evaluation.calibration import Calibration, CoveragePoint
from tuner.evaluation.curves import Curve
from tuner.evaluation.report import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# In a matrix of more labels no number can be read.
_MOST_NUMBERS = 20


def confusion(report: EvaluationReport) -> str:
    """The confusion matrix as SVG: shares of the true label's rows as colour, counts as numbers; of `matrix_labels`."""
    return _svg(_confusion(report))


def confusion_png(report: EvaluationReport) -> bytes:
    """The same as PNG."""
    return _png(_confusion(report))


def _confusion(report: EvaluationReport) -> "Figure":
    labels = report.matrix_labels
    places = [report.labels.index(label) for label in labels]
    rows = np.array(report.confusion_matrix)[places]
    counts = rows[:, places]
    shares = counts / np.maximum(rows.sum(axis=1, keepdims=True), 1)
    size = len(labels)
    figure, axes = _figure(max(4.0, 0.55 * size + 2), max(3.4, 0.5 * size + 1.6))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    names = [label[:24] for label in labels]
    turned = {"rotation": 0, "ha": "center"} if size <= 4 else {"rotation": 60, "ha": "right"}
    axes.set_xticks(range(size), names, parse_math=False, **turned)
    axes.set_yticks(range(size), names, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    if size < len(report.labels):
        axes.set_title(f"{size} of {len(report.labels):,} labels: those of the most frequent confusions")
    if size <= _MOST_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            shade = "white" if shares[row, column] > 0.55 else "black"
            words = f"{count:,}\n{shares[row, column]:.0%}" if size <= 8 else f"{count:,}"
            axes.text(column, row, words, ha="center", va="center", color=shade, fontsize=9 if size <= 8 else 7)
    return figure


def reliability(calibration: Calibration) -> str:
    """How often answers of a confidence are right, as SVG: before and after the temperature where there is one."""
    return _svg(_reliability(calibration))


def reliability_png(calibration: Calibration) -> bytes:
    """The same as PNG."""
    return _png(_reliability(calibration))


def _reliability(calibration: Calibration) -> "Figure":
    figure, axes = _figure(4.4, 3.6)
    axes.plot([0, 1], [0, 1], color="#868E96", linestyle=":", label="as sure as right")
    for name, bins in calibration.lines.items():
        colour, marker = (PALETTE[1], "s") if name == "before" else (PALETTE[0], "o")
        points = [(b.confidence, b.accuracy) for b in bins if b.n]
        axes.plot(*zip(*points, strict=True), color=colour, marker=marker, markersize=4, label=name) if points else None
    axes.set(xlabel="confidence", ylabel="share right", xlim=(0, 1), ylim=(0, 1))
    axes.legend(frameon=False)
    return figure


def coverage(points: Sequence[CoveragePoint]) -> str:
    """Share right of the answers against the share answered, over all thresholds."""
    figure, axes = _figure(4.4, 3.6)
    shown = [(point.coverage, point.accuracy) for point in points if point.accuracy is not None]
    if shown:
        axes.plot(*zip(*shown, strict=True), color=PALETTE[0])
    axes.set(xlabel="share answered", ylabel="share of the answers that is right", xlim=(0, 1))
    return _svg(figure)


def curves(found: Sequence[Curve], labels: Sequence[str], across: str, up: str) -> str:
    """One line for each of `labels` that has a curve, its area in the legend."""
    figure, axes = _figure(4.4, 3.6)
    shade = label_colours(labels)
    for curve in (curve for curve in found if curve.label in shade):
        axes.plot(curve.x, curve.y, color=shade[curve.label], label=f" {curve.label[:24]} ({curve.area:.3f})")
    axes.set(xlabel=across, ylabel=up, xlim=(0, 1), ylim=(0, 1.02))
    if found:
        # Names may hold $, which is no formula here; the blank before them is for those with _, which would be left out.
        for name in axes.legend(frameon=False, loc="lower left" if "precision" in up else "lower right", fontsize=8).get_texts():
            name.set_parse_math(False)
    return _svg(figure)


def _figure(width: float, height: float) -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    # Not pyplot, whose state all threads share.
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _svg(figure: "Figure") -> str:
    import matplotlib

    text = io.StringIO()
    # Letters as text, not as outlines; no date, and ids from one salt: the same report gives the same picture.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "tuner", "font.family": "sans-serif"}):
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _png(figure: "Figure") -> bytes:
    """On white, since the letters are dark; without the version of matplotlib: the same report gives the same bytes."""
    import matplotlib

    data = io.BytesIO()
    with matplotlib.rc_context({"font.family": "sans-serif"}):
        figure.savefig(data, format="png", dpi=150, facecolor="white", metadata={"Software": None})
    return data.getvalue()
