"""Experiment trackers of the library (`report_to`): what they need, and where they write."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import SettingsError


def refuse_missing(report_to: Sequence[str]) -> None:
    """Refuses trackers whose package is not installed; the library would end the run with a traceback.

    Raises:
        SettingsError: one sentence for each.
    """
    missing = [name for name in report_to if importlib.util.find_spec(name) is None]
    if missing:
        raise SettingsError(
            [f"training.report_to = '{name}': the package is not installed; run `pip install {name}`." for name in missing]
        )


def write_into(folder: Path) -> None:
    """Has every tracker of this process write below `folder`, and wandb stay offline unless WANDB_MODE says otherwise."""
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    os.environ["WANDB_DIR"] = str(folder)
    os.environ.setdefault("WANDB_MODE", "offline")
