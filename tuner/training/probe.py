"""One candidate of the base-model probe: how well its frozen, mean-pooled embeddings tell the labels apart.

`python -m tuner.training.probe TASK.json` is the child process of `tuner.launch.prober`: its memory is the candidate's own,
and is free again after it. It prints JSON lines: texts done, and the row, or cause and cure, last.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner import hub_read, modeling
from tuner.errors import ModelError, TunerError
from tuner.hardware import peak_memory
from tuner.neighbours.embedding import embed
from tuner.training.probe_result import ProbeRow

# The logistic regression's C on standardised embeddings. Macro F1 of sample:minilm on 1,000 rows of sample:tweets:
# C 1: 0.643, 0.1: 0.674, 0.03: 0.677, 0.01: 0.667, 0.001: 0.616.
_C = 0.03


@dataclass(frozen=True)
class Task:
    """What a candidate is asked.

    Attributes:
        name: the candidate as the person gave it; `model` as `find_base_model` takes it.
        max_length: tokens kept of each text; None for what `counted`, training texts, need, as in a training.
        precision: as `training.precision`.
        texts, labels: the drawn rows; labels as whole numbers from 0.
        folds, seed: of the cross-validation.
    """

    name: str
    model: str
    revision: str | None
    max_length: int | None
    precision: str
    seed: int
    folds: int
    texts: list[str]
    labels: list[int]
    counted: list[str]


def examine(task: Task, on_progress: Callable[[int], None] | None = None) -> ProbeRow:
    """Embeds the rows with the candidate and scores a logistic regression on them, out of fold.

    Args:
        on_progress: called with the number of texts embedded so far.

    Raises:
        ModelError, NetworkError: as for a training.
    """
    from tuner.inference import MOST_CHARACTERS

    base = modeling.find_base_model(task.model, task.revision)
    tokenizer = modeling.load_tokenizer(base)
    counts = modeling.count_tokens(base, task.counted) if task.max_length is None else []
    max_length = modeling.choose_max_length(base, task.max_length, counts)
    encoded = tokenizer([text[:MOST_CHARACTERS] for text in task.texts], truncation=True, max_length=max_length)["input_ids"]
    before = peak_memory(forget=True)
    encoder = modeling.load_encoder(base)
    features, seconds = embed(encoder, tokenizer, encoded, task.precision, on_progress)
    memory = max(0, peak_memory() - before) / 1e6
    if not np.isfinite(features).all():
        raise ModelError(f"The embeddings of '{task.name}' hold NaN or infinite values.", "Take another, or precision fp32.")
    return ProbeRow(
        model=task.name,
        **out_of_fold(_regression(), features, np.asarray(task.labels), task.folds, task.seed),
        seconds_per_1000=seconds / len(task.texts) * 1_000,
        memory_mb=memory,
        parameters=sum(parameter.numel() for parameter in encoder.parameters()),
        max_length=max_length,
    )


def out_of_fold(model: Any, features: Any, labels: np.ndarray, folds: int, seed: int) -> dict[str, Any]:  # noqa: ANN401
    """Scores of predictions that each come from a model that never saw the row: stratified folds, the same for one seed.

    Args:
        model: a scikit-learn classifier; fitted anew for every fold.
        features: rows × columns, dense or sparse.
        labels: whole numbers from 0, one per row, each at least `folds` times.

    Returns:
        accuracy, macro_f1 and macro_recall over all rows, and `fold_macro_f1`, one per fold.
    """
    from sklearn.base import clone
    from sklearn.model_selection import StratifiedKFold

    from tuner.evaluation.metrics import score

    certain = np.eye(int(labels.max()) + 1)
    predicted, by_fold = np.empty_like(labels), []
    for seen, held in StratifiedKFold(folds, shuffle=True, random_state=seed).split(labels, labels):
        predicted[held] = clone(model).fit(features[seen], labels[seen]).predict(features[held])
        by_fold.append(score(certain[predicted[held]], labels[held])["macro_f1"])
    scores = score(certain[predicted], labels)
    return {name: scores[name] for name in ("accuracy", "macro_f1", "macro_recall")} | {"fold_macro_f1": by_fold}


def _regression() -> Any:  # noqa: ANN401
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=_C, max_iter=1_000))


def main(path: str) -> int:
    """Examines the candidate of a task file; 0, or 2 with cause and cure in the last line."""
    hub_read.take_token()

    def say(**line: Any) -> None:  # noqa: ANN401
        print(json.dumps(line), flush=True)

    try:
        row = examine(Task(**json.loads(Path(path).read_text(encoding="utf-8"))), lambda done: say(done=done))
    except TunerError as error:
        say(cause=error.cause, cure=error.cure)
        return 2
    say(**row.model_dump())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
