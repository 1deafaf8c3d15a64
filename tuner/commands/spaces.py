"""deploy: the app, or a demo of a model, as a Space on the Hub; `push --space` makes a demo of what it pushed."""

import argparse
import sys
from typing import TYPE_CHECKING

from tuner import hub_read
from tuner.commands.common import AddCommand, print_json, print_table, say
from tuner.errors import SettingsError
from tuner.runs import Run
from tuner.words import size

if TYPE_CHECKING:
    from tuner.hub import Space

_DISK = (
    "Its runs are lost when it restarts, unless a bucket is mounted at /data or a repository keeps them: --keep-runs "
    "OWNER/DATASET, or see its README."
)


def add(command: AddCommand) -> None:
    """Adds the command of this module to the CLI."""
    deploy = command("deploy", _deploy, "make a Space on the Hugging Face Hub, private unless told otherwise")
    deploy.add_argument("what", choices=["trainer", "zerogpu", "demo"], help="the app; its Playground and evaluation; one model")
    deploy.add_argument("--repo", required=True, metavar="OWNER/SPACE", help="a new Space, or one of these that you may write to")
    deploy.add_argument("--model", metavar="OWNER/NAME", help="of a demo: a text classifier on the Hub")
    deploy.add_argument(
        "--keep-runs", metavar="OWNER/DATASET",
        help="of a trainer: keep its runs over restarts in this private repository, with your token as the Space's secret",
    )  # fmt: skip
    deploy.add_argument("--public", action="store_true", help="everybody may open it")
    deploy.add_argument("--dry-run", action="store_true", help="list the files; ask and send nothing")
    _add_space_flags(deploy)


def add_demo(push: argparse.ArgumentParser) -> None:
    """Adds what `push` takes for a demo of the model."""
    push.add_argument(
        "--space", nargs="?", const="", metavar="OWNER/SPACE",
        help="make a demo Space of the model, too (default name: that of the model, with -demo); public where the model is",
    )  # fmt: skip
    _add_space_flags(push)


def _add_space_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hardware", metavar="H", help="of the Space, such as t4-small or zero-a10g (default: the free CPU)")
    parser.add_argument(
        "--lend-token", action="store_true", help="keep your token as the Space's secret, by which it reads a private model"
    )
    parser.add_argument("--wait", action="store_true", help="until the Space runs or has failed, 15 minutes at most")


def check_demo(options: argparse.Namespace) -> None:
    """What a demo does not go with, told before the push.

    Raises:
        SettingsError: the model goes elsewhere than to main, or nobody lends a private model's Space a token.
    """
    if options.branch or options.pull_request:
        raise SettingsError(["--space shows what is on main."], "Leave out --branch and --pull-request.")
    if not options.public and not options.lend_token:
        raise SettingsError(
            ["The demo Space could not read a private model."], "Add --lend-token (your token becomes its secret), or --public."
        )


def demo_of(run: Run, options: argparse.Namespace) -> "Space":
    """The demo of a model that was pushed just now; where it stands is kept with the run."""
    from tuner.hub import make_demo, note_space

    repo = options.space or f"{options.repo}-demo"
    more = {"hardware": options.hardware, "lend_token": options.lend_token}
    made = make_demo(repo, options.repo, private=not options.public, **more)
    return note_space(run, _waited(made, options))


def say_space(space: "Space") -> int:
    """Says where a Space is, how far, and what it costs; 1 where it failed."""
    state = "was there already, unchanged" if space.unchanged else "is on the Hub"
    say(f"The Space {state}, {'private' if space.private else 'public'}: {space.link}")
    if space.price:
        say(f"Hardware {space.price}")
    say(str(space))
    return 1 if space.failed else 0


def _deploy(options: argparse.Namespace) -> int:
    from tuner.hub import deploy_trainer, make_demo

    demo = options.what == "demo"
    _check(options, demo)
    if options.dry_run:
        return _dry_run(options)
    more = {"private": not options.public, "hardware": options.hardware}
    if demo:
        made = make_demo(options.repo, options.model, lend_token=options.lend_token, **more)
    else:
        made = deploy_trainer(options.repo, zerogpu=options.what == "zerogpu", keep_runs=options.keep_runs, **more)
    made = _waited(made, options)
    if options.json:
        print_json(made.model_dump())
        return 1 if made.failed else 0
    code = say_space(made)
    if options.what == "trainer":
        say(f"Its runs are kept in {options.keep_runs}." if options.keep_runs else _DISK)
    return code


def _check(options: argparse.Namespace, demo: bool) -> None:
    """Refuses flags that would be ignored."""
    problems = []
    if demo and not options.model:
        problems.append("A demo shows one model: --model is missing.")
    if not demo and options.model:
        problems.append(f"--model is for a demo: {options.what} holds no model of its own.")
    if not demo and options.lend_token:
        problems.append(f"--lend-token is for a demo: {options.what} reads with the token of whoever logs in.")
    if options.what != "trainer" and options.keep_runs:
        problems.append(f"--keep-runs is for a trainer: {options.what} has no runs.")
    if options.what == "zerogpu" and options.hardware not in (None, "zero-a10g"):
        problems.append("zerogpu runs on zero-a10g alone; take trainer for other hardware.")
    if problems:
        raise SettingsError(problems, "Nothing was made.")


def _waited(space: "Space", options: argparse.Namespace) -> "Space":
    if not options.wait or not space.going_on:
        return space
    from tuner.hub import Client
    from tuner.hub.space_stage import wait

    if not options.json:
        print(str(space), file=sys.stderr, flush=True)
    return wait(space, Client(hub_read.token()))


def _dry_run(options: argparse.Namespace) -> int:
    from tuner.hub import listing
    from tuner.hub.space_files import app_files, demo_files

    if options.what == "demo":
        files = demo_files(options.repo, options.model, f"https://huggingface.co/{options.model}", options.hardware)
    else:
        files = app_files(options.what)
    rows = listing(files)
    if options.json:
        return print_json({"repo_id": options.repo, "files": [{"path": path, "bytes": count} for path, count in rows]})
    print_table(["file", "size"], [[path, size(count)] for path, count in rows])
    return say(f"\n{len(rows)} files, {size(sum(count for _, count in rows))}. Nothing was sent.")
