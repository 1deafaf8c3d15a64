"""The folders of uploads below `$TUNER_HOME/uploads`: whose they are, how much they take, and when they go.

Each is named by its content, so that the same files of two people lie there once; `ID.senders` holds an empty file for each.
On a machine of one user nobody is noted.
"""

import os
from pathlib import Path

from tuner import runs
from tuner.person import own_folder_name


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
    return sum(size(folder_of(mark.parent.name.removesuffix(".senders"))) for mark in _own_marks())


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


def _mark(digest: str) -> Path:
    return runs.home() / "uploads" / f"{digest}.senders" / own_folder_name()


def _own_marks() -> list[Path]:
    own = own_folder_name()
    return sorted((runs.home() / "uploads").glob(f"*.senders/{own}")) if own else []
