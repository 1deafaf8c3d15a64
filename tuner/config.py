"""The one settings object: RunConfig = DataConfig + ModelConfig + TrainingConfig + AugmentationConfig.

The only place where a setting's name, default, bounds and help text stand. CLI, YAML and the
app's widgets are generated from it. Names are those of `transformers.TrainingArguments` and the
example scripts where these have one. Frozen; unknown keys are refused; all mistakes are reported
at once.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tuner import catalog
from tuner.errors import SettingsError

SPLITS = ("train", "validation", "test")
# In the order they are applied: masks first, since texts may be equal only after them.
Fix = Literal[
    "mask_email",
    "mask_account",
    "mask_card",
    "mask_phone",
    "mask_handle",
    "drop_conflicting",
    "drop_duplicates",
    "drop_leaked",
    "drop_near_duplicates",
]

# What `tuner.evaluation.metrics.score` gives on the validation rows, and the loss that is trained with.
Metric = Literal[
    "macro_f1", "macro_recall", "accuracy", "weighted_f1", "matthews_corrcoef", "roc_auc", "average_precision", "log_loss",
    "brier_score", "ece", "loss",
]  # fmt: skip
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]
PositiveNumber = Annotated[float, Field(gt=0, le=1e6)]
HeldOut = Annotated[float, Field(gt=0, le=100_000_000)]


def setting(default: Any, help: str, *, group: str, common: bool = False, **bounds: Any) -> Any:  # noqa: ANN401
    """A field with what the app needs to draw it: help line, theme it is folded under, always open or not."""
    extra = {"group": group, "common": common}
    return Field(default, description=help, json_schema_extra=extra, **bounds)


class Contradiction(NamedTuple):
    """Settings that are right one by one and cannot be honoured together.

    Attributes:
        field: the one to be told of.
        others: those that speak against it.
        allowed: what to give instead.
    """

    field: str
    others: tuple[str, ...]
    allowed: str

    def of(self, section: str) -> "Contradiction":
        """The same with the section before every field."""
        return Contradiction(f"{section}.{self.field}", tuple(f"{section}.{other}" for other in self.others), self.allowed)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def contradictions(self) -> Iterator[Contradiction]:
        """Those among its own fields; `RunConfig` tells them beside the fields that are wrong by themselves."""
        yield from ()


class DataConfig(_Section):
    """Which rows, and which of their columns."""

    source: str = setting(
        catalog.SAMPLE_TWEETS,
        "where the examples come from: sample:tweets, a file, feedback:NAME, or a Hub data set owner/name",
        group="Source",
        min_length=1,
        max_length=1024,
    )
    config: str | None = setting(None, "configuration of a Hub data set that has several", group="Source")
    revision: str | None = setting(None, "commit, branch or tag of a Hub data set; pinned in the run", group="Source")
    train_split: str | None = setting(None, "split to train on; empty: the one named train, else the first", group="Splits")
    validation_split: str | None = setting(
        None, "split to validate on while training; empty: found by name, else cut from train", group="Splits"
    )
    test_split: str | None = setting(
        None, "split for the final report; empty: found by name, else cut from train", group="Splits"
    )
    text_column: str | list[str] | None = setting(
        None, "column that holds the text (a list of several is joined); empty: guessed", group="Columns"
    )
    text_separator: str = setting("\n\n", "what stands between the parts of a joined text", group="Columns", max_length=20)
    label_column: str | None = setting(None, "column that holds the label; empty: guessed", group="Columns")
    label_map: dict[str, str | None] | None = setting(
        None, "new name for a label; the same name twice merges, null leaves the rows out", group="Columns"
    )
    max_train_samples: Count | None = setting(
        None, "training rows: at most this many, drawn at random; empty: all", group="Data", common=True
    )
    train_samples_seed: Seed | None = setting(
        None,
        "draws max_train_samples by this seed in the shares of the labels, fewer rows out of more; empty: the first rows in the "
        "order of the data's seed",
        group="Data",
    )
    max_eval_samples: Count | None = setting(None, "validation and test rows: at most this many each; empty: all", group="Data")
    validation_size: HeldOut | None = setting(
        None, "validation rows to cut from train: a count, or a share below 1; empty: a tenth, at most 2,000", group="Splits"
    )
    test_size: HeldOut | None = setting(
        None, "test rows to cut from train: a count, or a share below 1; empty: a tenth, at most 2,000", group="Splits"
    )
    num_folds: Annotated[int, Field(ge=2, le=20)] | None = setting(
        None, "folds (for small data): one of so many equal parts of train validates; empty: no folds", group="Splits"
    )
    fold: int = setting(0, "which of the folds validates, counted from 0", group="Splits", ge=0, le=19)
    fixes: list[Fix] = setting(
        [],
        "mends applied to the rows, in this order: repeats, contradictions and leaks dropped; personal data masked",
        group="Data",
    )
    overlay: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")] | None = setting(
        None, "decisions on suspicious labels to apply: the name the Data tab gave them", group="Data"
    )
    extra_source: Annotated[str, Field(min_length=1, max_length=1024)] | None = setting(
        None, "extra source: further training rows, e.g. feedback:NAME; never used for validation or test; empty: none",
        group="Data",
    )  # fmt: skip
    seed: Seed = setting(42, "seed for drawing and splitting rows", group="Data")
    fingerprint: str | None = setting(
        None, "SHA-256 of the rows a run was made for; filled in at the start, and other rows are refused", group="Data"
    )

    @field_validator("validation_size", "test_size")
    @classmethod
    def _count_or_share(cls, value: float | None) -> float | None:
        if value is not None and value >= 1 and value != int(value):
            raise ValueError("must be a whole number of rows, or a share of the rows below 1")
        return value

    @field_validator("fixes")
    @classmethod
    def _each_fix_once(cls, value: list[Fix]) -> list[Fix]:
        """In their own order, whatever order they were clicked in: the same fixes make the same rows."""
        return [fix for fix in get_args(Fix) if fix in value]

    def contradictions(self) -> Iterator[Contradiction]:
        """Rows that are both named and cut, and settings that do nothing without another."""
        cuts = tuple(name for name in ("validation_size", "num_folds") if getattr(self, name))
        if self.validation_split and cuts:
            allowed = "validation_split names the rows that validation_size or num_folds would cut: empty one of them"
            yield Contradiction("validation_split", cuts, allowed)
        if self.test_split and self.test_size:
            allowed = "test_split names the rows that test_size would cut: empty one of them"
            yield Contradiction("test_split", ("test_size",), allowed)
        if self.num_folds and self.validation_size:
            allowed = "num_folds and validation_size both cut the validation rows: empty one of them"
            yield Contradiction("num_folds", ("validation_size",), allowed)
        if self.train_samples_seed is not None and self.max_train_samples is None:
            allowed = "train_samples_seed draws max_train_samples rows: give 1 to 100,000,000 of them, or empty it"
            yield Contradiction("train_samples_seed", ("max_train_samples",), allowed)
        if self.fold and not self.num_folds:
            yield Contradiction("fold", ("num_folds",), f"give num_folds above {self.fold} and at most 20, or set fold to 0")
        if self.num_folds and self.fold >= self.num_folds:
            yield Contradiction("fold", ("num_folds",), f"the first fold is 0: give 0 to {self.num_folds - 1}")


class ModelConfig(_Section):
    """Which pretrained model, and how texts are cut for it."""

    name: str = setting(
        catalog.SAMPLE_MINILM,
        "base model: sample:minilm, a local folder, a Hub id, or run:ID to train a finished run further",
        group="Model",
        min_length=1,
        max_length=1024,
    )
    revision: str | None = setting(None, "commit, branch or tag of a Hub model; pinned in the run", group="Model")
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


class TrainingConfig(_Section):
    """How the Trainer trains."""

    learning_rate: float = setting(
        1e-4, "learning rate: size of a step; 2e-5 to 2e-4 is usual", group="Training", common=True, ge=1e-7, le=1e-1
    )
    num_train_epochs: float = setting(
        3.0, "epochs: times every training row is seen", group="Training", common=True, gt=0, le=1000
    )
    per_device_train_batch_size: int = setting(
        32, "batch size: rows per step and device", group="Training", common=True, ge=1, le=4096
    )
    lr_scheduler_type: str = setting("linear", "scheduler: how the learning rate falls over the run", group="Learning rate")
    lr_scheduler_kwargs: dict[str, int | float | str | bool] | None = setting(
        None,
        'scheduler arguments: what the scheduler takes beside warm-up, such as {"min_lr_rate": 0.1}; empty: its own defaults',
        group="Learning rate",
    )
    warmup_steps: float = setting(
        0.1, "warm-up: steps (below 1: share of all steps) in which the rate rises from zero", group="Learning rate", ge=0, le=1e7
    )
    layerwise_lr_decay: float = setting(
        1.0, "layer-wise decay: a layer's rate is so much of the one above it; 1 is one rate for all, 0.8 to 0.95 are usual",
        group="Learning rate", gt=0, le=1,
    )  # fmt: skip
    head_learning_rate: Annotated[float, Field(ge=1e-7, le=1e-1)] | None = setting(
        None, "head learning rate: that of the new head; empty: that of the highest layer", group="Learning rate"
    )
    optim: str = setting("adamw_torch_fused", "optimizer", group="Learning rate")
    weight_decay: float = setting(
        0.01, "weight decay: pulls weights towards zero; 0.01 is usual", group="Regularisation", ge=0, le=1
    )
    max_grad_norm: float = setting(
        1.0, "gradient clipping: longest gradient let through; 0 switches it off", group="Regularisation", ge=0, le=1e4
    )
    label_smoothing_factor: float = setting(
        0.0, "label smoothing: share of belief given to the other labels; 0.1 is usual", group="Regularisation", ge=0, lt=1
    )
    class_weights: Literal["balanced"] | dict[str, PositiveNumber] | None = setting(
        None,
        "class weights: how much a label's rows count in the loss; balanced: each label the same in sum, or {label: weight}",
        group="Regularisation",
    )
    focal_gamma: float = setting(
        0.0, "focal loss: how much rows count less that are already right; 0 is plain cross-entropy, 2 is usual",
        group="Regularisation", ge=0, le=10,
    )  # fmt: skip
    gradual_unfreezing: Annotated[float, Field(gt=0, le=1)] | None = setting(
        None, "gradual unfreezing: trains the head first and adds layers from the top, all by this share of the steps; empty: no",
        group="Regularisation",
    )  # fmt: skip
    weight_averaging: Annotated[float, Field(gt=0, le=1)] | None = setting(
        None, "weight averaging: the model is the mean of its weights over this last share of the steps, if that scores as well; "
        "empty: no",
        group="Regularisation",
    )  # fmt: skip
    adversarial_epsilon: Annotated[float, Field(gt=0, le=100)] | None = setting(
        None, "adversarial training: each step learns once more from its rows, with word vectors moved so far in all to mislead "
        "the model; 1 is usual and takes twice the time; empty: no",
        group="Regularisation",
    )  # fmt: skip
    early_stopping_patience: Annotated[int, Field(ge=1, le=1000)] | None = setting(
        None, "early stopping: evaluations without a better score before the run ends; empty: never", group="Regularisation"
    )
    max_steps: int = setting(-1, "steps: overrides epochs when above 0", group="Length", ge=-1, le=10**9)
    gradient_accumulation_steps: int = setting(
        1, "gradient accumulation: batches summed up before a step", group="Compute", ge=1, le=4096
    )
    per_device_eval_batch_size: int = setting(
        64, "evaluation batch size: rows per batch and device", group="Compute", ge=1, le=4096
    )
    precision: Literal["auto", "bf16", "fp16", "fp32"] = setting(
        "auto", "precision of the matrix products; auto: bf16 where the hardware is fast at it, else fp32", group="Compute"
    )
    train_sampling_strategy: Literal["group_by_length", "random", "sequential"] = setting(
        "group_by_length", "order of the rows; group_by_length puts texts of like length into a batch (fast)", group="Compute"
    )
    activation_checkpointing: bool = setting(
        False, "activation checkpointing: less memory, about a third slower", group="Compute"
    )
    auto_find_batch_size: bool = setting(
        True, "automatic batch size: out of memory, it is halved and accumulation doubled; the steps stay the same",
        group="Compute",
    )  # fmt: skip
    num_processes: int = setting(
        1, "processes: so many part the rows of every batch among them, each on a GPU of its own; the result stays the same",
        group="Compute", ge=1, le=64,
    )  # fmt: skip
    fsdp: bool = setting(
        False, "fully sharded data parallel: parts of the model in each process, for models that do not fit", group="Compute"
    )
    torch_compile: bool = setting(
        False, "torch.compile: faster steps on a GPU after minutes of compiling at the start", group="Compute"
    )
    metric_for_best_model: Metric = setting(
        "macro_f1", "the best checkpoint is the one with the best of this on validation", group="Evaluation", common=True
    )
    eval_strategy: Literal["epoch", "steps", "no"] = setting("epoch", "when to validate", group="Evaluation")
    eval_steps: Annotated[int, Field(ge=1, le=10**9)] | None = setting(
        None, "steps between validations, for eval_strategy steps", group="Evaluation"
    )
    save_strategy: Literal["epoch", "steps", "no"] = setting("epoch", "when to save a checkpoint", group="Evaluation")
    save_steps: Annotated[int, Field(ge=1, le=10**9)] | None = setting(
        None, "steps between checkpoints, for save_strategy steps", group="Evaluation"
    )
    save_total_limit: int = setting(2, "checkpoints kept, the best one included", group="Evaluation", ge=2, le=1000)
    logging_steps: float = setting(
        0.02, "steps (below 1: share of all steps) between points of the loss curve", group="Evaluation", gt=0, le=1e6
    )
    report_to: list[Literal["tensorboard", "trackio", "wandb"]] = setting(
        [],
        "trackers that get the curves, too; each is a package to install; they write into the run's folder",
        group="Evaluation",
    )
    hub_model_id: str | None = setting(
        None,
        "where the model is to go on the Hub, owner/name: your right to write there is asked for before the training",
        group="Hub",
        max_length=200,
    )
    seed: Seed = setting(42, "seed for the new head, dropout and the order of the rows", group="Training")

    @field_validator("class_weights", "lr_scheduler_kwargs", mode="before")
    @classmethod
    def _mapping_in_words(cls, value: Any) -> Any:  # noqa: ANN401
        """A box of the page gives `{"label": 2}` as text."""
        if not isinstance(value, str) or not value.strip().startswith("{"):
            return value
        try:
            return yaml.safe_load(value)
        except yaml.YAMLError:
            return value

    @field_validator("lr_scheduler_type")
    @classmethod
    def _known_scheduler(cls, value: str) -> str:
        return _one_of(value, catalog.schedulers())

    @field_validator("optim")
    @classmethod
    def _known_optimizer(cls, value: str) -> str:
        return _one_of(value, catalog.optimizers())

    @field_validator("max_steps")
    @classmethod
    def _not_zero_steps(cls, value: int) -> int:
        if value == 0:
            raise ValueError("0 steps train nothing; give a positive number, or -1 to count by epochs")
        return value

    @field_validator("logging_steps", "warmup_steps")
    @classmethod
    def _share_or_whole(cls, value: float) -> float:
        if value >= 1 and value != int(value):
            raise ValueError("must be a whole number of steps, or a share of all steps below 1")
        return value

    def contradictions(self) -> Iterator[Contradiction]:
        """Validations and checkpoints that do not meet, and what processes cannot share."""
        for strategy, steps in (("eval_strategy", "eval_steps"), ("save_strategy", "save_steps")):
            if getattr(self, strategy) == "steps" and getattr(self, steps) is None:
                yield Contradiction(strategy, (steps,), f"give {steps}, 1 to 1,000,000,000, or set {strategy} to epoch or no")
        if self.keeps_best and self.eval_strategy != self.save_strategy:
            allowed = f"the best checkpoint can be kept where both are equal: give {self.eval_strategy} or no"
            yield Contradiction("save_strategy", ("eval_strategy",), allowed)
        elif (
            self.eval_strategy == self.save_strategy == "steps" and (every := self.eval_steps) and (self.save_steps or 0) % every
        ):
            allowed = f"give a multiple of eval_steps, such as {-(-(self.save_steps or 0) // every) * every}"
            yield Contradiction("save_steps", ("eval_steps",), allowed)
        never = tuple(name for name in ("eval_strategy", "save_strategy") if getattr(self, name) == "no")
        if self.early_stopping_patience and never:
            allowed = "set eval_strategy and save_strategy both to epoch or both to steps, or empty early_stopping_patience"
            yield Contradiction("early_stopping_patience", never, allowed)
        yield from self._contradictions_of_the_scheduler()
        yield from self._contradictions_of_processes()

    def _contradictions_of_the_scheduler(self) -> Iterator[Contradiction]:
        name, given = self.lr_scheduler_type, self.lr_scheduler_kwargs or {}
        known = catalog.SCHEDULER_ARGUMENTS.get(name, ())
        if set(given) - set(known):
            allowed = f"{name} takes {', '.join(known) or 'no arguments'}"
            yield Contradiction("lr_scheduler_kwargs", ("lr_scheduler_type",), allowed)
        words = sorted(key for key, value in given.items() if isinstance(value, str) != (key in catalog.SCHEDULER_WORDS))
        if words:
            allowed = f"{', '.join(words)}: give words for {', '.join(catalog.SCHEDULER_WORDS)}, and numbers for all others"
            yield Contradiction("lr_scheduler_kwargs", ("lr_scheduler_type",), allowed)
        if name == "warmup_stable_decay" and "num_decay_steps" not in given:
            allowed = 'say how many steps the rate falls at the end, such as {"num_decay_steps": 100}'
            yield Contradiction("lr_scheduler_type", ("lr_scheduler_kwargs",), allowed)
        if {"min_lr", "min_lr_rate"} <= set(given):
            yield Contradiction("lr_scheduler_kwargs", ("lr_scheduler_type",), "give min_lr or min_lr_rate, not both")
        if self.follows_the_metric and self.eval_strategy == "no":
            allowed = "it looks at the score of each validation: set eval_strategy to epoch or steps"
            yield Contradiction("lr_scheduler_type", ("eval_strategy",), allowed)

    def _contradictions_of_processes(self) -> Iterator[Contradiction]:
        batch, processes = self.per_device_train_batch_size, self.num_processes
        if batch % processes:
            lower, higher = batch // processes * processes, -(-batch // processes) * processes
            allowed = f"the batch is parted among the processes: give {f'{lower} or {higher}' if lower else higher}"
            yield Contradiction("per_device_train_batch_size", ("num_processes",), allowed)
        if self.fsdp and processes == 1:
            yield Contradiction("fsdp", ("num_processes",), "it parts the model among processes: give 2 to 64, or switch it off")
        if self.fsdp and self.weight_averaging:
            allowed = "weight_averaging needs the whole model in each process, and fsdp parts it: empty one of them"
            yield Contradiction("weight_averaging", ("fsdp",), allowed)
        if self.fsdp and self.adversarial_epsilon:
            allowed = "adversarial_epsilon needs all word vectors in each process, and fsdp parts them: empty one of them"
            yield Contradiction("adversarial_epsilon", ("fsdp",), allowed)

    @property
    def follows_the_metric(self) -> bool:
        """Whether the learning rate falls where `metric_for_best_model` no longer gets better."""
        return self.lr_scheduler_type in catalog.FOLLOW_THE_METRIC

    @property
    def keeps_best(self) -> bool:
        """Whether the best checkpoint by `metric_for_best_model` becomes the model (else the last weights do)."""
        return "no" not in (self.eval_strategy, self.save_strategy)


class AugmentationConfig(_Section):
    """Altered copies of training rows; validation and test rows are never touched."""

    synonyms: float = setting(
        0.0, "synonyms: share of a text's words replaced by one of the same meaning (English)", group="Augmentation", ge=0, le=1
    )
    neighbours: float = setting(
        0.0, "neighbours: share replaced by a word near it in the base model's embedding table", group="Augmentation", ge=0, le=1
    )
    masked: float = setting(
        0.0, "masked words: share replaced by what the base model would put there; needs a masked-word head",
        group="Augmentation", ge=0, le=1,
    )  # fmt: skip
    swap: float = setting(0.0, "swap: share of the words that change places with the next one", group="Augmentation", ge=0, le=1)
    delete: float = setting(0.0, "delete: share of the words left out; never all", group="Augmentation", ge=0, le=1)
    typos: float = setting(0.0, "typos: share of the words with a slip of the keyboard", group="Augmentation", ge=0, le=1)
    case: float = setting(0.0, "capitals: share of the words written with other capitals", group="Augmentation", ge=0, le=1)
    copies: int = setting(1, "copies: altered copies added for each training row", group="Augmentation", ge=1, le=20)
    seed: Seed = setting(42, "seed for the words chosen and what replaces them", group="Augmentation")


class RunConfig(_Section):
    """Everything that decides what a training does. `config.yaml` of a run holds one, written out in full."""

    preset: str = Field(catalog.DEFAULT_PRESET, description="named set of settings that fills what is not given")
    name: str = Field("", description="a name for people to read", max_length=200)
    data: DataConfig = Field(default_factory=DataConfig)
    model: ModelConfig = Field(default_factory=ModelConfig)
    training: TrainingConfig = Field(default_factory=TrainingConfig)
    augmentation: AugmentationConfig = Field(default_factory=AugmentationConfig)

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401
        """Validates the settings, with the preset under them.

        Contradictions are looked for once all fields are known, wrong ones at their defaults: a wrong field hides none
        but those that it is part of.

        Raises:
            SettingsError: with one sentence for every mistake.
        """
        mistakes: list[ErrorDetails] = []
        known = self
        try:
            super().__init__(**settings)
        except ValidationError as error:
            mistakes = error.errors()
            known = _what_is_right(self._fill_from_preset(settings), mistakes)
        wrong = _fields_of(mistakes)
        found = [clash for clash in known.contradictions() if wrong.isdisjoint((clash.field, *clash.others))]
        if problems := [*map(_sentence, mistakes), *(known._told(clash) for clash in found)]:
            raise SettingsError(problems)

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:  # noqa: ANN401
        if not isinstance(given, Mapping):
            return given
        preset = catalog.PRESETS.get(_text(given.get("preset", catalog.DEFAULT_PRESET)))
        return merge(preset.settings, given) if preset else given

    @field_validator("preset")
    @classmethod
    def _known_preset(cls, value: str) -> str:
        return _one_of(value, list(catalog.PRESETS))

    @field_validator("name")
    @classmethod
    def _readable_name(cls, value: str) -> str:
        """Drops control and formatting characters (they could reorder the line a name is shown in)."""
        return "".join(char for char in value if unicodedata.category(char)[0] != "C").strip()

    def contradictions(self) -> Iterator[Contradiction]:
        """Those within each section, and between them."""
        for section in sections():
            yield from (clash.of(section) for clash in getattr(self, section).contradictions())
        frozen = tuple(f"model.{name}" for name, freezes in self.model.freezing.items() if freezes)
        if self.training.adversarial_epsilon and frozen:
            allowed = (
                "it moves word vectors along their gradient, and frozen ones have none: leave lora empty, freeze at nothing and "
                "freeze_layers at 0, or empty adversarial_epsilon"
            )
            yield Contradiction("training.adversarial_epsilon", frozen, allowed)

    def _told(self, clash: Contradiction) -> str:
        """One sentence for one contradiction: field, value, what speaks against it, what is allowed."""
        first, *others = (self._with_value(path) for path in (clash.field, *clash.others))
        return f"{first}: not with {' and '.join(others)}; {clash.allowed}."

    def _with_value(self, path: str) -> str:
        section, _, field = path.partition(".")
        value = getattr(getattr(self, section), field)
        return f"{path} empty" if value is None else f"{path} = {_shown(value)}"

    def with_changes(self, changes: Mapping[str, Any]) -> "RunConfig":
        """The same settings with `{"section": {"field": value}}` laid over them, validated again."""
        return RunConfig(**merge(self.model_dump(), changes))

    def to_yaml(self) -> str:
        """The whole config; `from_yaml` gives an equal one back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str) -> "RunConfig":
        """Reads what `to_yaml`, or a person, wrote.

        Raises:
            SettingsError: no YAML, no mapping, or settings that cannot be honoured.
        """
        return cls(**cls.parse_yaml(text))

    @staticmethod
    def parse_yaml(text: str) -> dict[str, Any]:
        """The settings a YAML text gives, not yet validated.

        Raises:
            SettingsError: no YAML, or no mapping.
        """
        try:
            loaded = yaml.safe_load(text) or {}
        except yaml.YAMLError as error:
            raise SettingsError([f"The settings file is not YAML ({' '.join(str(error).split())})."]) from None
        if not isinstance(loaded, dict):
            raise SettingsError([f"The settings file holds a {type(loaded).__name__}, not sections with fields."])
        return {str(key): value for key, value in loaded.items()}


def check_split(split: str, *more: str) -> str:
    """The split, if it is one that every data set has here.

    Args:
        more: what it may be beside these.

    Raises:
        SettingsError: it is none.
    """
    if split not in (*SPLITS, *more):
        raise SettingsError([f"split = '{split[:80]}': must be one of {', '.join((*SPLITS, *more))}."])
    return split


def merge(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Two levels of settings, the second laid over the first; a field given as a whole is replaced as a whole."""
    merged: dict[str, Any] = {key: dict(value) if isinstance(value, Mapping) else value for key, value in under.items()}
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), dict):
            merged[key].update(value)
        else:
            merged[key] = value
    return merged


def parse_assignments(assignments: list[str]) -> dict[str, dict[str, Any]]:
    """`["training.learning_rate=1e-4"]` → `{"training": {"learning_rate": 1e-4}}`; values are YAML.

    Raises:
        SettingsError: an assignment that has not this form.
    """
    changes: dict[str, dict[str, Any]] = {}
    problems = []
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        section, dot, field = path.strip().partition(".")
        if not (equals and dot and field):
            problems.append(f"'{assignment}' is not of the form section.field=value.")
            continue
        try:
            changes.setdefault(section, {})[field] = _read(section, field, value)
        except yaml.YAMLError:
            problems.append(f"'{assignment}': the value is not YAML.")
    if problems:
        raise SettingsError(problems)
    return changes


def sections() -> dict[str, type[BaseModel]]:
    """Section name → its class, in the order they are shown."""
    return {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig, "augmentation": AugmentationConfig}


def refusals(section: str, field: str, value: Any) -> list[str]:  # noqa: ANN401
    """What a field itself says against a value; contradictions with other settings are not among it."""
    try:
        sections()[section](**{field: value})
    except ValidationError as error:
        return [_sentence({**item, "loc": (section, *item["loc"])}) for item in error.errors()]
    return []


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Every setting as (section, field, pydantic's FieldInfo)."""
    for section, cls in sections().items():
        for field, info in cls.model_fields.items():
            yield section, field, info


def _number(value: Any) -> Any:  # noqa: ANN401
    """YAML 1.1 reads `1e-4` as text (no dot in it); people mean the number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def _read(section: str, field: str, value: str) -> Any:  # noqa: ANN401
    """The value of an assignment: YAML, but in settings that take text, 123 and 12e3 are names, no numbers, quoted or not."""
    model = sections().get(section)
    kind = model.model_fields[field].annotation if model and field in model.model_fields else None
    given = (str,) if get_origin(kind) is Literal else get_args(kind) or (kind,)  # eval_strategy=no is a word, too
    parts = {getattr(part, "__origin__", part) for part in given}
    if str not in parts or not parts <= {str, list, type(None)}:
        return _number(yaml.safe_load(value))
    if value.startswith(("'", '"')) or (list in parts and value.startswith("[")):
        return yaml.load(value, yaml.BaseLoader)  # all that it reads is text
    return None if value in ("", "null") and type(None) in parts else value


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else ""


def _one_of(value: str, allowed: list[str]) -> str:
    if value not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return value


def _sentence(error: ErrorDetails) -> str:
    """One sentence for one mistake: field, value, what is allowed."""
    field = ".".join(str(part) for part in error["loc"] if not str(part).startswith(("function-", "constrained-")))
    if error["type"] == "extra_forbidden":
        section = error["loc"][0] if len(error["loc"]) > 1 else None
        known = sections()[str(section)].model_fields if str(section) in sections() else RunConfig.model_fields
        return f"{field} is not a setting; known here: {', '.join(known)}."
    message = error["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    value = f" = {_shown(error['input'])}" if not isinstance(error["input"], dict) else ""
    return f"{field}{value}: {message}."


def _shown(value: Any) -> str:  # noqa: ANN401
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "…"


def _fields_of(mistakes: Iterable[ErrorDetails]) -> set[str]:
    """ "section.field" of each mistake; the section alone where all of it is wrong."""
    return {".".join(map(str, mistake["loc"][:2])) for mistake in mistakes}


def _what_is_right(given: Mapping[str, Any], mistakes: Iterable[ErrorDetails]) -> RunConfig:
    """The settings that are right by themselves, those that are not at their defaults; only to look for contradictions in."""
    wrong, parts = _fields_of(mistakes), {}
    for name, section in sections().items():
        part = {} if name in wrong else given.get(name, {})
        rest = (
            {field: value for field, value in part.items() if f"{name}.{field}" not in wrong} if isinstance(part, Mapping) else {}
        )
        parts[name] = part if isinstance(part, section) else section(**rest)
    return RunConfig.model_construct(**parts)
