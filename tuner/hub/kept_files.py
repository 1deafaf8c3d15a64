"""What of `$TUNER_HOME` is kept on the Hub where the disk does not last: runs and what they were made of, nothing more."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from tuner import runs
from tuner.errors import TunerError
from tuner.runs import Run
from tuner.training import checkpoints

# People's own work: corrections and repaired labels; kept whole.
JOURNALS = ("feedback", "overlays")
_LOG = "train.log"
MOST_LOG_BYTES = 2**20
# A file that is not added to is linked where it is larger, so that nothing is held in memory.
_LINKED_BYTES = 2**20
_UPLOAD = "upload:"
Stamp = tuple[int, int, int]


class Kept:
    """Looks through the disk; remembers which checkpoints were whole, since asking reads them to the end."""

    def __init__(self) -> None:
        self._whole: dict[str, tuple[object, Path | None]] = {}

    def files(self) -> dict[str, Path]:
        """Path in the repository → file: every run, the uploads that runs name, the journals.

        Of a run that is not completed also the newest whole checkpoint and the best one; of hidden and half-written files none.
        The path is that below `$TUNER_HOME`, percent-encoded: an upload may have any name.
        """
        home = runs.home()
        found = [file for run in runs.list_runs() for file in (*_small(run), *self._checkpoints(run))]
        uploads = [home / "uploads" / name for upload in _uploads() for name in (upload, f"{upload}.senders")]
        folders = [*uploads, *(home / name for name in JOURNALS)]
        found += [file for folder in folders for file in _below(folder)]
        return {quote(file.relative_to(home).as_posix()): file for file in found}

    def has_checkpoint(self, run: Run) -> bool:
        """Whether a whole one is on the disk now; the Trainer removes an old one before a new one counts."""
        return self._newest(run) is not None

    def _checkpoints(self, run: Run) -> Iterator[Path]:
        try:
            needed = runs.read_status(run).state != "completed"
        except TunerError:
            return
        newest = self._newest(run) if needed else None
        if newest:
            yield from _below(newest)
            if (best := _best(newest)) and best != newest:
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


def _best(newest: Path) -> Path | None:
    """The checkpoint whose weights the run ends with, should it not become better."""
    try:
        named = json.loads((newest / "trainer_state.json").read_text(encoding="utf-8"))["best_model_checkpoint"]
    except (OSError, ValueError, KeyError):
        return None
    best = newest.parent / Path(named).name if named else None
    return best if best and (best / checkpoints.MANIFEST).is_file() else None


def _uploads() -> set[str]:
    """The ids of the uploads that runs name."""
    named = set()
    for run in runs.list_runs():
        with contextlib.suppress(TunerError):
            data = run.config.data
            named |= {source for source in (data.source, data.extra_source) if source and source.startswith(_UPLOAD)}
    return {source.removeprefix(_UPLOAD).partition("@")[0] for source in named}
