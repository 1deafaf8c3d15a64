"""card: the model card of a run, as a push would send it."""

import argparse
from pathlib import Path

from tuner import runs
from tuner.commands.common import AddCommand, print_json, say
from tuner.errors import RunError


def add(command: AddCommand) -> None:
    """Adds the command of this module to the CLI."""
    card = command("card", _card, "show the model card of a run, as it would be pushed to the Hub")
    card.add_argument("run", metavar="RUN", help="a run's id, or latest")
    card.add_argument("--repo", metavar="OWNER/NAME", help="the repository it is written for")
    card.add_argument("--output", type=Path, metavar="FILE", help="where it goes; without, it is printed")


def _card(options: argparse.Namespace) -> int:
    from tuner.hub.card import model_card

    text = model_card(runs.get(options.run), options.repo)
    if options.output:
        try:
            options.output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise RunError(f"{options.output} cannot be written ({error.strerror}).", "Choose another place.") from None
    if options.json:
        return print_json({"output": str(options.output)} if options.output else {"card": text})
    return say(f"The card was written to {options.output}." if options.output else text.rstrip("\n"))
