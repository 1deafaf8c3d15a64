"""What the handlers share: which sources are allowed here, and what was loaded lately."""

import functools
import gc
import importlib
import math
import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from tuner import access, evaluations, feedback, hub_read, inference, modeling, runs
from tuner.catalog import SAMPLE_MINILM
from tuner.config import DataConfig, RunConfig
from tuner.data.browsing import cut
from tuner.data.extra import name_and_revision
from tuner.data.files import head, uploaded_path
from tuner.data.hub_sets import id_in
from tuner.data.labelled import LabelledData, load_for_scoring, load_labelled
from tuner.data.profiling import DataProfile, profile
from tuner.data.sources import kind_of
from tuner.errors import ModelError, SourceError
from tuner.evaluations import Evaluation
from tuner.hardware import torch_device
from tuner.inference import UNTOUCHED, Classifier, Place, Prediction
from tuner.launch.keeper import Keeper
from tuner.person import current, own_folder_name
from tuner.runs import Run
from tuner.scoring import Extras, Progress, config_for, evaluation_of
from tuner.together import Batcher
from tuner.training.batches import free_memory
from tuner.ui.lent import Lent
from tuner.words import age, shortened

_MOST_CLASSIFIERS = 2
_MOST_DATA_SETS = 3
_MOST_EVALUATIONS = 6
# Models offered by name; any other can be typed.
_MOST_CHOICES = 30
# A file of this size takes about a second to read: its first rows are shown before.
_LARGE_FILE = 20 * 2**20
_HEAD_ROWS = 15
_COMPUTING = ("starting", "running", "stopping")
_LOOK_SECONDS = 2.0
_READER_SECONDS = 600


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
        try:
            with slot.lock:
                if not slot.made:
                    slot.value, slot.made = make(), True
                return slot.value
        except BaseException:
            with self._lock:
                if self._values.get(key) is slot and not slot.made:
                    del self._values[key]
            raise


@functools.cache
def _settle() -> None:
    """Imports what all model classes do (that of one architecture takes 0.1 s more), and takes it out of the garbage collector's
    sight, who looked through half a million objects that stay: every few hundred answers the server stood still for 0.4 s."""
    importlib.import_module("transformers.models.bert.modeling_bert")
    gc.freeze()


@dataclass(frozen=True)
class _Loaded:
    """A classifier by a name that means the same to everybody, and always."""

    name: str
    classifier: Classifier
    batcher: Batcher


class Context:
    """One per server.

    Args:
        local: whether the people of this app may name paths of its machine (not on a Space).
        keeper: keeps the runs where the disk does not last; None: nothing does, or nothing has to.
        lent: computes answers and evaluations on a GPU that is lent for each of them; None: where this process computes.
    """

    def __init__(self, local: bool = True, keeper: Keeper | None = None, lent: Lent | None = None) -> None:
        self.local, self.keeper, self._lent = local, keeper, lent
        self.trains = runs.trains()
        # Cleared while `warm_up` imports transformers: `datasets` asks the half of it that is there for a class it lacks.
        self._whole = threading.Event()
        self._whole.set()
        self._classifiers = Recent(_MOST_CLASSIFIERS)
        self._data = Recent(_MOST_DATA_SETS)
        self._read: set[Any] = set()  # what was read, whether or not its rows are still in memory
        self._profiles = Recent(_MOST_DATA_SETS)
        self._evaluations = Recent(_MOST_EVALUATIONS)
        self._looked, self._trains = -math.inf, False
        # (whose token, kind, repository) → when the Hub said that they may read it.
        self._readers: dict[tuple[str, str, str], float] = {}

    def warm_up(self) -> None:
        """Imports what answers need (5 s, 250 MB) in a thread, where there is a model to ask: the first one waits less."""
        self._whole.clear()
        threading.Thread(target=self._import, daemon=True).start()

    def _import(self) -> None:
        try:
            if not any(run.has_model for run in runs.all_runs()):
                return
            importlib.import_module("transformers")
            self._whole.set()
            _settle()
        finally:
            self._whole.set()

    def data(self, config: DataConfig) -> LabelledData:
        """The labelled rows of a data config."""
        self._whole.wait()
        self.check_data(config)
        for source in filter(None, (config.source, name_and_revision(config.extra_source or "")[0])):
            self._check_reader("dataset", id_in(source) if kind_of(source) == "hub" else None)
        data = self._data.get(_data_key(config), lambda: load_labelled(config))
        self._read.add(_data_key(_as_looked_at(config)))
        return data

    def data_if_read(self, config: DataConfig) -> LabelledData | None:
        """The labelled rows where the source was read before, or is shipped with Tuner; nothing is fetched."""
        read = kind_of(config.source) == "sample" or _data_key(_as_looked_at(config)) in self._read
        return self.data(config) if read else None

    def profile(self, config: RunConfig) -> DataProfile:
        """What `tuner.data.profile` says of a config's data."""
        weights = str(config.training.class_weights)
        key = (_data_key(config.data), config.model.model_dump_json(), weights)
        data = self.data(config.data)  # refused to who may not read it, also where the profile is known
        return self._profiles.get(key, lambda: profile(config, data))

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
        """A classifier by run id, folder, Hub id, or `untouched:RUN_ID`; at most two stay in memory."""
        return self._loaded(name).classifier

    def named(self, name: str) -> str:
        """The name under which a model is the same one later: the id of the run that is the latest one of who asks now.

        Raises:
            RunError, ModelError: there is no such run, or it is nothing the person may see.
        """
        self.check_model(name)
        before, bare = (UNTOUCHED, name.removeprefix(UNTOUCHED)) if name.startswith(UNTOUCHED) else ("", name)
        bare = bare.removeprefix(runs.RUN_PREFIX)
        return f"{before}{access.get(bare).id if bare == 'latest' else bare}"

    def predict(self, name: str, texts: Sequence[str]) -> list[Prediction]:
        """Answers of a classifier; requests that arrive together are scored in one batch.

        Args:
            name: as `classifier`.

        Raises:
            SourceError: a text is empty.
            RunError, ModelError, NetworkError: as `load_classifier`.
        """
        loaded = self._loaded(name)
        if self._lent:
            inference.check_texts(texts)
            return self._lent.predict(loaded.name, texts)
        return loaded.batcher.ask(texts)

    @property
    def answers_queue(self) -> bool:
        """Whether a question takes a place in Gradio's queue: one waits for a GPU there; for its batch it can wait without."""
        return self._lent is not None

    def evaluate(
        self, name: str, source: str | None, split: str | None, extras: Extras | None = None, on_progress: Progress | None = None
    ) -> Evaluation:
        """As `scoring.evaluation_of`, for a model by its name."""
        if not self._lent:
            try:
                return evaluation_of(name, source, split, extras, on_progress)
            finally:
                if torch_device() != "cpu":  # else a GPU's memory stays with this process, for the next evaluation
                    free_memory()
        self.classifier(name)  # what can be refused or fetched without a GPU is so before one is lent
        if source is not None:
            load_for_scoring(config_for(name, source, extras or Extras()), split)
        return self._lent.evaluate(name, source, split, extras)

    def _loaded(self, name: str) -> "_Loaded":
        """The least recently used of two goes before another is loaded, so that three are never in memory."""
        named = self.named(name)
        before, bare = (UNTOUCHED, named.removeprefix(UNTOUCHED)) if named.startswith(UNTOUCHED) else ("", named)
        fetched = access.get(bare).config.model.name if before else bare
        origin = modeling.hub_origin(fetched) if fetched != SAMPLE_MINILM else None
        self._check_reader("model", origin[0] if origin else None)
        key = (named, None if before else _written(bare))
        return self._classifiers.get(key, lambda: self._load(named))

    def _load(self, named: str) -> "_Loaded":
        _settle()
        placed = replace(inference.load_classifier(named), place=Place(self.device))
        if torch_device() != "cpu":
            threading.Thread(target=self._make_room, args=(weakref.ref(placed),), daemon=True).start()
        return _Loaded(named, placed, Batcher(placed.predict))

    def device(self) -> str:
        """Where classifiers compute: on the CPU while a training has the accelerator."""
        best = torch_device()
        return "cpu" if best != "cpu" and self._training() else best

    def _training(self) -> bool:
        """Whether a run starts or runs on this machine; looked up once a second."""
        if time.monotonic() - self._looked > 1:
            self._trains = any(not run.is_job and runs.summary(run)["state"] in _COMPUTING for run in runs.all_runs())
            self._looked = time.monotonic()
        return self._trains

    def _make_room(self, of: "weakref.ref[Classifier]") -> None:
        """Takes a classifier off the accelerator when a training begins, also where nobody asks it, or when it is not kept."""
        while of() is not None:
            time.sleep(_LOOK_SECONDS)
            classifier = of()
            if classifier and self._training():
                with classifier.place.hold(classifier.model):
                    pass
            del classifier
        free_memory()

    def evaluation(self, name: str) -> Evaluation:
        """An evaluation by its name, read anew when it was written anew.

        Raises:
            RunError: there is none of that name.
        """
        key = (own_folder_name(), name, evaluations.written(name))
        return self._evaluations.get(key, lambda: evaluations.get(name))

    def run_of(self, name: str | None) -> Run | None:
        """The run that a model's name stands for; None where it is none, or has no model (yet)."""
        run = access.get(name) if name and runs.is_run_id(name) else None
        return run if run and run.has_model else None

    def pushable(self, name: str | None) -> Run | None:
        """`run_of`, where the person who asks may push its model: where it lies on the Hub is no concern of others."""
        run = self.run_of(name)
        return run if run and access.may(run, "push") else None

    def title(self, name: str) -> str:
        """A model's name as people read it."""
        if name.startswith(UNTOUCHED):
            return f"{self.title(name.removeprefix(UNTOUCHED))}, before training"
        run = self.run_of(name)
        return run.title if run else name

    def model_choices(self) -> list[tuple[str, str]]:
        """Models of this machine as (words, name): the latest runs, then their base models before training."""
        rows = [runs.summary(run) for run in access.visible() if run.has_model][:_MOST_CHOICES]
        named = [(_described(row), row["run_id"]) for row in rows]
        return named + [(f"{words} · before training", f"{UNTOUCHED}{run_id}") for words, run_id in named]

    def _check_reader(self, kind: str, repo_id: str | None) -> None:
        """Refuses what the person may not read on the Hub, before it is answered from what another one had fetched.

        Asked once in ten minutes; not on a machine of one user, where nobody else fetched it.

        Raises:
            SourceError, ModelError, NetworkError: as the Hub refuses.
        """
        if repo_id is None or current().local:
            return
        key, ask = (hub_read.asker(), kind, repo_id), hub_read.dataset_info if kind == "dataset" else hub_read.model_info
        if time.monotonic() - self._readers.get(key, -math.inf) > _READER_SECONDS:
            ask(repo_id, None)
            self._readers[key] = time.monotonic()

    def check_source(self, source: str) -> None:
        """Refuses paths where the app is not local, and uploads and corrections of others.

        Raises:
            SourceError: it may not be read.
        """
        kind = kind_of(source)
        if not self.local and kind == "file":
            raise SourceError("Paths are not read here.", "Upload the file, or give a Hub data set as owner/name.")
        if kind == "upload":
            uploaded_path(source)
        if kind == "feedback":
            feedback.path(feedback.named(source).name)

    def check_data(self, config: DataConfig) -> None:
        """Refuses paths among a config's sources where the app is not local.

        Raises:
            SourceError: a path, on a Space.
        """
        self.check_source(config.source)
        if config.extra_source:
            self.check_source(name_and_revision(config.extra_source)[0])

    def check(self, config: RunConfig) -> None:
        """`check_model` and `check_data` of a run's settings.

        Raises:
            SourceError, ModelError, RunError: as they do.
        """
        self.check_data(config.data)
        self.check_model(config.model.name)

    def check_model(self, name: str) -> None:
        """Refuses what is no name, paths where the app is not local, and runs the person may not see.

        Raises:
            ModelError: no text, an empty one, or a path on a Space.
            RunError: there is no such run for them.
        """
        if not isinstance(name, str) or not name.strip():
            raise ModelError("The model has no name.", "Give the id of a run, a folder, or a Hub model as owner/name.")
        run_id = name.strip().removeprefix(UNTOUCHED).removeprefix(runs.RUN_PREFIX)
        if runs.is_run_id(run_id):
            access.get(run_id, "evaluate")
        # os.path's way, since Path.exists stumbles over names of more than 255 characters
        elif not self.local and (modeling.folder_of(name) or os.path.exists(name)):
            raise ModelError("Paths are not read here.", "Give a run, or a Hub model as owner/name.")


def _described(row: dict[str, Any]) -> str:
    """A run in one line; runs of the same settings differ by score and age."""
    score = row["metrics"].get("macro_f1")
    parts = [shortened(row["title"]), f"macro F1 {score:.3f}" if score is not None else "", age(time.time() - row["created"])]
    return " · ".join(filter(None, parts))


def _written(name: str) -> Any:  # noqa: ANN401
    """Changes when the model under a name was written anew: a resumed run has a new one, and so may a folder."""
    if runs.is_run_id(name):
        return access.get(name).model_written
    folder = modeling.folder_of(name)
    files = [*folder.glob("*.json"), *folder.glob("*.safetensors")] if folder else []
    return tuple(sorted((file.name, file.stat().st_mtime_ns) for file in files if file.is_file()))


def _as_looked_at(config: DataConfig) -> DataConfig:
    """The config as the Data tab reads it: the settings of the Train tab draw other rows from the same source.

    An extra source on the Hub stays, since a look does not fetch it.
    """
    extra = config.extra_source
    fetched = extra is not None and kind_of(name_and_revision(extra)[0]) == "hub"
    own = ("max_train_samples", "train_samples_seed", "max_eval_samples", "seed")
    changes = {field: DataConfig.model_fields[field].default for field in own}
    return config.model_copy(update=changes | {"extra_source": extra if fetched else None})


def _data_key(config: DataConfig) -> tuple[Any, ...]:
    extra = name_and_revision(config.extra_source)[0] if config.extra_source else ""
    return config.model_dump_json(exclude={"fingerprint"}), *(_stamp(source) for source in (config.source, extra) if source)


def _stamp(source: str) -> tuple[int, int] | None:
    """Changes when the file a source names was changed: a person mends it and looks again, or corrects one more answer."""
    kind, judged = kind_of(source), feedback.named(source)
    path = feedback.path(judged.name) if judged else Path(source).expanduser()
    if kind not in ("file", "feedback") or not path.exists():
        return None
    files = [path, *path.rglob("*")] if path.is_dir() else [path]
    return max(file.stat().st_mtime_ns for file in files), sum(file.stat().st_size for file in files)
