"""Parts of a model that the training leaves as they were pretrained."""

from typing import TYPE_CHECKING, Literal

from tuner.errors import SettingsError
from tuner.structure.anatomy import parts_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Frozen = Literal["nothing", "embeddings", "all_but_head"]


def freeze(model: "PreTrainedModel", what: Frozen = "nothing", layers: int = 0) -> None:
    """Marks parameters as not to be trained; call it before the optimizer is made.

    Args:
        what: "embeddings" is everything beneath the layers; "all_but_head" leaves what makes logits of the base model's
            output: all that is not in the base model, and its pooler (see `Parts.head`).
        layers: so many of the lowest layers, and the embeddings beneath them: a frozen layer on top of one that still
            moves saves nothing.

    Raises:
        SettingsError: more layers than there are.
        ModelError: an architecture whose structure is not known here.
    """
    if what == "nothing" and not layers:
        return
    parts = parts_of(model)
    present = len(parts.layers)
    if layers and model.config.model_type == "albert":
        raise SettingsError(
            [f"model.freeze_layers = {layers}: ALBERT's layers share one set of weights; give 0 and freeze all_but_head."]
        )
    if layers > present:
        raise SettingsError([f"model.freeze_layers = {layers}: this base model has {present}; give 0 to {present}."])
    for group in [parts.beneath, *parts.layers[: present if what == "all_but_head" else layers]]:
        for parameter in group:
            parameter.requires_grad_(False)
