"""evaluate, compare and leaderboard: how good classifiers are."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tuner.commands.common import AddCommand, add_columns, print_json, print_table, say
from tuner.commands.report import print_report
from tuner.errors import SettingsError, SourceError

_SPLIT = "train, validation, test, or all rows (default: test rows; all of a source that has none)"


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    _add_evaluate(command)
    compare = command("compare", _compare, "compare two or more models on the same rows")
    compare.add_argument("models", metavar="RUN|MODEL", nargs="+", help="runs, local folders or Hub ids; the first against each")
    compare.add_argument("--data", metavar="SOURCE", help="source of the rows (default: each run's own)")
    compare.add_argument("--split", help=_SPLIT)
    add_columns(compare, "--data", label=True)

    leaders = command("leaderboard", _leaderboard, "all runs with a report, the best first")
    leaders.add_argument("run", metavar="RUN", nargs="?", help="only runs scored on the same rows as this one")


def _add_evaluate(command: AddCommand) -> None:
    evaluate = command("evaluate", _evaluate, "score a classifier on a split")
    evaluate.add_argument("model", metavar="RUN|MODEL", help="a run, a local folder or a Hub id")
    evaluate.add_argument("--data", metavar="SOURCE", help="source of the rows (default: the run's own)")
    evaluate.add_argument("--split", help=_SPLIT)
    add_columns(evaluate, "--data", label=True)
    evaluate.add_argument(
        "--label-map", metavar="DATA=MODEL", action="append", default=[],
        help="a label of the data by the model's name, where they differ: pos=positive; may be repeated",
    )  # fmt: skip
    evaluate.add_argument(
        "--against", metavar="MODEL", action="append", default=[], help="a further model to score on the same rows"
    )
    evaluate.add_argument("--metric", metavar="NAME", action="append", default=[], help="a metric of the Hub; may be repeated")
    evaluate.add_argument("--tests", type=Path, metavar="FILE.yaml", help="behaviour tests to take instead of the shipped ones")
    evaluate.add_argument(
        "--require", metavar="NAME>=VALUE", action="append", default=[],
        help="pass mark on a number or behaviour test; exit code 1 where it is missed; may be repeated",
    )  # fmt: skip
    evaluate.add_argument(
        "--threshold-precision",
        type=float,
        metavar="P",
        help="keep a threshold with the run's model: answers below it are 'unsure', so that P of the others are right",
    )
    evaluate.add_argument("--threshold-cost", type=float, metavar="C",
                          help="keep a threshold with the run's model: a wrong answer costs C, 'unsure' 1")  # fmt: skip
    evaluate.add_argument("--no-threshold", action="store_true", help="remove the threshold: the model always answers")
    evaluate.add_argument("--html", type=Path, metavar="FILE.html", help="write the report as one page with pictures")
    evaluate.add_argument("--predictions", type=Path, metavar="FILE", help="write the predictions: .csv, .jsonl or .parquet")


def _evaluate(options: argparse.Namespace) -> int:
    from tuner.evaluation import requirements
    from tuner.evaluation.label_map import parse_label_map
    from tuner.export import check_suffix, write_table
    from tuner.scoring import Extras, evaluation_of

    requirements.parse(options.require)  # a mark that cannot be read is said before minutes of scoring
    if options.predictions:
        check_suffix(options.predictions)
    if options.html and options.html.suffix.lower() not in (".html", ".htm"):
        raise SettingsError([f"--html {options.html}: the name of a page ends in .html."])
    extras = Extras(
        label_map=parse_label_map(options.label_map),
        against=tuple(options.against),
        tests=options.tests,
        metrics=tuple(options.metric),
        text_column=tuple(options.text_column),
        label_column=options.label_column,
    )
    run = _run_of_threshold(options)
    evaluation = evaluation_of(run or options.model, options.data, options.split, extras, _progress(options.json))
    marks = requirements.check(evaluation.report, options.require)
    report = _with_threshold(options, evaluation.report, run)
    if options.html:
        _write_page(options.html, report, evaluation.predictions)
    if options.predictions:
        write_table(evaluation.predictions, options.predictions)
    if options.json:
        print_json(report.model_dump(mode="json") | ({"requirements": [m.model_dump() for m in marks]} if marks else {}))
    else:
        print_report(report, whole=True)
        for mark in marks:
            print(mark)
    return 0 if all(mark.passed for mark in marks) else 1


def _asked_threshold(options: argparse.Namespace) -> tuple[float | None, float | None] | None:
    """Precision and cost, neither where the threshold is to be removed; None where none of this was asked for."""
    asked = (options.threshold_precision, options.threshold_cost)
    return asked if asked != (None, None) or options.no_threshold else None


def _run_of_threshold(options: argparse.Namespace) -> Any:  # noqa: ANN401
    """The run a threshold is to be kept with, None for none; refuses before minutes of scoring what cannot be kept then."""
    asked = _asked_threshold(options)
    if asked is None:
        return None
    from tuner import evaluations
    from tuner.data.labelled import WHOLE
    from tuner.inference import run_or_none
    from tuner.thresholds import check_asked, threshold_of

    if options.no_threshold and asked != (None, None):
        raise SettingsError(["--no-threshold removes what --threshold-precision or --threshold-cost would set; give one."])
    run = run_or_none(options.model)
    if run is None:
        raise SettingsError([f"A threshold is kept with a run, and '{options.model}' is none."], "Leave the threshold out.")
    check_asked(*asked)
    # A run that was ended before its report has no answers to its validation rows: scoring one of its splits gives it those.
    given = options.data is None and options.split != WHOLE
    if not options.no_threshold and (evaluations.has_validation(run) or not given):
        threshold_of(run, *asked)
    return run


def _with_threshold(options: argparse.Namespace, report: Any, run: Any) -> Any:  # noqa: ANN401
    """The report after the threshold that was asked for is kept with the model."""
    asked = _asked_threshold(options)
    if asked is None:
        return report
    from tuner.thresholds import choose_threshold

    return report.model_copy(update={"threshold": choose_threshold(run, *asked)})


def _write_page(path: Path, report: Any, predictions: Any) -> None:  # noqa: ANN401
    from tuner.evaluation.page import page

    try:
        path.write_text(page(report, predictions), encoding="utf-8")
    except OSError as error:
        raise SourceError(f"{path} cannot be written ({error.strerror or error}).", "Choose another place.") from None


def _progress(silent: bool) -> Any:  # noqa: ANN401
    """Says on a terminal how far it is, on one line; nothing where nobody watches."""
    if silent or not sys.stderr.isatty():
        return None

    def report(what: str, done: int, total: int) -> None:
        print(f"\r{what} {done:,} of {total:,}   ", end="" if done < total else "\n", file=sys.stderr, flush=True)

    return report


def _compare(options: argparse.Namespace) -> int:
    from tuner.comparisons import compare

    found = compare(
        options.models, options.data, options.split, _progress(options.json),
        text_column=options.text_column, label_column=options.label_column,
    )  # fmt: skip
    if options.json:
        return print_json(found.to_json())
    for name, report in zip(found.names, found.reports, strict=True) if options.data else ():
        for note in report.notes:
            print(f"note: {name}: {note}")
    print(f"On the same {found.n:,} rows ({len(found.disagreements):,} of them answered differently):\n")
    for pair in found.pairs:
        print(f"{pair.verdict}\n")
        print_table(
            ["", pair.a[:24], pair.b[:24], "difference", "95 %"],
            [
                [
                    d.metric.replace("_", " "),
                    f"{d.a:.3f}",
                    f"{d.b:.3f}",
                    f"{d.difference:+.3f}",
                    f"{d.interval[0]:+.3f} to {d.interval[1]:+.3f}",
                ]
                for d in pair.differences
            ],
        )
        counts = pair.mcnemar
        print(
            f"\nOnly {pair.a} right: {counts.only_a_right:,}; only {pair.b}: {counts.only_b_right:,} "
            f"(McNemar's exact p = {counts.p_value:.3g})."
        )
        if pair.settings:
            print("\nSettings that differ")
            print_table(
                ["setting", pair.a[:24], pair.b[:24]],
                [[name, *(v or "-" for v in values)] for name, values in pair.settings.items()],
            )
        print()
    return 0


def _leaderboard(options: argparse.Namespace) -> int:
    from tuner import runs
    from tuner.comparisons import leaderboard
    from tuner.evaluation.bootstrap import in_words

    rows = None
    if options.run:
        report = runs.get(options.run).report
        if report is None:
            raise SourceError(f"Run {options.run} has no report yet.", "Wait until it is completed, or evaluate it.")
        rows = report.rows_fingerprint
    frame = leaderboard(rows)
    if options.json:
        return print_json(frame.astype(object).where(frame.notna(), None).to_dict("records"))
    if frame.empty:
        return say("No run has a report yet.")
    for _, group in frame.groupby("rows", sort=False):
        print(f"{group['source'].iloc[0]}, the same {group['n'].iloc[0]:,} rows")
        print_table(
            ["run", "macro F1", "95 %", "accuracy", "macro recall", "title"],
            [
                [
                    r["run"],
                    f"{r['macro_f1']:.3f}",
                    in_words((r["low"], r["high"])),
                    f"{r['accuracy']:.3f}",
                    f"{r['macro_recall']:.3f}",
                    r["title"][:60],
                ]
                for r in group.to_dict("records")
            ],
        )
        print()
    return 0
