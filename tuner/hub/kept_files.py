"""What of `$TUNER_HOME` is kept on the Hub where the disk does not last: runs and what they were made of, nothing more."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from tuner import runs
from tuner.data import journal, uploads
from tuner.errors import TunerError
from tuner.runs import Run
from tuner.training import checkpoints

# People's own work: corrections and repaired labels; kept whole.
JOURNALS = ("feedback", "overlays")
_LOG = "train.log"
MOST_LOG_BYTES = 2**20
# A file that is not added to is linked where it is larger, so that nothing is held in memory.
_LINKED_BYTES = 2**20
_TREES = ("runs", "uploads", *JOURNALS)
# A name takes at most 255 bytes on a disk, and up to three times as many percent-encoded; what fetches it adds an ending.
_MOST_NAME_BYTES = 200
# Ends a part of the path whose name goes on in the next; the encoding leaves no "+".
_GOES_ON = "+/"
Stamp = tuple[int, int, int]


class Kept:
    """Looks through the disk; remembers which checkpoints were whole, since asking reads them to the end."""

    def __init__(self) -> None:
        self._whole: dict[str, tuple[object, Path | None]] = {}

    def files(self) -> dict[str, Path]:
        """Path in the repository → file: every run, the uploads that runs name, the journals.

        Of a run that is not completed also the newest whole checkpoint and the best one; of hidden and half-written files none.
        The path is that below `$TUNER_HOME` as `path_of` writes it.
        """
        home = runs.home()
        found = [file for run in runs.list_runs() for file in (*_small(run), *self._checkpoints(run))]
        named = {name for run in runs.list_runs() for name in uploads_of(run)}
        folders = [*(home / name for name in sorted(named)), *(home / name for name in JOURNALS)]
        found += [file for folder in folders for file in _below(folder)]
        return {path_of(file.relative_to(home)): file for file in found}

    def states(self) -> dict[str, str]:
        """Run id → its state as it stands in the file; which files of a run are kept depends on it."""
        found = {}
        for run in runs.list_runs():
            with contextlib.suppress(TunerError):
                found[run.id] = runs.read_status(run).state
        return found

    def has_checkpoint(self, run: Run) -> bool:
        """Whether a whole one is on the disk now."""
        return self._newest(run) is not None

    def _checkpoints(self, run: Run) -> Iterator[Path]:
        try:
            needed = runs.read_status(run).state != "completed"
        except TunerError:
            return
        newest = self._newest(run) if needed else None
        if newest:
            yield from _below(newest)
            if (best := checkpoints.best_beside(newest)) and best != newest:
                yield from _below(best)

    def _newest(self, run: Run) -> Path | None:
        folder = run.folder / "checkpoints"
        with contextlib.suppress(OSError, TunerError):  # removed meanwhile, or damaged
            seen = sorted((str(path), path.stat().st_mtime_ns) for path in folder.glob(f"*/{checkpoints.MANIFEST}"))
            if run.id not in self._whole or self._whole[run.id][0] != seen:
                identity = checkpoints.identity_of(run.config)
                self._whole[run.id] = seen, checkpoints.newest_whole(folder, identity) if seen else None
            return self._whole[run.id][1]
        return None


def path_of(place: Path) -> str:
    """The path in the repository of a place below `$TUNER_HOME`: percent-encoded, since an upload may have any name; long
    names in parts, since what they become may be longer than a disk takes."""
    names = [quote(os.fsencode(name), safe="") for name in place.parts]
    cuts = [[name[at : at + _MOST_NAME_BYTES] for at in range(0, len(name), _MOST_NAME_BYTES)] for name in names]
    return "/".join(_GOES_ON.join(parts) for parts in cuts)


def place_of(path: str) -> Path:
    """The way back from `path_of`."""
    return Path(os.fsdecode(unquote_to_bytes(path.replace(_GOES_ON, ""))))


def folder_of(path: str) -> str:
    """The run, upload or journal that a path of the repository belongs to, as "runs/ID"."""
    return "/".join(place_of(path).parts[:2])


def is_ours(path: str) -> bool:
    """Whether a path of the repository may become one of the disk."""
    parts = place_of(path).parts
    inside = len(parts) >= 3 and parts[0] in _TREES and not {"..", "/"} & set(parts)
    return inside and (parts[0] != "runs" or runs.is_run_id(parts[1]))


def merge(part: Path, target: Path) -> None:
    """Lines that were kept come before those written since: what was trained on first so many of them must find the same."""
    for file in sorted(path for path in part.rglob("*") if path.is_file()):
        there = target / file.relative_to(part)
        if file.suffix == ".jsonl":
            journal.put_before(there, file.read_bytes())
        elif not there.exists():
            there.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file.rename(there)


def stamp(file: Path) -> Stamp:
    """Changes when a file's content does.

    Raises:
        FileNotFoundError: it is gone.
    """
    about = file.stat()
    return about.st_size, about.st_mtime_ns, about.st_ino


def hold(file: Path, folder: Path, number: int) -> bytes | Path:
    """A file's content as it is now, whatever becomes of it: read where it is small or added to, else linked into a folder.

    Raises:
        FileNotFoundError: it is gone.
    """
    if file.name == _LOG:
        return _tail(file)
    if file.suffix == ".jsonl" or file.stat().st_size <= _LINKED_BYTES:
        return file.read_bytes()
    link = folder / str(number)
    try:
        os.link(file, link)
    except FileNotFoundError:
        raise
    except OSError:  # a disk that knows no links
        return file
    return link


def _tail(file: Path) -> bytes:
    with file.open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - MOST_LOG_BYTES))
        return log.read()


def _small(run: Run) -> Iterator[Path]:
    for file in _below(run.folder):
        first, *rest = file.relative_to(run.folder).parts
        if first != "checkpoints" and not (rest and first.endswith(".part")):
            yield file


def _below(folder: Path) -> Iterator[Path]:
    """Files below a folder, without hidden ones: those are half written."""
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (path for name in names if not name.startswith(".") and not (path := Path(place, name)).is_symlink())


def uploads_of(run: Run) -> list[str]:
    """The folders below `$TUNER_HOME` of the uploads that a run names, and of who sent them."""
    return [f"uploads/{name}" for upload in sorted(uploads.named_by(run)) for name in (upload, f"{upload}.senders")]
