"""Classifiers: load one, and have it answer texts."""

import functools
import re
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tuner import modeling, runs
from tuner.data.reading import is_blank
from tuner.errors import ModelError, RunError, SourceError
from tuner.evaluation.calibration import Threshold, apply_temperature
from tuner.evaluation.metrics import softmax
from tuner.hardware import autocast, resolve_precision, torch_device
from tuner.runs import Run

if TYPE_CHECKING:
    import torch
    from tokenizers import Encoding, Tokenizer
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Longer texts are cut before they reach the tokenizer, which reads the whole text whatever the
# truncation (4.6 s for 10 MB); 100,000 characters are more tokens than the base models read.
MOST_CHARACTERS = 100_000
# Tokens of a batch, padding included. On a CPU in float32 the states of more than 1,024 fall out of its caches.
_BATCH_TOKENS = 8_192
_BATCH_TOKENS_CPU = 1_024
# Texts whose tokens are in memory at a time: enough to find batches of like length among them.
_CHUNK = 8_192
# Before a run's id: its model as it was before its first step.
UNTOUCHED = "untouched:"
_ANSWERING = "tuner.json"
# What some programs make of an emoji that they cut in two; no tokenizer and no file takes it.
_HALF = re.compile("[\ud800-\udfff]")
_OTHER_PROBLEMS = {"multi_label_classification": "several labels a text", "regression": "numbers, not labels"}


class Answering(BaseModel):
    """How a model's outputs become answers; kept with the model, in `tuner.json`.

    Attributes:
        temperature: what the logits are divided by (Guo et al. 2017); 1 leaves them as they are.
        fitted_on: the split it was fitted on, and how many rows of it; empty where that was not tried.
        unfitted: why these rows tell no temperature; empty where they do.
        threshold: the confidence below which the answer is "unsure"; None where there always is an answer.
    """

    model_config = ConfigDict(frozen=True)

    temperature: float = Field(1.0, gt=0, allow_inf_nan=False)
    fitted_on: str = ""
    n_fitted: int = 0
    unfitted: str = ""
    threshold: Threshold | None = None


@dataclass(frozen=True)
class Prediction:
    """One text's answer.

    Attributes:
        probabilities: label name → probability, in the model's order.
        tokens: tokens read, special ones included.
        cut: whether the text was longer than the model reads.
        read: its characters up to the last token read.
        unsure: whether the probability of the label lies below the classifier's threshold; None where it has none.
    """

    text: str
    label: str
    probabilities: dict[str, float]
    tokens: int
    cut: bool
    unsure: bool | None = None
    read: int = 0

    def to_json(self) -> dict[str, object]:
        """{"text", "label", "probabilities"}, and "unsure" where the classifier has a threshold."""
        found: dict[str, object] = {"text": self.text, "label": self.label, "probabilities": self.probabilities}
        return found if self.unsure is None else found | {"unsure": self.unsure}


def uncalibrated(prediction: Prediction, answering: Answering) -> Prediction:
    """The answer as the model itself gives it: without the temperature and threshold it was given with."""
    shares = apply_temperature(list(prediction.probabilities.values()), 1 / answering.temperature)
    return replace(prediction, probabilities=dict(zip(prediction.probabilities, shares.tolist(), strict=True)), unsure=None)


class Place:
    """Where a model computes. It is moved there when it is next needed, and used by one thread at a time.

    Args:
        choose: asked before each batch; "cuda", "mps" or "cpu". None: `Place.default`.

    Attributes:
        default: where classifiers of this process compute that were given no place of their own. A server, whose evaluations
            and comparisons load some, leaves the accelerator to trainings by it.
    """

    default: ClassVar[Callable[[], str]] = staticmethod(torch_device)

    def __init__(self, choose: Callable[[], str] | None = None) -> None:
        self._choose = choose
        self._lock = threading.RLock()

    @contextmanager
    def hold(self, model: "torch.nn.Module") -> Iterator[str]:
        """Inside it the model is on the device given, and stays there."""
        with self._lock:
            device = (self._choose or Place.default)()
            before = next(model.parameters()).device.type
            if before != device:
                model.to(device)
                if before == "cuda":
                    import torch

                    torch.cuda.empty_cache()
            yield device


@dataclass(frozen=True)
class Classifier:
    """A loaded model with its label names and tokenizer.

    Attributes:
        name: what it was loaded from: run id, folder or Hub id.
        max_length: tokens it reads of a text.
        answering: its temperature and threshold.
        place: where it computes; `with classifier.place.hold(classifier.model) as device` for who calls the model itself.
    """

    name: str
    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    labels: tuple[str, ...]
    max_length: int
    answering: Answering = field(default_factory=Answering)
    place: Place = field(default_factory=Place, repr=False, compare=False)

    def plain(self) -> "Classifier":
        """The same without temperature and threshold: what transformers' own pipeline answers."""
        return replace(self, answering=Answering())

    def predict(self, texts: Iterable[str] | str) -> list[Prediction]:
        """Answers for texts, in their order, in float32: alone or in a batch, a text gets the same answer.

        Args:
            texts: any texts in a row; a string is one text, and its answer a list of one.

        Raises:
            SourceError: a text is empty or no string, or this is a table instead of its column.
            ModelError: an answer is no finite number.
        """
        texts = check_texts(texts)
        encoded = self.encode(texts)
        found = self._probabilities(encoded, "fp32")
        if not np.isfinite(found).all():
            raise diverged(self.name)
        threshold = self.answering.threshold
        return [
            Prediction(
                text=text,
                label=self.labels[int(row.argmax())],
                probabilities=dict(zip(self.labels, row.tolist(), strict=True)),
                tokens=len(encoding.ids),
                cut=bool(encoding.overflowing) or len(text) > MOST_CHARACTERS,
                unsure=bool(row.max() < threshold.value) if threshold else None,
                read=max((end for _, end in encoding.offsets), default=0),
            )
            for text, row, encoding in zip(texts, found, encoded, strict=True)
        ]

    def score(
        self, texts: Iterable[str] | str, precision: str = "auto", on_progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        """Probabilities (texts × labels, float64), in batches of like length.

        Args:
            texts: as for `predict`, empty ones included.
            precision: as `training.precision`; "auto" is several times as fast as "fp32" on hardware with bf16.
            on_progress: called with the number of texts done so far.

        Raises:
            SourceError: a text is no string, or this is a table instead of its column.
        """
        texts = text_list(texts)
        result = np.empty((len(texts), len(self.labels)))
        for start in range(0, len(texts), _CHUNK):
            chunk = texts[start : start + _CHUNK]
            say = (lambda done, start=start: on_progress(start + done)) if on_progress else None
            result[start : start + len(chunk)] = self._probabilities(self.encode(chunk), precision, say)
        return result

    def encode(self, texts: Sequence[str]) -> "list[Encoding]":
        """Each text's tokens, at most `max_length`; `overflowing` where the text was longer."""
        return _reader(self.tokenizer, self.max_length).encode_batch([text[:MOST_CHARACTERS] for text in texts])

    @functools.cached_property
    def _quick(self) -> "PreTrainedModel":
        from tuner.training.speed import first_token_alone

        return first_token_alone(self.model)

    @functools.cached_property
    def _laid_out(self) -> "PreTrainedModel":
        from tuner.packed import packed

        return packed(self.model)

    @functools.cached_property
    def _packed(self) -> "PreTrainedModel":
        from tuner.training.speed import first_token_alone

        # In this order: what computes the first token alone holds on to the layer it was made of.
        return first_token_alone(self._laid_out)

    @functools.cached_property
    def _unpadded(self) -> "Callable[[list[list[int]]], torch.Tensor] | None":
        from tuner.unpadded import unpadded

        return unpadded(self._laid_out)

    def _probabilities(
        self, encoded: "list[Encoding]", precision: str, on_progress: Callable[[int], None] | None = None
    ) -> np.ndarray:
        import torch

        exact = resolve_precision(precision)[0] == "fp32"
        result = np.empty((len(encoded), len(self.labels)))
        ids = [encoding.ids for encoding in encoded]
        with self.place.hold(self.model) as device:  # the weights are laid out where they lie
            small = exact and device == "cpu"
            padded = not small or self._unpadded is None
        most = _BATCH_TOKENS_CPU if small else _BATCH_TOKENS
        done = 0
        for batch in batches_by_length([len(row) for row in ids], most, padded):
            texts = [ids[i] for i in batch]
            with (
                self.place.hold(self.model) as device,
                torch.inference_mode(),
                nullcontext() if exact else autocast(precision, device),
            ):
                on_cpu = exact and device == "cpu"
                if on_cpu and self._unpadded:
                    logits = self._unpadded(texts)
                else:
                    rows = _padded(texts, self.tokenizer.pad_token_id)
                    model = self._packed if on_cpu else self._quick
                    logits = model(**{name: tensor.to(device) for name, tensor in rows.items()}).logits
                result[batch] = softmax(logits.float().cpu().numpy() / self.answering.temperature)
            done += len(batch)
            if on_progress:
                on_progress(done)
        return result


def diverged(name: str) -> ModelError:
    """That a model's answers are no numbers."""
    return ModelError(f"'{name}' does not answer with finite numbers.", "Train it anew; it has diverged.")


def text_list(texts: Iterable[str] | str) -> list[str]:
    """Texts as a list: a string is one text and not its letters, and what can be read once only is read.

    Raises:
        SourceError: one is no string, or this is a table instead of its column.
    """
    if isinstance(texts, str):
        return [texts]
    # A table's and a mapping's names, and the numbers of bytes, would be read for texts.
    if isinstance(texts, Mapping | bytes) or hasattr(texts, "columns") or not isinstance(texts, Iterable):
        cure = 'Give a list of strings; of a table one column, as table["text"].'
        raise SourceError(f"{type(texts).__name__} is no list of texts.", cure)
    found = list(texts)
    for position, text in enumerate(found, 1):
        if text is None:
            raise _empty(position, found)
        if not isinstance(text, str):
            given = f"{type(text).__name__} {str(text)[:40]}"
            raise SourceError(f"Text {position} of {len(found)} is no text ({given}).", "Give strings.")
    return found


def check_text(text: str) -> None:
    """Refuses what cannot be answered where one text is asked for.

    Raises:
        SourceError: it is no string, there is nothing to see in what would be read of it, or half a character in it.
    """
    if not isinstance(text, str):
        raise SourceError(f"There is nothing to see in {type(text).__name__} {str(text)[:40]}: it is no text.", "Give a string.")
    if is_blank(text[:MOST_CHARACTERS]):
        raise SourceError("There is nothing to see in the text.", "Give a text with at least one word.")
    check_texts([text])


def check_texts(texts: Iterable[str] | str) -> list[str]:
    """The texts as a list, where a model can answer each of them.

    Raises:
        SourceError: a text is no string, is empty, or holds nothing but signs that take no room; or as `text_list`.
    """
    texts = text_list(texts)
    for position, text in enumerate(texts, 1):
        if is_blank(text):
            raise _empty(position, texts)
        if not text.isascii() and _HALF.search(text):
            raise SourceError(
                f"Text {position} of {len(texts)} holds half a character.", "Give text that can be written as UTF-8."
            )
    return texts


def _empty(position: int, texts: Sequence[str]) -> SourceError:
    return SourceError(f"Text {position} of {len(texts)} is empty.", "Give a text with at least one word.")


# Tokenizer → most tokens → a copy set to cut there. transformers sets its own anew at each call, so that of two threads one
# could read with the other's settings.
_readers: "weakref.WeakKeyDictionary[PreTrainedTokenizerBase, dict[int, Tokenizer]]" = weakref.WeakKeyDictionary()


def _reader(tokenizer: "PreTrainedTokenizerBase", max_length: int) -> "Tokenizer":
    from tokenizers import Tokenizer

    known = _readers.setdefault(tokenizer, {})
    if max_length not in known:
        made = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
        made.no_padding()
        made.enable_truncation(max_length, direction=tokenizer.truncation_side)
        known[max_length] = made
    return known[max_length]


def _padded(rows: list[list[int]], pad: int) -> "dict[str, torch.Tensor]":
    """`input_ids` and `attention_mask` (rows × longest), padded on the right."""
    import torch

    longest = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (longest - len(row)) for row in rows])
    lengths = torch.tensor([[len(row)] for row in rows])
    return {"input_ids": ids, "attention_mask": (torch.arange(longest) < lengths).long()}


def batches_by_length(lengths: list[int], most_tokens: int = _BATCH_TOKENS, padded: bool = True) -> list[list[int]]:
    """Positions sorted by length, in batches of at most `most_tokens` tokens (and 128 rows).

    Where rows are padded to the longest that counts, too, and where it would be more than a tenth of `most_tokens` another batch
    is begun: 20 tweets on a CPU, 125 ms instead of 138.
    """
    batches: list[list[int]] = []
    longest = tokens = padding = 0
    for position in sorted(range(len(lengths)), key=lengths.__getitem__, reverse=True):
        length = lengths[position]
        row = longest if padded else length
        full = batches and (len(batches[-1]) == 128 or tokens + row > most_tokens)
        if not batches or full or padding + row - length > most_tokens / 10:
            batches.append([])
            longest = row = length
            tokens = padding = 0
        batches[-1].append(position)
        tokens += row
        padding += row - length
    return batches


def load_classifier(model: Run | str | Path) -> Classifier:
    """A classifier from a run, a run id, a local folder, a Hub id, or `untouched:RUN_ID` (see `load_untouched`).

    Raises:
        RunError: no such run, or it has no model yet.
        ModelError: no model there, none that classifies, or no name of one.
    """
    if isinstance(model, str) and model.startswith(UNTOUCHED):
        return load_untouched(runs.get(model.removeprefix(UNTOUCHED)))
    run = model if isinstance(model, Run) else run_or_none(model)
    if run is None:
        return _load(str(model), modeling.find_base_model(str(model)))
    if not run.has_model and run.status.kind != "run":
        raise RunError(f"Run {run.id} tried settings and kept no model.", "Start a training with the settings it found.")
    if not run.has_model:
        raise _without_model(run)
    return _load(run.id, modeling.find_base_model(str(run.model_folder)))


def _without_model(run: Run) -> RunError:
    state = run.status.state
    if state == "completed":
        return RunError(
            f"The model of run {run.id} is missing: its folder '{run.model_folder.name}' was removed.",
            "Put it back, or train again.",
        )
    cure = "Resume it." if state in runs.RESUMABLE else "Wait until it is completed."
    return RunError(f"Run {run.id} is {state} and has no model yet.", cure)


def load_untouched(run: Run) -> Classifier:
    """The run's model as it was before its first step: the base model with its new head, by the run's seed.

    Raises:
        RunError, ModelError, NetworkError: as `load_classifier`, or the base model is another by now.
    """
    from tuner.structure import plain
    from tuner.training.build import build_model

    config = run.config
    trained = load_classifier(run)
    base = modeling.find_pinned(config.model)
    tokenizer = modeling.load_tokenizer(base)
    model, _ = build_model(config, base, tokenizer, trained.labels)
    model = plain(model)  # fresh LoRA matrices change nothing
    return Classifier(config.model.name, model.eval(), tokenizer, trained.labels, trained.max_length)


def load_answering(folder: Path) -> Answering:
    """What `tuner.json` beside a model says; plain answers where there is none, or it is damaged."""
    try:
        return Answering.model_validate_json((folder / _ANSWERING).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Answering()


def save_answering(folder: Path, answering: Answering) -> None:
    """Writes `tuner.json` beside a model."""
    runs.write_atomically(folder / _ANSWERING, answering.model_dump_json(indent=1))


def run_or_none(name: str | Path) -> Run | None:
    """The run a person means by a name; None where it is a folder or a Hub id.

    Raises:
        ModelError: it is no name.
        RunError: no such run.
    """
    if not isinstance(name, str | Path):
        raise ModelError(f"{repr(name)[:40]} is no model.", "Give a run, its id, a folder or a Hub id.")
    name = str(name)
    if name == "latest" or runs.is_run_id(name):
        return runs.get(name)
    return None


def _load(name: str, found: modeling.BaseModel) -> Classifier:
    model = modeling.load_trained(found)
    tokenizer = modeling.load_tokenizer(found)
    # GPT-2's head pools the last token that is not this one: with none it refuses a batch above 1, and with another
    # than texts are padded with it pools the padding.
    model.config.pad_token_id = tokenizer.pad_token_id
    if model.config.problem_type in _OTHER_PROBLEMS:
        raise ModelError(
            f"'{name}' was made for {_OTHER_PROBLEMS[model.config.problem_type]}.", "Take a model of one label a text."
        )
    if model.config.num_labels < 2:
        raise ModelError(f"'{name}' has {model.config.num_labels} output: it is no classifier.", "Take another model.")
    labels = tuple(modeling.in_order(name, model.config.id2label))
    stored = tokenizer.model_max_length
    max_length = min(stored, found.limit) if stored else found.limit
    return Classifier(name, model, tokenizer, labels, max_length, load_answering(Path(found.location)))
