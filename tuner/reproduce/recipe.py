"""Everything a script is written from, gathered once: settings, rows, and the names of the base model's parts."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tuner import augmentation, modeling
from tuner.config import RunConfig, TrainingConfig, check_settings
from tuner.data.labelled import LabelledData, check_pinned, load_labelled
from tuner.data.profiling import max_length_for
from tuner.errors import SettingsError
from tuner.modeling import BaseModel, dropout_settings
from tuner.runs import Run
from tuner.structure.anatomy import READ_THE_FIRST_TOKEN, Anatomy

if TYPE_CHECKING:
    from transformers import PreTrainedConfig


@dataclass(frozen=True)
class Structure:
    """The base model as a script names it. Beginnings are of parameters' names: "bert.embeddings.".

    Attributes:
        config: the library's settings of the base model, as it was pretrained.
        stack: beginning of the layers' names, up to their number: "bert.encoder.layer.".
        layers: how many of them the trained model has (ALBERT: lists of shared weights).
        beneath: beginnings of the embeddings and whatever else is in the base model beside its layers.
        above: beginnings of what stands between the last layer and the head.
        head: beginnings of the head's.
        head_modules: its modules' names, as peft takes them.
    """

    config: "PreTrainedConfig"
    anatomy: Anatomy
    stack: str
    layers: int
    beneath: tuple[str, ...]
    above: tuple[str, ...]
    head: tuple[str, ...]
    head_modules: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The architecture: "bert"."""
        return str(self.config.model_type)

    def layer(self, number: int) -> tuple[str, ...]:
        """Beginnings of a layer's names, with what stands between the last one and the head."""
        return (f"{self.stack}{number}.", *(self.above if number == self.layers - 1 else ()))


@dataclass(frozen=True)
class Recipe:
    """What to write a script from.

    Attributes:
        run_id: of the run it repeats; empty for settings that were never run.
        data: the rows, altered copies included.
        max_length: tokens kept of each text.
        end_pads: whether the tokenizer has no pad token of its own, so that its end token pads.
        weights: of the labels in the loss, in their order; None for none.
        device: "cuda", "mps" or "cpu".
        precision: "bf16", "fp16" or "fp32".
        environment: what the run was trained with, or what is installed here.
    """

    run_id: str
    config: RunConfig
    data: LabelledData
    base: BaseModel
    max_length: int
    end_pads: bool
    weights: list[float] | None
    device: str
    precision: str
    environment: dict

    @property
    def training(self) -> TrainingConfig:
        """The settings as they were trained with, batches that were halved for want of memory included."""
        return self.config.training

    @property
    def head_order(self) -> list[int] | None:
        """Rows of the base model's own head in the order of the labels, where it is kept; None for a new head."""
        if not self.config.model.keep_head:
            return None
        own = modeling.head_labels(self.base)
        return [own.index(name) for name in self.data.labels]

    @property
    def evaluates(self) -> bool:
        """Whether the training looks at the validation rows."""
        return self.training.eval_strategy != "no"

    @property
    def own_loss(self) -> bool:
        """Whether the loss is another one than the library's: weighted, focal, or a mean over the batches of a step."""
        several = self.training.gradient_accumulation_steps > 1
        return self.weights is not None or self.training.focal_gamma > 0 or several

    @property
    def groups(self) -> bool:
        """Whether texts of like length are put into one batch."""
        return self.training.train_sampling_strategy == "group_by_length"

    @property
    def parts_rates(self) -> bool:
        """Whether parts of the model have rates of their own."""
        return self.training.layerwise_lr_decay != 1 or self.training.head_learning_rate is not None

    @cached_property
    def structure(self) -> Structure:
        """Names of the base model's parts."""
        return _structure(self.base, self.config)

    @property
    def drops_out(self) -> bool:
        """Whether a training step leaves out units by chance."""
        settings = self.config.model
        own = {name: getattr(self.structure.config, name, 0) for name in dropout_settings(self.base, 0.0)}
        rates = own | dropout_settings(self.base, settings.hidden_dropout_prob)
        return any(rates.values()) or bool(settings.lora and settings.lora_dropout)

    @property
    def reads_first_token(self) -> bool:
        """Whether dropout draws other random numbers unless the last layer is computed for the first token alone, too."""
        config, settings = self.structure.config, self.config.model
        if self.structure.kind not in READ_THE_FIRST_TOKEN:
            return False
        rates = {"hidden_dropout_prob": config.hidden_dropout_prob, "attention": config.attention_probs_dropout_prob}
        if settings.hidden_dropout_prob is not None:
            rates = dict.fromkeys(rates, settings.hidden_dropout_prob)
        return any(rates.values()) or bool(settings.lora and settings.lora_dropout)


def recipe_for(what: Run | RunConfig) -> Recipe:
    """The recipe of a run, or of settings. Reads the rows and the base model's config and tokenizer, none of its weights.

    Raises:
        SourceError: the rows cannot be read, or are no longer those of the run.
        ModelError, NetworkError: the base model cannot be found.
        SettingsError: a setting this machine cannot honour, or this is neither a run nor a RunConfig.
    """
    from tuner.environment import installed
    from tuner.training import batches
    from tuner.training.build import loss_weights

    config = batches.fitted(what) if isinstance(what, Run) else check_settings(what)
    environment = (what.environment if isinstance(what, Run) else {}) or installed()
    data = load_labelled(config.data)
    check_pinned(data, config.data)
    base = modeling.find_pinned(config.model)
    tokenizer = modeling.load_tokenizer(base)
    max_length = max_length_for(base, config.model.max_length, data.splits["train"])
    data = augmentation.with_copies(config, data, base)
    device, precision = _trained_on(config, environment)
    return Recipe(
        run_id=what.id if isinstance(what, Run) else "",
        config=config,
        data=data,
        base=base,
        max_length=max_length,
        end_pads=tokenizer.pad_token == tokenizer.eos_token,
        weights=loss_weights(config.training, data),
        device=device,
        precision=precision,
        environment=environment,
    )


def _trained_on(config: RunConfig, environment: dict) -> tuple[str, str]:
    """(device, precision) of the run; of this machine for one that noted none."""
    from tuner.hardware import resolve_precision, torch_device

    if "precision" in environment:
        return environment["torch_device"], environment["precision"]
    try:
        return torch_device(), resolve_precision(config.training.precision)[0]
    except ValueError as error:
        raise SettingsError([f"training.precision = '{config.training.precision}': {error}."]) from None


def _structure(base: BaseModel, config: RunConfig) -> Structure:
    """Read off a model without weights: on torch's meta device it takes neither memory nor time."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from tuner.structure.anatomy import anatomy_of, layers_name, parts_of
    from tuner.structure.lora import head_modules

    found = AutoConfig.for_model(**base.config)
    with torch.device("meta"), modeling.translated(base.name):
        model = AutoModelForSequenceClassification.from_config(found)
    anatomy, parts = anatomy_of(model), parts_of(model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    shares_layers = found.model_type == "albert"
    layers = config.model.num_hidden_layers or len(parts.layers)
    return Structure(
        config=found,
        anatomy=anatomy,
        stack=layers_name(model),
        layers=len(parts.layers) if shares_layers else layers + config.model.mean_pooling,
        beneath=_beginnings([names[id(parameter)] for parameter in parts.beneath], names.values()),
        above=tuple(f"{model.base_model_prefix}.{name}." for name in anatomy.above),
        head=_beginnings([names[id(parameter)] for parameter in parts.head], names.values()),
        head_modules=tuple(head_modules(model)),
    )


def _beginnings(names: list[str], all_names: Iterable[str]) -> tuple[str, ...]:
    """The shortest beginnings, up to a dot, that these names have and no others."""
    others = [name for name in all_names if name not in set(names)]
    found = {}
    for name in names:
        parts = name.split(".")
        tried = [".".join(parts[: depth + 1]) + "." for depth in range(len(parts) - 1)]
        found[next((start for start in tried if not any(other.startswith(start) for other in others)), name)] = None
    return tuple(found)
