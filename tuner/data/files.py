"""Files and uploads: parsed once in a child process, then read from an Arrow table kept by content."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tuner import runs
from tuner.data.raw import RawData
from tuner.errors import SourceError

FILE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")
MOST_FILE_BYTES = 2 * 2**30
_PARSE_SECONDS = 300
# Part of a parsed file's cache key: a new parser must not serve what the old one read.
_PARSER_VERSION = 1


def load_file(source: str, path: Path) -> RawData:
    from datasets import Dataset

    _check_file(path)
    digest = sha256(path)
    folder = runs.home() / "cache" / "tables"
    table = folder / f"{digest}{path.suffix.lower()}.{_PARSER_VERSION}.arrow"
    if not table.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _parse_apart(path, table)
    return RawData(source, {"train": Dataset.from_file(str(table))}, None, digest)


def _parse_apart(path: Path, table: Path) -> None:
    """Runs `tuner.data.ingest` in a child process with no secrets and a deadline."""
    part = table.with_suffix(f".{os.getpid()}.part")
    package_root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-m", "tuner.data.ingest", str(path.absolute()), str(part)]
    try:
        done = subprocess.run(
            command,
            cwd=table.parent,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": package_root, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PARSE_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            part.replace(table)
            return
    except subprocess.TimeoutExpired:
        raise SourceError(f"{path.name} could not be read within {_PARSE_SECONDS} s.", "Split it into smaller files.") from None
    finally:
        part.unlink(missing_ok=True)
    if done.returncode == 3:
        refusal = json.loads(done.stdout)
        raise SourceError(refusal["cause"], refusal["cure"])
    if "MemoryError" in done.stderr or "ArrowMemoryError" in done.stderr:
        raise SourceError(f"{path.name} needs more memory than a file may take.", "Split it into smaller files.")
    raise SourceError(f"{path.name} makes its reader crash.", "The file is damaged or hostile; do not use it.")


def store_upload(path: Path) -> str:
    """Moves a file a browser sent into `$TUNER_HOME/uploads`; returns its source name `upload:ID`.

    Raises:
        SourceError: the ending is none of a table's, or the file is too large.
    """
    _check_file(path)
    digest = sha256(path)[:32]
    folder = runs.home() / "uploads" / digest
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent))
        shutil.copyfile(path, staging / path.name)
        with contextlib.suppress(OSError):  # the same file came twice at once
            staging.rename(folder)
    return f"upload:{digest}"


def uploaded_file(source: str) -> Path:
    """The stored file of `upload:ID`.

    Raises:
        SourceError: it is not there any more.
    """
    folder = runs.home() / "uploads" / source.removeprefix("upload:")
    file = next(iter(sorted(folder.iterdir())), None) if folder.is_dir() else None
    if file is None:
        raise SourceError("The uploaded file is not there any more.", "Upload it again.")
    return file


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    if path.suffix.lower() not in FILE_SUFFIXES:
        raise SourceError(
            f"{path.name} has the ending '{path.suffix}'.", f"Files that can be read end in {' '.join(FILE_SUFFIXES)}."
        )
    if path.stat().st_size > MOST_FILE_BYTES:
        raise SourceError(f"{path.name} is larger than {MOST_FILE_BYTES >> 30} GiB.", "Give a smaller file.")
