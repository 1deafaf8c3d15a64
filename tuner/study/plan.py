"""StudyConfig: what a study varies and how much it may spend. `study.yaml` of a study holds one. Pure: trains nothing."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, model_validator

from tuner.config import RunConfig, fields, parse_assignments, refusals
from tuner.errors import SettingsError
from tuner.runs import Run
from tuner.sections import yaml_text
from tuner.sections.base import Seed
from tuner.sections.training import Metric
from tuner.words import exact

Values = dict[str, Any]
_SEARCH_ONLY = ("space", "n_trials", "minutes", "metric")
_REPEATS_ONLY = ("seeds", "folds")
_CURVE_ONLY = ("shares", "repeats")
_BELONGS = {
    "search": (_SEARCH_ONLY, "a search"),
    "repeat": (_REPEATS_ONLY, "repeats"),
    "learning-curve": (_CURVE_ONLY, "a learning curve"),
}
# Of the training rows; each about twice the one before.
SHARES = (0.1, 0.25, 0.5, 1.0)
_RANGE = re.compile(r"\s*([^\s,:]+?)\s*\.\.\s*([^\s,:]+?)\s*(:\s*log)?\s*")
# What a search usually varies and between which values, for people who do not want to think of it.
USUAL = {
    "training.learning_rate": "1e-5..2e-4:log",
    "training.num_train_epochs": "1,2,3,4",
    "training.per_device_train_batch_size": "16,32,64",
    "training.weight_decay": "0..0.1",
    "training.warmup_steps": "0..0.3",
    "training.label_smoothing_factor": "0..0.2",
    "training.layerwise_lr_decay": "0.8..1",
    "model.hidden_dropout_prob": "0..0.3",
    "model.lora": "null,8,16",
}
_THE_BASE_MODEL = ("model.name", "model.revision", "model.fingerprint")
_ONE_PROCESS = ("training.num_processes", "training.fsdp")
_NO_SCORE = (
    "training.activation_checkpointing", "training.auto_find_batch_size", "training.hub_model_id", "training.logging_steps",
    "training.per_device_eval_batch_size", "training.report_to", "training.save_total_limit", "training.torch_compile",
)  # fmt: skip
# The loss is these settings' own: with a larger focal_gamma every row's is smaller, however it is classified.
DEFINE_THE_LOSS = ("training.class_weights", "training.focal_gamma", "training.label_smoothing_factor")
# Where a range is tried on its field before anything is trained: both ends, and what lies between.
_PROBES = (0.0, 0.25, 0.5, 0.75, 1.0)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Range(_Part):
    """All numbers from low to high, both included; whole ones where the setting is one."""

    low: float
    high: float
    log: bool = Field(False, description="draw evenly by order of magnitude, as for learning rates")

    @model_validator(mode="after")
    def _from_low_to_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        if self.log and self.low <= 0:
            raise ValueError(f"low {self.low:g} must be above 0 for a log range")
        return self

    def at(self, share: float, whole: bool) -> float | int:
        """The value at a share of the way from low to high."""
        if self.log:
            value = math.exp(math.log(self.low) + share * (math.log(self.high) - math.log(self.low)))
        else:
            value = self.low + share * (self.high - self.low)
        return self.readable(value, whole)

    def readable(self, value: float, whole: bool) -> float | int:
        """The value with three digits, so that people can read and repeat it, and still within the range."""
        return round(value) if whole else min(max(float(f"{value:.3g}"), self.low), self.high)

    def __str__(self) -> str:
        return f"{exact(self.low)}..{exact(self.high)}{':log' if self.log else ''}"


class Choices(_Part):
    """One of these values."""

    choices: list[Any] = Field(min_length=1, max_length=100)

    def __str__(self) -> str:
        plain = [as_text(value) for value in self.choices]
        return json.dumps(self.choices) if any(set(",[") & set(text) for text in plain) else ",".join(plain)


def _part_of(value: Any) -> str:  # noqa: ANN401
    return "choices" if isinstance(value, Choices) or (isinstance(value, Mapping) and "choices" in value) else "range"


Space = dict[str, Annotated[Annotated[Range, Tag("range")] | Annotated[Choices, Tag("choices")], Discriminator(_part_of)]]


class StudyConfig(_Part):
    """The plan of a study.

    A search never looks at test rows: they would no longer be unseen by the settings it ends with.

    Attributes:
        kind: "search" tries settings of `space`; "repeat" trains the same ones again; "learning-curve" trains them on parts of
            the training rows.
        space: "section.field" → range or choices of a search.
        n_trials: most trials of a search.
        minutes: no trial is begun after so many minutes of all its sessions; the one in hand is finished.
        metric: what is searched for, on validation rows; None for the config's `metric_for_best_model`.
        pruning: whether a trial ends early that is worse than the median of the earlier ones at the same evaluation.
        seed: of the settings drawn.
        seeds: repeats with so many values of `training.seed`, counted up from the config's; the split of the data stays.
        folds: repeats over so many folds, each validating once.
        shares: of the training rows that a learning curve trains on, ascending; the rows of one lie in those of the next.
        repeats: draws of a learning curve for every share, each with seeds of its own.
    """

    kind: Literal["search", "repeat", "learning-curve"]
    space: Space = Field(default_factory=dict)
    n_trials: Annotated[int, Field(ge=1, le=10_000)] | None = None
    minutes: Annotated[float, Field(gt=0, le=100_000)] | None = None
    metric: Metric | None = None
    pruning: bool = True
    seed: Seed = 42
    seeds: Annotated[int, Field(ge=2, le=100)] | None = None
    folds: Annotated[int, Field(ge=2, le=20)] | None = None
    shares: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=2, max_length=20)] | None = None
    repeats: Annotated[int, Field(ge=1, le=20)] | None = None

    def __init__(self, **given: Any) -> None:  # noqa: ANN401
        """Validates the plan.

        Raises:
            SettingsError: with one sentence for every mistake.
        """
        problems = []
        if given.get("kind") == "learning-curve":
            given = {"shares": SHARES, "repeats": 1, **{key: value for key, value in given.items() if value is not None}}
            given["shares"] = _ascending(given["shares"])
        try:
            super().__init__(**given)
        except ValidationError as error:
            problems = [_sentence(item) for item in error.errors()]
        problems += _missing(given)
        if given.get("kind") == "search" and isinstance(given.get("space"), Mapping):
            problems += [problem for path, part in given["space"].items() for problem in _unfit(str(path), part)]
        if problems:
            raise SettingsError(problems)

    @property
    def planned(self) -> int:
        """Trials planned; 0 where only the minutes decide."""
        most = self.seeds or self.folds or len(self.shares or ()) * (self.repeats or 1) or self.n_trials or 0
        return min(most, self.combinations) if self.combinations and most else most or self.combinations

    @property
    def combinations(self) -> int:
        """How many different trials a search of choices alone has; 0 with a range, or for repeats."""
        if not self.space or not all(isinstance(part, Choices) for part in self.space.values()):
            return 0
        return math.prod(len(part.choices) for part in self.space.values() if isinstance(part, Choices))

    def share_of(self, number: int) -> float:
        """The share of a learning curve's trial, counted from 0; 1 for all others: what a trial costs beside another."""
        return self.shares[number % len(self.shares)] if self.shares else 1.0

    def to_yaml(self) -> str:
        """The whole plan; `StudyConfig.from_yaml` gives an equal one back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)

    @classmethod
    def from_yaml(cls, text: str) -> "StudyConfig":
        """Reads what `to_yaml`, or a person, wrote.

        Raises:
            SettingsError: no YAML, no mapping, or a plan that cannot be honoured.
        """
        return cls(**RunConfig.parse_yaml(text))


def plan_of(run: Run) -> StudyConfig:
    """The plan of a study.

    Raises:
        RunError: the run is none, or its file is damaged.
    """
    try:
        return StudyConfig.from_yaml(run.plan_text)
    except SettingsError as error:
        raise run.damaged("study.yaml", " ".join(error.problems)[:500].rstrip(".")) from None


def parse_over(texts: list[str]) -> dict[str, Values]:
    """What a search tries, from text: `training.learning_rate=1e-5..2e-4:log`, `training.num_train_epochs=1,2,3`.

    A list in brackets holds values with commas in them.

    Raises:
        SettingsError: texts that have not this form, all at once.
    """
    space: dict[str, Values] = {}
    problems = []
    for text in texts:
        path, equals, given = (part.strip() for part in text.partition("="))
        found = _RANGE.fullmatch(given)
        try:
            if not (path and equals and given):
                raise ValueError
            if found:
                space[path] = {"low": float(found[1]), "high": float(found[2]), "log": bool(found[3])}
            else:
                space[path] = {"choices": _choices(path, given)}
        except (ValueError, SettingsError):
            problems.append(f"'{text[:120]}' is not of the form section.field=low..high, =low..high:log or =value,value.")
    if problems:
        raise SettingsError(problems)
    return space


def changes_of(settings: Values) -> dict[str, Values]:
    """`{"training.learning_rate": 1e-4}` → `{"training": {"learning_rate": 1e-4}}`, as `RunConfig.with_changes` takes it."""
    changes: dict[str, Values] = {}
    for path, value in settings.items():
        section, _, field = path.partition(".")
        changes.setdefault(section, {})[field] = value
    return changes


def flags_of(settings: Values) -> list[str]:
    """The arguments of `--set` that give these settings."""
    return [f"{path}={as_text(value)}" for path, value in settings.items()]


def as_text(value: Any) -> str:  # noqa: ANN401
    """A setting's value as a person types it; words that YAML takes for something else ("no") in quotes."""
    plain = isinstance(value, str) and value and yaml.safe_load(value) == value
    return value if plain else json.dumps(value, ensure_ascii=False)


def is_whole(path: str) -> bool:
    """Whether a setting takes whole numbers alone."""
    return _kind(path) is int


def searchable() -> list[str]:
    """Settings a search may vary. Data decides what is measured, the base model's name and revision what is measured on."""
    fixed = {*_THE_BASE_MODEL, "training.seed", "augmentation.seed", "training.metric_for_best_model"}
    fixed |= {*_ONE_PROCESS, *_NO_SCORE}
    return [path for s, field, _ in fields() if s != "data" and (path := f"{s}.{field}") not in fixed]


def pointless(space: Space) -> list[str]:
    """Why settings of a space are not worth varying, a sentence each.

    Asked when a search starts; one that began before this was asked is read with what it varied.
    """
    return [f"space.{path}: {_why_not(path)}." for path in space if path in (*_ONE_PROCESS, *_NO_SCORE)]


def _choices(path: str, given: str) -> list[Any]:
    if given.startswith("["):
        loaded = yaml_text.read(given)
        if not isinstance(loaded, list):
            raise ValueError
        return loaded
    section, _, field = path.partition(".")
    return [parse_assignments([f"{path}={value.strip()}"])[section][field] for value in given.split(",")]


def _ascending(shares: Any) -> Any:  # noqa: ANN401
    """In order and each once; what is no list of numbers is left to the validation."""
    numbers = isinstance(shares, Sequence) and all(isinstance(share, int | float) for share in shares)
    return sorted(set(shares)) if numbers else shares


def _missing(given: Values) -> list[str]:
    """What is wanting in a plan, or stands in one of another kind."""
    kind = given.get("kind")
    if kind not in _BELONGS:
        return []
    problems = [
        f"{key} = {given[key]!r}: belongs to {whose}, not to {_BELONGS[kind][1]}."
        for other, (keys, whose) in _BELONGS.items()
        for key in keys
        if other != kind and given.get(key)
    ]
    if kind == "search" and not given.get("space"):
        problems.append("space: a search needs at least one setting to vary, such as training.learning_rate=1e-5..2e-4:log.")
    if kind == "search" and given.get("n_trials") is None and given.get("minutes") is None:
        problems.append("n_trials, minutes: a search needs a budget; give one of them (trials from 1, minutes above 0).")
    if kind == "repeat" and (given.get("seeds") is None) == (given.get("folds") is None):
        problems.append("seeds, folds: give one of them, 2 to 100 seeds or 2 to 20 folds.")
    return problems


def _unfit(path: str, part: Any) -> list[str]:  # noqa: ANN401
    """Why a setting cannot be varied so, a sentence each."""
    if path not in (*searchable(), *_ONE_PROCESS, *_NO_SCORE):
        return [f"space.{path}: {_why_not(path)}."]
    part = part.model_dump() if isinstance(part, _Part) else part
    if not isinstance(part, Mapping):
        return []
    if isinstance(part.get("choices"), list):
        return [problem for value in part["choices"] for problem in _refusals(path, value)]
    if _kind(path) not in (int, float):
        return [f"space.{path}: takes no numbers, so there is no range of it; list the values to try."]
    try:
        wanted = Range(**part)
    except ValidationError:
        return []  # said already
    if _kind(path) is int and not (wanted.low.is_integer() and wanted.high.is_integer()):
        return [f"space.{path} = {wanted}: takes whole numbers; give whole ends."]
    return _refusals(path, wanted.at(0, is_whole(path))) or _refusals(path, wanted.at(1, is_whole(path))) or _inside(path, wanted)


def _inside(path: str, wanted: Range) -> list[str]:
    found = [problem for share in _PROBES for problem in _refusals(path, wanted.at(share, is_whole(path)))]
    return [f"space.{path} = {wanted}: not all values of it can be used ({found[0]}) List some instead."] if found else []


def _why_not(path: str) -> str:
    if path.startswith("data."):
        return "the data decides what is measured, so that trials on other data could not be compared"
    if path in _THE_BASE_MODEL:
        return "every trial trains the same base model; run one search for each"
    if path.endswith(".seed"):
        return "the best seed is luck; repeat the same settings over several seeds instead"
    if path == "training.metric_for_best_model":
        return "trials must be compared by the same metric; give it as the search's metric"
    if path in _ONE_PROCESS:
        return "a study trains in one process"
    if path in _NO_SCORE:
        return "it changes no score, so that there is nothing to choose by"
    field = path.rpartition(".")[2]
    near = [known for known in searchable() if field and field in known]
    return f"is not a setting that can be varied; known are {', '.join(near or searchable())}"


def _refusals(path: str, value: Any) -> list[str]:  # noqa: ANN401
    """What the field itself says against a value; contradictions with other settings are told by the trial."""
    section, _, field = path.partition(".")
    return [f"space.{problem}" for problem in refusals(section, field, value)]


def _kind(path: str) -> Any:  # noqa: ANN401
    """The type of a setting's values: `Annotated[int, …] | None` → int."""
    annotation = next(info.annotation for section, field, info in fields() if f"{section}.{field}" == path)
    parts = [part for part in get_args(annotation) if part is not type(None)]
    if get_origin(annotation) is not Literal and type(None) in get_args(annotation) and len(parts) == 1:
        annotation = parts[0]
    return getattr(annotation, "__origin__", annotation)


def _sentence(error: Any) -> str:  # noqa: ANN401
    path = error["loc"]
    place = ".".join(str(part) for part in (path[:2] + path[3:] if path[0] == "space" else path))
    if error["type"] == "extra_forbidden":
        known = {"range": Range, "choices": Choices}.get(str(path[2]) if len(path) > 2 else "", StudyConfig)
        return f"{place} is not known here; known are {', '.join(known.model_fields)}."
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    shown = f" = {error['input']!r}"[:80] if not isinstance(error["input"], dict) else ""
    return f"{place}{shown}: {message}."
