"""Stochastic weight averaging (Izmailov et al. 2018): the model is the mean of its weights over the last steps.

No model that is offered has buffers that training changes, so that the mean of the trained weights is all there is to it.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.optim.swa_utils import get_swa_multi_avg_fn
from transformers import EarlyStoppingCallback, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from tuner.config import TrainingConfig
from tuner.evaluation.metrics import HIGHER_IS_BETTER

if TYPE_CHECKING:
    from tuner.training.trainer import ClassifierTrainer

# What an evaluation of the mean is called in the logs; others are "eval".
PREFIX = "eval_averaged"
_FILE = "averaged.safetensors"


def steps_averaged(share: float, max_steps: int) -> int:
    """How many of the last steps of `max_steps` are averaged; at least one."""
    return max(1, round(share * max_steps))


class WeightAveraging(TrainerCallback):
    """Keeps a running mean of the trained weights, in their own float32 and on their device, and saves it with checkpoints.

    After each step, since that is cheap: an update took 7 ms on a core where a step of `sample:minilm` took 850 ms. Every
    process holds the same mean. A checkpoint's `averaged.safetensors` holds it by parameter name, and the number of steps.

    Args:
        share: of all steps; the last ones are averaged.

    Attributes:
        count: steps averaged so far.
        is_kept: whether the mean has become the trained model's weights.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self.count = 0
        self.is_kept = False
        self._trained: dict[str, torch.nn.Parameter] = {}
        self._mean: list[torch.Tensor] = []
        self._update = get_swa_multi_avg_fn()

    def first_step(self, max_steps: int) -> int:
        """The first step after which the weights count, from 1."""
        return max_steps - steps_averaged(self.share, max_steps) + 1

    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        **kwargs: object,
    ) -> None:
        """Notes what is trained (that which waits to be unfrozen, too), and takes up the mean of the checkpoint at hand."""
        trained = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        self._trained = {name: p for name, p in model.named_parameters() if id(p) in trained}
        self.count, self._mean = 0, []
        if state.global_step >= self.first_step(state.max_steps):
            self._read(_file_of(args, state))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Takes the step's weights into the mean."""
        if state.global_step < self.first_step(state.max_steps):
            return
        weights = [parameter.detach() for parameter in self._trained.values()]
        if self.count:
            self._update(self._mean, weights, self.count)
        else:
            self._mean = [tensor.clone(memory_format=torch.contiguous_format) for tensor in weights]
        self.count += 1

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Writes the mean into the checkpoint; comes before the callback that seals it."""
        file = _file_of(args, state)
        if self.count and state.is_world_process_zero and file.parent.is_dir():
            save_file(dict(zip(self._trained, self._mean, strict=True)), file, {"count": str(self.count)})

    def swap(self) -> None:
        """Puts the mean into the model and the model's weights in its place; done twice, all is as before."""
        with torch.no_grad():
            for parameter, mean in zip(self._trained.values(), self._mean, strict=True):
                weights = parameter.clone()
                parameter.copy_(mean)
                mean.copy_(weights)

    def _read(self, file: Path) -> None:
        with safe_open(file, framework="pt") as saved:
            self.count = int(saved.metadata()["count"])
            self._mean = [saved.get_tensor(name).to(parameter.device) for name, parameter in self._trained.items()]


def _file_of(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(args.output_dir) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / _FILE


def keep_the_better(trainer: "ClassifierTrainer", config: TrainingConfig, may_score: bool = True) -> str:
    """Makes the mean the trained model's weights if it scores at least as well on validation; says so in words.

    It is compared with what the Trainer kept, the best checkpoint or the last weights, by `metric_for_best_model`. Where
    `eval_strategy` is "no", nothing of a run is chosen by the validation rows: the mean is kept without asking.
    All processes come here together.

    Args:
        may_score: False where there is no time for it; then the mean is kept only if it need not be scored.

    Returns:
        "" where `weight_averaging` is not set.
    """
    averaging, last = trainer.averaging, trainer.state.global_step
    if averaging is None:
        return ""
    if not averaging.count:
        first = averaging.first_step(trainer.state.max_steps)
        return f"Weight averaging was to begin with step {first:,}; the run ended after step {last:,}: nothing is averaged."
    mean = f"The mean of the weights over {averaging.count:,} steps" if averaging.count > 1 else "The mean of one step's weights"
    if config.eval_strategy == "no":
        averaging.swap()
        averaging.is_kept = True
        return f"{mean} is kept."
    if not may_score:
        return f"{mean} was not scored for want of time, and is not kept."
    metric = config.metric_for_best_model
    kept = (metrics_of_kept(trainer) or trainer.evaluate())[f"eval_{metric}"]
    averaging.swap()
    score = score_mean(trainer)[metric]
    better = averaging.is_kept = at_least_as_good(score, kept, metric)
    if not better:
        averaging.swap()
    other = "the best checkpoint" if trainer.state.best_model_checkpoint else "the last weights"
    outcome = "the mean is kept" if better else f"{other} {'is' if other.endswith('point') else 'are'} kept"
    return f"{mean} scores {score:.4f} {metric} on validation, {other} {kept:.4f}: {outcome}."


def score_mean(trainer: "ClassifierTrainer") -> dict[str, float]:
    """Validation metrics, without prefix, of the model into which the mean was put."""
    # The training is over: it would only say that it misses its metric.
    trainer.remove_callback(EarlyStoppingCallback)
    metrics = trainer.evaluate(metric_key_prefix=PREFIX)
    return {key.removeprefix(f"{PREFIX}_"): value for key, value in metrics.items()}


def at_least_as_good(score: float, other: float, metric: str) -> bool:
    """Whether the first score is the other's equal or better."""
    return score >= other if metric in HIGHER_IS_BETTER else score <= other


def metrics_of_kept(trainer: "ClassifierTrainer") -> dict[str, float]:
    """Validation metrics, `eval_…`, of the weights the Trainer kept, the best or the last ones; empty where there are none."""
    best = trainer.state.best_model_checkpoint
    step = int(Path(best).name.rpartition("-")[2]) if best else trainer.state.global_step
    scored = [line for line in trainer.state.log_history if line.get("step") == step and "eval_loss" in line]
    return {name: value for name, value in scored[-1].items() if name.startswith("eval_")} if scored else {}
