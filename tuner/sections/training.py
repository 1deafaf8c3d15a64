"""Section `training`: how the Trainer trains."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from tuner import catalog
from tuner.sections import yaml_text
from tuner.sections.base import Contradiction, Section, Seed, by_label, number, one_of, setting

# What `tuner.evaluation.metrics.score` gives on the validation rows, and the loss that is trained with.
Metric = Literal[
    "macro_f1", "macro_recall", "accuracy", "weighted_f1", "matthews_corrcoef", "roc_auc", "average_precision", "log_loss",
    "brier_score", "ece", "loss",
]  # fmt: skip
PositiveNumber = Annotated[float, Field(gt=0, le=1e6)]


class TrainingConfig(Section):
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

    @field_validator("lr_scheduler_kwargs", mode="before")
    @classmethod
    def _numbers_but_for_words(cls, value: Any) -> Any:  # noqa: ANN401
        """The text of a box is read before: pydantic calls the last one of these first."""
        if not isinstance(value, Mapping):
            return value
        return {key: given if key in catalog.SCHEDULER_WORDS else number(given) for key, given in value.items()}

    @field_validator("class_weights", mode="before")
    @classmethod
    def _weights_by_label(cls, value: Any) -> Any:  # noqa: ANN401
        return by_label(value)

    @field_validator("class_weights", "lr_scheduler_kwargs", mode="before")
    @classmethod
    def _mapping_in_words(cls, value: Any) -> Any:  # noqa: ANN401
        """A box of the page gives `{"label": 2}` as text."""
        if not isinstance(value, str) or not value.strip().startswith("{"):
            return value
        try:
            return yaml_text.read(value)
        except ValueError as error:
            raise ValueError(f"cannot be read as YAML ({error})") from None

    @field_validator("lr_scheduler_type")
    @classmethod
    def _known_scheduler(cls, value: str) -> str:
        return one_of(value, catalog.schedulers())

    @field_validator("optim")
    @classmethod
    def _known_optimizer(cls, value: str) -> str:
        return one_of(value, catalog.optimizers())

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

    @property
    def saves_between(self) -> bool:
        """Whether some validations have no checkpoint due, and get one where they are the best so far."""
        return self.keeps_best and self.eval_strategy == "steps" and self.save_steps != self.eval_steps
