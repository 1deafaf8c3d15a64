"""A report in the terminal."""

from tuner.commands.common import print_table
from tuner.evaluation.bootstrap import in_words
from tuner.evaluation.metrics import NAMES
from tuner.evaluation.report import SHOWN, EvaluationReport
from tuner.evaluation.slices import worst_slices

# A matrix of more labels is wider than a terminal, and of 500 over a megabyte.
_MOST_LABELS = 20
_MOST_CONFUSIONS = 20
_SHORT = ("accuracy", "macro_f1", "macro_recall", "log_loss", "ece")


def print_report(report: EvaluationReport, whole: bool = False) -> None:
    """Prints a report: scores with intervals, labels, confusion matrix (of more than 20 labels its worst cells).

    Args:
        whole: all numbers, and baselines, worst slices, calibration and behaviour tests, too.
    """
    print(f"\n{report.headline}")
    for key in SHOWN if whole else _SHORT:
        print(f"{NAMES[key]:>20} {getattr(report, key):.3f}  (n = {report.n:,}, 95 %: {in_words(report.intervals[key])})")
    for name, value in report.hub_metrics.items():
        print(f"{name:>20} {value:.3f}")
    print()
    print_table(
        ["label", "precision", "recall", "F1", "support"],
        [[k, f"{v.precision:.3f}", f"{v.recall:.3f}", f"{v.f1:.3f}", f"{v.support:,}"] for k, v in report.per_class.items()],
    )
    _print_confusions(report)
    if whole:
        _print_rest(report)


def _print_confusions(report: EvaluationReport) -> None:
    """The confusion matrix; of many labels its highest counts beside the diagonal."""
    matrix = list(zip(report.labels, report.confusion_matrix, strict=True))
    if len(matrix) <= _MOST_LABELS:
        print("\nRows: true label, columns: predicted")
        print_table(["", *report.labels], [[label, *(f"{count:,}" for count in row)] for label, row in matrix])
        return
    wrong = report.confusions
    if not wrong:
        return
    most = wrong[:_MOST_CONFUSIONS]
    print(f"\nThe {len(most)} most frequent of {len(wrong):,} confusions; --json gives the whole matrix")
    print_table(["true label", "predicted", "rows"], [[label, predicted, f"{count:,}"] for label, predicted, count in most])


def _print_rest(report: EvaluationReport) -> None:
    if report.baselines:
        print(f"\n{report.did_it_pay}\nBaselines on the same rows")
        print_table(
            ["", "accuracy", "macro F1", "macro recall"],
            [[b.name, f"{b.accuracy:.3f}", f"{b.macro_f1:.3f}", f"{b.macro_recall:.3f}"] for b in report.baselines],
        )
        for baseline in report.baselines:
            print(f"  {baseline.verdict}")
    if found := worst_slices(report.slices):
        print(f"\nWorst of {len(report.slices)} slices")
        print_table(["", "n", "accuracy", "95 %"], [[s.name, f"{s.n:,}", *_with_interval(s.value, s.interval)] for s in found])
    if report.calibration:
        print(f"\n{report.calibration.summary}")
    if threshold := report.threshold:
        print(f"Answers with a probability below {threshold.value:.2f} are 'unsure' ({threshold.rule}).")
    if report.behaviour:
        print("\nBehaviour tests")
        print_table(
            ["", "rate", "95 %", "n"],
            [[r.name, *_with_interval(r.rate, r.interval), f"{r.n:,}" if not r.skipped else r.skipped] for r in report.behaviour],
        )
    if report.seen_in_training:
        print(f"\n{report.seen_in_training:,} of {report.n:,} texts stand in the training rows, too.")
    for note in report.notes:
        print(f"note: {note}")


def _with_interval(value: float | None, interval: tuple[float, float] | None) -> list[str]:
    if value is None or interval is None:
        return ["-", "-"]
    return [f"{value:.3f}", in_words(interval)]
