"""What a training leaves: the model, loadable by anybody, and its report on the test rows."""

import shutil
import time
import traceback
from typing import TYPE_CHECKING

from tuner import modeling, runs
from tuner.errors import explain
from tuner.runs import Run

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from tuner.data.labelled import LabelledData


def save_model(run: Run, base: modeling.BaseModel, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Writes `model/` beside its final place and moves it there, so that a half-written one is never taken for whole.

    LoRA's matrices are merged into it; the adapter itself is kept in `adapter/`.
    """
    from tuner.structure import is_lora, merge_lora, save_adapter

    part = run.folder / "model.part"
    shutil.rmtree(part, ignore_errors=True)
    if is_lora(model):
        adapter = run.folder / "adapter.part"
        shutil.rmtree(adapter, ignore_errors=True)
        save_adapter(model, adapter, *base.origin, whole=run.config.model.reshapes)
        shutil.rmtree(run.folder / "adapter", ignore_errors=True)
        adapter.rename(run.folder / "adapter")
        model = merge_lora(model)
    model.save_pretrained(part, safe_serialization=True)
    tokenizer.save_pretrained(part)
    shutil.rmtree(run.model_folder, ignore_errors=True)
    part.rename(run.model_folder)


def evaluate(run: Run, data: "LabelledData") -> str:
    """Scores the saved model on the test rows, writes report and predictions; returns the outcome in words.

    A failure here must not cost the trained model: the run stays what it is and says so.
    """
    from tuner.inference import load_classifier, score_on, write_predictions

    last = 0.0

    def progress(done: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.5:
            last = time.monotonic()
            runs.write_status(run, message=f"Evaluating: {done:,} of {len(data.splits['test']):,} test rows")

    try:
        classifier = load_classifier(run)
        report, probabilities = score_on(classifier, data, "test", progress)
    except Exception as error:
        traceback.print_exc()
        return f"Trained, but the evaluation failed: {explain(error)}"
    write_predictions(run.folder / "predictions.parquet", data.splits["test"], classifier.labels, data.labels, probabilities)
    runs.write_atomically(run.folder / "report.json", report.model_dump_json(indent=1))
    status = runs.write_status(run, metrics={**runs.read_status(run).metrics, **report.scores})
    runs.append_event(run, "report", step=status.step, split="test", **report.scores)
    scores = f"accuracy {report.accuracy:.3f}, macro F1 {report.macro_f1:.3f}, macro recall {report.macro_recall:.3f}"
    return f"Test rows: {scores} (n = {report.n:,})."
