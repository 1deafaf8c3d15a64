"""Files, folders and uploads: parsed once in a child process, then read from Arrow tables kept by content."""

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import runs
from tuner.data import uploads
from tuner.data.folders import files_by_split, parts_of
from tuner.data.raw import RawData
from tuner.data.tables.opening import FORMATS, format_of, too_large
from tuner.data.tables.texts import text_files
from tuner.errors import AccessError, SourceError
from tuner.limits import left_bytes, limits, storage_in_words
from tuner.person import current, logged_in

if TYPE_CHECKING:
    from datasets import Dataset

# What an upload box accepts: it looks at the last ending only.
FILE_SUFFIXES = (*FORMATS, ".gz")
MOST_FILE_BYTES = 2 * 2**30
_PARSE_SECONDS = 300
_MOST_READS = 3
# Part of a parsed file's cache key: a new parser must not serve what the old one read.
_PARSER_VERSION = 3


def load_file(source: str, path: Path) -> RawData:
    """The splits of a file (`train` alone) or a folder (see `folders.parts_of`).

    Raises:
        SourceError: it cannot be read.
    """
    with _readable(path):
        parts, notes = _parts(path)
        digests, splits = {}, {}
        for split, part in parts.items():
            splits[split], found, digests[split] = _read_cached(part)
            notes += [f"{split}: {note}" if len(parts) > 1 else note for note in found]
    identity = next(iter(digests.values())) if len(digests) == 1 else _sha256_of(json.dumps(digests))
    return RawData(source, splits, None, identity, tuple(notes))


def load_lines(path: Path) -> "Dataset":
    """The lines of a `.txt` file (or `.txt.gz`) in a column `text`; its encoding is found as a table's is.

    Raises:
        SourceError: it cannot be read, or holds no text.
    """
    with _readable(path):
        _check_file(path)
        return _read_cached(path, lines=True)[0]


def head(path: Path, rows: int = 100) -> "Dataset":
    """The first rows of a file, or of a folder's first split, within a second however long it is.

    Raises:
        SourceError: as `load_file`, as far as those rows show it.
    """
    from datasets import Dataset

    with _readable(path), tempfile.TemporaryDirectory(dir=_tables()) as folder:
        parts, _ = _parts(path)
        part, table = next(iter(parts.values())), Path(folder) / "head.arrow"
        _parse_apart(part, table, rows)
        return Dataset.from_file(str(table), in_memory=True)


def _parts(path: Path) -> tuple[dict[str, Path], list[str]]:
    parts, notes = parts_of(path) if path.is_dir() else ({"train": path}, [])
    for part in parts.values():
        if not part.is_dir():
            _check_file(part)
    return parts, notes


def _read_cached(path: Path, lines: bool = False) -> tuple["Dataset", list[str], str]:
    """The parsed table of a file or label folders, the reader's notes, and the digest of what was read.

    Raises:
        SourceError: it cannot be read, or changed each time while it was.
    """
    import pyarrow as pa
    from datasets import Dataset

    from tuner.data.ingest import NOTES

    kind = "".join(path.suffixes[-2:]).lower() if path.name.lower().endswith(".gz") else path.suffix.lower()
    kind = ".folder" if path.is_dir() else f".lines{kind}" if lines else kind
    for _ in range(_MOST_READS):
        digest = _digest(path)
        table = _tables() / f"{digest}{kind}.{_PARSER_VERSION}.arrow"
        # What was saved while it was read would be kept under the digest of what stood there before.
        if table.is_file() or _parse_apart(path, table, lines=lines, digest=digest):
            break
    else:
        raise SourceError(f"{path.name} changed each of the {_MOST_READS} times it was read.", "Read it once it is written.")
    with pa.memory_map(str(table)) as mapped, pa.ipc.open_stream(mapped) as stream:
        notes = json.loads(stream.schema.metadata[NOTES])
    return Dataset.from_file(str(table)), notes, digest


def _tables() -> Path:
    return runs.make_home("cache", "tables")


def _parse_apart(path: Path, table: Path, rows: int | None = None, lines: bool = False, digest: str | None = None) -> bool:
    """Runs `tuner.data.ingest` in a child process with no secrets and a deadline.

    Returns:
        Whether the table is kept: not where the source has another digest afterwards than the one given.
    """
    part = table.with_suffix(f".{secrets.token_hex(4)}.part")
    arguments = [path.absolute(), part, MOST_FILE_BYTES, "lines" if lines else "table", *([] if rows is None else [rows])]
    try:
        done = _run_reader(path, table.parent, arguments)
        if digest is not None and digest != _digest(path):
            return False
        if done.returncode == 0:
            part.replace(table)
            return True
    finally:
        part.unlink(missing_ok=True)
    raise _refusal(path, done)


def _run_reader(path: Path, folder: Path, arguments: list[object]) -> "subprocess.CompletedProcess[str]":
    package_root = str(Path(__file__).resolve().parents[2])
    try:
        return subprocess.run(
            [sys.executable, "-m", "tuner.data.ingest", *map(str, arguments)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": package_root, "PYTHONUTF8": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PARSE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise _too_slow(path) from None
    except OSError as error:
        raise _not_started(path, f" ({error.strerror})") from None


def _refusal(path: Path, done: "subprocess.CompletedProcess[str]") -> SourceError:
    from tuner.data.ingest import STARTED

    if done.returncode == 3:
        refusal = json.loads(done.stdout)
        return SourceError(refusal["cause"], refusal["cure"])
    if done.returncode == -signal.SIGXCPU:
        return _too_slow(path)
    if STARTED not in done.stderr:
        return _not_started(path)
    if "MemoryError" in done.stderr:
        return SourceError(f"{path.name} needs more memory than a file may take.", "Split it into smaller files.")
    if done.returncode == -signal.SIGKILL:  # Linux ends so what takes the last memory
        return SourceError(f"The process that read {path.name} was killed.", "Free some memory, or split it into smaller files.")
    return SourceError(f"{path.name} makes its reader crash.", "The file is damaged or hostile; do not use it.")


def _not_started(path: Path, why: str = "") -> SourceError:
    return SourceError(
        f"{path.name} was not read: the process that reads files could not be started{why}.",
        "The machine is short of memory or processes, or Tuner's installation is broken; the file is not to blame.",
    )


def _too_slow(path: Path) -> SourceError:
    return SourceError(f"{path.name} could not be read within {_PARSE_SECONDS} s.", "Split it into smaller files.")


def store_upload(path: Path) -> str:
    """Copies a file a browser sent into `$TUNER_HOME/uploads`; returns its source name `upload:ID`.

    Raises:
        SourceError: the ending is none of a table's, or the file is too large.
    """
    return store_uploads([path])


def store_uploads(paths: list[Path]) -> str:
    """Copies files a browser sent; several are the splits of one source, by their names.

    On a Space they can be read by those alone who sent them.

    Raises:
        AccessError: the person is not logged in where others come, too, or takes more storage than they may.
        SourceError: there is none, an ending is none of a table's, one is too large, or several are not named by split.
    """
    if not paths:
        raise SourceError("No file was uploaded.", f"Choose a file that ends in {' '.join(FILE_SUFFIXES)}.")
    logged_in("upload a file")
    for path in paths:
        _check_file(path)
    parts = {"train": paths[0]} if len(paths) == 1 else files_by_split(paths)
    # The ending counts: the same bytes under another one are read in another way.
    contents = [[split, format_of(path), path.name.lower().endswith(".gz"), sha256(path)] for split, path in parts.items()]
    digest = _sha256_of(json.dumps(contents))[:32]
    folder = uploads.folder_of(digest)
    with uploads.changing:
        if not uploads.is_own(digest):
            if limits().gigabytes is not None:
                uploads.forget_unused()
            _check_storage(parts.values())
        _store(parts.values(), folder)
        uploads.note_sender(digest)
    return f"upload:{digest}"


def _check_storage(paths: Iterable[Path]) -> None:
    if (size := sum(path.stat().st_size for path in paths)) > left_bytes():
        raise AccessError(
            f"The upload takes {size / 1e9:.2f} GB, and your runs and uploads take {storage_in_words()} already.",
            "Delete runs you need no more: an upload goes with the last run that uses it, an unused one after a day.",
        )


def _store(paths: Iterable[Path], folder: Path) -> None:
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=folder.parent))
        try:
            for path in paths:
                shutil.copyfile(path, staging / path.name)
            with contextlib.suppress(OSError):  # the same files came twice at once
                staging.rename(folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def uploaded_path(source: str) -> Path:
    """The stored file of `upload:ID`, or the folder of its files where several came.

    Raises:
        SourceError: it is not there any more, or somebody else sent it.
    """
    folder = uploads.folder_of(source.removeprefix("upload:"))
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    if not current().owner and not uploads.is_own(folder.name):
        raise SourceError("There is no such upload of yours.", "Upload the file, or take another source.")
    if not files:
        raise SourceError("The uploaded file is not there any more.", "Upload it again.")
    return files[0] if len(files) == 1 else folder


def sha256(path: Path) -> str:
    """Of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _digest(path: Path) -> str:
    """SHA-256 of a file's bytes, or of every name and content in a folder of label folders."""
    if not path.is_dir():
        return sha256(path)
    files = text_files(path)
    if sum(file.stat().st_size for file in files) > MOST_FILE_BYTES:
        raise too_large(path.name, MOST_FILE_BYTES)
    return _sha256_of(json.dumps([[file.parent.name, file.name, sha256(file)] for file in files]))


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError:
        raise SourceError(f"{path.name} may not be read by this user.", "Change its permissions, or copy it.") from None


def _check_file(path: Path) -> None:
    if path.is_symlink() and not path.exists():
        raise SourceError(f"{path.name} is a link to a file that is not there.", "Give the file itself.")
    if not path.is_file():
        raise SourceError(f"There is no file {path}.", "Check the path.")
    if format_of(path) is None:
        raise SourceError(
            f"{path.name} has the ending '{path.suffix}'.",
            f"Files that can be read end in {' '.join(FORMATS)}, or in one of these and .gz.",
        )
    if path.stat().st_size > MOST_FILE_BYTES:
        raise too_large(path.name, MOST_FILE_BYTES)
