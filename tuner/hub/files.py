"""The files of a push: an allow-list of what a finished run gives away, and the last look at them.

Nothing of the run is changed: what must read otherwise for others is made anew, in memory.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.evaluation import pictures
from tuner.hub import public
from tuner.hub.card import model_card
from tuner.hub.scan import refuse_unsafe
from tuner.modeling import hub_origin
from tuner.runs import Run

Files = dict[str, Path | bytes]
# What transformers writes a tokenizer into, whatever its kind.
_TOKENIZERS = (
    "tokenizer.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt", "spiece.model",
    "spm.model", "sentencepiece.bpe.model",
)  # fmt: skip
_WEIGHTS = ("*.safetensors", "model.safetensors.index.json")
# Where a model and a tokenizer were loaded from, on the machine that did.
_FROM_WHERE = ("_name_or_path", "name_or_path", "is_local", "local_files_only", "tokenizer_file", "vocab_file")


def model_files(run: Run, *, adapter: bool = False, repo_id: str | None = None) -> Files:
    """Path in the repository → content, or the file that holds it: model, tokenizer, card, pictures, report, settings.

    Args:
        adapter: with the LoRA adapter of the run, in `adapter/`.
        repo_id: the repository the card is written for.

    Raises:
        RunError: the run has no whole model or no adapter, or a file holds a secret or a path of this machine.
    """
    card = model_card(run, repo_id)
    files = _of_model(run) | {"README.md": card.encode(), "config.yaml": public.public_yaml(run.config).encode()}
    if run.report:
        report = public.public_report(run.report, run.config)
        files["report.json"] = report.model_dump_json(indent=1).encode()
        files["confusion.png"] = pictures.confusion_png(report)
        if report.calibration:
            files["calibration.png"] = pictures.reliability_png(report.calibration)
    if adapter:
        files |= _of_adapter(run)
    files = dict(sorted(files.items()))
    refuse_unsafe(files, public.local_names(run.config))
    return files


def local_model_files(folder: Path) -> Files:
    """A model's weights, tokenizer and settings as they lie in a folder, without where they came from; no card, no report.

    Raises:
        RunError: it has no safetensors weights, or its config.json is damaged.
    """
    weights = _weights(folder)
    if not weights:
        raise RunError(f"The model in {folder} has no safetensors weights.", "Save it again, or take another base model.")
    files: Files = weights | {name: folder / name for name in (*_TOKENIZERS, "tuner.json") if (folder / name).is_file()}
    for name in ("config.json", "tokenizer_config.json"):
        if (folder / name).is_file():
            files[name] = _as_json(_settings(folder / name))
    return files


def listing(files: Mapping[str, Path | bytes]) -> list[tuple[str, int]]:
    """(path, bytes) of every file, in their order."""
    return [(name, len(content) if isinstance(content, bytes) else content.stat().st_size) for name, content in files.items()]


def _of_model(run: Run) -> Files:
    folder = run.model_folder
    weights = _weights(folder)
    if not weights:
        raise RunError(f"The model of run {run.id} has no safetensors weights.", "Train the run again.")
    files: Files = weights | {name: folder / name for name in (*_TOKENIZERS, "tuner.json") if (folder / name).is_file()}
    config, tokenizer = _settings(folder / "config.json"), _settings(folder / "tokenizer_config.json")
    problems = _problems(config, tokenizer)
    if problems:
        raise RunError(f"The model of run {run.id} is not fit for others: {'; '.join(problems)}.", "Train the run again.")
    return files | {"config.json": _as_json(config), "tokenizer_config.json": _as_json(tokenizer)}


def _weights(folder: Path) -> Files:
    return {path.name: path for pattern in _WEIGHTS for path in folder.glob(pattern)}


def _problems(config: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> list[str]:
    """What a plain pipeline would stumble over."""
    names = config.get("id2label") or {}
    found = []
    if len(names) < 2 or {name: int(number) for number, name in names.items()} != config.get("label2id"):
        found.append("config.json does not name every label once")
    if tokenizer.get("padding_side", "right") != "right":
        found.append("its tokenizer does not pad on the right")
    if not tokenizer.get("pad_token") or config.get("pad_token_id") is None:
        found.append("it has no pad token")
    return found


def _of_adapter(run: Run) -> Files:
    folder = run.folder / "adapter"
    weights = _weights(folder)
    if not weights:
        raise RunError(f"Run {run.id} has no adapter: it was not trained with LoRA.", "Push it without the adapter.")
    settings = _settings(folder / "adapter_config.json")
    # None where the changed base model lies beside the adapter; its README.md names it all the same.
    if not hub_origin(settings.get("base_model_name_or_path") or run.config.model.name):
        raise RunError(
            f"The adapter of run {run.id} belongs on a model that lies on this machine alone.",
            "Push it without the adapter: the whole model holds what it learnt.",
        )
    files: Files = (
        weights
        | {name: folder / name for name in ("README.md", "config.json") if (folder / name).is_file()}
        | {"adapter_config.json": _as_json(settings)}
    )
    return {f"adapter/{name}": content for name, content in files.items()}


def _settings(path: Path) -> dict[str, Any]:
    """A JSON file without where it was loaded from.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise RunError(f"{path.name} of the trained model is missing or damaged.", "Train the run again.") from None
    return {key: value for key, value in found.items() if key not in _FROM_WHERE}


def _as_json(settings: Mapping[str, Any]) -> bytes:
    """As transformers writes it."""
    return (json.dumps(settings, indent=2, ensure_ascii=False) + "\n").encode()
