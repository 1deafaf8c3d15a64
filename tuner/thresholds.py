"""The confidence below which a run's model answers "unsure": chosen on its validation rows, kept with the model."""

from tuner import evaluations
from tuner.errors import SettingsError
from tuner.evaluation.calibration import Threshold, threshold_for_cost, threshold_for_precision
from tuner.evaluations import Evaluation
from tuner.inference import load_classifier, save_answering
from tuner.runs import Run


def choose_threshold(run: Run, precision: float | None = None, cost_of_error: float | None = None) -> Threshold | None:
    """Chooses the confidence below which the run's model answers "unsure", on its validation rows, and keeps it.

    Args:
        precision: share of the answers that shall be right, at the least.
        cost_of_error: what a wrong answer costs where "unsure" costs 1. Neither: the model always answers again.

    Raises:
        RunError: the run has no predictions of validation rows.
        SettingsError: both, a value out of range, or a precision that no threshold reaches.
    """
    threshold = None
    if precision is not None or cost_of_error is not None:
        threshold = threshold_of(run, precision, cost_of_error)
    answering = load_classifier(run).answering.model_copy(update={"threshold": threshold})
    save_answering(run.model_folder, answering)
    stored = evaluations.of_run(run)
    if stored:
        report = stored.report.model_copy(update={"threshold": threshold})
        evaluations.save(Evaluation(report, stored.predictions), run)
    return threshold


def threshold_of(run: Run, precision: float | None, cost_of_error: float | None) -> Threshold:
    """The threshold that `choose_threshold` would keep.

    Raises:
        RunError, SettingsError: as there.
    """
    check_asked(precision, cost_of_error)
    frame = evaluations.validation_of(run)
    labels = load_classifier(run).labels
    probabilities, truth = evaluations.probabilities_of(frame, labels), evaluations.truth_of(frame, labels)
    if cost_of_error is not None:
        return threshold_for_cost(probabilities, truth, cost_of_error)
    found = threshold_for_precision(probabilities, truth, precision)
    if found is None:
        raise SettingsError(
            [f"precision = {precision:g}: no threshold reaches it on the {len(truth):,} validation rows; ask for less."]
        )
    return found


def check_asked(precision: float | None, cost_of_error: float | None) -> None:
    """Refuses what `choose_threshold` would, whatever the run.

    Raises:
        SettingsError: both, or a value out of range.
    """
    problems = []
    if precision is not None and cost_of_error is not None:
        problems.append("precision and cost both choose the threshold; give one.")
    if precision is not None and not 0 < precision <= 1:
        problems.append(f"precision = {precision:g}: must be above 0 and at most 1.")
    if cost_of_error is not None and not 0 < cost_of_error <= 1e6:
        problems.append(f"cost = {cost_of_error:g}: must be above 0 and at most 1,000,000.")
    if problems:
        raise SettingsError(problems)
