"""Section `model`: which pretrained model, its structure, and how texts are cut for it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from tuner import catalog
from tuner.sections.base import Contradiction, Section, setting


class ModelConfig(Section):
    """Which pretrained model, and how texts are cut for it."""

    name: str = setting(
        catalog.SAMPLE_MINILM,
        "base model: sample:minilm, a local folder, a Hub id, or run:ID to train a finished run further",
        group="Model",
        min_length=1,
        max_length=1024,
    )
    revision: str | None = setting(None, "commit, branch or tag of a Hub model; pinned in the run", group="Model")
    fingerprint: str | None = setting(
        None, "SHA-256 of the weights and tokenizer of a folder or run a run begins with; filled in at the start, and others are "
        "refused",
        group="Model",
    )  # fmt: skip
    keep_head: bool = setting(
        False, "keep the head: goes on with the base model's own classification head; its labels must be those of the data",
        group="Model",
    )  # fmt: skip
    max_length: Annotated[int, Field(ge=4, le=1_000_000)] | None = setting(
        None, "maximum length: longer texts are cut to this many tokens; empty: what the data needs", group="Model", common=True
    )
    hidden_dropout_prob: Annotated[float, Field(ge=0, lt=1)] | None = setting(
        None, "dropout: share of the model's inner values left out in a step; empty: as it was pretrained", group="Model"
    )
    num_hidden_layers: Annotated[int, Field(ge=1, le=1000)] | None = setting(
        None, "layers kept: fewer make a smaller and faster model; empty: all", group="Structure"
    )
    layer_selection: Literal["first", "last", "spread"] = setting(
        "spread", "which layers are kept: evenly spread ones (best where measured), the first, or the last", group="Structure"
    )
    intermediate_size: Annotated[int, Field(ge=1, le=10**6)] | None = setting(
        None, "feed-forward width: keeps so many of its units, the strongest, in every layer; empty: all", group="Structure"
    )
    mean_pooling: bool = setting(
        False, "mean pooling: a further layer on top, which starts as the mean over all tokens; for encoders of sentences, whose "
        "new head would else read the first token alone",
        group="Structure",
    )  # fmt: skip
    freeze: Literal["nothing", "embeddings", "all_but_head"] = setting(
        "nothing", "freezing: what stays as it was pretrained", group="Structure"
    )
    freeze_layers: int = setting(
        0, "frozen layers: so many of the lowest ones, and the embeddings, stay as they were pretrained", group="Structure",
        ge=0, le=1000,
    )  # fmt: skip
    lora: Annotated[int, Field(ge=1, le=1024)] | None = setting(
        None, "LoRA rank: trains small matrices of this rank instead of the layers; 8 is usual; empty: no LoRA", group="Structure"
    )
    lora_alpha: Annotated[float, Field(gt=0, le=4096)] | None = setting(
        None, "LoRA alpha: the matrices' product counts alpha ÷ rank times; empty: twice the rank", group="Structure"
    )
    lora_dropout: float = setting(0.05, "LoRA dropout: rate in front of the matrices", group="Structure", ge=0, lt=1)
    pad_to_max_length: bool = setting(
        False, "pad every text to the maximum length instead of the longest of its batch (slow)", group="Model"
    )

    def contradictions(self) -> Iterator[Contradiction]:
        """Two settings that each decide what is trained, and settings that do nothing without another."""
        frozen = tuple(name for name, freezes in self.freezing.items() if freezes and name != "lora")
        if self.lora and frozen:
            allowed = "lora freezes all but its own matrices and the head: leave freeze at nothing and freeze_layers at 0"
            yield Contradiction("lora", frozen, allowed)
        if self.mean_pooling and self.keep_head:
            allowed = "it gives the head other values than it was trained for: switch keep_head off"
            yield Contradiction("mean_pooling", ("keep_head",), allowed)
        if self.lora_alpha and not self.lora:
            yield Contradiction("lora_alpha", ("lora",), "give a rank, 1 to 1,024, or empty lora_alpha")
        if self.freeze == "all_but_head" and self.freeze_layers:
            yield Contradiction("freeze_layers", ("freeze",), "all_but_head freezes every layer: leave freeze_layers at 0")

    @property
    def freezing(self) -> dict[str, bool]:
        """The settings that keep weights as they were pretrained, and whether each does."""
        return {"lora": bool(self.lora), "freeze": self.freeze != "nothing", "freeze_layers": bool(self.freeze_layers)}

    @property
    def reshapes(self) -> bool:
        """Whether layers or width of the base model are changed."""
        return bool(self.num_hidden_layers or self.intermediate_size or self.mean_pooling)
