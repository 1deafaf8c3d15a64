"""Learning curves: the score over the number of training rows, and what more rows would bring. Pure."""

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

# Less than this by twice the rows is not worth a day of labelling, and no curve of a few trainings can tell it from nothing.
SMALL_GAIN = 0.005
# Exponents tried: errors of language, speech and image models fall by 0.07 to 0.35 (Hestness et al. 2017), in theory by 1.
_EXPONENTS = np.linspace(0.05, 1.0, 96)


class CurvePoint(BaseModel):
    """What so many training rows led to.

    Attributes:
        share: of all training rows, at most 1.
        repeats: trainings whose mean the scores are.
        scores: metric → mean on the validation rows.
        std: metric → standard deviation over the repeats (n − 1); empty with one.
    """

    model_config = ConfigDict(frozen=True)

    rows: int
    share: float
    repeats: int
    scores: dict[str, float]
    std: dict[str, float] = {}


class PowerLaw(BaseModel):
    """1 − score = floor + scale · rows^−exponent."""

    model_config = ConfigDict(frozen=True)

    floor: float
    scale: float
    exponent: float

    def score(self, rows: float) -> float:
        """The curve's score at so many rows."""
        return 1 - self.floor - self.scale * rows**-self.exponent


class Outlook(BaseModel):
    """What more rows would bring, as far as the curve tells.

    Attributes:
        last_gain: of the last step, from the second largest number of rows to the largest; None with fewer than two.
        curve: fitted to all points; None with fewer than three.
        gain_by_doubling: what the curve says for twice the largest number of rows, 0 or more, and no more than the last step
            brought for a doubling; None without a curve, and where the last step may be luck.
        margin: 95 % margin of one score for the number of rows scored, at the last point.
        says: all of it in words.
    """

    model_config = ConfigDict(frozen=True)

    last_gain: float | None = None
    curve: PowerLaw | None = None
    gain_by_doubling: float | None = None
    margin: float | None = None
    says: str


def curve_points(found: Sequence[tuple[int, float, Mapping[str, float]]]) -> list[CurvePoint]:
    """One point for each number of rows, ascending; the mean where several trainings had as many.

    Args:
        found: (rows, share, metric → score) of each training.
    """
    points = []
    for rows in sorted({rows for rows, _, _ in found}):
        same = [(share, scores) for size, share, scores in found if size == rows]
        values = {name: [scores[name] for _, scores in same] for name in same[0][1]}
        points.append(
            CurvePoint(
                rows=rows,
                share=same[0][0],
                repeats=len(same),
                scores={name: statistics.fmean(each) for name, each in values.items()},
                std={name: statistics.stdev(each) for name, each in values.items()} if len(same) > 1 else {},
            )
        )
    return points


def fit_power_law(rows: Sequence[int], scores: Sequence[float]) -> PowerLaw | None:
    """The power law nearest to the scores by least squares; None with fewer than three numbers of rows.

    Floor and scale are never negative: the curve never falls. For every exponent of a grid they are the solution of
    non-negative least squares, so that there is nothing to start from and nothing that could fail to converge.
    """
    from scipy.optimize import nnls

    if len(set(rows)) < 3:
        return None
    size, error = np.asarray(rows, dtype=float), 1 - np.asarray(scores, dtype=float)
    # Relative to the largest size the columns have one order of magnitude.
    fits = [
        (exponent, *nnls(np.stack([np.ones_like(size), (size / size.max()) ** -exponent], axis=1), error))
        for exponent in _EXPONENTS
    ]
    exponent, (floor, scale), _ = min(fits, key=lambda fit: fit[2])
    return PowerLaw(floor=float(floor), scale=float(scale * size.max() ** exponent), exponent=float(exponent))


def outlook(points: Sequence[CurvePoint], metric: str, name: str, scored: int | None = None) -> Outlook:
    """Would more labels help? By the points of a curve, ascending.

    Args:
        metric: a score of which the highest is the best, at most 1.
        name: of the metric as a person reads it.
        scored: validation rows behind each score.
    """
    if not points:
        return Outlook(says="No part is trained yet.")
    last = points[-1]
    value = last.scores[metric]
    margin = _margin(value, scored) if scored else None
    if len(points) == 1:
        said = f"{name} {value:.3f} from {last.rows:,} rows; one size does not tell whether more would help."
        return Outlook(margin=margin, says=said)
    before = points[-2]
    gain = value - before.scores[metric]
    step = f"from {before.rows:,} to {last.rows:,} rows {name} {_moved(before.scores[metric], value)}"
    curve = fit_power_law([point.rows for point in points], [point.scores[metric] for point in points])
    if curve is None:
        said = f"{step[0].upper()}{step[1:]}; two sizes do not tell how the curve bends."
        return Outlook(last_gain=gain, margin=margin, says=f"{said}{_caution(points, metric, margin)}")
    # A power law's gains shrink: more than the last step brought for a doubling is the fit's fault.
    doublings = math.log2(last.rows / before.rows)
    more = max(0.0, min(curve.score(2 * last.rows) - curve.score(last.rows), gain / doublings))
    twice = f"{2 * last.rows:,} would bring"
    luck = max(margin or 0.0, *(point.std.get(metric, 0.0) for point in points))
    rise = before.scores[metric] - points[-3].scores[metric]
    if more < SMALL_GAIN and abs(gain) < luck < rise:  # the curve ends flat, but for all that is known by chance
        said = f"Whether more labels would help cannot be told: {step}, which may be luck; the step before rose by {rise:.3f}."
        return Outlook(last_gain=gain, curve=curve, margin=margin, says=said + _caution(points, metric, margin))
    if more >= SMALL_GAIN:
        said = f"More labels would probably help: {step}; {twice} about +{more:.3f} (a guess from the curve)."
    elif gain > 0:
        said = f"More labels would hardly help: {step}; {twice} less than +{SMALL_GAIN} (a guess from the curve)."
    else:
        said = f"More labels would hardly help: {name} no longer rises; {step}."
    return Outlook(
        last_gain=gain, curve=curve, gain_by_doubling=more, margin=margin, says=said + _caution(points, metric, margin)
    )


def _margin(score: float, scored: int) -> float:
    """1.96 standard errors of a share, which accuracy is and macro F1 resembles."""
    return 1.96 * math.sqrt(max(score * (1 - score), 0.0) / scored)


def _moved(before: float, after: float) -> str:
    if f"{before:.3f}" == f"{after:.3f}":
        return f"stayed at {after:.3f}"
    return f"{'rose' if after > before else 'fell'} from {before:.3f} to {after:.3f}"


def _caution(points: Sequence[CurvePoint], metric: str, margin: float | None) -> str:
    """How much of a difference may be luck."""
    spread = [point.std[metric] for point in points if metric in point.std]
    if spread:
        return f" Trainings on as many rows differ by ± {max(spread):.3f} (standard deviation)."
    if margin is not None:
        return f" One training a size: differences below about {margin:.3f} may be luck; repeats would tell."
    return ""
