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
    from tuner import evaluations
    from tuner.inference import load_classifier
    from tuner.scoring import Extras, assess, calibrate

    last = 0.0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal last
        if time.monotonic() - last > 0.5:
            last = time.monotonic()
            count = f": {done:,} of {total:,} rows" if total > 2 else ""
            runs.write_status(run, message=f"Evaluating. {what}{count}")

    try:
        classifier = calibrate(load_classifier(run), data, run, progress)
        evaluation = assess(classifier, run.config.data, data, "test", Extras(), run, progress)
    except Exception as error:
        traceback.print_exc()
        return f"Trained, but the evaluation failed: {explain(error)}"
    report = evaluations.save(evaluation, run).report
    status = runs.write_status(run, metrics={**runs.read_status(run).metrics, **report.scores})
    runs.append_event(run, "report", step=status.step, split="test", **report.scores)
    scores = f"accuracy {report.accuracy:.3f}, macro F1 {report.macro_f1:.3f}, macro recall {report.macro_recall:.3f}"
    return f"Test rows: {scores} (n = {report.n:,})."
