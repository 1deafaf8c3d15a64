"""The base-model probe: which of several candidates suits the data, by their embeddings as they are, in minutes."""

import dataclasses
import json
from collections.abc import Callable, Sequence

import numpy as np

from tuner import access, modeling
from tuner.children import ask
from tuner.config import RunConfig, check_settings
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.data.profiling import MOST_TOKENISED
from tuner.data.repeats import first_of_each, repeat_keys
from tuner.errors import SettingsError, TunerError
from tuner.hardware import describe
from tuner.launch.child import refuse_beside_a_run
from tuner.training.probe import Task, out_of_fold
from tuner.training.probe_result import ProbeResult, ProbeRow, make_result
from tuner.words import listed

MOST_ROWS, LEAST_ROWS = 1_000, 10
MOST_MODELS, MOST_CHARACTERS = 10, 1_024
FOLDS = 5
# Logistic regression on TF-IDF; macro F1 on 1,000 rows of sample:tweets at C 1: 0.536, 3: 0.596, 10: 0.611.
_WORDS_C = 10


def probe(
    config: RunConfig, models: Sequence[str] | str, on_progress: Callable[[int, int, str], None] | None = None
) -> ProbeResult:
    """Ranks base models by how well a logistic regression on their frozen, mean-pooled embeddings tells the labels apart.

    At most 1,000 different training rows are drawn, stratified, by `data.seed`; each model is examined in a child process
    of its own, in stratified cross-validation. The config gives data, `model.max_length` and `training.precision`; nothing
    is trained, so its other settings have no part in this. A model that cannot be examined is a row with the cause.

    Args:
        models: one to ten base models, as `model.name` takes them, a string for one; repeats are dropped.
        on_progress: called with the texts embedded so far, all there are to embed, and the model at work.

    Raises:
        RunError: a run is going on.
        SettingsError: too few or too many models or rows, all mistakes at once.
        SourceError, NetworkError: the data cannot be read.
    """
    access.logged_in("compare base models")
    refuse_beside_a_run()
    data = load_labelled(check_settings(config).data)
    given = [models] if isinstance(models, str) else models
    names = list(dict.fromkeys(name.strip() for name in map(str, given) if name.strip()))
    task = _task(config, names, data)
    rows, texts = [], len(task.texts)
    for number, name in enumerate(names):
        revision = config.model.revision if name == config.model.name else None

        def told(done: int, number: int = number, name: str = name) -> None:
            if on_progress:
                on_progress(number * texts + done, len(names) * texts, name)

        told(0)
        rows.append(
            _examined(dataclasses.replace(task, name=name, model=str(modeling.folder_of(name) or name), revision=revision), told)
        )
    return make_result(data.source, texts, task.folds, task.seed, rows, _baselines(task))


def draw(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Positions of at most `most` rows, ascending, drawn by the seed in the shares of the labels.

    Every label gets 5 rows first where it has them (fewer where `most` holds no 5 of each), so that a rare one is in each
    fold.
    """
    if len(labels) <= most:
        return np.arange(len(labels))
    names, counts = np.unique(labels, return_counts=True)
    floor, poor = np.minimum(counts, min(FOLDS, most // len(names))), np.zeros(len(names), dtype=bool)
    while True:  # what rare labels get beyond their share is taken from the others, which may make a further one rare
        shares = np.where(poor, floor, counts * ((most - floor[poor].sum()) / counts[~poor].sum()))
        if not (shares < floor).any():
            break
        poor |= shares < floor
    quota = shares.astype(np.int64)
    quota[np.argsort(quota - shares, kind="stable")[: most - quota.sum()]] += 1  # the largest remainders
    random = np.random.default_rng(seed)
    parts = [random.permutation(np.flatnonzero(labels == name))[:n] for name, n in zip(names, quota, strict=True)]
    return np.sort(np.concatenate(parts))


def _task(config: RunConfig, names: list[str], data: LabelledData) -> Task:
    """What every candidate is asked, its name still empty.

    Raises:
        SettingsError: every mistake in models, rows and precision.
    """
    train = data.splits["train"]
    different = train.take(first_of_each(repeat_keys(train.texts)[0]).tolist())
    problems = [*_unfit_models(names), *_unfit_rows(data, different)]
    if config.training.precision == "fp16" and describe().kind != "cuda":
        problems.append("training.precision = 'fp16': fp16 needs a CUDA GPU; choose auto, bf16 or fp32.")
    if problems:
        raise SettingsError(problems)
    drawn = different.take(draw(different.label_array, MOST_ROWS, config.data.seed).tolist())
    labels = np.unique(drawn.label_array, return_inverse=True)[1]
    return Task(
        name="",
        model="",
        revision=None,
        max_length=config.model.max_length,
        precision=config.training.precision,
        seed=config.data.seed,
        folds=min(FOLDS, int(np.bincount(labels).min())),
        texts=list(drawn.texts),
        labels=labels.tolist(),
        counted=list(train.texts[:MOST_TOKENISED]) if config.model.max_length is None else [],
    )


def _examined(task: Task, told: Callable[[int], None]) -> ProbeRow:
    try:
        said = ask(
            "tuner.training.probe",
            f"The probe of {task.name}",
            json.dumps(dataclasses.asdict(task)),
            answer="macro_f1",
            on_line=lambda line: told(line.get("done", 0)),
        )
    except TunerError as error:
        return ProbeRow(model=task.name, problem=str(error))
    said.pop("spread")
    return ProbeRow(**said)


def _baselines(task: Task) -> list[ProbeRow]:
    """What takes no model at all: word counts, and the most frequent label."""
    from sklearn.dummy import DummyClassifier
    from sklearn.linear_model import LogisticRegression

    from tuner.data.suspicious import tfidf

    labels = np.asarray(task.labels)
    counts = tfidf(task.texts, int(labels.max()) + 1)
    words = "word counts"
    if counts is None:
        row = ProbeRow(model=words, problem="No text has a letter.")
    else:
        scores = out_of_fold(LogisticRegression(C=_WORDS_C, max_iter=1_000), counts, labels, task.folds, task.seed)
        row = ProbeRow(model=words, **scores)
    most = DummyClassifier(strategy="constant", constant=int(np.bincount(labels).argmax()))
    constant = out_of_fold(most, np.zeros((len(labels), 1)), labels, task.folds, task.seed)
    return [row, ProbeRow(model="the most frequent label", **constant)]


def _unfit_models(names: list[str]) -> list[str]:
    problems = []
    if not names:
        problems.append("models: none is named; name one to ten base models.")
    if len(names) > MOST_MODELS:
        problems.append(f"models: {len(names)} are named; a probe takes at most {MOST_MODELS}.")
    return problems + [
        f"models: '{name[:40]}…' has {len(name):,} characters; at most {MOST_CHARACTERS:,} are possible."
        for name in names
        if len(name) > MOST_CHARACTERS
    ]


def _unfit_rows(data: LabelledData, different: Split) -> list[str]:
    """What is wrong with the training rows, repeats of a text left out."""
    counts = np.bincount(different.label_array, minlength=len(data.labels))
    problems = []
    if len(different) < LEAST_ROWS:
        problems.append(f"data: {len(different)} different training rows; a probe needs at least {LEAST_ROWS}.")
    single = [name for name, count in zip(data.labels, counts, strict=True) if count == 1]
    if single:
        shown = listed([f"'{name[:40]}'" for name in single], 5)
        problems.append(
            f"data: one different training row with the label {shown}; a probe needs two of each. Give more rows, or merge or "
            "leave out labels by data.label_map."
        )
    if (counts > 0).sum() > MOST_ROWS // 2:
        problems.append(f"data: {(counts > 0).sum():,} labels; a probe of {MOST_ROWS:,} rows takes at most {MOST_ROWS // 2}.")
    return problems
