"""What a folder of labelled text holds: files named by split, or folders named by label."""

from collections.abc import Iterable
from pathlib import Path, PurePath

from tuner.data.tables.opening import format_of
from tuner.data.tables.texts import text_files
from tuner.errors import SourceError
from tuner.words import listed

SPLIT_NAMES = ("train", "training", "validation", "valid", "val", "dev", "eval", "test", "testing")
_CURE = "Name its tables by split (train.csv, test.csv), or put .txt files into folders named by label (neg/1.txt, pos/1.txt)."


def parts_of(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Split → its file, or its folder of label folders; training rows first. And notes on what is not read.

    Raises:
        SourceError: it holds neither, or both, or two files for one split.
    """
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if any(map(split_of, files)):
        if folders:
            raise SourceError(f"{folder.name} holds tables named by split beside folders ({_listing(folders)}).", _CURE)
        tables = [file for file in files if format_of(file)]
        return files_by_split(tables), _not_read(file for file in files if file not in tables)
    tables = [file for file in files if format_of(file) not in (None, ".txt")]
    if tables:
        raise SourceError(f"{folder.name} holds tables that are not named by split ({_listing(tables)}).", _CURE)
    if not folders:
        what = f"only {_listing(files)}" if files else "nothing"
        raise SourceError(f"{folder.name} holds {what}, no labelled text.", _CURE)
    parts = _folders_by_split(folder, folders)
    return parts, _not_read(files)


def files_by_split(files: list[Path]) -> dict[str, Path]:
    """Split → file, training rows first.

    Raises:
        SourceError: a file is named by no split, or two by the same one.
    """
    found: dict[str, Path] = {}
    for file in files:
        split = split_of(file)
        if split is None:
            raise SourceError(f"{file.name} is named by no split.", "Name several files train, validation and test, or give one.")
        if split in found:
            raise SourceError(f"{found[split].name} and {file.name} are both the split {split}.", "Give one file per split.")
        found[split] = file
    return {split: found[split] for split in SPLIT_NAMES if split in found}


def split_of(file: Path) -> str | None:
    """`train` for `train.csv` and `Train.csv.gz`, None for a name that is no split or no table."""
    stem = PurePath(file.name.lower().removesuffix(".gz")).stem
    return stem if stem in SPLIT_NAMES and format_of(file) else None


def _folders_by_split(folder: Path, folders: list[Path]) -> dict[str, Path]:
    by_name = {entry.name.lower(): entry for entry in folders}
    are_splits = all(name in SPLIT_NAMES for name in by_name)
    parts = {name: by_name[name] for name in SPLIT_NAMES if name in by_name} if are_splits else {"train": folder}
    for part in parts.values():
        _check_labels(part)
    return parts


def _check_labels(folder: Path) -> None:
    with_texts = {file.parent.name for file in text_files(folder)}
    without = [e for e in sorted(folder.iterdir()) if e.is_dir() and not e.name.startswith(".") and e.name not in with_texts]
    if without or not with_texts:
        where = f"{_listing(without)} in {folder.name}" if without else folder.name
        raise SourceError(f"{where} holds no .txt file in a folder named by a label.", _CURE)


def _not_read(files: Iterable[Path]) -> list[str]:
    files = list(files)
    return [f"Not read: {_listing(files)}."] if files else []


def _listing(entries: list[Path]) -> str:
    return listed([entry.name[:60] for entry in entries], 3)
