"""Evaluations on disk: a report and the predictions behind it, each in a folder of its own.

The one of a run on its own test rows lies in the run's folder, others of the run in `evaluations/KEY/` there, those of models
that are no runs in `$TUNER_HOME/evaluations/KEY/`. On a Space the latter, and those of runs one may not change, lie in
`evaluations/PERSON/KEY/`. Their names ("RUN", "RUN/KEY", "model/KEY") are safe to take from anybody.
"""

import hashlib
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tuner import runs
from tuner.errors import RunError
from tuner.evaluation.report import EvaluationReport
from tuner.person import current, own_folder_name
from tuner.runs import Run

# Evaluations kept of a run beside its own, and of models that are no runs; the oldest go.
MOST_KEPT = 20
# Of all together who come to a Space without a login: they share a folder, and one's would push another's out.
MOST_OF_VISITORS = 100
_NAME = re.compile(r"(?P<owner>[^/]+)/(?P<key>[0-9a-f]{12})")
_OF_MODELS = "model"
# In a run's folder: the answers to its validation rows.
VALIDATION = "validation.parquet"
_COLUMN = "column_"


@dataclass(frozen=True)
class Evaluation:
    """A report and its predictions.

    Attributes:
        predictions: one row per example, as `predictions.parquet`: row, text, label, predicted, probability_LABEL …, and
            column_NAME … for further columns of the data.
        name: what it is kept under; empty before it is kept.
    """

    report: EvaluationReport
    predictions: pd.DataFrame
    name: str = ""


def predictions(
    row_ids: Sequence[int],
    texts: Sequence[str],
    truth: np.ndarray,
    probabilities: np.ndarray,
    labels: Sequence[str],
    columns: Mapping[str, Sequence[Any]],
) -> pd.DataFrame:
    """The frame of `predictions.parquet`; labels stand in it by the classifier's names."""
    names = np.asarray(labels, dtype=object)
    return pd.DataFrame(
        {
            "row": list(row_ids),
            "text": list(texts),
            "label": names[truth],
            "predicted": names[probabilities.argmax(axis=1)],
            **{f"probability_{name}": probabilities[:, i] for i, name in enumerate(labels)},
            **{f"{_COLUMN}{name}": _series(values) for name, values in columns.items()},
        }
    )


def columns_of(frame: pd.DataFrame) -> dict[str, list[Any]]:
    """The further columns of a frame of predictions: name → one value per row, None where it is missing."""
    found = {name.removeprefix(_COLUMN): frame[name] for name in frame.columns if name.startswith(_COLUMN)}
    return {
        name: [None if missing else value for value, missing in zip(values, values.isna(), strict=True)]
        for name, values in found.items()
    }


def _series(values: Sequence[Any]) -> pd.Series:
    """Whole numbers stay whole where some are missing: as floats those above 2^53 would become others."""
    whole = all(value is None or (isinstance(value, int) and not isinstance(value, bool)) for value in values)
    small = whole and all(value is None or -(2**63) <= value < 2**63 for value in values)
    return pd.Series(list(values), dtype="Int64" if small and len(values) else object)


def probabilities_of(frame: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Probabilities (rows × labels) of a frame of predictions."""
    return frame[[f"probability_{name}" for name in labels]].to_numpy(dtype=np.float64)


def truth_of(frame: pd.DataFrame, labels: Sequence[str]) -> np.ndarray:
    """Label ids (rows,) of a frame of predictions."""
    places = {name: index for index, name in enumerate(labels)}
    return frame["label"].map(places).to_numpy(dtype=np.int64)


def rows_fingerprint(texts: Sequence[str], labels: Sequence[str]) -> str:
    """SHA-256 over texts and labels in their order."""
    digest = hashlib.sha256()
    for text, label in zip(texts, labels, strict=True):
        digest.update(f"{len(text)}:{text}{len(label)}:{label}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def of_run(run: Run) -> Evaluation | None:
    """A run's evaluation on its own test rows; None where there is none (yet)."""
    return _read(run.folder, run.id)


def has_validation(run: Run) -> bool:
    """Whether the answers to a run's validation rows are kept."""
    return (run.folder / VALIDATION).is_file()


def validation_of(run: Run) -> pd.DataFrame:
    """The predictions of a run's validation rows, as its model answers.

    Raises:
        RunError: the run has none (yet).
    """
    try:
        return pd.read_parquet(run.folder / VALIDATION)
    except (OSError, ValueError):
        raise RunError(f"Run {run.id} has no predictions of validation rows.", "Train it to its end first.") from None


def get(name: str) -> Evaluation:
    """An evaluation by its name.

    Raises:
        RunError: there is none of that name.
    """
    evaluation = _read(_folder(name), name)
    if evaluation is None:
        raise RunError(f"There is no evaluation '{name[:80]}' (any more).", "Evaluate the model again.")
    return evaluation


def written(name: str) -> int:
    """When an evaluation was last written, nanoseconds since the epoch; 0 where there is none of that name."""
    try:
        return (_folder(name) / "report.json").stat().st_mtime_ns
    except (OSError, RunError):  # the run it was of is gone, or nobody else's any more
        return 0


def _folder(name: str) -> Path:
    found = _NAME.fullmatch(name)
    if found is None:
        return runs.get(name).folder
    return _kept(None if found["owner"] == _OF_MODELS else runs.get(found["owner"])) / found["key"]


def save(evaluation: Evaluation, run: Run | None, extras: str = "") -> Evaluation:
    """Keeps an evaluation; gives it with its name.

    Args:
        extras: what it holds beside what every report does; such a one never takes the place of the run's own.
    """
    report = evaluation.report
    if run and not extras and _is_own(report, run):
        folder, name = run.folder, run.id
    else:
        about = f"{report.model}\n{report.split}\n{report.rows_fingerprint}\n{extras}"
        key = hashlib.sha256(about.encode()).hexdigest()[:12]
        folder = _kept(run) / key
        name = f"{run.id if run else _OF_MODELS}/{key}"
        folder.mkdir(parents=True, exist_ok=True)
    write_frame(folder / "predictions.parquet", evaluation.predictions)
    runs.write_atomically(folder / "report.json", report.model_dump_json(indent=1))
    if "/" in name:
        _forget_oldest(folder)
    return Evaluation(report, evaluation.predictions, name)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Writes a Parquet file beside its place and moves it there."""
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")  # two may write the same at once
    frame.to_parquet(temporary, index=False)
    temporary.replace(path)


def _is_own(report: EvaluationReport, run: Run) -> bool:
    """Whether it is what the run's own report is about: its test rows."""
    return report.split == "test" and report.data_fingerprint == run.config.data.fingerprint


def _kept(run: Run | None) -> Path:
    return run.folder / "evaluations" if run else runs.home() / "evaluations" / own_folder_name()


def _read(folder: Path, name: str) -> Evaluation | None:
    try:
        report = EvaluationReport.model_validate_json((folder / "report.json").read_text(encoding="utf-8"))
        frame = pd.read_parquet(folder / "predictions.parquet")
    except (OSError, ValueError):  # a report that cannot be validated is a ValueError, too
        return None
    return Evaluation(report, frame, name) if len(frame) == report.n else None


def _mtime(folder: Path) -> float:
    """0 of one that somebody else's evaluation has just deleted."""
    try:
        return folder.stat().st_mtime
    except FileNotFoundError:
        return 0


def _forget_oldest(newest: Path) -> None:
    """Deletes what is too much beside the newest, which the clock need not show to be it: it may have been set back."""
    folder = newest.parent
    found = sorted(folder.iterdir(), key=lambda path: (path == newest, _mtime(path)), reverse=True)
    shared = folder == _kept(None) and not (current().local or current().name)
    for old in found[MOST_OF_VISITORS if shared else MOST_KEPT :]:
        shutil.rmtree(old, ignore_errors=True)
