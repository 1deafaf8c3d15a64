"""What happens beside a trial's training: its evaluations are collected, and it ends where it is hopeless."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.config import TrainingConfig
from tuner.evaluation.metrics import HIGHER_IS_BETTER
from tuner.sections.training import Metric
from tuner.study.proposals import Proposal
from tuner.training.averaging import PREFIX, at_least_as_good
from tuner.training.callbacks import StopOnRequest

_NO_SCORES = ("epoch", "runtime", "samples_per_second", "steps_per_second", "model_preparation_time")


class Watch(TrainerCallback):
    """Collects a trial's evaluations, tells of its steps, and ends it where it is hopeless or a stop was asked for.

    Args:
        metric: what trials are compared by.
        stop: of the whole study.
        tell: called with the step and all steps at every sign of life.

    Attributes:
        evaluations: validation scores without prefix, in order.
        of_mean: those of the mean of the weights, where one was made.
        pruned: whether the trial was ended because it was hopeless.
    """

    def __init__(self, proposal: Proposal, metric: Metric, stop: StopOnRequest, tell: Callable[[int, int], None]) -> None:
        self.proposal = proposal
        self.metric = metric
        self.stop = stop
        self.tell = tell
        self.begin()

    def begin(self) -> None:
        """Forgets an attempt that did not fit into memory: the trial begins anew, in smaller batches."""
        self.proposal.begin()
        self.evaluations: list[dict[str, float]] = []
        self.of_mean: dict[str, float] | None = None
        self.pruned = False
        self.seen_step = -1
        self._training = False
        self._at = (0, 0)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._training = True
        self.beat()

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._training = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._at = (state.global_step, state.max_steps)
        self.beat()

    def on_substep_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.beat()

    def on_prediction_step(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.beat("Validating")

    def beat(self, *_: Any) -> None:
        """A sign of life where nothing else is told; also as a progress function of any arguments."""
        self.tell(*self._at)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        of_mean = any(key.startswith(PREFIX) for key in metrics)
        plain = {key.removeprefix(f"{PREFIX if of_mean else 'eval'}_"): value for key, value in metrics.items()}
        scores = {key: float(value) for key, value in plain.items() if key not in _NO_SCORES}
        if of_mean:
            self.of_mean = scores
            return
        self.seen_step = state.global_step
        self.evaluations.append(scores)
        hopeless = self.proposal.is_hopeless(scores[self.metric])
        if hopeless and self._training and state.global_step < state.max_steps:
            self.pruned = control.should_training_stop = True

    def of_the_model(self, training: TrainingConfig) -> dict[str, float]:
        """The scores of the model a run would end with: the best evaluation's where that is kept, else the last one's.

        Those of the mean of the weights where a run would keep that.
        """
        kept = self.evaluations[-1]
        if training.keeps_best and not self.pruned:
            pick = max if self.metric in HIGHER_IS_BETTER else min
            kept = pick(self.evaluations, key=lambda scores: scores[self.metric])
        metric = training.metric_for_best_model
        if self.of_mean and (training.eval_strategy == "no" or at_least_as_good(self.of_mean[metric], kept[metric], metric)):
            return self.of_mean
        return kept


class NoCheckpoints(TrainerCallback):
    """Spares the disk: a trial is not resumed, and its scores are known without its weights. Comes last of the callbacks."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_save = False

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_save = False

    def on_evaluate(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_save = False
