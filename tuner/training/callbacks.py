"""What happens beside the training: progress, stopping, checkpoints that count, NaN."""

import contextlib
import math
import signal
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR, rotate_checkpoints

from tuner import runs
from tuner.errors import RunFailed
from tuner.runs import Run
from tuner.training import averaging, checkpoints, processes

_STATUS_SECONDS = 0.5


class Progress(TrainerCallback):
    """Writes events for every log and evaluation, and the status at most twice a second.

    Rates and the time left count this session alone: after a resume, steps done by an earlier
    worker took none of this one's time.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.rows_per_step = 1
        self.first_step = 0
        self.training_seconds = 0.0
        self.evaluation_seconds = 0.0
        self.evaluations = 0
        self._mark = 0.0
        self._written = 0.0
        self._sign = math.inf
        self._longest = 0.0
        self._seconds_before = runs.read_status(run).train_runtime or 0.0
        self._began = time.monotonic()
        self._interrupted = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.first_step = state.global_step
        self.rows_per_step = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        self._mark = self._began = self._sign = time.monotonic()
        runs.write_status(self.run, state="running", message="", step=state.global_step, max_steps=state.max_steps)
        runs.append_event(self.run, "state", state="running", step=state.global_step, max_steps=state.max_steps)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        # Fetching the batch counts as training; what an evaluation or a checkpoint took in between does not.
        if self._interrupted:
            self._mark = time.monotonic()
            self._interrupted = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        now = time.monotonic()
        self.training_seconds += now - self._mark
        self._mark = now
        self._show_life(args, state)

    def on_substep_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._show_life(args, state)

    def on_prediction_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._show_life(args, state, "Validating")

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        values = {key: value for key, value in (logs or {}).items() if isinstance(value, (int, float))}
        if "loss" in values:
            rate = {"train_samples_per_second": round(self.samples_per_second(state), 2)}
            runs.append_event(self.run, "log", step=state.global_step, **values, **rate, **memory_in_use())

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float],
        **kwargs: Any,
    ) -> None:
        marker = {"averaged": True} if any(key.startswith(averaging.PREFIX) for key in metrics) else {}
        values = {key.replace(averaging.PREFIX, "eval"): v for key, v in metrics.items() if isinstance(v, (int, float))}
        self.evaluation_seconds += values.get("eval_runtime", 0.0)
        self.evaluations += 1
        self._interrupted = True
        runs.append_event(self.run, "evaluate", step=state.global_step, **{"epoch": state.epoch, **values}, **marker)
        with contextlib.suppress(OSError):  # as in `_write`
            runs.write_status(self.run, metrics={**runs.read_status(self.run).metrics, **values})

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._interrupted = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._write(args, state)

    def samples_per_second(self, state: TrainerState) -> float:
        """Training rows a second in this session, evaluations and saving not counted."""
        return (state.global_step - self.first_step) * self.rows_per_step / max(self.training_seconds, 1e-9)

    def seconds_left(self, args: TrainingArguments, state: TrainerState) -> float | None:
        """Steps left at this session's rate, and validations left at their mean time."""
        done = state.global_step - self.first_step
        if done < 1:
            return None
        left = (state.max_steps - state.global_step) * self.training_seconds / done
        if self.evaluations and args.eval_strategy != "no":
            every = args.eval_steps if args.eval_strategy == "steps" else state.max_steps / max(args.num_train_epochs, 1)
            validations = (state.max_steps - state.global_step) / max(every, 1)
            left += validations * self.evaluation_seconds / self.evaluations
        return left

    def _show_life(self, args: TrainingArguments, state: TrainerState, message: str = "") -> None:
        now = time.monotonic()
        self._longest, self._sign = max(self._longest, now - self._sign), now
        if now - self._written > _STATUS_SECONDS:
            self._write(args, state, message)

    @property
    def train_runtime(self) -> float:
        """Seconds the run has trained so far, validations and earlier sessions included."""
        return self._seconds_before + time.monotonic() - self._began

    def _write(self, args: TrainingArguments, state: TrainerState, message: str = "") -> None:
        self._written = time.monotonic()
        with contextlib.suppress(OSError):  # a full disk must fail a checkpoint, not a progress line
            runs.write_status(
                self.run,
                state="stopping" if self.run.stop_requested else "running",
                message=message,
                step=state.global_step,
                max_steps=state.max_steps,
                epoch=float(state.epoch or 0),
                eta=self.seconds_left(args, state),
                longest_silence=self._longest,
                train_runtime=self.train_runtime,
                train_samples_per_second=self.samples_per_second(state) if state.global_step > self.first_step else None,
            )


def memory_in_use() -> dict[str, int]:
    """Bytes this process has in memory now, and on its GPU where it has one."""
    import psutil
    import torch

    used = {"memory": psutil.Process().memory_info().rss}
    if torch.cuda.is_available():
        used["gpu_memory"] = torch.cuda.memory_reserved()
    return used


class SaveTheBest(TrainerCallback):
    """Makes a checkpoint of every validation that is the best so far, also between two that are due.

    The library takes the best of the checkpoints there are, and forgets about them while the best validation has none.
    """

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        if _is_best(args, state, metrics):
            control.should_save = True


def _is_best(args: TrainingArguments, state: TrainerState, metrics: dict[str, float]) -> bool:
    """Whether these are better than all before, as the library decides after its callbacks."""
    score = metrics.get(f"eval_{args.metric_for_best_model}", math.nan)
    if state.best_metric is None:
        return not math.isnan(score)
    return score > state.best_metric if args.greater_is_better else score < state.best_metric


class StopOnRequest(TrainerCallback):
    """Ends the training after the step in hand, with a checkpoint, when a STOP file or SIGTERM came.

    The checkpoint is the one an uninterrupted run could have made: the library validates whenever an epoch is left, also in its
    midst, and that score must neither count as the best, nor against early stopping or the rate, once the run goes on. So it is
    made before that, and not made again. At an epoch's end the validation is due, and the checkpoint comes after it.

    Several processes ask each other after every step: one that ended alone would leave the others waiting for it.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.terminated = False
        self.stopped = False
        self._in_mid_epoch = self._left_early = False
        signal.signal(signal.SIGTERM, self._on_sigterm)

    def _on_sigterm(self, *_: object) -> None:
        self.terminated = True

    def requested(self) -> bool:
        """Whether the run should end early; all processes ask at once and get the same answer."""
        heard = processes.highest(2 if self.terminated else int(self.run.stop_requested))
        self.terminated = heard == 2
        return heard > 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if self.requested() and state.global_step < state.max_steps:
            self.stopped = True
            control.should_training_stop = True
            self._in_mid_epoch = not float(state.epoch or 0).is_integer()
            control.should_save |= self._in_mid_epoch

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        if not self.stopped:
            return
        if not self._in_mid_epoch:
            control.should_save = control.should_evaluate or not _checkpoint(args, state).is_dir()
            return
        self._left_early = True
        control.should_save = False
        if self.terminated:  # seconds are left
            control.should_evaluate = False

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        if self._left_early:
            control.should_save = False
            if _is_best(args, state, metrics) and _checkpoint(args, state).is_dir():
                state.best_model_checkpoint = str(_checkpoint(args, state))

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._left_early = False


def _checkpoint(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"


class WholeCheckpoints(TrainerCallback):
    """Gives a checkpoint its manifest, last: without one it does not count. Then those that are too many go.

    The library removes them before: a kill in between would leave the best one alone, from a time long past.
    """

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.limit: int | None = None

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.limit, args.save_total_limit = args.save_total_limit, None

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        processes.wait_for_all()  # each has written the state of its own random numbers
        folder = _checkpoint(args, state)
        if state.is_world_process_zero and folder.is_dir():
            checkpoints.seal(folder, state.global_step, self.identity)
            rotate_checkpoints(args.output_dir, self.limit, state.best_model_checkpoint)


class StopOnNotANumber(TrainerCallback):
    """Fails the run at the first logged loss or gradient norm that is no finite number.

    In fp16 a gradient that overflows is no end: its step is left out, and the loss scaled by less (Micikevicius et al. 2018).
    """

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        for name in ("loss", "eval_loss") if args.fp16 else ("loss", "grad_norm", "eval_loss"):
            value = (logs or {}).get(name)
            if isinstance(value, float) and not math.isfinite(value):
                raise diverged(f"{name} is {value}", state.global_step)


def diverged(how: str, step: int) -> RunFailed:
    """What is raised where the numbers are no longer finite."""
    cure = "Lower the learning rate, lengthen the warm-up, or set max_grad_norm to 1."
    return RunFailed(f"The training diverged: {how} at step {step}.", cure)
