"""Files of lines that several people and processes add to at once: no line is lost, none is ever half."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tuner.errors import SourceError

_BLOCK = 65_536


def append(path: Path, lines: Sequence[str], most_bytes: int, full: str) -> None:
    """Adds lines behind the last whole one, and comes back when they are on the disk. All of them are added, or none.

    Args:
        lines: without line ends in them.
        most_bytes: what the file may grow to; a page that loops must not fill the disk.
        full: what to do when it has: the cure of the refusal.

    Raises:
        SourceError: the file cannot be written, or is full.
    """
    added = "".join(f"{line}\n" for line in lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab+", buffering=0) as file, _locked(file, fcntl.LOCK_EX):
            size = _end_of_lines(file)
            if size + len(added) > most_bytes:
                raise SourceError(f"{shown(path)} would grow beyond {most_bytes >> 20} MiB.", full)
            file.truncate(size)
            try:
                _write_whole(file, added)
            except OSError:
                file.truncate(size)  # a full disk takes a part of a line
                raise
    except OSError as error:
        raise unwritable(path, error) from None


def put_before(path: Path, content: bytes) -> None:
    """Puts whole lines before those there are, unless the file begins with them already.

    Raises:
        SourceError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab+", buffering=0) as file, _locked(file, fcntl.LOCK_EX):
            file.seek(0)
            since = file.read()
            if since.startswith(content):
                return
            file.truncate(0)
            _write_whole(file, content + since)
    except OSError as error:
        raise unwritable(path, error) from None


def read(path: Path) -> bytes:
    """All whole lines; b"" where there is no file.

    Raises:
        SourceError: the file cannot be read.
    """
    try:
        with path.open("rb") as file, _locked(file, fcntl.LOCK_SH):
            content = file.read()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise unreadable(path, error) from None
    # What stands behind the last line end was never acknowledged: its writer died.
    return content[: content.rfind(b"\n") + 1]


def unreadable(path: Path, error: OSError) -> SourceError:
    """The refusal of a file that is there and cannot be read."""
    return SourceError(f"{shown(path)} cannot be read ({error.strerror}).", "Check the folder's permissions.")


def unwritable(path: Path, error: OSError) -> SourceError:
    """The refusal of a file that cannot be written."""
    return SourceError(f"{shown(path)} cannot be written ({error.strerror}).", "Free some disk space, or choose another place.")


def _write_whole(file: BinaryIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[os.write(file.fileno(), left) :]
    os.fsync(file.fileno())


@contextmanager
def _locked(file: BinaryIO, kind: int) -> Iterator[None]:
    # flock, not lockf: a server's threads share the process, and lockf lets all of a process in.
    fcntl.flock(file, kind)
    try:
        yield
    finally:
        fcntl.flock(file, fcntl.LOCK_UN)


def _end_of_lines(file: BinaryIO) -> int:
    """Bytes up to the last line end: what follows was left by a writer that died, and was never acknowledged."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(0, end - _BLOCK)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def shown(path: Path) -> str:
    """Where it is below `$TUNER_HOME`: whoever reads an error need not know the machine's folders."""
    return "/".join(path.parts[-3:])
