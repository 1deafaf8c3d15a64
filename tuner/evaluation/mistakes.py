"""Where a classifier is wrong: rows of `predictions.parquet`, chosen and ordered. Pages and cut texts are the caller's.

A frame has the columns row, text, label, predicted and one probability_<label> per label, as `write_predictions` makes them.
A label of the data may differ from the classifier's in capitals; a row may have none: then it is neither right nor wrong.
"""

from typing import TYPE_CHECKING

import numpy as np

from tuner.data import suspicious
from tuner.errors import SourceError
from tuner.evaluation.search import fits

if TYPE_CHECKING:
    import pandas as pd

_PREFIX = "probability_"
_COLUMNS = ("row", "text", "label", "predicted")


def labels_of(frame: "pd.DataFrame") -> tuple[str, ...]:
    """The classifier's labels, in the order of its probabilities.

    Raises:
        SourceError: the frame lacks a column.
    """
    labels = tuple(str(name).removeprefix(_PREFIX) for name in frame.columns if str(name).startswith(_PREFIX))
    missing = [name for name in _COLUMNS if name not in frame.columns] + ([] if labels else [f"{_PREFIX}<label>"])
    if missing:
        raise SourceError(f"The predictions lack the columns {', '.join(missing)}.", "Evaluate the classifier again.")
    return labels


def most_confident_errors(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The wrong rows with a new column `confidence`, the probability of the answer; the surest first."""
    return _with(frame, "confidence", _probabilities(frame).max(axis=1))[_wrong(frame)].sort_values(
        "confidence", ascending=False, kind="stable"
    )


def most_doubtful(frame: "pd.DataFrame") -> "pd.DataFrame":
    """All rows with a new column `margin`, the probability of the answer minus that of the next label; the smallest first."""
    ordered = np.sort(_probabilities(frame), axis=1)
    second = ordered[:, -2] if ordered.shape[1] > 1 else 0.0
    return _with(frame, "margin", ordered[:, -1] - second).sort_values("margin", kind="stable")


def filtered(
    frame: "pd.DataFrame",
    *,
    label: str | None = None,
    predicted: str | None = None,
    search: str = "",
    regular_expression: bool = False,
    only_wrong: bool = False,
) -> "pd.DataFrame":
    """The rows that fit all of it, in their order.

    Args:
        label, predicted: names of labels; None for any.
        search: as `search.fits`; empty for any text. It is done last, on the rows that are left.

    Raises:
        SettingsError: as `search.fits`.
        SourceError: the frame lacks a column.
    """
    names = labels_of(frame)
    keep = np.ones(len(frame), dtype=bool)
    if label is not None:
        keep &= _ids(frame, names) == names.index(label) if label in names else (frame["label"] == label).to_numpy(dtype=bool)
    if predicted is not None:
        keep &= (frame["predicted"] == predicted).to_numpy(dtype=bool)
    if only_wrong:
        keep &= _wrong(frame)
    left = frame[keep]
    return left[fits(left["text"].tolist(), search, regular_expression=regular_expression)] if search else left


def suspicious_labels(frame: "pd.DataFrame", most: int = 200) -> list[suspicious.Suspicion]:
    """Rows whose label the classifier's own probabilities speak against, worst first (cleanlab); a list, never a count.

    Of value only for rows that the classifier was not trained on. Rows without one of its labels are left out; `role` is empty.
    """
    names, ids = labels_of(frame), _ids(frame, labels_of(frame))
    known = ids >= 0
    rows = frame[known]
    return suspicious.suspicious_labels(
        rows["text"].tolist(),
        ids[known].tolist(),
        names,
        rows["row"].astype(str).tolist(),
        [""] * len(rows),
        _probabilities(frame)[known],
        most=most,
    )


def _with(frame: "pd.DataFrame", name: str, values: np.ndarray) -> "pd.DataFrame":
    at = list(frame.columns).index("predicted") + 1
    made = frame.drop(columns=name, errors="ignore")
    made.insert(at, name, values)
    return made


def _probabilities(frame: "pd.DataFrame") -> np.ndarray:
    return frame[[f"{_PREFIX}{name}" for name in labels_of(frame)]].to_numpy(dtype=np.float64)


def _wrong(frame: "pd.DataFrame") -> np.ndarray:
    """Whether a row has a label and another answer; a label that the classifier does not know is always missed."""
    names = labels_of(frame)
    answers = frame["predicted"].map({name: i for i, name in enumerate(names)}).fillna(-2).to_numpy(dtype=np.int64)
    return frame["label"].notna().to_numpy(dtype=bool) & (_ids(frame, names) != answers)


def _ids(frame: "pd.DataFrame", names: tuple[str, ...]) -> np.ndarray:
    """Label ids of the true labels by name, else by name without capitals; -1 for any other or none."""
    found = {name.lower(): i for i, name in reversed(list(enumerate(names)))}
    exact = {name: i for i, name in enumerate(names)}
    kinds = {kind: exact.get(kind, found.get(str(kind).lower(), -1)) for kind in frame["label"].dropna().unique()}
    return frame["label"].map(kinds).fillna(-1).to_numpy(dtype=np.int64)
