"""What happens beside a trial's training: its evaluations are collected, and it ends where it is hopeless."""

from collections.abc import Callable
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.study.plan import Metric
from tuner.study.proposals import Proposal
from tuner.training.callbacks import StopOnRequest


class Watch(TrainerCallback):
    """Collects a trial's evaluations, tells of its steps, and ends it where it is hopeless or a stop was asked for.

    Args:
        metric: what trials are compared by.
        stop: of the whole study.
        tell: called with the step and all steps, after each.

    Attributes:
        evaluations: validation scores without prefix, in order.
        pruned: whether the trial was ended because it was hopeless.
    """

    def __init__(self, proposal: Proposal, metric: Metric, stop: StopOnRequest, tell: Callable[[int, int], None]) -> None:
        self.proposal = proposal
        self.metric = metric
        self.stop = stop
        self.tell = tell
        self.evaluations: list[dict[str, float]] = []
        self.pruned = False
        self.seen_step = -1
        self._training = False

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._training = True

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self._training = False

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        self.tell(state.global_step, state.max_steps)

    def on_evaluate(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, metrics: dict[str, float], **kwargs: Any
    ) -> None:
        self.seen_step = state.global_step
        timing = ("eval_runtime", "eval_samples_per_second", "eval_steps_per_second", "eval_model_preparation_time")
        scores = {key.removeprefix("eval_"): float(value) for key, value in metrics.items() if key not in (*timing, "epoch")}
        self.evaluations.append(scores)
        hopeless = self.proposal.is_hopeless(scores[self.metric])
        if hopeless and self._training and state.global_step < state.max_steps:
            self.pruned = control.should_training_stop = True

    def of_the_model(self, keeps_best: bool) -> dict[str, float]:
        """The scores of the model a run would end with: the best evaluation's where that is kept, else the last one's."""
        if not keeps_best or self.pruned:
            return self.evaluations[-1]
        pick = min if self.metric == "loss" else max
        return pick(self.evaluations, key=lambda scores: scores[self.metric])


class NoCheckpoints(TrainerCallback):
    """Spares the disk: a trial is not resumed, and its scores are known without its weights. Comes last of the callbacks."""

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_save = False

    def on_epoch_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        control.should_save = False
