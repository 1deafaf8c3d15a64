"""Checkpoints that count: a manifest, written last, says what a whole one holds.

The Trainer writes straight into the final folder and would trust the highest number; a kill
in the middle leaves a torn one, and a missing optimizer is then resumed from without a word.
"""

import hashlib
import json
import shutil
from pathlib import Path

from tuner.config import RunConfig
from tuner.runs import write_atomically

MANIFEST = "manifest.json"
# transformers.trainer.TRAINER_STATE_NAME, without importing it
TRAINER_STATE_NAME = "trainer_state.json"


# What a resume may find changed: how the rows of a step are dealt out to batches, processes and devices changes its
# result by rounding alone (and draws other dropout, as any other seed would). fsdp is not among them: its checkpoints
# are files of another kind.
_MAY_DIFFER = (
    "auto_find_batch_size", "gradient_accumulation_steps", "hub_model_id", "num_processes", "per_device_eval_batch_size",
    "per_device_train_batch_size", "torch_compile",
)  # fmt: skip


def identity_of(config: RunConfig) -> str:
    """SHA-256 of what a checkpoint may be resumed under: data, model and training settings, not the name.

    Defaults are left out: a setting that comes with a later version leaves older checkpoints as they are.
    """
    settings = config.model_dump(mode="json", exclude_defaults=True, exclude={"name": True, "preset": True})
    training = settings.setdefault("training", {})
    for field in _MAY_DIFFER:
        training.pop(field, None)
    training["rows_per_step"] = config.training.per_device_train_batch_size * config.training.gradient_accumulation_steps
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def seal(folder: Path, step: int, identity: str) -> None:
    """Writes the manifest: path below the folder, size and SHA-256 of every file, step and identity."""
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": _sha256(path)}
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_atomically(folder / MANIFEST, json.dumps({"step": step, "identity": identity, "files": files}, indent=1))


def newest_whole(folder: Path, identity: str) -> Path | None:
    """The checkpoint with the highest step whose manifest holds; None where there is none.

    Not one with which early stopping ended the training: resumed from there the Trainer would go on beyond it. From the one
    before it comes to the same end.
    """
    steps = []
    for manifest in folder.glob(f"*/{MANIFEST}"):
        step = _step_if_whole(manifest, identity)
        if step is not None and not _patience_is_over(manifest.parent / TRAINER_STATE_NAME):
            steps.append((step, manifest.parent))
    return max(steps)[1] if steps else None


def best_of(checkpoint: Path) -> Path | None:
    """The checkpoint whose weights a run ends with should it not become better: that which this one names, where it stands
    beside it or once stood; None where it names none."""
    try:
        named = json.loads((checkpoint / TRAINER_STATE_NAME).read_text(encoding="utf-8"))["best_model_checkpoint"]
    except (OSError, ValueError, KeyError):
        return None
    return checkpoint.parent / Path(named).name if named else None


def best_beside(checkpoint: Path) -> Path | None:
    """As `best_of`; None also where it is no longer there."""
    best = best_of(checkpoint)
    return best if best and (best / MANIFEST).is_file() else None


def _patience_is_over(state: Path) -> bool:
    try:
        early = json.loads(state.read_text(encoding="utf-8"))["stateful_callbacks"]["EarlyStoppingCallback"]
        return early["attributes"]["early_stopping_patience_counter"] >= early["args"]["early_stopping_patience"]
    except (OSError, ValueError, KeyError, TypeError):  # without early stopping there is no such state
        return False


def remove_torn(folder: Path, identity: str) -> list[str]:
    """Deletes checkpoints that do not count, so that nothing trusts them; returns the names of those that are not whole.

    One with which early stopping ended the training goes, too: of a higher step than those a resumed run writes again, it
    would be kept in their place.
    """
    torn = []
    for path in sorted(path for path in folder.glob("checkpoint-*") if path.is_dir()):
        is_torn = _step_if_whole(path / MANIFEST, identity) is None
        if is_torn or _patience_is_over(path / TRAINER_STATE_NAME):
            shutil.rmtree(path)
        if is_torn:
            torn.append(path.name)
    return torn


def _step_if_whole(manifest: Path, identity: str) -> int | None:
    try:
        content = json.loads(manifest.read_text(encoding="utf-8"))
        if content["identity"] != identity:
            return None
        for name, expected in content["files"].items():
            path = manifest.parent / name
            if path.stat().st_size != expected["size"] or _sha256(path) != expected["sha256"]:
                return None
        return int(content["step"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
