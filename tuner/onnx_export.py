"""A run's model as an ONNX file, which answers without PyTorch; with 8-bit weights too, and what that costs."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tuner.data.labelled import check_pinned, load_labelled
from tuner.errors import ModelError, SettingsError
from tuner.evaluation.label_map import map_labels
from tuner.evaluation.metrics import score, softmax
from tuner.export import whole_folder, writable
from tuner.inference import Classifier, batches_by_length, load_classifier
from tuner.runs import Run

if TYPE_CHECKING:
    import torch
    from onnxruntime import InferenceSession

_MOST_ROWS = 2_000
_TIMED = 50
# A batch for the tracer: two rows, so that no axis is taken for one that is always 1.
_EXAMPLE = (2, 7)
# What an export may hold: a folder with anything else is not taken for one.
_OURS = {"model.onnx", "README.md"}
_NAMES = _OURS | {
    "model.int8.onnx", "config.json", "tokenizer.json", "tokenizer_config.json",
    "special_tokens_map.json", "added_tokens.json", "vocab.txt", "vocab.json", "merges.txt", "chat_template.jinja",
}  # fmt: skip
_README = """# {name} as ONNX

Needs `pip install onnxruntime tokenizers` and nothing else.

```python
import numpy as np
import onnxruntime
from tokenizers import Tokenizer

LABELS = {labels}
tokenizer = Tokenizer.from_file("tokenizer.json")
tokenizer.no_padding()
tokenizer.enable_truncation({max_length})
session = onnxruntime.InferenceSession("{model}")

encoded = tokenizer.encode("I love it")
ids = np.array([encoded.ids], dtype=np.int64)
logits = session.run(["logits"], {{"input_ids": ids, "attention_mask": np.ones_like(ids)}})[0][0] / {temperature}
shares = np.exp(logits - logits.max())
print(dict(zip(LABELS, shares / shares.sum())))
```
"""


@dataclass(frozen=True)
class Measured:
    """One form of the model.

    Attributes:
        size: MB of its weights' file.
        latency: ms for one text, p50.
        throughput: texts/s of all rows.
        agreement: share of rows with the original's answer.
        largest_difference: of a probability from the original's.
    """

    form: str
    size: float
    latency: float
    throughput: float
    accuracy: float
    macro_f1: float
    agreement: float
    largest_difference: float


@dataclass(frozen=True)
class Export:
    """What was written, and how it does on `rows` test rows of the run."""

    folder: str
    files: tuple[str, ...]
    rows: int
    forms: tuple[Measured, ...]

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return asdict(self)


def export(run: Run, folder: Path | None = None, int8: bool = False) -> Export:
    """Writes `model.onnx` (and `model.int8.onnx`) with tokenizer, config and a README, and measures them beside the original.

    The folder is there when it is whole; an earlier export there is replaced.

    Args:
        folder: new or empty, or of an earlier export; None for `onnx` in the run's folder.

    Raises:
        SettingsError: the packages are missing, or the folder holds something else.
        SourceError, NetworkError: the run's test rows cannot be read, or the folder cannot be written.
        ModelError: the model cannot be exported.
        RunError: the run has no model.
    """
    _require()
    folder = folder or run.folder / "onnx"
    _check_free(folder)
    classifier = load_classifier(run)
    texts, truth = _test_rows(run, classifier)
    with whole_folder(folder) as part:
        files = {"onnx": write_onnx(classifier, part / "model.onnx")}
        if int8:
            files["onnx int8"] = _quantized(classifier, files["onnx"])
        classifier.tokenizer.save_pretrained(part)
        classifier.model.config.save_pretrained(part)
        _write_readme(classifier, part, files)
        weights = run.model_folder / "model.safetensors"
        forms = [_measure("original", weights, lambda texts: classifier.score(texts, "fp32"), texts, truth)]
        for form, path in files.items():
            forms.append(_measure(form, path, answerer(classifier, path), texts, truth, forms[0][1]))
        names = tuple(sorted(path.name for path in part.iterdir()))
        _check_free(folder)  # once more: that took its time
    return Export(str(folder), names, len(texts), tuple(form for form, _ in forms))


def _check_free(folder: Path) -> None:
    """Refuses a file, and a folder that holds anything but an export."""
    cure = "Name another folder; nothing was written."
    with writable(folder):
        if folder.exists() and not folder.is_dir():
            raise SettingsError([f"{folder} is no folder."], cure)
        found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
        readme = (folder / "README.md").read_text("utf-8", "replace") if found >= _OURS else ""
    if found and not (found <= _NAMES and " as ONNX\n" in readme):
        raise SettingsError([f"{folder} is not empty, and holds more than an earlier export."], cure)


def _test_rows(run: Run, classifier: Classifier) -> tuple[Sequence[str], np.ndarray]:
    """The first 2,000 texts of the run's test split, and the positions of their labels.

    Raises:
        SourceError: the run's source holds other rows by now, which are parted anew.
    """
    data = load_labelled(run.config.data)
    check_pinned(data, run.config.data)
    test = data.splits["test"]
    rows = test.take(range(min(_MOST_ROWS, len(test))))
    return rows.texts, np.asarray(map_labels([data.labels[i] for i in rows.labels], classifier.labels), dtype=np.int64)


@contextlib.contextmanager
def _exporting(classifier: Classifier) -> Iterator[None]:
    """Says in words what exporter, quantizer and runtime raise: they have no error of their own that covers all."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        kind = classifier.model.config.model_type
        reason = " ".join(str(error).split())[:200]
        raise ModelError(
            f"A model of type '{kind}' cannot be exported ({type(error).__name__}: {reason}).", "Use it with PyTorch."
        ) from error


def write_onnx(classifier: Classifier, path: Path) -> Path:
    """Writes the model as one file: int64 `input_ids` and `attention_mask` (texts × tokens) in, float32 `logits` out.

    Raises:
        ModelError: the exporter cannot follow it.
    """
    import torch

    ids = torch.ones(_EXAMPLE, dtype=torch.long)
    axes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    with _exporting(classifier), classifier.place.hold(classifier.model) as device, torch.no_grad():
        torch.onnx.export(
            _logits(classifier.model),
            (ids.to(device), torch.ones_like(ids).to(device)),
            path,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes=(axes, axes),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return path


def answerer(classifier: Classifier, path: Path) -> Callable[[Sequence[str]], np.ndarray]:
    """What gives the probabilities (texts × labels) of an exported model.

    Raises:
        ModelError: the runtime cannot load it.
    """
    import onnxruntime

    with _exporting(classifier):
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda texts: _answers(classifier, session, texts)


def _answers(classifier: Classifier, session: "InferenceSession", texts: Sequence[str]) -> np.ndarray:
    rows = [encoding.ids for encoding in classifier.encode(texts)]
    result = np.empty((len(texts), len(classifier.labels)))
    for batch in batches_by_length([len(row) for row in rows], 1_024):
        longest = max(len(rows[i]) for i in batch)
        mask = np.array([[1] * len(rows[i]) + [0] * (longest - len(rows[i])) for i in batch], dtype=np.int64)
        pad = classifier.tokenizer.pad_token_id
        ids = np.array([rows[i] + [pad] * (longest - len(rows[i])) for i in batch], dtype=np.int64)
        logits = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
        result[batch] = softmax(logits / classifier.answering.temperature)
    return result


def _quantized(classifier: Classifier, path: Path) -> Path:
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    found = path.with_name("model.int8.onnx")
    with _exporting(classifier):
        model = onnx.load(path)
        del model.graph.value_info[:]  # the exporter leaves shapes of weights it has transposed since: they are inferred anew
        quantize_dynamic(model, found, weight_type=QuantType.QInt8)
    return found


def _measure(
    form: str,
    path: Path,
    answer: Callable[[Sequence[str]], np.ndarray],
    texts: Sequence[str],
    truth: np.ndarray,
    original: np.ndarray | None = None,
) -> tuple[Measured, np.ndarray]:
    answer(texts[:2])
    one = statistics.median(_seconds(lambda text=text: answer([text]))[0] for text in texts[:_TIMED])
    whole, found = _seconds(lambda: answer(texts))
    original = found if original is None else original
    numbers = score(found, truth)
    measured = Measured(
        form=form,
        size=path.stat().st_size / 1e6,
        latency=1_000 * one,
        throughput=len(texts) / whole,
        accuracy=numbers["accuracy"],
        macro_f1=numbers["macro_f1"],
        agreement=float((found.argmax(1) == original.argmax(1)).mean()),
        largest_difference=float(np.abs(found - original).max()),
    )
    return measured, found


def _seconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    begun = time.perf_counter()
    found = work()
    return time.perf_counter() - begun, found


def _write_readme(classifier: Classifier, folder: Path, files: dict[str, Path]) -> None:
    words = _README.format(
        name=classifier.name,
        labels=list(classifier.labels),
        max_length=classifier.max_length,
        model=list(files.values())[-1].name,
        temperature=classifier.answering.temperature,
    )
    (folder / "README.md").write_text(words, encoding="utf-8")


def _require() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("onnx", "onnxruntime", "onnxscript") if find_spec(name) is None]
    if missing:
        raise SettingsError([f"{' and '.join(missing)} not installed."], 'Run `pip install "tuner[onnx]"`.')


def _logits(model: "torch.nn.Module") -> "torch.nn.Module":
    import torch

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    return Logits().eval()
