"""feedback and retrain: what people corrected, and a training with it."""

import argparse
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from tuner import feedback, hub_read, runs
from tuner.commands.common import AddCommand, print_json, print_table, say
from tuner.commands.training import add_start, begin
from tuner.errors import DoubtError, SettingsError
from tuner.export import check_suffix, write_table
from tuner.feedback import Feedback

_SHOWN = 110


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    sets = command("feedback", _feedback, "list, show, add to, export, push or remove what people corrected")
    sets.add_argument("name", nargs="?", metavar="NAME", help="a set of feedback; none: list them")
    what = sets.add_mutually_exclusive_group()
    what.add_argument("--add", nargs=2, metavar=("TEXT", "LABEL"), help="keep a text with its label")
    what.add_argument("--withdraw", metavar="TEXT", help="take back what was said of a text")
    what.add_argument("--remove", action="store_true", help="remove the set with all its judgements")
    what.add_argument("--output", type=Path, metavar="FILE", help="write its rows as .csv, .jsonl or .parquet")
    what.add_argument("--push", metavar="OWNER/DATASET", help="put its rows on the Hub, as a private data set")
    sets.add_argument("--public", action="store_true", help="with --push: everybody may read it")
    sets.add_argument("--yes", action="store_true", help="with --push: also where texts hold personal data")

    again = command("retrain", _retrain, "train a run's settings again, with its corrections as further training rows")
    again.add_argument("run", metavar="RUN")
    again.add_argument("--feedback", metavar="NAME", help="set of feedback (default: the run's own)")
    add_start(again)


def _feedback(options: argparse.Namespace) -> int:
    name = options.name
    _check_options(options)
    if name is None:
        return _list(options.json)
    if options.add:
        count = feedback.add(name, Feedback(*options.add))
        return _done(options.json, {"name": name, "rows": count}, f"'{name}' has {count:,} rows now.")
    if options.withdraw is not None:
        count = feedback.withdraw_text(name, options.withdraw)
        return _done(options.json, {"name": name, "rows": count}, f"'{name}' has {count:,} rows now.")
    if options.remove:
        feedback.remove(name)
        return _done(options.json, {"name": name, "removed": True}, f"'{name}' was removed.")
    if options.output:
        return _export(name, options.output, options.json)
    return _push(name, options) if options.push is not None else _show(name, options.json)


def _check_options(options: argparse.Namespace) -> None:
    given = [
        option for option in ("add", "withdraw", "remove", "output", "push") if getattr(options, option) not in (None, False)
    ]
    if given and options.name is None:
        raise SettingsError([f"--{given[0]} needs the name of a set of feedback."], "Give NAME; nothing was changed.")
    if (options.public or options.yes) and options.push is None:
        raise SettingsError([f"--{'public' if options.public else 'yes'} needs --push."], "Add --push OWNER/DATASET.")


def _list(as_json: bool) -> int:
    sets = [_summary(name, feedback.rows(name)) for name in feedback.names() if feedback.count(name)]
    if as_json:
        return print_json(sets)
    if not sets:
        return say('There is no feedback yet. Keep some with `python -m tuner feedback NAME --add "a text" LABEL`.')
    listed = [[s["name"], f"{s['rows']:,}", ", ".join(f"{k} {v:,}" for k, v in s["labels"].items()), s["last"]] for s in sets]
    print_table(["feedback", "rows", "labels", "last"], listed)
    return 0


def _show(name: str, as_json: bool) -> int:
    rows = feedback.rows(name)
    if as_json:
        return print_json([row.model_dump() for row in rows])
    for row in rows:
        said = f" (the model: {row.predicted})" if row.predicted else ""
        print(f"{row.label[:30]:>16}  {' '.join(row.text.split())[:_SHOWN]}{said}")
    return say(f"\n{len(rows):,} rows. Train on them: --set data.extra_source=feedback:{name}")


def _export(name: str, path: Path, as_json: bool) -> int:
    import pandas as pd

    check_suffix(path)
    rows = feedback.rows(name)
    write_table(pd.DataFrame([row.model_dump() for row in rows]), path)
    return _done(as_json, {"name": name, "rows": len(rows), "output": str(path)}, f"{len(rows):,} rows were written to {path}.")


def _push(name: str, options: argparse.Namespace) -> int:
    from tuner.hub import dataset_findings, findings_in_words, push_dataset

    found = dataset_findings(name)
    if found and not options.yes:
        raise DoubtError(
            f"'{name}' holds personal data: {findings_in_words(found)}.", "Look at the rows, or push them with --yes."
        )
    pushed = push_dataset(name, options.push, token=hub_read.token(), private=not options.public)
    what = "was there already, unchanged" if pushed.unchanged else "is on the Hub"
    line = f"'{name}' {what} as a {'private' if pushed.private else 'public'} data set: {pushed.link}"
    return _done(options.json, {**pushed.model_dump(), "findings": found}, line)


def _retrain(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    return begin(feedback.retrain_config(run, options.feedback or feedback.name_for(run.id)), options)


def _summary(name: str, rows: list[Feedback]) -> dict[str, Any]:
    last = datetime.fromtimestamp(max(row.at for row in rows)).strftime("%Y-%m-%d %H:%M")
    return {"name": name, "rows": len(rows), "labels": dict(Counter(row.label for row in rows).most_common()), "last": last}


def _done(as_json: bool, document: dict[str, Any], line: str) -> int:
    return print_json(document) if as_json else say(line)
