"""A study in words and as a table, the same in the terminal, on the page and in its status."""

from tuner.evaluation.metrics import NAMES
from tuner.study.plan import Values, as_text
from tuner.study.results import SCORES, StudyResult, TrialRow


def trial_in_words(found: StudyResult, planned: int, step: int, steps: int) -> str:
    """How far a study is: "Trial 4 of 20, step 31 of 120: best macro F1 0.710 so far"."""
    unit = "Repeat" if found.kind == "repeat" else "Trial"
    which = f"{unit} {len(found.rows) + 1}{f' of {planned}' if planned else ''}"
    within = f", step {step:,} of {steps:,}" if step else ""
    if found.best:
        return f"{which}{within}: best {NAMES[found.metric]} {found.best.metrics[found.metric]:.3f} so far"
    if found.kind == "repeat" and found.mean:
        return f"{which}{within}: mean macro F1 {found.mean['macro_f1']:.3f} so far"
    if found.points:
        return f"{which}{within}: macro F1 {found.points[-1].scores['macro_f1']:.3f} from {found.points[-1].rows:,} rows so far"
    return f"{which}{within}"


def outcome_in_words(found: StudyResult, planned: int) -> str:
    """What a study has found, in sentences."""
    if found.kind == "repeat":
        return _repeats_in_words(found)
    if found.outlook:
        return f"{found.outlook.says}{_failed(found)} No model was kept."
    if found.best is None:
        return f"{_counted(found.rows, planned)}: none is complete yet."
    best = found.best
    return (
        f"{_counted(found.rows, planned)}. Best is trial {best.number}: {NAMES[found.metric]} {best.metrics[found.metric]:.3f} "
        f"on validation rows with {settings_in_words(best.settings)}. No model was kept: start a training with these settings."
    )


def settings_in_words(settings: Values) -> str:
    """`{"training.learning_rate": 1e-4}` → "learning_rate 0.0001"."""
    return ", ".join(f"{path.rpartition('.')[2]} {as_text(value)}" for path, value in settings.items())


def table(found: StudyResult) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the trials, the best one marked; under repeats their mean, standard deviation and range."""
    scores = [*SCORES] if found.kind == "repeat" or found.metric in SCORES else [found.metric, *SCORES]
    if found.kind == "learning-curve":
        return _curve_table(found)
    header = ["trial" if found.kind == "search" else "repeat", "settings", *(NAMES[name] for name in scores), "seconds", "state"]
    rows = [
        [
            f"{row.number} ★" if row == found.best else str(row.number),
            settings_in_words(row.settings),
            *(_score(row.metrics.get(name)) for name in scores),
            f"{row.seconds:.1f}",
            f"{row.state}: {row.cause}" if row.cause else row.state,
        ]
        for row in found.rows
    ]
    for name, values in (("mean", found.mean), ("std", found.std), ("lowest", found.low), ("highest", found.high)):
        if values:
            rows.append([name, "", *(_score(values[score]) for score in scores), "", ""])
    return header, rows


def _repeats_in_words(found: StudyResult) -> str:
    complete = len(found.complete)
    if not complete:
        return f"{_counted(found.rows, 0)}: none is complete yet."
    spreads = [f"{NAMES[name]} {found.mean[name]:.3f}{f' ± {found.std[name]:.3f}' if found.std else ''}" for name in SCORES]
    what = f"{complete} {'seeds' if found.split == 'test' else 'folds'}"
    rows = "Test rows" if found.split == "test" else "Validation rows"
    how = " (mean ± standard deviation, n − 1)" if found.std else ""
    return f"{rows}, {what}: {', '.join(spreads)}{how}.{_failed(found)} No model was kept."


def _failed(found: StudyResult) -> str:
    failed = len(found.rows) - len(found.complete)
    return f" {failed} failed and {'is' if failed == 1 else 'are'} left out." if failed else ""


def _curve_table(found: StudyResult) -> tuple[list[str], list[list[str]]]:
    """A line for each training; under them, where there are several of a size, their means."""
    header = ["rows", "share", *(NAMES[name] for name in SCORES), "seconds", "state"]
    lines = [
        [
            f"{row.rows or 0:,}",
            f"{row.share or 0:.0%}",
            *(_score(row.metrics.get(name)) for name in SCORES),
            f"{row.seconds:.1f}",
            f"{row.state}: {row.cause}" if row.cause else row.state,
        ]
        for row in found.rows
    ]
    means = [
        [f"{point.rows:,}", f"mean of {point.repeats}", *(f"{point.scores[n]:.3f} ± {point.std[n]:.3f}" for n in SCORES), "", ""]
        for point in found.points
        if point.std
    ]
    return header, [*lines, *means]


def _counted(rows: list[TrialRow], planned: int) -> str:
    states = [row.state for row in rows]
    parts = ", ".join(f"{states.count(state)} {state}" for state in ("complete", "pruned", "failed") if state in states)
    of = f" of {planned}" if planned > len(rows) else ""
    return f"{len(rows)}{of} trial{'s' if len(rows) != 1 or of else ''}{f' ({parts})' if parts else ''}"


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
