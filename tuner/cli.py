"""The command line: a thin skin over the same functions the app and Python use.

Exit 0 done; 2 a mistake the person can mend (cause and cure on stderr); 1 a run that failed.
With `--json`, stdout is one JSON document and nothing else.
"""

import argparse
import sys
from collections.abc import Callable

from tuner import __version__
from tuner.commands import bases, card, data, evaluation, feedback, models, pushing, reproduce, spaces, study, training
from tuner.errors import SettingsError, TunerError, disk_is_full

_MOST_PORT = 2**16 - 1


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    options = _options(arguments)
    try:
        return options.command(options)
    except TunerError as error:
        print(f"error: {error.cause}" if error.cause else f"error: {error}", file=sys.stderr)
        if error.cure:
            print(error.cure, file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
    except OSError as error:
        if not disk_is_full(error):
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: The disk is full{where}.\nFree some space, then try again.", file=sys.stderr)
        return TunerError.exit_code


def _options(arguments: list[str] | None) -> argparse.Namespace:
    """What was asked. argparse takes texts behind an option for unknown arguments: it was done with texts before that."""
    parser = _parser()
    options, rest = parser.parse_known_args(arguments)
    if rest and ("text" not in options or any(part.startswith("-") for part in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.text += rest
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tuner", description="Fine-tune a text classifier and put it to work.", epilog="RUN is a run's id, or `latest`."
    )
    parser.add_argument("--version", action="version", version=f"tuner {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    def command(name: str, function: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        sub.add_argument("--json", action="store_true", help="print one JSON document and nothing else")
        sub.set_defaults(command=function)
        return sub

    for module in (data, bases, training, study, reproduce, evaluation, models, feedback, card, pushing, spaces):
        module.add(command)
    app = command("app", _app, "serve the app in the browser")
    app.add_argument("--host", default="127.0.0.1", help="address to serve at (default 127.0.0.1)")
    app.add_argument("--port", type=int, default=7860, help="port to serve at (default 7860)")
    return parser


def _app(options: argparse.Namespace) -> int:
    from tuner.ui.serve import serve

    if not 0 <= options.port <= _MOST_PORT:
        raise SettingsError([f"--port {options.port}: must be 0 to {_MOST_PORT:,}."], "Give a free port, such as 7860.")
    serve(options.host, options.port)
    return 0
