"""The model of this Space: answers calibrated as its `tuner.json` says, and what each word of a text does to them."""

import json
import math
import re
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import HfApi, errors, hf_hub_download
from spans import without, word_spans
from transformers import AutoModelForSequenceClassification, AutoTokenizer

# More of a text is not looked at: what the models read ends long before.
MOST_CHARACTERS = 100_000
# Texts scored for one explanation.
MOST_WORDS = 200
_BATCH = 32
_SECONDS = 30
_SOMETHING = re.compile("[^\\s\u200b-\u200f\u2060\ufeff\u00ad]")
_HALF = re.compile("[\ud800-\udfff]")
_OTHER_PROBLEMS = {"multi_label_classification": "several labels a text", "regression": "numbers, not labels"}


class Refused(Exception):
    """A sentence of cause and one of cure."""


@dataclass(frozen=True)
class Answer:
    """One text's answer. `unsure`: the label's probability lies below the threshold; None where there is none."""

    text: str
    label: str
    probabilities: dict[str, float]
    tokens: int
    cut: bool
    unsure: bool | None

    def to_json(self) -> dict[str, object]:
        """{"text", "label", "probabilities"}, and "unsure" where the model has a threshold."""
        found: dict[str, object] = {"text": self.text, "label": self.label, "probabilities": self.probabilities}
        return found if self.unsure is None else found | {"unsure": self.unsure}


@dataclass(frozen=True)
class Word:
    """How much the label's probability falls without this word, which stands at `start` to `end` of the text."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True)
class Explanation:
    """Every word's part in a label, leaving one out at a time."""

    text: str
    label: str
    probability: float
    words: list[Word]
    warning: str


@dataclass(frozen=True)
class Classifier:
    """The loaded model. `report` is its evaluation as it was pushed; empty where there is none."""

    model: Any
    tokenizer: Any
    labels: list[str]
    max_length: int
    temperature: float
    threshold: float | None
    commit: str
    report: dict[str, Any]
    _lock: Any = field(default_factory=threading.Lock)

    def predict(self, texts: list[str]) -> list[Answer]:
        """Answers in the order of the texts, which `check` took."""
        texts = list(texts)
        with self._lock:
            lengths = [len(ids) for ids in self.tokenizer([text[:MOST_CHARACTERS] for text in texts])["input_ids"]]
            rows = self._probabilities(texts)
        found = []
        for text, row, length in zip(texts, rows, lengths, strict=True):
            sure = max(row)
            cut = length > self.max_length or len(text) > MOST_CHARACTERS
            unsure = None if self.threshold is None else sure < self.threshold
            named = dict(zip(self.labels, row, strict=True))
            found.append(Answer(text, self.labels[row.index(sure)], named, min(length, self.max_length), cut, unsure))
        return found

    def explain(self, text: str, label: str | None = None) -> Explanation:
        """The fall of a label's probability (None: that of the answer) without each of the first 200 words that were read."""
        with self._lock:
            seen = self._words(text)
            tried = seen[:MOST_WORDS]
            base = text[: seen[-1][1]] if seen else text[:MOST_CHARACTERS]
            changed = [without(base, [span]) for span in tried]
            readable = [rest for rest in dict.fromkeys(changed) if self._readable(rest)]
            answer, before, *after = self._probabilities([text, base, *readable])
        place = self.labels.index(label) if label else answer.index(max(answer))
        left = {rest: row[place] for rest, row in zip(readable, after, strict=True)}
        parts = [before[place] - left.get(rest, 1 / len(self.labels)) for rest in changed]
        words = [Word(text[start:end], start, end, part) for (start, end), part in zip(tried, parts, strict=True)]
        warning = f"The first {len(tried)} of {len(seen)} words were tried." if len(tried) < len(seen) else ""
        return Explanation(text, self.labels[place], answer[place], words, warning)

    def _probabilities(self, texts: list[str]) -> list[list[float]]:
        """float32, divided by the temperature before the softmax; the longest texts together, so that little is padded."""
        rows: dict[int, list[float]] = {}
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for first in range(0, len(order), _BATCH):
            part = order[first : first + _BATCH]
            batch = self._encode([texts[i] for i in part], padding=True, return_tensors="pt")
            with torch.inference_mode():
                inputs = {name: batch[name].to(self.model.device) for name in ("input_ids", "attention_mask")}
                logits = self.model(**inputs).logits.float()
            rows |= dict(zip(part, (logits / self.temperature).softmax(-1).cpu().double().tolist(), strict=True))
        return [rows[i] for i in range(len(texts))]

    def _encode(self, texts: list[str], **more: Any) -> Any:  # noqa: ANN401
        cut = [text[:MOST_CHARACTERS] for text in texts]
        return self.tokenizer(cut, truncation=True, max_length=self.max_length, **more)

    def _words(self, text: str) -> list[tuple[int, int]]:
        """The words the model reads."""
        offsets = self._encode([text], return_offsets_mapping=True)["offset_mapping"][0]
        end = max((end for _, end in offsets), default=0)
        return [(start, stop) for start, stop in word_spans(text[:MOST_CHARACTERS]) if start < end]

    def _readable(self, text: str) -> bool:
        """Whether the model reads more of it than what its tokenizer adds."""
        return bool(_SOMETHING.search(text)) and not all(
            self._encode([text], return_special_tokens_mask=True)["special_tokens_mask"][0]
        )


def check(texts: object, most: int) -> list[str]:
    """The texts, once they can be answered.

    Raises:
        Refused: none, too many, an empty one, or one that is no text.
    """
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not 0 < len(texts) <= most:
        raise Refused(f"Between 1 and {most} texts are answered at a time. Give a text, or a list of texts.")
    for position, text in enumerate(texts, 1):
        where = f"Text {position} of {len(texts)}"
        if not isinstance(text, str) or not _SOMETHING.search(text):
            raise Refused(f"{where} is empty. Give a text with at least one word.")
        if _HALF.search(text):
            raise Refused(f"{where} holds half a character. Give text that can be written as UTF-8.")
    return texts


def load(model_id: str) -> Classifier:
    """The model as it stands on the Hub now.

    Raises:
        Refused: it is missing, private, gated, no classifier of one label a text, or the Hub cannot be reached.
    """
    commit = _commit(model_id)
    place = {"revision": commit, "use_safetensors": True, "dtype": torch.float32}
    try:
        model = AutoModelForSequenceClassification.from_pretrained(model_id, **place).eval()
        tokenizer = AutoTokenizer.from_pretrained(model_id, revision=commit)
    except (OSError, ValueError, KeyError) as error:
        raise Refused(
            f"{model_id} cannot be loaded ({type(error).__name__}). It must be a text classifier with safetensors weights."
        ) from None
    config = model.config
    if config.problem_type in _OTHER_PROBLEMS:
        raise Refused(f"{model_id} was made for {_OTHER_PROBLEMS[config.problem_type]}. Take a model of one label a text.")
    if config.num_labels < 2:
        raise Refused(f"{model_id} has {config.num_labels} output, so it is no classifier. Take another model.")
    config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    answering = _json(model_id, "tuner.json", commit)
    threshold = answering.get("threshold")
    return Classifier(
        model=model.to("cuda" if torch.cuda.is_available() else "cpu"),
        tokenizer=tokenizer,
        labels=[str(config.id2label[i]) for i in range(config.num_labels)],
        max_length=min(tokenizer.model_max_length, getattr(config, "max_position_embeddings", 512)),
        temperature=_positive(answering.get("temperature")) or 1.0,
        threshold=_positive(threshold.get("value")) if isinstance(threshold, dict) else None,
        commit=commit,
        report=_json(model_id, "report.json", commit),
    )


def _commit(model_id: str) -> str:
    try:
        return HfApi().model_info(model_id, timeout=_SECONDS).sha
    except errors.GatedRepoError:
        raise Refused(f"{model_id} is gated. Put a token that may read it into this Space's secret HF_TOKEN.") from None
    except errors.RepositoryNotFoundError:
        raise Refused(
            f"{model_id} is not on the Hub, or it is private. A private one is read with a token in this Space's secret HF_TOKEN."
        ) from None
    except (errors.HTTPError, OSError):
        raise Refused(f"The Hub could not be asked for {model_id}. Restart this Space in some minutes.") from None


def _json(model_id: str, name: str, commit: str) -> dict[str, Any]:
    """A file beside the model; empty where there is none."""
    try:
        found = json.loads(Path(hf_hub_download(model_id, name, revision=commit)).read_text(encoding="utf-8"))
    except (errors.HTTPError, errors.EntryNotFoundError, OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _positive(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value > 0 and math.isfinite(value) else None
