"""The folders of uploads below `$TUNER_HOME/uploads`: whose they are, how much they take, and when they go.

Each is named by its content, so that the same files of two people lie there once; `ID.senders` holds an empty file for each.
On a machine of one user nobody is noted, and nothing goes: a form may still name it.
"""

import contextlib
import hashlib
import os
import shutil
import threading
import time
from pathlib import Path

from tuner import runs
from tuner.errors import TunerError
from tuner.person import own_folder_name
from tuner.runs import Run

_UPLOAD = "upload:"
_UNUSED_SECONDS = 86_400.0
# Of two changes at once the second sees the first.
changing = threading.RLock()


def folder_of(digest: str) -> Path:
    """Where the files lie."""
    return runs.home() / "uploads" / digest


def note_sender(digest: str) -> None:
    """Notes that the person who asks has sent these files (again)."""
    if own_folder_name():
        mark = _mark(digest)
        mark.parent.mkdir(exist_ok=True)
        mark.touch()


def is_own(digest: str) -> bool:
    """Whether the person who asks has sent these files; on a machine of one user they sent all."""
    return not own_folder_name() or _mark(digest).is_file()


def own_bytes() -> int:
    """What the uploads take that the person who asks has sent, bytes; those that others sent, too, are counted in full."""
    return sum(size(folder_of(_digest_of(mark))) for mark in _own_marks())


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:  # removed meanwhile
                continue
    return total


def named_by(run: Run) -> set[str]:
    """The ids of the uploads a run was made of; of a damaged run none."""
    with contextlib.suppress(TunerError):
        data = run.config.data
        named = {source for source in (data.source, data.extra_source) if source and source.startswith(_UPLOAD)}
        return {source.removeprefix(_UPLOAD).partition("@")[0] for source in named}
    return set()


def forget(digest: str) -> None:
    """Takes these files from the person who asks, unless a run of theirs uses them; with the last who has them they go."""
    if not own_folder_name():
        return
    with changing:
        used_by = [run for run in runs.all_runs() if digest in named_by(run)]
        if any(runs.is_own(run) for run in used_by):
            return
        mark = _mark(digest)
        mark.unlink(missing_ok=True)
        if not used_by and not any(mark.parent.glob("*")):
            _remove(digest)


def forget_unused() -> None:
    """Forgets what the person who asks has not sent for a day, and uses in no run."""
    for mark in _own_marks():
        if time.time() - mark.stat().st_mtime > _UNUSED_SECONDS:
            forget(_digest_of(mark))


def _remove(digest: str) -> None:
    """Removes the files, and the tables that were parsed from them."""
    folder = folder_of(digest)
    for path in folder.glob("*"):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        for table in (runs.home() / "cache" / "tables").glob(f"{content}.*"):
            table.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(_mark(digest).parent, ignore_errors=True)


def _mark(digest: str) -> Path:
    return runs.home() / "uploads" / f"{digest}.senders" / own_folder_name()


def _digest_of(mark: Path) -> str:
    return mark.parent.name.removesuffix(".senders")


def _own_marks() -> list[Path]:
    own = own_folder_name()
    return sorted((runs.home() / "uploads").glob(f"*.senders/{own}")) if own else []
