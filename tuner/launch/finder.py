"""The learning-rate finder in a child process, so that the app itself never trains."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tuner import runs
from tuner.config import RunConfig
from tuner.errors import RunError, RunFailed
from tuner.launch.local import prepare, token_pipe, worker_environment
from tuner.runs import LIVING
from tuner.training.lr_finder import LearningRateCurve


def find_learning_rate(config: RunConfig, on_progress: Callable[[int, int], None] | None = None) -> LearningRateCurve:
    """`tuner.training.lr_finder.find_learning_rate`, apart from this process.

    Args:
        on_progress: called with the steps done and all of them.

    Raises:
        RunError: a run is going on; two at once would take many times as long.
        SourceError, ModelError, NetworkError, SettingsError: as for a training.
        RunFailed: the child process died.
    """
    going_on = next((run for run in runs.list_runs() if runs.summary(run)["state"] in LIVING), None)
    if going_on:
        raise RunError(f"{going_on.title} is being trained.", "Wait until it has ended, or stop it.")
    with tempfile.TemporaryDirectory() as folder, token_pipe() as reader:
        settings = Path(folder) / "run.yaml"
        settings.write_text(prepare(config).to_yaml(), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner.training.lr_finder", str(settings)],
            cwd=folder,
            env={**worker_environment(), "TUNER_TOKEN_FD": str(reader)},
            pass_fds=(reader,),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            return _listen(process, on_progress)
        finally:
            process.kill()
            process.wait()


def _listen(process: "subprocess.Popen[str]", on_progress: Callable[[int, int], None] | None) -> LearningRateCurve:
    for line in process.stdout or ():
        try:
            said = json.loads(line)
        except ValueError:  # a library that prints
            continue
        if "cause" in said:
            raise RunError(said["cause"], said["cure"])
        if "rates" in said:
            return LearningRateCurve.model_validate(said)
        if on_progress and "step" in said:
            on_progress(said["step"], said["steps"])
    raise RunFailed("The learning-rate finder ended without an answer.", "Try a smaller batch or model: memory may be too small.")
