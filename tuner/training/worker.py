"""The child process that trains one run: `python -m tuner.training.worker RUN_ID`.

It is its own process group, writes only into its run folder, and outlives the server and any page.
`completed` is written here, after the last step and the final evaluation, and nowhere else.
"""

import shutil
import sys
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import augmentation, hub_read, modeling, runs
from tuner.errors import SourceError, explain
from tuner.queue import turn
from tuner.runs import Run

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, Trainer

    from tuner.data.labelled import LabelledData


def main(run_id: str) -> int:
    """Trains the run; 0 for completed and stopped, 1 for failed, whose cause is written in words."""
    hub_read.take_token()
    run = runs.get(run_id)
    runs.take_over(run)
    try:
        with turn(run) as granted:
            if granted:
                _train(run)
            else:
                _finish(run, "stopped", "Stopped before it began.")
    except BaseException as error:
        traceback.print_exc()
        cause = explain(error)
        runs.append_event(run, "state", state="failed", message=cause)
        runs.write_status(run, state="failed", message=cause, exit_code=1, finished=time.time(), eta=None)
        if not isinstance(error, Exception):
            raise
        return 1
    return 0


def _train(run: Run) -> None:
    status = runs.read_status(run)
    _starting(run, "Loading the libraries")
    runs.write_status(run, started=status.started or time.time())
    import transformers

    from tuner import environment
    from tuner.data.labelled import load_labelled
    from tuner.structure import plain
    from tuner.training import checkpoints
    from tuner.training.build import build_model, build_trainer
    from tuner.training.callbacks import Progress, StopOnNotANumber, StopOnRequest, WholeCheckpoints
    from tuner.training.speed import faster_steps

    transformers.logging.disable_progress_bar()
    config = run.config
    environment.record(run)
    stop = StopOnRequest(run)
    _starting(run, "Reading the data")
    data = load_labelled(config.data)
    if config.data.fingerprint and data.fingerprint != config.data.fingerprint:
        raise SourceError(
            f"The data of '{config.data.source}' has changed since the run was made "
            f"({config.data.fingerprint[:12]}… is now {data.fingerprint[:12]}…).",
            "Start a new run on it.",
        )
    _starting(run, "Loading the base model")
    base = modeling.find_base_model(config.model.name, config.model.revision)
    tokenizer = modeling.load_tokenizer(base)
    max_length = _max_length(run, base, data)
    model, before = build_model(config, base, tokenizer, data.labels)
    tokenizer.model_max_length = max_length
    if augmentation.is_on(config.augmentation):
        _starting(run, "Making altered copies of training rows")
        data = augmentation.with_copies(config, data, base)
    for note in data.notes:
        runs.append_event(run, "note", message=note)
    _starting(run, "Counting tokens")
    folder = run.folder / "checkpoints"
    identity = checkpoints.identity_of(config)
    callbacks = [WholeCheckpoints(identity), StopOnNotANumber(), stop, Progress(run)]
    trainer = build_trainer(config, data, model, tokenizer, max_length, folder, callbacks)
    for name in checkpoints.remove_torn(folder, identity):
        runs.append_event(run, "note", message=f"{name} is not whole and was removed.")
    resume = checkpoints.newest_whole(folder, identity)
    _say_how(run, trainer, before, resume)
    if stop.requested and resume is None:
        _finish(run, "stopped", "Stopped before the first step.")
        return
    with faster_steps(plain(model), max_length):
        outcome = trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        if config.training.eval_strategy == "no" and not stop.stopped:
            trainer.evaluate()
    runs.write_status(
        run,
        step=trainer.state.global_step,
        max_steps=trainer.state.max_steps,
        epoch=float(trainer.state.epoch or 0),
        train_runtime=outcome.metrics.get("train_runtime"),
        eta=None,
    )
    _save_model(run, base, trainer, tokenizer)
    if stop.terminated:  # the machine is going down: seconds are left, and the checkpoint is written
        _finish(run, "stopped", "Stopped because the machine ended it. Resume goes on from here.")
        return
    message = _evaluate(run, data)
    _finish(run, "stopped" if stop.stopped else "completed", message)


def _starting(run: Run, message: str) -> None:
    runs.write_status(run, state="starting", message=message)
    runs.append_event(run, "state", state="starting", message=message)


def _finish(run: Run, state: str, message: str) -> None:
    status = runs.read_status(run)
    runs.append_event(run, "state", state=state, step=status.step, message=message)
    runs.write_status(run, state=state, message=message, exit_code=0, finished=time.time(), eta=None)


def _max_length(run: Run, base: modeling.BaseModel, data: "LabelledData") -> int:
    """The run's max_length; the same rows give the same one again after a resume."""
    from tuner.data.profiling import token_counts

    config = run.config
    counts = token_counts(base, data.splits["train"]) if config.model.max_length is None else []
    return modeling.choose_max_length(base, config.model.max_length, counts)


def _say_how(run: Run, trainer: "Trainer", before: int, resume: Path | None) -> None:
    from tuner.hardware import describe, resolve_precision
    from tuner.structure import parameters_in_words

    precision, why = resolve_precision(run.config.training.precision)
    runs.append_event(
        run,
        "note",
        message=f"{parameters_in_words(trainer.model, before)}; on {describe().name}, matrix products in {precision} ({why}), "
        f"texts cut at {trainer.processing_class.model_max_length} tokens.",
    )
    if resume:
        runs.append_event(run, "note", message=f"Resumed from {resume.name}.")


def _save_model(run: Run, base: modeling.BaseModel, trainer: "Trainer", tokenizer: "PreTrainedTokenizerBase") -> None:
    """Writes `model/` beside its final place and moves it there, so that a half-written one is never taken for whole.

    LoRA's matrices are merged into it; the adapter itself is kept in `adapter/`.
    """
    from tuner.structure import is_lora, merge_lora, save_adapter

    part = run.folder / "model.part"
    shutil.rmtree(part, ignore_errors=True)
    model = trainer.model
    if is_lora(model):
        adapter = run.folder / "adapter.part"
        shutil.rmtree(adapter, ignore_errors=True)
        save_adapter(model, adapter, base.location, base.revision, whole=run.config.model.reshapes)
        shutil.rmtree(run.folder / "adapter", ignore_errors=True)
        adapter.rename(run.folder / "adapter")
        model = merge_lora(model)
    model.save_pretrained(part, safe_serialization=True)
    tokenizer.save_pretrained(part)
    shutil.rmtree(run.model_folder, ignore_errors=True)
    part.rename(run.model_folder)


def _evaluate(run: Run, data: "LabelledData") -> str:
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
