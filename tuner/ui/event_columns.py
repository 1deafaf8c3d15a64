"""What the page draws of a run's events: columns of numbers, for which each line of the file is parsed once.

Parsing all lines for every look took 0.7 s for 100,000 of them, for everybody who looks.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tuner import runs
from tuner.runs import Run

# Of runs kept; the one that was not looked at for longest makes room. 100,000 lines take about 20 MB.
_MOST_RUNS = 8
# Of the bytes before the place read so far, by which a file is known again.
_KNOWN_BYTES = 256


@dataclass(frozen=True)
class Columns:
    """The numbers and notes of events, in their order.

    Attributes:
        series: (kind of event, name) → array of two rows, the steps and the values.
        notes: the messages of the "note" events, each once: a run that goes on notes again what it noted at its start.
    """

    series: Mapping[tuple[str, str], np.ndarray] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def and_then(self, events: Iterable[dict[str, Any]]) -> "Columns":
        """These and what further events say; the arrays here stay as they are, for whoever draws them."""
        found: dict[tuple[str, str], list[tuple[float, float]]] = {}
        notes = []
        for event in events:
            if event.get("event") == "note":
                notes.append(str(event.get("message", "")))
            for name, value in event.items() if _is_number(event.get("step")) else ():
                if name != "step" and _is_number(value):
                    found.setdefault((str(event.get("event")), name), []).append((event["step"], value))
        new = {key: np.array(points, dtype=np.float64).T for key, points in found.items()}
        joined = {key: np.hstack([self.series[key], more]) if key in self.series else more for key, more in new.items()}
        return Columns({**self.series, **joined}, tuple(dict.fromkeys([*self.notes, *notes])))


@dataclass
class _Read:
    """How far a run's file was read. `known` are the bytes before `offset`, `inode` the file's."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    columns: Columns = field(default_factory=Columns)
    inode: int = 0
    offset: int = 0
    known: bytes = b""

    def go_on(self, run: Run) -> Columns:
        """Reads what is new; all of it where the file is another, or none."""
        with self.lock:
            path = run.folder / "events.jsonl"
            inode = path.stat().st_ino if path.is_file() else 0
            if inode != self.inode or _before(path, self.offset) != self.known:
                self.columns, self.offset = Columns(), 0
            events, self.offset = runs.read_events(run, self.offset)
            if events:
                self.columns = self.columns.and_then(events)
            # That of before the reading: a file put in its place meanwhile is another at the next look.
            self.inode, self.known = inode, _before(path, self.offset)
            return self.columns


class EventColumns:
    """The columns of the runs last looked at, one copy for all who look."""

    def __init__(self, most: int = _MOST_RUNS) -> None:
        self._most = most
        self._read: OrderedDict[Path, _Read] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, run: Run) -> Columns:
        """What a run's events say by now."""
        with self._lock:
            read = self._read.setdefault(run.folder, _Read())
            self._read.move_to_end(run.folder)
            while len(self._read) > self._most:
                self._read.popitem(last=False)
        return read.go_on(run)


_SHARED = EventColumns()


def columns_of(run: Run) -> Columns:
    """What a run's events say by now; each line is parsed once, whoever looks and however often."""
    return _SHARED.of(run)


def _before(path: Path, offset: int) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(max(0, offset - _KNOWN_BYTES))
            return file.read(min(offset, _KNOWN_BYTES))
    except FileNotFoundError:
        return b""


def _is_number(value: Any) -> bool:  # noqa: ANN401
    return isinstance(value, int | float) and not isinstance(value, bool)
