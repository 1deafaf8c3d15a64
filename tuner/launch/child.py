"""Asks a child process for an answer: what would train or load models must not happen in the app itself."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuner import runs
from tuner.errors import RunError, RunFailed
from tuner.launch.local import token_pipe, worker_environment
from tuner.runs import LIVING


def refuse_beside_a_run() -> None:
    """Raises RunError while a run is going on; two at once would take many times as long."""
    going_on = next((run for run in runs.list_runs() if runs.summary(run)["state"] in LIVING), None)
    if going_on:
        raise RunError(f"{going_on.title} is being trained.", "Wait until it has ended, or stop it.")


def ask(
    module: str, title: str, task: str, answer: str, on_line: Callable[[dict[str, Any]], None] | None = None
) -> dict[str, Any]:
    """Runs `python -m MODULE FILE` on a file that holds `task` and returns what it answers.

    The child prints one JSON object per line: progress, then the answer, or `cause` and `cure`.

    Args:
        title: what to call the child in an error.
        answer: a key that the answer alone has.
        on_line: called with every line of progress.

    Raises:
        RunError: with the child's cause and cure.
        RunFailed: it died.
    """
    with tempfile.TemporaryDirectory() as folder, token_pipe() as reader:
        file = Path(folder) / "task"
        file.write_text(task, encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(file)],
            cwd=folder,
            env={**worker_environment(), "TUNER_TOKEN_FD": str(reader)},
            pass_fds=(reader,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            return _listen(process, title, answer, on_line)
        finally:
            process.kill()
            process.wait()


def _listen(
    process: "subprocess.Popen[str]", title: str, answer: str, on_line: Callable[[dict[str, Any]], None] | None
) -> dict[str, Any]:
    for line in process.stdout or ():
        try:
            said = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if not isinstance(said, dict):
            continue
        if "cause" in said:
            raise RunError(said["cause"], said["cure"])
        if answer in said:
            return said
        if on_line:
            on_line(said)
    raise RunFailed(f"{title} ended without an answer.", "Try a smaller batch or model: memory may be too small.")
