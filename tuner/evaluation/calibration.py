"""Whether a probability of 80 % is right 80 % of the time, the temperature that mends it, and below what to answer "unsure"."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from tuner.errors import SettingsError
from tuner.evaluation.metrics import ECE_BINS, check_rows, confidence_bins, expected_calibration_error, row_losses, softmax

# Trained classifiers need 1 to 3 (Guo et al. 2017); beyond 0.05 and 20 answers are certain or even anyway.
TEMPERATURES = (0.05, 20.0)
# Of answers that need none (three labels, 86 % right), 95 of 100 fits on 50 rows lie between 0.5 and 1.5 and cost 0.01 log loss
# on other rows. On 30 rows they lie between 0.2 and 1.7 and cost 0.07; on 8 a quarter of the fits ends at the bound of 0.05.
FEWEST_ROWS = 50
_COVERAGE_POINTS = 101


class ReliabilityBin(BaseModel):
    """Answers whose confidence lies in (low, high].

    Attributes:
        confidence: their mean confidence, None without answers.
        accuracy: share of them that is right, None without answers.
    """

    model_config = ConfigDict(frozen=True)

    low: float
    high: float
    confidence: float | None
    accuracy: float | None
    n: int


class Calibration(BaseModel):
    """Probabilities before and after the temperature.

    Attributes:
        temperature: logits are divided by it; 1 changes nothing.
        kept: whether the classifier answers with it.
        fitted_on: the split it was fitted on; "" where it was not fitted here.
        n_fitted: rows it was fitted on.
        unfitted: why none was fitted on these rows; empty where one was.
    """

    model_config = ConfigDict(frozen=True)

    temperature: float
    kept: bool
    fitted_on: str
    n_fitted: int
    unfitted: str = ""
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float
    brier_before: float
    brier_after: float
    before: list[ReliabilityBin]
    after: list[ReliabilityBin]

    @property
    def lines(self) -> dict[str, list[ReliabilityBin]]:
        """What a reliability diagram shows, the last as the classifier answers: before and after a temperature it has."""
        return {"before": self.before, "after": self.after} if self.kept else {"answers": self.before}

    @property
    def how(self) -> str:
        """Which temperature there is, and how it was found, in words."""
        if self.unfitted:
            return f"No temperature was fitted: {self.unfitted}"
        return f"Temperature {self.temperature:.2f}, fitted on {self.n_fitted:,} {self.fitted_on} rows by log loss"

    @property
    def summary(self) -> str:
        """`how`, and the numbers before and after."""
        before, after = f"log loss {self.log_loss_before:.3f}", f"ECE {self.ece_before:.3f}"
        if self.kept:
            before, after = f"{before} before, {self.log_loss_after:.3f} after", f"{after} before, {self.ece_after:.3f} after"
        return f"{self.how}: {before}; {after}."


class CoveragePoint(BaseModel):
    """What is left when answers with a confidence below `threshold` are "unsure".

    Attributes:
        coverage: share of the rows answered.
        accuracy: of the answered rows, None where none is.
        n: rows answered.
    """

    model_config = ConfigDict(frozen=True)

    threshold: float
    coverage: float
    accuracy: float | None
    n: int


class Threshold(BaseModel):
    """Answers with a confidence below `value` are "unsure".

    Attributes:
        rule: how it was chosen: "precision 0.9" or "cost 5".
        coverage: share of the rows it was chosen on that are answered.
        precision: share of these answers that is right; None where none is answered.
        n_fitted: rows it was chosen on.
    """

    model_config = ConfigDict(frozen=True)

    value: float
    rule: str
    coverage: float
    precision: float | None
    n_fitted: int


def apply_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log p / temperature) (rows × labels): what dividing the logits by it would have given.

    `1 / temperature` takes it back, as far as no probability has become 0.

    Raises:
        ValueError: a temperature that is no finite number above 0.
    """
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError(f"temperature = {temperature}: it must be a finite number above 0")
    with np.errstate(divide="ignore"):  # a probability of 0 stays 0
        return softmax(np.log(np.asarray(probabilities, dtype=np.float64)) / temperature)


def fit_temperature(probabilities: np.ndarray, truth: np.ndarray) -> float:
    """The temperature from 0.05 to 20 with the least log loss on these rows (Guo et al. 2017); 1.0 unless log loss falls.

    Any rows will do: 1.0 remains, too, where `why_unfitted` says that they tell no temperature.

    Raises:
        ValueError: as `metrics.check_rows`.
    """
    from scipy.optimize import minimize_scalar

    probabilities, truth = check_rows(probabilities, truth)
    if why_unfitted(probabilities, truth):
        return 1.0

    def loss(logarithm: float) -> float:
        return float(row_losses(apply_temperature(probabilities, np.exp(logarithm)), truth)[0].mean())

    best = minimize_scalar(loss, bounds=np.log(TEMPERATURES), method="bounded")
    before = float(row_losses(probabilities, truth)[0].mean())
    return float(np.exp(best.x)) if best.fun < before else 1.0


def why_unfitted(probabilities: np.ndarray, truth: np.ndarray) -> str:
    """Why no temperature can be told from these rows, as the end of a sentence; empty where one can.

    Fewer than 50 are chance. Where no answer is wrong, log loss falls with the temperature without end: the best one would make
    every answer certain, those that are wrong elsewhere too.
    """
    if len(truth) < FEWEST_ROWS:
        return f"{len(truth):,} validation rows are too few, {FEWEST_ROWS} are needed"
    if (probabilities.argmax(axis=1) == truth).all():
        return f"none of the {len(truth):,} validation rows is answered wrong, so nothing shows how sure is too sure"
    return ""


def reliability(probabilities: np.ndarray, truth: np.ndarray) -> list[ReliabilityBin]:
    """The 15 equal-width bins of confidence that ECE is the mean gap of.

    Raises:
        ValueError: as `metrics.check_rows`.
    """
    probabilities, truth = check_rows(probabilities, truth)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    bins = confidence_bins(confidence)
    count, sure, correct = (np.bincount(bins, weights, ECE_BINS) for weights in (None, confidence, right))
    return [
        ReliabilityBin(
            low=i / ECE_BINS,
            high=(i + 1) / ECE_BINS,
            confidence=float(sure[i] / n) if n else None,
            accuracy=float(correct[i] / n) if n else None,
            n=int(n),
        )
        for i, n in enumerate(count)
    ]


def calibration(
    raw_probabilities: np.ndarray,
    truth: np.ndarray,
    temperature: float,
    *,
    kept: bool,
    fitted_on: str,
    n_fitted: int,
    unfitted: str = "",
) -> Calibration:
    """Calibration of raw probabilities, and of the same with `temperature`.

    Raises:
        ValueError: as `metrics.check_rows` and `apply_temperature`.
    """
    raw, truth = check_rows(raw_probabilities, truth)
    measured: dict[str, object] = {}
    for when, probabilities in (("before", raw), ("after", apply_temperature(raw, temperature))):
        log_losses, briers = row_losses(probabilities, truth)
        measured |= {
            f"log_loss_{when}": float(log_losses.mean()),
            f"ece_{when}": expected_calibration_error(probabilities, truth),
            f"brier_{when}": float(briers.mean()),
            when: reliability(probabilities, truth),
        }
    return Calibration(temperature=temperature, kept=kept, fitted_on=fitted_on, n_fitted=n_fitted, unfitted=unfitted, **measured)


def coverage_curve(probabilities: np.ndarray, truth: np.ndarray) -> list[CoveragePoint]:
    """Coverage and accuracy by threshold, from 0 (all rows answered) upwards, at most 101 points.

    Thresholds are confidences that occur, a hundredth of the rows apart: where nearly all answers are sure, those tell more
    than hundredths of confidence.

    Raises:
        ValueError: as `metrics.check_rows`.
    """
    answers = _Answers(*check_rows(probabilities, truth))
    steps = np.linspace(0, answers.n - 1, _COVERAGE_POINTS).astype(int)
    taken = np.sort(answers.confidence)[steps]
    thresholds = np.unique(np.where(taken == taken[0], 0, taken))
    return [answers.point(float(threshold)) for threshold in thresholds]


def threshold_for_precision(probabilities: np.ndarray, truth: np.ndarray, target: float) -> Threshold | None:
    """The lowest threshold whose answered rows are right in a share of at least `target`; None where none reaches it.

    0 where all rows together reach it.

    Raises:
        SettingsError: a target outside (0, 1].
        ValueError: as `metrics.check_rows`.
    """
    if not 0 < target <= 1:
        raise SettingsError([f"target precision = {target:g}: it must be above 0 and at most 1."])
    answers = _Answers(*check_rows(probabilities, truth))
    reached = answers.right >= target * answers.answered - 1e-9  # 0.9 × 10 is a little more than 9
    if not reached.any():
        return None
    return answers.chosen(float(answers.thresholds[np.argmax(reached)]), f"precision {target:g}")


def threshold_for_cost(probabilities: np.ndarray, truth: np.ndarray, cost_of_error: float) -> Threshold:
    """The threshold with the least mean cost, where "unsure" costs 1, an error `cost_of_error` and a right answer nothing.

    The lowest of several. Just above 1, so that nothing is answered, where every other costs more than 1 a row.

    Raises:
        SettingsError: a cost that is no finite number above 0.
        ValueError: as `metrics.check_rows`.
    """
    if not (np.isfinite(cost_of_error) and cost_of_error > 0):
        raise SettingsError([f"cost of an error = {cost_of_error:g}: it must be a finite number above 0."])
    answers = _Answers(*check_rows(probabilities, truth))
    costs = answers.n - answers.answered + cost_of_error * (answers.answered - answers.right)
    best = int(np.argmin(costs))
    value = float(answers.thresholds[best]) if costs[best] <= answers.n else float(np.nextafter(1, 2))
    return answers.chosen(value, f"cost {cost_of_error:g}")


class _Answers:
    """The rows answered at each threshold that makes a difference.

    Attributes:
        thresholds: rising; 0, then half-way between neighbouring confidences: on one itself, the least rounding of its row's
            answer would decide whether it is "unsure".
        answered, right: rows answered at each, and those of them that are right.
    """

    def __init__(self, probabilities: np.ndarray, truth: np.ndarray) -> None:
        self.n = len(truth)
        self.confidence = probabilities.max(axis=1)
        self.is_right = probabilities.argmax(axis=1) == truth
        order = np.argsort(self.confidence)
        values, first = np.unique(self.confidence[order], return_index=True)
        between = (values[:-1] + values[1:]) / 2
        self.thresholds = np.append(0.0, np.where(between > values[:-1], between, values[1:]))  # between neighbours lies none
        self.answered = self.n - first
        self.right = np.cumsum(self.is_right[order][::-1])[::-1][first]

    def point(self, threshold: float) -> CoveragePoint:
        answered = self.confidence >= threshold
        n = int(answered.sum())
        accuracy = float(self.is_right[answered].mean()) if n else None
        return CoveragePoint(threshold=threshold, coverage=n / self.n, accuracy=accuracy, n=n)

    def chosen(self, value: float, rule: str) -> Threshold:
        point = self.point(value)
        return Threshold(value=value, rule=rule, coverage=point.coverage, precision=point.accuracy, n_fitted=self.n)
