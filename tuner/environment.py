"""What a run was trained with: Python, packages and device, noted at its start and shown beside its results."""

import contextlib
import json
import platform
from importlib import metadata
from typing import Any

import tuner
from tuner import runs
from tuner.hardware import cpu, describe, resolve_precision, torch_device
from tuner.runs import Run

# What decides the numbers a training comes to, and what reads and writes its files.
PACKAGES = (
    "torch", "transformers", "accelerate", "peft", "datasets", "scikit-learn", "numpy", "safetensors", "tokenizers",
)  # fmt: skip


def installed() -> dict[str, Any]:
    """This machine's `python`, `platform`, `device` (in words) and `packages` (name → version, Tuner's own among them).

    A package that is not there is left out. Loads none of them.
    """
    packages = {"tuner": tuner.__version__}
    for name in PACKAGES:
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": describe().name,
        "packages": packages,
    }


def record(run: Run) -> None:
    """Writes the run's `environment.json`: `installed()`, with the torch device and the precision `auto` came to.

    A resumed run's tells of the machine it went on on.
    """
    found = {**installed(), "torch_device": torch_device()}
    if found["torch_device"] == "cpu":  # also where there is a GPU that torch does not find
        found["device"] = cpu().name
    with contextlib.suppress(ValueError):  # one this machine cannot honour is refused where the Trainer is built
        found["precision"] = resolve_precision(run.config.training.precision)[0]
    runs.write_atomically(run.folder / "environment.json", json.dumps(found, indent=1, ensure_ascii=False))


def in_words(environment: dict[str, Any]) -> str:
    """One line: "Python 3.11.2, torch 2.13.0, …, on 2 CPU cores in fp32"; empty where nothing was noted."""
    if not environment:
        return ""
    parts = [f"Python {environment['python']}", *(f"{name} {version}" for name, version in environment["packages"].items())]
    precision = f" in {environment['precision']}" if "precision" in environment else ""
    return f"{', '.join(parts)}, on {environment['device']}{precision}"


def provenance(run: Run) -> list[str]:
    """What a run came from, a line each: packages and device, what is otherwise here, fingerprint of the rows, seed."""
    config, environment = run.config, run.environment
    other = differences(environment)
    return [
        f"Trained with {in_words(environment)}." if environment else "What it was trained with was not noted.",
        *([f"Otherwise here: {'; '.join(other)}."] if other else []),
        f"Rows: fingerprint {config.data.fingerprint or 'unknown'}. Seed {config.training.seed}, of the data {config.data.seed}.",
    ]


def differences(environment: dict[str, Any]) -> list[str]:
    """What is otherwise on this machine, one entry each: "torch 2.12.0, here 2.13.0"; none where nothing was noted."""
    if not environment:
        return []
    here = installed()
    then_packages, now_packages = environment["packages"], here["packages"]
    pairs = {"Python": (environment["python"], here["python"]), "device": (environment["device"], here["device"])}
    pairs |= {name: (then_packages.get(name), now_packages.get(name)) for name in {**then_packages, **now_packages}}
    return [f"{name} {then or 'none'}, here {now or 'none'}" for name, (then, now) in pairs.items() if then != now]
