"""Classifiers: load one, predict with it, score it on a source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner import modeling, runs
from tuner.config import DataConfig, check_split
from tuner.data.labelled import LabelledData, Split, load_labelled
from tuner.errors import ModelError, RunError, SourceError
from tuner.evaluation.metrics import softmax
from tuner.evaluation.report import EvaluationReport, make_report
from tuner.hardware import autocast, torch_device
from tuner.runs import Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Longer texts are cut before they reach the tokenizer, which reads the whole text whatever the
# truncation (4.6 s for 10 MB); 100,000 characters are more tokens than the base models read.
MOST_CHARACTERS = 100_000
_BATCH_TOKENS = 8_192


@dataclass(frozen=True)
class Prediction:
    """One text's answer.

    Attributes:
        probabilities: label name → probability, in the model's order.
        tokens: tokens read, special ones included.
        cut: whether the text was longer than the model reads.
    """

    text: str
    label: str
    probabilities: dict[str, float]
    tokens: int
    cut: bool

    def to_json(self) -> dict[str, object]:
        """{"text", "label", "probabilities"}."""
        return {"text": self.text, "label": self.label, "probabilities": self.probabilities}


@dataclass(frozen=True)
class Classifier:
    """A loaded model with its label names and tokenizer.

    Attributes:
        name: what it was loaded from: run id, folder or Hub id.
        max_length: tokens it reads of a text.
    """

    name: str
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    labels: tuple[str, ...]
    max_length: int

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """Answers for texts, in their order, in float32: alone or in a batch, a text gets the same answer.

        Raises:
            SourceError: a text is empty.
        """
        for position, text in enumerate(texts, 1):
            if not isinstance(text, str) or not text.strip():
                raise SourceError(f"Text {position} of {len(texts)} is empty.", "Give a text with at least one word.")
        encoded, cut = self._encode(texts)
        return [
            Prediction(
                text=text,
                label=self.labels[int(row.argmax())],
                probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
                tokens=len(ids),
                cut=was_cut,
            )
            for text, row, ids, was_cut in zip(texts, self._probabilities(encoded, "fp32"), encoded, cut, strict=True)
        ]

    def score(
        self, texts: Sequence[str], precision: str = "auto", on_progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Probabilities (texts × labels, float64), in batches of like length.

        Args:
            precision: as `training.precision`; "auto" is several times as fast as "fp32" on hardware with bf16.
            on_progress: called with the number of texts done so far.
        """
        return self._probabilities(self._encode(texts)[0], precision, on_progress)

    def _encode(self, texts: Sequence[str]) -> tuple[list[list[int]], list[bool]]:
        """Token ids of each text, at most `max_length`, and whether the text was longer."""
        if not texts:  # the tokenizer stumbles over none
            return [], []
        encoded = self.tokenizer([text[:MOST_CHARACTERS] for text in texts], truncation=True, max_length=self.max_length)
        cut = [
            bool(encoding.overflowing) or len(text) > MOST_CHARACTERS
            for encoding, text in zip(encoded.encodings, texts, strict=True)
        ]
        return encoded["input_ids"], cut

    def _probabilities(
        self, encoded: list[list[int]], precision: str, on_progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        import torch

        device = torch_device()
        self.model.to(device)
        result = np.empty((len(encoded), len(self.labels)))
        done = 0
        with torch.inference_mode(), autocast(precision):
            for batch in batches_by_length([len(ids) for ids in encoded]):
                padded = self.tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt", padding_side="right")
                logits = self.model(**padded.to(device)).logits
                result[batch] = softmax(logits.float().cpu().numpy())
                done += len(batch)
                if on_progress:
                    on_progress(done)
        return result


def batches_by_length(lengths: list[int]) -> list[list[int]]:
    """Positions sorted by length, in batches of at most 8,192 tokens with padding (and 128 rows)."""
    batches: list[list[int]] = []
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        if batches and len(batches[-1]) < 128 and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= _BATCH_TOKENS:
            batches[-1].append(position)
        else:
            batches.append([position])
    return batches


def load_classifier(model: Run | str) -> Classifier:
    """A classifier from a run, a run id, a local folder or a Hub id.

    Raises:
        RunError: no such run, or it has no model yet.
        ModelError: no model there, or none that classifies.
    """
    run = model if isinstance(model, Run) else _run_or_none(model)
    if run is None:
        return _load(str(model), modeling.find_base_model(str(model)))
    if not run.has_model and run.status.kind != "run":
        raise RunError(f"Run {run.id} tried settings and kept no model.", "Start a training with the settings it found.")
    if not run.has_model:
        raise RunError(f"Run {run.id} is {run.status.state} and has no model yet.", "Wait until it is completed.")
    return _load(run.id, modeling.find_base_model(str(run.model_folder)))


def load_untouched(run: Run) -> Classifier:
    """The run's model as it was before its first step: the base model with its new head, by the run's seed."""
    from tuner.structure import plain
    from tuner.training.build import build_model

    config = run.config
    trained = load_classifier(run)
    base = modeling.find_base_model(config.model.name, config.model.revision)
    tokenizer = modeling.load_tokenizer(base)
    model, _ = build_model(config, base, tokenizer, trained.labels)
    model = plain(model)  # fresh LoRA matrices change nothing
    return Classifier(config.model.name, model.eval(), tokenizer, trained.labels, trained.max_length)


def evaluate(
    model: Run | str, source: str | None = None, split: str = "test", on_progress: Callable[[int], None] | None = None
) -> EvaluationReport:
    """Scores a classifier on a split of a source.

    Args:
        model: run, run id, local folder or Hub id.
        source: where the rows come from; None for the run's own data.
        split: "train", "validation" or "test", as a training would see it.

    Raises:
        SourceError: no such split, or labels that are none of the model's.
        RunError, ModelError, NetworkError: as `load_classifier`.
    """
    run = model if isinstance(model, Run) else _run_or_none(model)
    if run and source is None and split == "test" and run.report:
        return run.report  # written by the worker from the same model and rows
    classifier = load_classifier(run or model)
    if source is not None:
        data = load_labelled(DataConfig(source=source))
    elif run:
        data = load_labelled(run.config.data)
    else:
        raise SourceError(f"'{model}' is no run, so its data is not known.", "Name a source, e.g. --data sample:tweets.")
    return score_on(classifier, data, split, on_progress)[0]


def score_on(
    classifier: Classifier, data: LabelledData, split: str, on_progress: Callable[[int], None] | None = None
) -> tuple[EvaluationReport, np.ndarray]:
    """The report of a classifier on a split, and the probabilities (rows × the classifier's labels) behind it.

    Raises:
        SettingsError: no such split.
        SourceError: labels that are none of the model's.
    """
    rows = data.splits[check_split(split)]
    ids = _ids_by_name(rows, data, classifier)
    probabilities = classifier.score(rows.texts, on_progress=on_progress)
    report = make_report(
        probabilities,
        ids,
        classifier.labels,
        model=classifier.name,
        source=data.source,
        split=split,
        fingerprint=data.fingerprint,
    )
    return report, probabilities


def write_predictions(path: Path, rows: Split, labels: Sequence[str], names: Sequence[str], probabilities: np.ndarray) -> None:
    """Writes `predictions.parquet`: row, text, label, predicted and one probability column per label.

    Args:
        labels: the classifier's label names, the columns of `probabilities`.
        names: the data's label names, by `rows.labels`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "row": list(rows.row_ids),
        "text": list(rows.texts),
        "label": [names[i] for i in rows.labels],
        "predicted": [labels[i] for i in probabilities.argmax(axis=1)],
        **{f"probability_{name}": probabilities[:, i] for i, name in enumerate(labels)},
    }
    temporary = path.with_suffix(".part")
    pq.write_table(pa.table(columns), temporary)
    temporary.replace(path)


def _ids_by_name(rows: Split, data: LabelledData, classifier: Classifier) -> list[int]:
    by_name = {name: index for index, name in enumerate(classifier.labels)}
    by_lower = {name.lower(): index for index, name in enumerate(classifier.labels)}
    mapping = {i: by_name.get(name, by_lower.get(name.lower())) for i, name in enumerate(data.labels)}
    unknown = sorted({data.labels[i] for i in set(rows.labels) if mapping[i] is None})
    if unknown:
        raise SourceError(
            f"The model does not know the labels {', '.join(unknown[:8])} of the data, only {', '.join(classifier.labels[:8])}.",
            "Take other data, or rename its labels with data.label_map.",
        )
    return [mapping[i] for i in rows.labels]  # type: ignore[misc]


def _run_or_none(name: str) -> Run | None:
    if name == "latest" or runs.is_run_id(name):
        return runs.get(name)
    return None


def _load(name: str, found: modeling.BaseModel) -> Classifier:
    model = modeling.load_trained(found)
    tokenizer = modeling.load_tokenizer(found)
    names = model.config.id2label
    if model.config.num_labels < 2:
        raise ModelError(f"'{name}' has {model.config.num_labels} output: it is no classifier.", "Take another model.")
    labels = tuple(str(names[i]) for i in range(model.config.num_labels))
    stored = tokenizer.model_max_length
    return Classifier(name, model, tokenizer, labels, min(stored, found.limit) if stored else found.limit)
