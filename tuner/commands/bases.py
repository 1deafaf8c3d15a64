"""models, presets, settings and probe: what there is to choose from, and which base model to take."""

import argparse
import dataclasses
import sys
import textwrap

from tuner import catalog
from tuner.allowed import allowed
from tuner.commands.common import AddCommand, add_settings, config_from, print_json, print_table, say, score
from tuner.config import RunConfig, fields


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    command("models", _models, "list the offered base models and when to take which")
    command("presets", _presets, "list the named settings, when to use which, and their measured time and score")
    command("settings", _settings, "list every setting with its default and the values it may have")
    probe = command("probe", _probe, "rank base models by their frozen embeddings of your own rows, in minutes")
    add_settings(probe)
    probe.add_argument("--models", nargs="+", required=True, metavar="MODEL", help="one to ten base models to compare")


def _models(options: argparse.Namespace) -> int:
    if options.json:
        return print_json([dataclasses.asdict(offer) for offer in catalog.BASE_MODELS])
    for offer in catalog.BASE_MODELS:
        print(f"{offer.name}\n  {offer.summary}, licence {offer.licence}")
        for line in (f"Pretraining: {offer.pretraining}.", f"Take it when {offer.take_when}"):
            print(textwrap.fill(line, 110, initial_indent="  ", subsequent_indent="  "))
    return say("Any other Hub id or folder of a model is taken, too.")


def _presets(options: argparse.Namespace) -> int:
    if options.json:
        return print_json([dataclasses.asdict(preset) for preset in catalog.PRESETS.values()])
    for preset in catalog.PRESETS.values():
        print(preset.name)
        for line in (preset.when, preset.measured):
            print(textwrap.fill(line, 110, initial_indent="  ", subsequent_indent="  "))
    return say("`train --preset NAME` takes one; --set changes single settings of it.")


def _settings(options: argparse.Namespace) -> int:
    default = RunConfig()
    rows = [
        {
            "setting": f"{section}.{field}",
            "default": getattr(getattr(default, section), field),
            "allowed": allowed(field, info),
            "help": info.description,
        }
        for section, field, info in fields()
    ]
    if options.json:
        return print_json(rows)
    for row in rows:
        value = "not set" if row["default"] is None else row["default"]
        print(f"{row['setting']} = {value}" + (f"  ({row['allowed']})" if row["allowed"] else ""))
        print(textwrap.fill(row["help"], 110, initial_indent="  ", subsequent_indent="  "))
    return say("`--set section.field=value` gives one.")


def _probe(options: argparse.Namespace) -> int:
    from tuner.launch.prober import probe
    from tuner.training.probe_result import ProbeRow

    def progress(done: int, texts: int, model: str) -> None:
        print(f"\r{model}: {done:,} of {texts:,} texts", end="", file=sys.stderr, flush=True)

    result = probe(config_from(options), options.models, None if options.json else progress)
    if options.json:
        return print_json(result.model_dump())
    print(file=sys.stderr)

    def cells(row: ProbeRow) -> list[str]:
        spread = f" ± {row.spread:.3f}" if row.spread is not None else ""
        measured = [f"{row.seconds_per_1000:.1f}", f"{row.memory_mb:,.0f}"] if row.memory_mb is not None else ["", ""]
        millions = f"{row.parameters / 1e6:,.1f}" if row.parameters else ""
        return [row.model, score(row.macro_f1) + spread, score(row.accuracy), score(row.macro_recall), *measured, millions]

    header = ["model", "macro F1", "accuracy", "macro recall", "s per 1,000", "memory MB", "M parameters"]
    print_table(header, [cells(row) for row in [*result.models, *result.baselines]])
    for row in result.models:
        if row.problem:
            print(f"- {row.model}: {row.problem}")
    print()
    for line in result.says:
        print(textwrap.fill(line, 110))
    return 0
