"""Gradual unfreezing: the head first, then one more layer after the other from the top."""

from typing import TYPE_CHECKING

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.errors import SettingsError
from tuner.structure.anatomy import parts_of

if TYPE_CHECKING:
    from torch.nn import Module, Parameter


class GradualUnfreezing(TrainerCallback):
    """Trains the head alone at first and adds a layer at a time (Howard & Ruder 2018, ULMFiT, section 3.3).

    Which layers are trained in a step depends on the step's number alone, hence is the same after a resume. All weights
    are the optimizer's from the start: one without a gradient is passed over by it, weight decay included, and by the
    clipping. What `freeze` or LoRA took out of the training before stays out of it.

    Args:
        share: of all steps, after which every layer and the embeddings are trained; each waits equally long.

    With several processes the Trainer needs `ddp_find_unused_parameters`.
    """

    def __init__(self, share: float) -> None:
        self.share = share
        self._waiting: list[list[Parameter]] = []

    def freed(self, step: int, max_steps: int) -> int:
        """Groups beside the head that are trained in the step after `step` steps of `max_steps`."""
        return min(len(self._waiting), int(step * len(self._waiting) / (self.share * max_steps) + 1e-9))

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, model: "Module", **kwargs: object
    ) -> None:
        """Notes what waits, from the top down; the optimizer has been made by now.

        Raises:
            SettingsError: the head alone is trained anyway.
        """
        parts = parts_of(model)
        groups = [*reversed(parts.layers), parts.beneath]
        trained = [[parameter for parameter in group if parameter.requires_grad] for group in groups]
        self._waiting = [group for group in trained if group]
        if not self._waiting:
            raise SettingsError(["training.gradual_unfreezing: everything but the head is frozen; empty it, or freeze less."])
        self._apply(state)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Frees the layers whose turn it is."""
        self._apply(state)

    def on_train_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: object) -> None:
        """Leaves the model as it was found."""
        self._set(len(self._waiting))

    def _apply(self, state: TrainerState) -> None:
        self._set(self.freed(state.global_step, state.max_steps))

    def _set(self, freed: int) -> None:
        for position, group in enumerate(self._waiting):
            for parameter in group:
                parameter.requires_grad_(position < freed)
