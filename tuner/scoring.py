"""From a classifier and a source to an evaluation: what is scored, against what, and what is kept of it.

`evaluation/` computes from labels and probabilities; here they are made. The threads between both: the rows of a split, the
labels mapped by name, the baselines' training rows, the temperature of the classifier.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner import evaluations, runs
from tuner.config import DataConfig, check_split
from tuner.data.columns import guessed_instead, lacking
from tuner.data.columns_of_rows import load_columns
from tuner.data.labelled import WHOLE, LabelledData, Split, load_for_scoring, load_labelled
from tuner.data.repeats import overlap
from tuner.data.sources import kind_of, load_raw
from tuner.data.splitting import MOST_HELD_OUT
from tuner.errors import SettingsError, SourceError, TunerError
from tuner.evaluation import baselines, behaviour
from tuner.evaluation.baselines import Baseline
from tuner.evaluation.calibration import (
    Calibration,
    apply_temperature,
    calibration,
    fit_temperature,
    why_unfitted,
)
from tuner.evaluation.label_map import map_labels
from tuner.evaluation.metrics import hub_metric, score
from tuner.evaluation.report import EvaluationReport, make_report
from tuner.evaluations import Evaluation
from tuner.inference import (
    UNTOUCHED,
    Answering,
    Classifier,
    diverged,
    load_classifier,
    load_untouched,
    run_or_none,
    save_answering,
)
from tuner.runs import Run
from tuner.training.earlier import seen_before

if TYPE_CHECKING:
    import pandas as pd

# What is being done, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Extras:
    """What an evaluation holds beside the numbers of the model itself.

    Attributes:
        label_map: label of the data → label of the model, where the names differ.
        baselines: whether to score always the same answer, word counts and the untouched base model on the same rows.
        against: further models to score on the same rows: run ids, folders or Hub ids.
        behaviour: whether to run the behaviour tests.
        tests: a file of behaviour tests to take instead of those that are shipped.
        metrics: metrics of the Hub, by name.
        text_column: columns of the source that hold the text, joined where several; none for those the run was trained with
            where the source has all of them, else one is guessed, and the report says so.
        label_column: the column of the label; None as for `text_column`.
    """

    label_map: dict[str, str] = field(default_factory=dict)
    baselines: bool = True
    against: tuple[str, ...] = ()
    behaviour: bool = True
    tests: Path | None = None
    metrics: tuple[str, ...] = ()
    text_column: tuple[str, ...] = ()
    label_column: str | None = None

    @property
    def asked_for(self) -> bool:
        """Whether this is more than what every training reports."""
        return self != Extras()


def evaluate(
    model: Run | str | Path,
    source: str | Path | None = None,
    split: str | None = None,
    extras: Extras | None = None,
    on_progress: Progress | None = None,
) -> EvaluationReport:
    """The report of a classifier on a split of a source.

    Args:
        model: run, run id, local folder or Hub id.
        source: where the rows come from; None for the run's own data.
        split: "train", "validation" or "test", as a training would see it, or "all" rows of the source; None for the test rows
            of the run, or of a source that has such, else for all.
        extras: what else to score; None for what every training reports.

    Raises:
        SettingsError: no such split, or columns are named without a source.
        SourceError: the rows cannot be read, or have labels that are none of the model's.
        RunError, ModelError, NetworkError: as `load_classifier`.
    """
    return evaluation_of(model, source, split, extras, on_progress).report


def evaluation_of(
    model: Run | str | Path,
    source: str | Path | None = None,
    split: str | None = None,
    extras: Extras | None = None,
    on_progress: Progress | None = None,
) -> Evaluation:
    """As `evaluate`, with the predictions behind the report; both are kept on disk."""
    if not isinstance(source, str | Path | None):
        cure = "Give sample:tweets, a file, a folder or a Hub id."
        raise SourceError(f"{type(source).__name__} is no source of examples.", cure)
    extras = extras or Extras()
    source = None if source is None else str(source)
    run = model if isinstance(model, Run) else run_or_none(model)
    own = run is not None and source is None
    split = "test" if own and split is None else split
    if split is not None:
        check_split(split, WHOLE)
    if source is None and (extras.text_column or extras.label_column):
        raise SettingsError(
            ["Columns are named without a source: the run's own data has its own."],
            "Name the source, too (--data FILE), or leave the columns out.",
        )
    if own and split == "test" and not extras.asked_for:
        stored = evaluations.of_run(run)  # written by the worker from the same model and rows
        if stored:
            return stored
    if extras.tests:
        behaviour.load_tests(extras.tests)  # what cannot be read is said before minutes of scoring
    classifier = load_classifier(run or model)
    if run is None and source is None:
        raise SourceError(f"'{model}' is no run, so its data is not known.", "Name a source, e.g. --data sample:tweets.")
    config = run.config.data if source is None else config_for(model, source, extras)
    data, split = load_for_scoring(config, split)
    if own and split != WHOLE:
        _check_unchanged(data, run)
        done = classifier.answering.fitted_on and evaluations.has_validation(run)
        if not done and runs.may_change(run):  # its training ended before it could be done
            classifier = calibrate(classifier, data, run, on_progress)
    notes = [] if source is None else _reading_notes(trained_with(model), config, data)
    found = assess(classifier, config, data, split, extras, run, on_progress, notes)
    kept_with = run if run and runs.may_change(run) else None
    return evaluations.save(found, kept_with, repr(extras) if extras.asked_for else "")


def trained_with(model: Run | str) -> DataConfig | None:
    """The `data` settings of the run a model is of; None where it is of none.

    Raises:
        RunError: there is no such run.
    """
    run = model if isinstance(model, Run) else run_or_none(str(model).removeprefix(UNTOUCHED))
    return run.config.data if run else None


def config_for(model: Run | str, source: str, extras: Extras) -> DataConfig:
    """How a source is read to score a model on: as `extras` says, else with the columns, separator and label names that the
    model's run was trained with, as far as the source has these columns.

    Raises:
        SourceError, NetworkError: it cannot be read.
    """
    own, of_feedback = trained_with(model), kind_of(source) == "feedback"
    text: list[str] | str | None = list(extras.text_column) or None
    label = extras.label_column or None
    if own is None or of_feedback:  # feedback has one text and the model's label names, whatever the run was trained with
        return DataConfig(source=source, text_column=text, label_column=label)
    splits = load_raw(source).splits
    there = splits[next((name for name in ("train", "training") if name in splits), next(iter(splits)))].column_names
    if text is None and not lacking(own.text_column, there):
        text = own.text_column
    if label is None and not lacking(own.label_column, there):
        label = own.label_column
    # Names of labels are said of a column; what `extras` maps is mapped there.
    names = own.label_map if label == own.label_column else None
    names = {name: place for name, place in (names or {}).items() if name not in extras.label_map}
    return DataConfig(
        source=source, text_column=text, text_separator=own.text_separator, label_column=label, label_map=names or None
    )


def _reading_notes(own: DataConfig | None, config: DataConfig, data: LabelledData) -> list[str]:
    """What differs from how the run read its rows, and what its label map left out."""
    notes = []
    if own and kind_of(config.source) != "feedback":
        for role, wanted, asked, taken in (
            ("text", own.text_column, config.text_column, data.text),
            ("label", own.label_column, config.label_column, data.label),
        ):
            if not asked and (lost := lacking(wanted, data.columns)):
                notes.append(f"{guessed_instead(role, lost, data.source)} The column '{taken.names[0]}' was read.")
    if count := data.left_out["label_map"].counts.total():
        notes.append(f"{count:,} rows of the source were left out by the run's label map.")
    return notes


def _check_unchanged(data: LabelledData, run: Run) -> None:
    """Other rows would be parted anew, and rows trained on would be scored as if never seen.

    Raises:
        SourceError: the run's source holds other rows than when it was trained.
    """
    if data.fingerprint != run.config.data.fingerprint:
        raise SourceError(
            f"The data of run {run.id}, '{data.source}', has changed since it was trained: its test rows are not known any more.",
            f"Put it back, or name it as a source of its own: --data {data.source} --split all.",
        )


def assess(
    classifier: Classifier,
    config: DataConfig,
    data: LabelledData,
    split: str,
    extras: Extras,
    run: Run | None = None,
    on_progress: Progress | None = None,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Scores a classifier on a split, with everything a report holds.

    Args:
        config: the settings `data` was read with; further columns are read with them.
        run: whose training rows, base model and settings are known.
        notes: what is known already and belongs into the report.

    Raises:
        SourceError: labels that are none of the model's.
        ModelError: no row has an answer that is a finite number.
    """
    rows = data.splits[split]
    mapping = _known(extras, classifier.labels)
    truth = np.asarray(map_labels([data.labels[i] for i in rows.labels], classifier.labels, mapping), dtype=np.int64)
    say = on_progress or (lambda what, done, total: None)
    answers = classifier.score(rows.texts, on_progress=lambda done: say("Scoring", done, len(rows)))
    scored = _Scored(rows, truth, answers)
    notes = list(notes)
    if left_out := scored.without_answer:
        if left_out == len(rows):
            raise diverged(classifier.name)
        notes.append(f"{left_out:,} rows were left out: the model's answer to them is no finite number.")
        scored = scored.finite()
    columns = _attempt(lambda: load_columns(config, data, split), {}, notes, "Further columns")
    columns = {name: [values[i] for i in scored.kept] for name, values in columns.items()}
    training = _training_rows(classifier, config, data, run, notes)
    report = make_report(
        scored.probabilities,
        scored.truth,
        classifier.labels,
        texts=scored.texts,
        columns=columns,
        model=classifier.name,
        source=data.source,
        split=split,
        data_fingerprint=data.fingerprint,
        rows_fingerprint=evaluations.rows_fingerprint(scored.texts, [classifier.labels[i] for i in scored.truth]),
        seen_in_training=_seen(scored.texts, training, run, notes) if run and training else None,
        temperature=classifier.answering.temperature,
        calibration=_calibration(classifier, scored),
        threshold=classifier.answering.threshold,
        baselines=_baselines(scored, training, classifier, extras, run, notes, say),
        behaviour=_attempt(lambda: _behaviour(classifier, scored, extras, say), [], notes, "Behaviour tests"),
        hub_metrics=_hub_metrics(scored, extras, notes),
        notes=notes,
    )
    frame = evaluations.predictions(
        [rows.row_ids[i] for i in scored.kept], scored.texts, scored.truth, scored.probabilities, classifier.labels, columns
    )
    return Evaluation(report, frame)


def scores(classifier: Classifier, data: LabelledData, split: str, on_progress: Progress | None = None) -> dict[str, float]:
    """The numbers of a classifier on a split by name, and nothing else of a report.

    Args:
        on_progress: called with "Scoring" and how many of how many rows are scored.

    Raises:
        SourceError: labels that are none of the model's.
        ValueError: an answer that is no finite number.
    """
    rows = data.splits[check_split(split)]
    truth = map_labels([data.labels[i] for i in rows.labels], classifier.labels, None)
    say = on_progress or (lambda what, done, total: None)
    answers = classifier.score(rows.texts, on_progress=lambda done: say("Scoring", done, len(rows)))
    return score(answers, np.asarray(truth, dtype=np.int64))


def calibrate(classifier: Classifier, data: LabelledData, run: Run, on_progress: Progress | None = None) -> Classifier:
    """Fits the temperature on the validation rows, keeps it with the run's model, and gives the classifier that has it.

    The rows' predictions are kept too (`validation.parquet`): thresholds are chosen on them.
    """
    calibrated, frame = fitted(classifier, data, on_progress)
    save_answering(run.model_folder, calibrated.answering)
    evaluations.write_frame(run.folder / evaluations.VALIDATION, frame)
    return calibrated


def fitted(classifier: Classifier, data: LabelledData, on_progress: Progress | None = None) -> tuple[Classifier, "pd.DataFrame"]:
    """The classifier with the temperature that makes the log loss of the validation rows least, and its predictions of them.

    A temperature that would not make it less is not kept, and none is fitted where the rows tell none
    (`calibration.why_unfitted`); rows without a finite answer are left out.
    """
    rows = data.splits["validation"]
    say = on_progress or (lambda what, done, total: None)
    plain = classifier.plain()
    # As `predict` answers: of 40 confidences close together, a threshold chosen on bf16's was to leave out 16 and left out none.
    # 2,000 tweets take 11 s instead of 8; of more rows, a few on either side of a threshold count for little.
    precision = "fp32" if len(rows) <= MOST_HELD_OUT else "auto"
    answers = plain.score(rows.texts, precision, lambda done: say("Calibrating", done, len(rows)))
    truth = np.asarray(map_labels([data.labels[i] for i in rows.labels], plain.labels), dtype=np.int64)
    scored = _Scored(rows, truth, answers).finite()
    temperature, probabilities = 1.0, scored.probabilities
    if len(scored.truth):
        found = fit_temperature(scored.probabilities, scored.truth)
        better = apply_temperature(scored.probabilities, found)
        if score(better, scored.truth)["log_loss"] < score(scored.probabilities, scored.truth)["log_loss"]:
            temperature, probabilities = found, better
    unfitted = why_unfitted(scored.probabilities, scored.truth)
    answering = Answering(temperature=temperature, fitted_on="validation", n_fitted=len(scored.truth), unfitted=unfitted)
    ids = [rows.row_ids[i] for i in scored.kept]
    frame = evaluations.predictions(ids, scored.texts, scored.truth, probabilities, plain.labels, {})
    return replace(plain, answering=answering), frame


@dataclass(frozen=True)
class _Scored:
    """Rows of a split with their answers; `kept` are their places in the split."""

    rows: Split
    truth: np.ndarray
    probabilities: np.ndarray
    kept: Sequence[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not len(self.kept):
            object.__setattr__(self, "kept", range(len(self.truth)))

    @property
    def texts(self) -> list[str]:
        return [self.rows.texts[i] for i in self.kept]

    @property
    def without_answer(self) -> int:
        return int((~np.isfinite(self.probabilities).all(axis=1)).sum())

    def finite(self) -> "_Scored":
        """Those whose probabilities are finite numbers."""
        good = np.flatnonzero(np.isfinite(self.probabilities).all(axis=1))
        return _Scored(self.rows, self.truth[good], self.probabilities[good], [self.kept[i] for i in good])


@dataclass(frozen=True)
class _Training:
    texts: Sequence[str]
    truth: np.ndarray


def _training_rows(
    classifier: Classifier, config: DataConfig, data: LabelledData, run: Run | None, notes: list[str]
) -> _Training | None:
    """The rows the run was trained on, in the classifier's label ids; None where they are not known (any more)."""
    if run is None:
        notes.append(f"What {classifier.name} was trained on is not known: rows seen in training are not counted, "
                     "and no baseline could learn from the same rows.")  # fmt: skip
        return None

    def read() -> _Training:
        own = data if config == run.config.data and "train" in data.splits else load_labelled(run.config.data)
        _check_unchanged(own, run)
        rows = own.splits["train"]
        return _Training(rows.texts, np.asarray(map_labels([own.labels[i] for i in rows.labels], classifier.labels, None)))

    return _attempt(read, None, notes, "The training rows")


def _seen(texts: Sequence[str], training: _Training, run: Run, notes: list[str]) -> int:
    """How many of the texts the model was trained on, but for case and blanks: by its run, or by one that this goes on from."""
    before = seen_before(run.config, run.config.data.fingerprint, texts)
    if before.by:
        notes.append(f"{before.texts.sum():,} of {len(texts):,} texts were trained on by run {', '.join(before.by)}, whose model "
                     "this run began with.")  # fmt: skip
    if before.unknown:
        notes.append(f"What run {', '.join(before.unknown)} was trained on, whose model this run began with, is not known any "
                     "more: its rows are not counted as seen in training.")  # fmt: skip
    others = [text for text, seen in zip(texts, before.texts, strict=True) if not seen]
    return int(before.texts.sum()) + overlap(others, training.texts)


def _calibration(classifier: Classifier, scored: _Scored) -> Calibration | None:
    answering = classifier.answering
    if not answering.fitted_on:
        return None
    raw = apply_temperature(scored.probabilities, 1 / answering.temperature)
    return calibration(
        raw,
        scored.truth,
        answering.temperature,
        kept=answering.temperature != 1.0,
        fitted_on=answering.fitted_on,
        n_fitted=answering.n_fitted,
        unfitted=answering.unfitted,
    )


def _baselines(
    scored: _Scored,
    training: _Training | None,
    classifier: Classifier,
    extras: Extras,
    run: Run | None,
    notes: list[str],
    say: Progress,
) -> list[Baseline]:
    size, found = len(classifier.labels), []

    def add(name: str, kind: str, answer: Callable[[], np.ndarray]) -> None:
        made = _attempt(lambda: compared(name, kind, answer()), None, notes, f"The baseline {name}")
        if made is not None:
            found.append(made)

    def compared(name: str, kind: str, probabilities: np.ndarray) -> Baseline:
        return baselines.compared(name, kind, probabilities, scored.probabilities, scored.truth)

    if extras.baselines and training:
        say("Baselines", 0, 2)
        add("always the most frequent label", "majority", lambda: baselines.majority(training.truth, len(scored.truth), size))
        add("word counts", "tfidf", lambda: baselines.tfidf(training.texts, training.truth, scored.texts, size))
    if extras.baselines and run:
        say("Baselines", 1, 2)
        add("the base model before training", "untouched", lambda: load_untouched(run).score(scored.texts))
    for name in extras.against:
        add(name, "model", lambda name=name: _in_order_of(classifier.labels, load_classifier(name), scored.texts, extras))
    return found


def _in_order_of(labels: Sequence[str], other: Classifier, texts: Sequence[str], extras: Extras) -> np.ndarray:
    """Another model's probabilities, its columns in the order of these labels.

    Raises:
        SourceError: it has other labels.
    """
    places = map_labels(labels, other.labels, _known(extras, other.labels))
    answers = other.score(texts)[:, places]
    return answers / answers.sum(axis=1, keepdims=True)


def _behaviour(classifier: Classifier, scored: _Scored, extras: Extras, say: Progress) -> list[behaviour.BehaviourResult]:
    if not extras.behaviour:
        return []
    say("Behaviour tests", 0, 1)
    tests = behaviour.load_tests(extras.tests) if extras.tests else None
    return behaviour.run_behaviour(classifier.score, classifier.labels, scored.texts, tests)


def _known(extras: Extras, labels: Sequence[str]) -> dict[str, str]:
    """The label map for a model of these labels. Where several models are scored, an entry may be meant for another one."""
    if not extras.against:
        return extras.label_map
    return {name: place for name, place in extras.label_map.items() if place in labels}


def _hub_metrics(scored: _Scored, extras: Extras, notes: list[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in extras.metrics:
        predicted = scored.probabilities.argmax(axis=1)
        found |= _attempt(lambda name=name, predicted=predicted: hub_metric(name, predicted, scored.truth), {}, notes, name)
    notes += [f"{name}: left out. It is no finite number." for name, value in found.items() if not np.isfinite(value)]
    return {name: value for name, value in found.items() if np.isfinite(value)}


def _attempt(make: Callable, otherwise: object, notes: list[str], what: str) -> object:
    """What cannot be had costs the report no more than itself, and is said."""
    try:
        return make()
    except (TunerError, ValueError) as error:
        notes.append(f"{what}: left out. {error}")
    except LookupError as error:  # its text is the bare key
        notes.append(f"{what}: left out. {error!r}")
    return otherwise
