"""What the handlers share: which sources are allowed here, and what was loaded lately."""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from tuner import evaluations, inference, modeling, runs
from tuner.config import DataConfig, RunConfig
from tuner.data.browsing import cut
from tuner.data.files import head, uploaded_path
from tuner.data.labelled import LabelledData, load_labelled
from tuner.data.profiling import DataProfile, profile
from tuner.data.sources import kind_of
from tuner.errors import ModelError, SourceError
from tuner.evaluations import Evaluation
from tuner.inference import Classifier

_MOST_CLASSIFIERS = 2
_MOST_DATA_SETS = 3
_MOST_EVALUATIONS = 6
# A file of this size takes about a second to read: its first rows are shown before.
_LARGE_FILE = 20 * 2**20
_HEAD_ROWS = 15


@dataclass
class _Slot:
    lock: threading.Lock = field(default_factory=threading.Lock)
    made: bool = False
    value: Any = None


class Recent:
    """Keeps the values used last; made once also when several people ask at the same time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Any, _Slot] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:  # noqa: ANN401
        """The value kept under `key`, else a new one from `make`; others get theirs meanwhile."""
        with self._lock:
            if key not in self._values:
                while len(self._values) >= self._most:
                    self._values.popitem(last=False)
                self._values[key] = _Slot()
            self._values.move_to_end(key)
            slot = self._values[key]
        with slot.lock:
            if not slot.made:
                slot.value, slot.made = make(), True
            return slot.value

    def has(self, key: Any) -> bool:  # noqa: ANN401
        """Whether a value is kept under `key`."""
        with self._lock:
            return key in self._values and self._values[key].made


class Context:
    """One per server.

    Args:
        local: whether the people of this app may name paths of its machine (not on a Space).
    """

    def __init__(self, local: bool = True) -> None:
        self.local = local
        self._classifiers = Recent(_MOST_CLASSIFIERS)
        self._data = Recent(_MOST_DATA_SETS)
        self._profiles = Recent(_MOST_DATA_SETS)
        self._evaluations = Recent(_MOST_EVALUATIONS)

    def data(self, config: DataConfig) -> LabelledData:
        """The labelled rows of a data config."""
        self.check_source(config.source)
        return self._data.get(_data_key(config), lambda: load_labelled(config))

    def data_if_read(self, config: DataConfig) -> LabelledData | None:
        """The labelled rows where the source was read before, or is shipped with Tuner; nothing is fetched."""
        looked_at = config.model_copy(update={"max_train_samples": None, "max_eval_samples": None})
        if kind_of(config.source) != "sample" and not any(self._data.has(_data_key(c)) for c in (config, looked_at)):
            return None
        return self.data(config)

    def profile(self, config: RunConfig) -> DataProfile:
        """What `tuner.data.profile` says of a config's data."""
        weights = str(config.training.class_weights)
        key = (config.data.model_dump_json(), config.model.model_dump_json(), weights, _stamp(config.data.source))
        return self._profiles.get(key, lambda: profile(config, self.data(config.data)))

    def head(self, config: DataConfig) -> pd.DataFrame | None:
        """The first rows of a file that takes a while to read; None for all other sources."""
        kind = kind_of(config.source)
        if kind not in ("file", "upload"):
            return None
        path = Path(config.source).expanduser() if kind == "file" else uploaded_path(config.source)
        if not path.is_file() or path.stat().st_size < _LARGE_FILE:
            return None
        return head(path, _HEAD_ROWS).to_pandas().map(lambda value: cut(str(value)))

    def classifier(self, name: str) -> Classifier:
        """A classifier by run id, folder or Hub id; at most two stay in memory."""
        self.check_model(name)
        key = name
        if runs.is_run_id(name):  # a resumed run gets a new model under the same id
            run = runs.get(name)
            key = (name, run.model_written)
        return self._classifiers.get(key, lambda: inference.load_classifier(name))

    def evaluation(self, name: str) -> Evaluation:
        """An evaluation by its name, read anew when it was written anew.

        Raises:
            RunError: there is none of that name.
        """
        return self._evaluations.get((name, evaluations.written(name)), lambda: evaluations.get(name))

    def untouched(self, run_id: str) -> Classifier:
        """The run's model as it was before its first step."""
        return self._classifiers.get(("untouched", run_id), lambda: inference.load_untouched(runs.get(run_id)))

    def check_source(self, source: str) -> None:
        """Refuses paths where the app is not local.

        Raises:
            SourceError: a path, on a Space.
        """
        if not self.local and kind_of(source) == "file":
            raise SourceError("Paths are not read here.", "Upload the file, or give a Hub data set as owner/name.")

    def check_model(self, name: str) -> None:
        """Refuses paths where the app is not local.

        Raises:
            ModelError: a path, on a Space.
        """
        # os.path's way, since Path.exists stumbles over names of more than 255 characters
        if not self.local and not runs.is_run_id(name) and (modeling.folder_of(name) or os.path.exists(name)):
            raise ModelError("Paths are not read here.", "Give a run, or a Hub model as owner/name.")


def _data_key(config: DataConfig) -> tuple[Any, ...]:
    return config.model_dump_json(exclude={"fingerprint"}), _stamp(config.source)


def _stamp(source: str) -> tuple[int, int] | None:
    """Changes when the file a source names was changed: a person mends it and looks again."""
    path = Path(source).expanduser()
    if kind_of(source) != "file" or not path.exists():
        return None
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(file.stat().st_mtime_ns for file in files), sum(file.stat().st_size for file in files)
