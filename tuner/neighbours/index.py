"""A run's training rows as vectors: made once for a model, kept in the run's folder (`neighbours.npz`) and gone with it."""

import contextlib
import hashlib
import json
import os
import secrets
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.repeats import repeat_digests
from tuner.errors import SourceError, disk_is_full
from tuner.evaluation.label_map import map_labels
from tuner.inference import Classifier
from tuner.neighbours.embedding import embeddings, unless_stopped
from tuner.runs import Run

# 20,000 tweets with sample:minilm: 15 MB on disk and as much memory, and some 260 s of CPU time (76 texts a second, bf16).
MOST_ROWS = 20_000
SEED = 42
# What is kept of a row's text, for showing.
_MOST_CHARACTERS = 1_000
# Rows whose nearest other row tells how near rows usually are.
_SAMPLE = 500
_MOST_IN_MEMORY = 2
# Rows embedded between two places where a stopped search can go on; a minute's work where they are long.
_BLOCK = 128
# Seconds between two looks whether one who waits for another's index should stop.
_LOOK = 0.5
_FILE = "neighbours.npz"
_VERSION = 1


@dataclass(frozen=True)
class Index:
    """Training rows of a run and their vectors.

    Attributes:
        vectors: float16, rows × width, each of length 1.
        texts: the first 1,000 characters of each row.
        rows: ids as `train/17`.
        labels: ids of the classifier's labels.
        digests, digest_labels: of all training rows, also those that are not among `rows`; see `repeat_digests`.
        usual: similarity to its nearest other row that 95 % of a sample of the rows reach; 0 where there is but one row.
        unsaved: why it could not be kept on disk; empty where it is.
    """

    vectors: np.ndarray
    texts: list[str]
    rows: list[str]
    labels: np.ndarray
    digests: np.ndarray
    digest_labels: np.ndarray
    usual: float
    unsaved: str = ""

    def similarities(self, vector: np.ndarray) -> np.ndarray:
        """Cosine similarity of every row to a vector of length 1."""
        return self.vectors.astype(np.float32) @ vector


class _Shelf:
    """The indexes used last; one is made once also where several people ask at the same time.

    Attributes:
        parts: run's folder → the stamp and the vectors of an index that was stopped while it was made.
    """

    def __init__(self) -> None:
        self.parts: dict[str, tuple[str, list[np.ndarray]]] = {}
        self._kept: OrderedDict[tuple[str, str], Index] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, run: Run, make: Callable[[str], Index], check: Callable[[int], None]) -> Index:
        """The index of the run's model as it is now, else what `make` gives for the model's stamp.

        Args:
            check: called twice a second while another makes it.
        """
        with self._lock:
            one_at_a_time = self._locks.setdefault(str(run.folder), threading.Lock())
        while not one_at_a_time.acquire(timeout=_LOOK):
            check(0)
        try:
            key = (str(run.folder), _stamp(run))
            with self._lock:
                found = self._kept.get(key)
            found = found or make(key[1])
            with self._lock:
                self._kept[key] = found
                self._kept.move_to_end(key)
                while len(self._kept) > _MOST_IN_MEMORY:
                    self._kept.popitem(last=False)
            return found
        finally:
            one_at_a_time.release()


_SHELF = _Shelf()


def index_of(
    run: Run,
    classifier: Classifier,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Index:
    """The index of a run: from memory, from its folder, or made now.

    Args:
        classifier: the run's own.
        on_progress: called with rows done and rows in all while it is made; not at all where it is there.
        should_stop: asked after each batch; the next call goes on with the rows that were embedded until then.

    Raises:
        TunerError: it should stop.
        SourceError: the training rows cannot be read, or are others than those the run was trained on.
    """

    def make(stamp: str) -> Index:
        return _read(run.folder / _FILE, stamp) or _build(run, classifier, stamp, on_progress, should_stop)

    return _SHELF.get(run, make, unless_stopped(should_stop))


def _stamp(run: Run) -> str:
    """Changes with the model and with what it was trained on; a new temperature or threshold moves no vector."""
    written = (run.model_folder / "config.json").stat().st_mtime_ns
    about = f"{_VERSION} {MOST_ROWS} {written} {run.config.data.fingerprint}"
    return hashlib.sha256(about.encode()).hexdigest()


def _build(
    run: Run,
    classifier: Classifier,
    stamp: str,
    on_progress: Callable[[int, int], None] | None,
    should_stop: Callable[[], bool] | None,
) -> Index:
    data = load_labelled(run.config.data)
    _check_unchanged(data, run)
    rows = data.splits["train"]
    drawn = _drawn(len(rows))
    say = unless_stopped(should_stop, (lambda done: on_progress(done, len(drawn))) if on_progress else None)
    begun = _SHELF.parts.get(str(run.folder), ("", []))
    parts = begun[1] if begun[0] == stamp else []
    _SHELF.parts[str(run.folder)] = (stamp, parts)
    vectors = _embedded(classifier, [rows.texts[i] for i in drawn], parts, say)
    del _SHELF.parts[str(run.folder)]
    labels = np.asarray(map_labels([data.labels[i] for i in rows.labels], classifier.labels), dtype=np.int32)
    index = Index(
        vectors,
        [_shown(rows.texts[i]) for i in drawn],
        [rows.row_name(i) for i in drawn],
        labels[drawn],
        repeat_digests(rows.texts),
        labels,
        _usual(vectors),
    )
    return _saved(index, run.folder / _FILE, stamp)


def _embedded(classifier: Classifier, texts: Sequence[str], parts: list[np.ndarray], say: Callable[[int], None]) -> np.ndarray:
    """Texts × width, float16; `parts`, those of the longest texts first, is where it goes on and what it adds to."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True)  # like lengths make batches without padding
    for start in range(sum(map(len, parts)), len(texts), _BLOCK):
        block = [texts[i] for i in order[start : start + _BLOCK]]
        parts.append(embeddings(classifier, block, on_progress=lambda done, start=start: say(start + done)).astype(np.float16))
    found = np.concatenate(parts)
    vectors = np.empty_like(found)
    vectors[order] = found
    return vectors


def _check_unchanged(data: LabelledData, run: Run) -> None:
    if data.fingerprint != run.config.data.fingerprint:
        raise SourceError(
            f"The data of run {run.id}, '{data.source}', has changed since the training: its rows are not known any more.",
            "Put it back, or train a new run on it.",
        )


def _drawn(available: int) -> list[int]:
    if available <= MOST_ROWS:
        return list(range(available))
    return sorted(np.random.default_rng(SEED).choice(available, MOST_ROWS, replace=False).tolist())


def _shown(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[:_MOST_CHARACTERS]}…"


def _usual(vectors: np.ndarray) -> float:
    """The 5 % quantile of how similar a row is to the nearest other one."""
    if len(vectors) < 2:
        return 0.0
    sample = np.random.default_rng(SEED).permutation(len(vectors))[:_SAMPLE]
    similar = vectors[sample].astype(np.float32) @ vectors.astype(np.float32).T
    similar[np.arange(len(sample)), sample] = -1
    return float(np.quantile(similar.max(axis=1), 0.05))


def _saved(index: Index, path: Path, stamp: str) -> Index:
    """The index on disk; where that cannot be, one that says so."""
    about = {"stamp": stamp, "usual": index.usual, "texts": index.texts, "rows": index.rows}
    arrays = {name: getattr(index, name) for name in ("vectors", "labels", "digests", "digest_labels")}
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            np.savez(file, about=np.frombuffer(json.dumps(about).encode(), dtype=np.uint8), **arrays)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        why = "the disk is full" if disk_is_full(error) else f"the run's folder cannot be written ({error.strerror})"
        unsaved = f"The vectors of the training rows could not be kept, since {why}: they will be made again."
        return replace(index, unsaved=unsaved)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return index


def _read(path: Path, stamp: str) -> Index | None:
    """What `_saved` wrote for the same stamp; None where there is none, or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as found:
            about = json.loads(found["about"].tobytes())
            if about.pop("stamp") != stamp:
                return None
            index = Index(**about, **{name: found[name] for name in ("vectors", "labels", "digests", "digest_labels")})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile):
        return None
    whole = len(index.vectors) == len(index.texts) == len(index.rows) == len(index.labels)
    return index if whole and len(index.digests) == len(index.digest_labels) else None
