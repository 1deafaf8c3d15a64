"""script: a run as a plain Python script."""

import argparse
from pathlib import Path

from tuner import runs
from tuner.commands.common import AddCommand, print_json, say


def add(command: AddCommand) -> None:
    """Adds the commands of this module to the CLI."""
    script = command("script", _script, "print a run as a Python script that uses transformers and nothing of Tuner")
    script.add_argument("run", metavar="RUN")
    script.add_argument(
        "--output", type=Path, metavar="FOLDER", help="new folder for the script, the rows it trains on and the exact packages"
    )


def _script(options: argparse.Namespace) -> int:
    from tuner.reproduce.folder import refuse_full, write_script
    from tuner.reproduce.script import script_for

    run = runs.get(options.run)
    if options.output is None:
        text = script_for(run)
        return print_json({"run_id": run.id, "script": text}) if options.json else say(text.rstrip("\n"))
    refuse_full(options.output.expanduser())  # before the rows are read
    folder = write_script(run, options.output).parent.absolute()
    if options.json:
        return print_json({"run_id": run.id, "folder": str(folder), "files": sorted(path.name for path in folder.iterdir())})
    say(f"{folder} holds train.py, its rows and requirements.txt.")
    return say("Run it with `pip install -r requirements.txt && python train.py` there. The rows may be private.")
