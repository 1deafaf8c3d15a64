"""Experiment trackers of the library (`report_to`): what they need, and where they write."""

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path


def missing_packages(report_to: Sequence[str]) -> list[str]:
    """One sentence for every tracker whose package is not installed; the library would end the run with a traceback."""
    missing = [name for name in report_to if importlib.util.find_spec(name) is None]
    return [f"training.report_to = '{name}': the package is not installed; run `pip install {name}`." for name in missing]


def write_into(folder: Path) -> None:
    """Has every tracker of this process write below `folder`, and wandb stay offline unless WANDB_MODE says otherwise."""
    os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    os.environ["TRACKIO_DIR"] = str(folder / "trackio")
    os.environ["WANDB_DIR"] = str(folder)
    os.environ.setdefault("WANDB_MODE", "offline")
