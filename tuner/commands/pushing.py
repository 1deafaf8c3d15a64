"""push: a run's model on the Hub, and the same after a training (`train --push-to`)."""

import argparse
import sys
import time
from typing import Any

from tuner import hub_read, runs
from tuner.commands import spaces
from tuner.commands.common import AddCommand, print_json, print_table, say
from tuner.errors import SettingsError
from tuner.runs import Run
from tuner.words import size

# Progress is printed so often, seconds.
_EVERY = 2.0
_CARD_LINES = 12


def add(command: AddCommand) -> None:
    """Adds the command of this module to the CLI."""
    push = command("push", _push, "put a run's model on the Hugging Face Hub, private unless told otherwise")
    push.add_argument("run", metavar="RUN", help="a run's id, or latest")
    push.add_argument("repo", metavar="OWNER/NAME", help="a new repository, or one you may write to")
    push.add_argument("--public", action="store_true", help="everybody may read it")
    where = push.add_mutually_exclusive_group()
    where.add_argument("--branch", metavar="B", help="commit to this branch (default main); it is made where there is none")
    where.add_argument("--pull-request", action="store_true", help="propose the commit instead, also at others' repositories")
    push.add_argument("--adapter", action="store_true", help="with the run's LoRA adapter, in adapter/")
    push.add_argument("--no-compare", action="store_true", help="do not fetch the model back to compare its answers")
    spaces.add_demo(push)
    push.add_argument("--dry-run", action="store_true", help="list the files and the card's beginning; ask and send nothing")


def check_before(repo_id: str, queued: bool) -> None:
    """What would refuse a push after the training, told before it; the repository is made.

    Raises:
        SettingsError: the run would be left to the queue, or no name of a repository.
        NetworkError: no token, or no right to write there.
    """
    if queued:
        raise SettingsError(
            ["--push-to does not go with --queue: the command that waits for the training pushes it."],
            "Leave one out, or push the run when it is completed: `python -m tuner push RUN OWNER/NAME`.",
        )
    from tuner.hub import Client

    # Whether a token of narrow rights may make a repository, the Hub says only when it is made.
    Client(hub_read.token()).writable(repo_id, "model", private=True)


def push_run(run: Run, repo_id: str, quiet: bool, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """Pushes with progress on stderr; returns what `--json` prints."""
    from tuner.hub import push_state
    from tuner.hub.push import push

    pushed = push(run, repo_id, on_progress=None if quiet else _Progress(), **more)
    state = push_state(run)
    compared = state.compared.model_dump() if state and state.compared else None
    return {"run_id": run.id, **pushed.model_dump(), "compared": compared, "answers": state.answers if state else ""}


def say_pushed(done: dict[str, Any]) -> int:
    """Says where it is, and how it answers there."""
    what = "was there already, unchanged" if done["unchanged"] else "is on the Hub"
    say(f"Run {done['run_id']} {what}, {'private' if done['private'] else 'public'}: {done['pull_request'] or done['link']}")
    return say(done["answers"]) if done["answers"] else 0


def _push(options: argparse.Namespace) -> int:
    run = runs.get(options.run)
    if options.dry_run:
        return _dry_run(run, options)
    if options.space is not None:
        spaces.check_demo(options)
    more = {"branch": options.branch, "pull_request": options.pull_request, "adapter": options.adapter}
    done = push_run(run, options.repo, options.json, private=not options.public, compare=not options.no_compare, **more)
    demo = spaces.demo_of(run, options) if options.space is not None else None
    if options.json:
        return print_json(done if demo is None else done | {"space": demo.model_dump()})
    say_pushed(done)
    return 0 if demo is None else spaces.say_space(demo)


def _dry_run(run: Run, options: argparse.Namespace) -> int:
    from tuner.hub import listing, model_files

    files = model_files(run, adapter=options.adapter, repo_id=options.repo)
    rows = listing(files)
    card = files["README.md"].decode()
    if options.json:
        return print_json({"repo_id": options.repo, "files": [{"path": p, "bytes": n} for p, n in rows], "card": card})
    print_table(["file", "size"], [[path, size(count)] for path, count in rows])
    text = card.split("\n---\n", 1)[-1].strip().splitlines()
    print(f"\n{len(rows)} files, {size(sum(n for _, n in rows))}. Nothing was sent. The card begins:\n")
    return say("\n".join(text[:_CARD_LINES]))


class _Progress:
    """Prints how much was sent, to stderr."""

    def __init__(self) -> None:
        self._last = 0.0

    def __call__(self, sent: int, total: int) -> None:
        if sent < total and time.monotonic() - self._last < _EVERY:
            return
        self._last = time.monotonic()
        print(f"sent {size(sent)} of {size(total)}", file=sys.stderr, flush=True)
