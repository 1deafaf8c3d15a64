"""The library's Trainer: an order of rows that survives a resume, learning rates by layer, adversarial steps, steps that are the
same in several processes and in smaller batches."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.trainer_pt_utils import LengthGroupedSampler, get_length_grouped_indices

from tuner.training import batches, checkpoints
from tuner.training.adversarial import words_moved
from tuner.training.averaging import WeightAveraging
from tuner.training.callbacks import diverged
from tuner.training.rates import Rates


class ClassifierTrainer(Trainer):
    """A Trainer whose `group_by_length` depends on seed and epoch alone.

    The library draws that order from torch's global generator. After a resume within an epoch its state at
    the epoch's start is gone, so other rows were left out and repeated, and the weights came out different.

    Attributes:
        rates: of the model's parts; None for one rate.
        averaging: keeps the mean of the weights; None without one.
        adversarial_epsilon: how far words are moved in each step's second pass; None for one pass.
        smaller_evaluation: called when an evaluation runs out of memory, gives the batch size to repeat it with; None to
            let it fail.
    """

    rates: Rates | None = None
    averaging: WeightAveraging | None = None
    adversarial_epsilon: float | None = None
    _batches_of_step: Sequence[Any] = ()
    smaller_evaluation: Callable[[], int] | None = None

    def train(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """The library's.

        Raises:
            OutOfMemory: a batch, or one of an evaluation, does not fit.
        """
        try:
            return super().train(*args, **kwargs)
        except Exception as error:
            if not batches.is_out_of_memory(error):
                raise
            raise batches.OutOfMemory(evaluating=False) from error

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:  # noqa: ANN401
        """The library's, repeated with smaller batches where memory is too small.

        Raises:
            OutOfMemory: `smaller_evaluation` is not set.
        """
        while True:
            state = torch.get_rng_state()
            try:
                scores = super().evaluate(*args, **kwargs)
                if self.is_fsdp_enabled:  # else its outermost weights stay whole, and no checkpoint can be loaded into them
                    self.model.reshard()
                return scores
            except Exception as error:
                if not batches.is_out_of_memory(error):
                    raise
                if not self.smaller_evaluation:
                    raise batches.OutOfMemory(evaluating=True) from error
            # Out here the error and all that its frames held are gone.
            self.args.per_device_eval_batch_size = self.smaller_evaluation()
            batches.free_memory()
            torch.set_rng_state(state)  # the data loader has drawn from it

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """The library's, its loss a mean over the rows: in several processes it counts some rows twice.

        Raises:
            RunFailed: the answers are no finite numbers.
        """
        try:
            outcome = super().evaluation_loop(*args, **kwargs)
        except FloatingPointError:
            raise diverged("the answer to a validation row is NaN", self.state.global_step) from None
        loss = self.compute_loss_func({"logits": torch.as_tensor(outcome.predictions)}, torch.as_tensor(outcome.label_ids))
        outcome.metrics[f"{kwargs.get('metric_key_prefix', 'eval')}_loss"] = loss.item()
        return outcome

    def _run_epoch(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        """The library's; after the last step there is no other one, which the library takes when resumed within its epoch."""
        if self.state.global_step >= self.state.max_steps:
            self.control.should_training_stop = True
            return
        super()._run_epoch(*args, **kwargs)

    def _init_training_state(
        self,
        max_steps: int,
        steps_in_epoch: int,
        epochs: int,
        checkpoint: str | None,
        trial: Any,  # noqa: ANN401
    ) -> tuple[int, int]:
        """The library's; the best checkpoint is looked for beside the one that is gone on from: they may have been moved.

        Where it is lost its score is forgotten, too: else no later one might be kept as the best.
        """
        found = super()._init_training_state(max_steps, steps_in_epoch, epochs, checkpoint, trial)
        if checkpoint and checkpoints.best_of(Path(checkpoint)):
            best = checkpoints.best_beside(Path(checkpoint))
            self.state.best_model_checkpoint = str(best) if best else None
            if not best:
                self.state.best_metric = self.state.best_global_step = None
        return found

    def get_batch_samples(self, epoch_iterator: Iterator[Any], *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """The library's, without the rows that accelerate repeats to fill up an epoch's last batch in several processes."""
        self._batches_of_step, rows = super().get_batch_samples(self._without_repeats(epoch_iterator), *args, **kwargs)
        return self._batches_of_step, rows

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401
        """The library's; after the step's last batch all of them once more with their words moved, in adversarial training."""
        loss = super().training_step(model, inputs, *args, **kwargs)
        if self.adversarial_epsilon and self.accelerator.sync_gradients:
            with words_moved(self.model, self.adversarial_epsilon) as moved:
                for batch in (self._batches_of_step or [inputs]) if moved else ():
                    super().training_step(model, batch, *args, **kwargs)
        return loss

    def _without_repeats(self, epoch: Iterator[Any]) -> Iterator[Any]:
        own, processes = self._train_batch_size, self.args.world_size
        left_over = len(self.train_dataset) % (own * processes)
        for batch in epoch:
            if processes > 1 and left_over and self.accelerator.gradient_state.end_of_dataloader:
                # The first process has the batch's first rows. A row labelled -100 counts for nothing.
                batch["labels"][max(0, left_over - own * self.args.process_index) :] = -100
            yield batch

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:  # noqa: ANN401
        """The library's optimizer, its groups parted by rate."""
        is_new = self.optimizer is None
        optimizer = super().create_optimizer(model)
        if self.rates and is_new:
            self.rates.give_to(optimizer, self.accelerator.unwrap_model(model or self.model))
        return optimizer

    def _get_train_sampler(self, *args: Any, **kwargs: Any) -> torch.utils.data.Sampler | None:  # noqa: ANN401
        sampler = super()._get_train_sampler(*args, **kwargs)
        return _Groups(self, sampler) if isinstance(sampler, LengthGroupedSampler) else sampler


class _Groups(torch.utils.data.Sampler[int]):
    """The library's length groups, drawn by a generator of their own.

    Reads the epoch off the Trainer's state: `set_epoch` does not reach a sampler when batches are skipped
    in several processes.
    """

    def __init__(self, trainer: Trainer, groups: LengthGroupedSampler) -> None:
        self.trainer = trainer
        self.groups = groups

    def __len__(self) -> int:
        return len(self.groups)

    def __iter__(self) -> Iterator[int]:
        epoch = int(self.trainer.state.epoch or 0)
        generator = torch.Generator().manual_seed(self.trainer.args.data_seed + epoch)
        rows_per_step = self.groups.batch_size * self.trainer.args.world_size
        return iter(get_length_grouped_indices(self.groups.lengths, rows_per_step, generator=generator))
