"""search, repeat and learning-curve: many trainings in one run."""

import argparse

from tuner.commands.common import AddCommand, add_settings, config_from
from tuner.commands.training import add_start, begun
from tuner.errors import SettingsError
from tuner.study.plan import SHARES, StudyConfig, parse_over


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    search = command("search", _search, "try settings and find those with the best validation score")
    add_settings(search)
    search.add_argument(
        "--over", action="append", default=[], metavar="SECTION.FIELD=VALUES",
        help="a setting to vary: low..high, low..high:log, or value,value; may be repeated",
    )  # fmt: skip
    search.add_argument("--trials", type=int, metavar="N", help="budget: at most so many trials")
    search.add_argument("--minutes", type=float, metavar="M", help="budget: begin no trial after so many minutes")
    search.add_argument("--metric", help="what is searched for on validation rows (default: the settings' metric_for_best_model)")
    search.add_argument("--no-pruning", action="store_true", help="train hopeless trials to their end, too")
    search.add_argument("--seed", type=int, default=42, help="seed of the settings drawn (default 42)")

    repeat = command("repeat", _repeat, "train the same settings several times: mean and spread of the scores")
    add_settings(repeat)
    repeat.add_argument("--seeds", type=int, metavar="K", help="so many seeds, each scored on the test rows")
    repeat.add_argument("--folds", type=int, metavar="K", help="so many folds, each scored on its validation rows")

    curve = command("learning-curve", _learning_curve, "train on parts of the training rows: would more labels help?")
    add_settings(curve)
    curve.add_argument(
        "--shares", type=float, nargs="+", default=list(SHARES), metavar="S",
        help=f"shares of the training rows to train on (default {' '.join(map(str, SHARES))})",
    )  # fmt: skip
    curve.add_argument(
        "--repeats", type=int, default=1, metavar="K", help="draws of every share, each with its own seeds (default 1)"
    )
    for parser in (search, repeat, curve):
        add_start(parser)


def _learning_curve(options: argparse.Namespace) -> int:
    return _run(options, kind="learning-curve", shares=options.shares, repeats=options.repeats)


def _search(options: argparse.Namespace) -> int:
    plan = {"n_trials": options.trials, "minutes": options.minutes, "metric": options.metric, "seed": options.seed}
    return _run(options, kind="search", pruning=not options.no_pruning, **plan)


def _repeat(options: argparse.Namespace) -> int:
    return _run(options, kind="repeat", seeds=options.seeds, folds=options.folds)


def _run(options: argparse.Namespace, **plan: object) -> int:
    from tuner.launch.refusals import told_at_once
    from tuner.launch.study import start

    config, problems = None, []
    try:
        with told_at_once():
            config = config_from(options)
    except SettingsError as error:
        problems += error.problems
    try:
        if plan["kind"] == "search":
            plan["space"] = parse_over(options.over)
        checked = StudyConfig(**plan)
    except SettingsError as error:
        problems += error.problems
    if problems or config is None:
        raise SettingsError(problems)
    return begun(start(config, checked, proceed_anyway=options.proceed_anyway), options)
