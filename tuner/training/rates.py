"""Learning rates of a model's parts: lower ones from layer to layer downwards, another one for the head."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.structure.anatomy import parts_of

if TYPE_CHECKING:
    from torch.optim import Optimizer


@dataclass(frozen=True)
class Rates:
    """Layer-wise decay (Howard & Ruder 2018, section 3.2; Clark et al. 2020 use 0.8 for small models).

    Attributes:
        learning_rate: of the highest layer.
        layerwise_lr_decay: a layer has so much of the rate of the one above it, the embeddings of the lowest layer's.
        head_learning_rate: of the head; None for `learning_rate`.
    """

    learning_rate: float
    layerwise_lr_decay: float = 1.0
    head_learning_rate: float | None = None

    def give_to(self, optimizer: "Optimizer", model: Any) -> None:  # noqa: ANN401
        """Parts the optimizer's groups by rate; call it before the scheduler is made and before the first step.

        The highest layer's group comes first: its rate is the one that the Trainer logs.

        Raises:
            ModelError: an architecture whose structure is not known.
        """
        rates = self._by_parameter(model)
        groups, optimizer.param_groups = optimizer.param_groups, []
        parted: dict[tuple[float, int], dict[str, Any]] = {}
        for number, group in enumerate(groups):
            for parameter in group["params"]:
                rate = rates.get(id(parameter), self.learning_rate)
                parted.setdefault((rate, number), {**group, "lr": rate, "params": []})["params"].append(parameter)
        for rate, number in sorted(parted, key=lambda key: (key[0] != self.learning_rate, -key[0], key[1])):
            optimizer.add_param_group(parted[rate, number])

    def _by_parameter(self, model: Any) -> dict[int, float]:  # noqa: ANN401
        parts = parts_of(model)
        steps = [parts.beneath, *parts.layers]
        rates = {
            id(parameter): self.learning_rate * self.layerwise_lr_decay ** (len(parts.layers) - height)
            for height, parameters in enumerate(steps)
            for parameter in parameters
        }
        head = self.head_learning_rate or self.learning_rate
        return rates | {id(parameter): head for parameter in parts.head}
