"""The child process that trains one run: `python -m tuner.training.worker RUN_ID`.

It is its own process group, writes only into its run folder, and outlives the server and any page.
`completed` is written here, after the last step and the final evaluation, and nowhere else.
"""

import contextlib
import shutil
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tuner import augmentation, hub_read, modeling, runs
from tuner.config import RunConfig, TrainingConfig
from tuner.errors import RunFailed, disk_is_full, explain
from tuner.queue import turn
from tuner.runs import Run
from tuner.training import batches, processes, trackers
from tuner.training.outcome import evaluate, save_model
from tuner.training.time_limit import time_limit

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, Trainer

    from tuner.data.labelled import LabelledData
    from tuner.training.callbacks import StopOnRequest
    from tuner.training.trainer import ClassifierTrainer

_ENDED_BY_THE_MACHINE = "Stopped because the machine ended it. Resume goes on from here."


def main(run_id: str, work: Callable[[Run], None] | None = None) -> int:
    """Trains the run; 0 for completed and stopped, 1 for failed, whose cause is written in words.

    Args:
        work: what to do once it is the run's turn, where that is not one training.
    """
    hub_read.take_token()
    run = runs.get(run_id)
    runs.take_over(run)
    runs.keep_room(run)
    try:
        with turn(run) as granted, time_limit(run):
            if not granted:
                _finish(run, "stopped", "Stopped before it began.")
            elif work:
                work(run)
            elif run.config.training.num_processes > 1:
                _train_together(run)
            else:
                train(run)
    except BaseException as error:
        cause = explain(error)
        if disk_is_full(error):  # before anything is said, the log's traceback included: each takes room
            cause += _make_room(run)
        with contextlib.suppress(OSError):
            traceback.print_exc()
        runs.append_event(run, "state", state="failed", message=cause)
        runs.write_status(run, state="failed", message=cause, exit_code=1, finished=time.time(), eta=None)
        if not isinstance(error, Exception):
            raise
        return 1
    finally:
        runs.give_room(run)
    return 0


def _make_room(run: Run) -> str:
    """Gives the room that was kept for this and removes what was half written; says how much is free then."""
    from tuner.training import checkpoints

    runs.give_room(run)

    checkpoints.remove_torn(run.folder / "checkpoints", checkpoints.identity_of(run.config))
    for part in ("model.part", "adapter.part"):
        shutil.rmtree(run.folder / part, ignore_errors=True)
    return f" ({shutil.disk_usage(run.folder).free / 1e6:,.0f} MB are free now.)"


def _train_together(run: Run) -> None:
    """Trains in several processes, all of them anew with smaller batches when one runs out of memory."""
    while True:
        failure = processes.run_together(train_part, run.id, run.config.training.num_processes)
        if failure is None:
            return
        if failure.terminated:
            _finish(run, "stopped", _ENDED_BY_THE_MACHINE)
            return
        if failure.memory is None or not run.config.training.auto_find_batch_size:
            raise RunFailed(failure.cause)
        _note(run, batches.shrink(run, failure.memory.evaluating))


def train_part(run_id: str) -> None:
    """What each of several processes does."""
    train(runs.get(run_id))


@dataclass(frozen=True)
class _Material:
    """What a training is made of; the same however often it is begun."""

    data: "LabelledData"
    base: modeling.BaseModel
    tokenizer: "PreTrainedTokenizerBase"
    max_length: int


def train(run: Run) -> None:
    """Trains the run in this process, from its last whole checkpoint, and writes model and report.

    Of several processes the first writes the run's files.

    Raises:
        OutOfMemory: a batch does not fit, and there are several processes: all must begin anew.
    """
    _starting(run, "Loading the libraries")
    if processes.is_first():
        runs.write_status(run, started=runs.read_status(run).started or time.time())
    if run.config.training.report_to:
        trackers.write_into(run.folder / "trackers")
    import transformers

    from tuner import environment
    from tuner.training.callbacks import StopOnRequest

    transformers.logging.disable_progress_bar()
    if processes.is_first():
        environment.record(run)
    stop = StopOnRequest(run)
    with processes.first_goes_first():
        material = _read(run)
    while True:
        try:
            return _train_once(run, material, stop)
        except batches.OutOfMemory as error:
            if processes.count() > 1 or not run.config.training.auto_find_batch_size:
                raise
            evaluating = error.evaluating
        # Out here the error and all that its frames held are gone.
        _note(run, batches.shrink(run, evaluating))
        batches.free_memory()


def _read(run: Run) -> _Material:
    from tuner.data.labelled import check_pinned, load_labelled
    from tuner.data.profiling import max_length_for

    config = run.config
    _starting(run, "Reading the data")
    data = load_labelled(config.data)
    check_pinned(data, config.data)
    _starting(run, "Loading the base model")
    base = modeling.find_pinned(config.model)
    tokenizer = modeling.load_tokenizer(base)
    max_length = max_length_for(base, config.model.max_length, data.splits["train"])  # the same again after a resume
    tokenizer.model_max_length = max_length
    if augmentation.is_on(config.augmentation):
        _starting(run, "Making altered copies of training rows")
        data = augmentation.with_copies(config, data, base)
    for note in data.notes:
        _note(run, note)
    return _Material(data, base, tokenizer, max_length)


def _train_once(run: Run, material: _Material, stop: "StopOnRequest") -> None:
    """One attempt, in the batches that are thought to fit."""
    from tuner.structure import plain
    from tuner.training.build import build_model
    from tuner.training.speed import faster_steps

    config = batches.fitted(run)
    model, before = build_model(config, material.base, material.tokenizer, material.data.labels)
    _starting(run, "Counting tokens")
    trainer = _trainer(run, config, material, model, stop)
    resume = _whole_checkpoint(run)
    _say_how(run, trainer, before, resume)
    if stop.requested() and resume is None:
        _finish(run, "stopped", "Stopped before the first step.")
        return
    with faster_steps(plain(model), material.max_length):
        trainer.train(resume_from_checkpoint=str(resume) if resume else None)
        if trainer.state.global_step < trainer.state.max_steps and not stop.stopped:
            _note(run, _why_early(config.training, trainer.state.global_step, trainer.state.max_steps))
        _score(run, config, trainer, stop)
    model = _trained_model(config, material, trainer)
    processes.leave()
    if processes.is_first():
        _write_outcome(run, material, trainer, model, stop)


def _why_early(training: TrainingConfig, step: int, most: int) -> str:
    patience, metric = training.early_stopping_patience, training.metric_for_best_model
    return (
        f"Stopped early at step {step:,} of {most:,}: {metric} did not get better in {patience} validation"
        f"{'s' if patience != 1 else ''}."
    )


def _score(run: Run, config: RunConfig, trainer: "ClassifierTrainer", stop: "StopOnRequest") -> None:
    """Decides between the trained weights and their mean, where there is one; scores a model that was never validated."""
    from tuner.training.averaging import keep_the_better, metrics_of_kept, score_mean

    # A signal comes to one process sooner than to another, and they score together or not at all.
    terminated = processes.highest(int(stop.terminated)) > 0
    if said := keep_the_better(trainer, config.training, may_score=not terminated):
        _note(run, said)
    if config.training.eval_strategy == "no" and not stop.stopped:
        if trainer.averaging and trainer.averaging.count:
            score_mean(trainer)
        else:
            trainer.evaluate()
    if not (trainer.averaging and trainer.averaging.is_kept) and processes.is_first():
        # The latest validation was not always of the weights that are kept.
        runs.write_status(run, metrics={**runs.read_status(run).metrics, **metrics_of_kept(trainer)})


def _trainer(
    run: Run, config: RunConfig, material: _Material, model: "PreTrainedModel", stop: "StopOnRequest"
) -> "ClassifierTrainer":
    import transformers

    from tuner.training import checkpoints
    from tuner.training.build import build_trainer
    from tuner.training.callbacks import Progress, StopOnNotANumber, WholeCheckpoints

    folder, identity = run.folder / "checkpoints", checkpoints.identity_of(config)
    progress = [Progress(run)] if processes.is_first() else []
    callbacks = [WholeCheckpoints(identity), StopOnNotANumber(), stop, *progress]
    data, tokenizer = material.data, material.tokenizer
    trainer = build_trainer(config, data, model, tokenizer, material.max_length, folder, callbacks)
    if config.training.auto_find_batch_size and processes.count() == 1:

        def smaller() -> int:
            _note(run, batches.shrink(run, evaluating=True))
            return batches.fitted(run).training.per_device_eval_batch_size

        trainer.smaller_evaluation = smaller
    if not processes.is_first():  # else dropout would leave out the same units for other rows
        transformers.set_seed(config.training.seed + processes.rank())
    return trainer


def _whole_checkpoint(run: Run) -> Path | None:
    from tuner.training import checkpoints

    folder, identity = run.folder / "checkpoints", checkpoints.identity_of(run.config)
    if processes.is_first():
        for name in checkpoints.remove_torn(folder, identity):
            _note(run, f"{name} is not whole and was removed.")
    processes.wait_for_all()
    return checkpoints.newest_whole(folder, identity)


def _trained_model(config: RunConfig, material: _Material, trainer: "Trainer") -> "PreTrainedModel":
    """The trained model, in one piece; FSDP's is put together from all processes."""
    if not trainer.is_fsdp_enabled:
        return trainer.model
    from tuner.training.build import build_model

    weights = trainer.accelerator.get_state_dict(trainer.model)
    model, _ = build_model(config, material.base, material.tokenizer, material.data.labels)
    if processes.is_first():
        model.load_state_dict(weights)
    return model


def _write_outcome(
    run: Run,
    material: _Material,
    trainer: "Trainer",
    model: "PreTrainedModel",
    stop: "StopOnRequest",
) -> None:
    runs.write_status(
        run,
        step=trainer.state.global_step,
        max_steps=trainer.state.max_steps,
        epoch=float(trainer.state.epoch or 0),
        eta=None,
    )
    save_model(run, material.base, model, material.tokenizer)
    if stop.terminated:  # the machine is going down: seconds are left, and the checkpoint is written
        _finish(run, "stopped", _ENDED_BY_THE_MACHINE)
        return
    message = evaluate(run, material.data)
    _finish(run, "stopped" if stop.stopped else "completed", message)


def _note(run: Run, message: str) -> None:
    if processes.is_first():
        runs.append_event(run, "note", message=message)


def _starting(run: Run, message: str) -> None:
    if not processes.is_first():
        return
    runs.write_status(run, state="starting", message=message)
    runs.append_event(run, "state", state="starting", message=message)


def _finish(run: Run, state: str, message: str) -> None:
    if not processes.is_first():
        return
    status = runs.read_status(run)
    if state == "stopped":
        message = f"{run.stop_reason} {message}".strip()
    runs.append_event(run, "state", state=state, step=status.step, message=message)
    runs.write_status(run, state=state, message=message, exit_code=0, finished=time.time(), eta=None)


def _say_how(run: Run, trainer: "Trainer", before: int, resume: Path | None) -> None:
    import torch

    from tuner.hardware import cpu, describe, resolve_precision
    from tuner.structure import parameters_in_words

    device = describe()
    if device.kind == "cuda" and not torch.cuda.is_available():
        _note(
            run,
            f"torch {torch.__version__} finds no GPU, though there is one ({device.name}): this trains on the CPU. "
            "Install a CUDA build of torch, or a newer driver.",
        )
        device = cpu()
    precision, why = resolve_precision(run.config.training.precision)
    together = f" in {processes.count()} processes" if processes.count() > 1 else ""
    _note(
        run,
        f"{parameters_in_words(trainer.model, before)}; on {device.name}{together}, matrix products in {precision} ({why}), "
        f"texts cut at {trainer.processing_class.model_max_length} tokens.",
    )
    if resume:
        _note(run, f"Resumed from {resume.name}.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
