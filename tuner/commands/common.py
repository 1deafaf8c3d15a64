"""What several commands share: the settings flags, and how things are printed."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner import catalog
from tuner.config import RunConfig, merge, parse_assignments
from tuner.errors import SettingsError

Command = Callable[[argparse.Namespace], int]
# Adds a command: name, function, help → its parser, which has --json already.
AddCommand = Callable[[str, Command, str], argparse.ArgumentParser]


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that give settings."""
    parser.add_argument("--data", metavar="SOURCE", help=f"source of examples (default {catalog.SAMPLE_TWEETS})")
    parser.add_argument("--model", help=f"base model (default {catalog.SAMPLE_MINILM})")
    parser.add_argument("--preset", help=f"named settings: {', '.join(catalog.PRESETS)} (default {catalog.DEFAULT_PRESET})")
    parser.add_argument("--file", type=Path, metavar="RUN.yaml", help="settings file, any part of a RunConfig")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.FIELD=VALUE", help="one setting; may be repeated")
    parser.add_argument("--name", help="a name for people to read")


def add_columns(parser: argparse.ArgumentParser, of: str, *, label: bool) -> None:
    """Adds --text-column, which may be repeated, and --label-column where there are labels.

    Args:
        of: the option that names the table.
    """
    own = "default: as the run was trained, where the table has it; else guessed"
    parser.add_argument(
        "--text-column", metavar="NAME", action="append", default=[],
        help=f"column of {of} that holds the text ({own}); may be repeated, then they are joined",
    )  # fmt: skip
    if label:
        parser.add_argument("--label-column", metavar="NAME", help=f"column of {of} that holds the label ({own})")


def config_from(options: argparse.Namespace) -> RunConfig:
    """The settings of the flags: file under --data, --model and --preset, --set over all.

    Raises:
        SettingsError: the file cannot be read, or settings that cannot be honoured.
    """
    settings: dict[str, Any] = {}
    if options.file:
        try:
            text = options.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError([f"The settings file {options.file} cannot be read ({type(error).__name__})."]) from None
        settings = RunConfig.parse_yaml(text)
    if options.preset:
        settings["preset"] = options.preset
    if options.name:
        settings["name"] = options.name
    if options.data:
        settings = merge(settings, {"data": {"source": options.data}})
    if options.model:
        settings = merge(settings, {"model": {"name": options.model}})
    return RunConfig(**merge(settings, parse_assignments(options.set)))


def print_table(header: list[str], rows: list[list[str]]) -> None:
    """Prints rows in columns: the first left, the others right aligned."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print(
            "  ".join(
                cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )


def print_json(value: Any) -> int:  # noqa: ANN401
    """Prints one JSON document; returns the exit code 0."""
    print(json.dumps(value, ensure_ascii=False, indent=1))
    return 0


def say(line: str) -> int:
    """Prints a line; returns the exit code 0."""
    print(line)
    return 0


def score(value: float | None) -> str:
    """A share with three decimals; empty for none."""
    return "" if value is None else f"{value:.3f}"
