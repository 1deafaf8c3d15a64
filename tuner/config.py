"""The one settings object: RunConfig = DataConfig + ModelConfig + TrainingConfig + AugmentationConfig.

`tuner/sections/` is the only place where a setting's name, default, bounds and help text stand. CLI, YAML and the
app's widgets are generated from it. Names are those of `transformers.TrainingArguments` and the
example scripts where these have one. Frozen; unknown keys are refused; all mistakes are reported
at once.
"""

import re
import reprlib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from tuner import catalog
from tuner.allowed import allowed
from tuner.errors import SettingsError
from tuner.sections import yaml_text
from tuner.sections.augmentation import AugmentationConfig
from tuner.sections.base import Contradiction, Section, number, one_of
from tuner.sections.data import DataConfig
from tuner.sections.model import ModelConfig
from tuner.sections.training import TrainingConfig

# What pydantic calls a kind of values in the place of a mistake.
_KIND = re.compile(r"(str|int|float|bool)$|\[key\]|(list|dict|literal)\[|(function|constrained)-")
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxlist, _SHORT.maxdict, _SHORT.maxtuple = 4, 20, 20, 20
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200
SPLITS = ("train", "validation", "test")


class RunConfig(Section):
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
        told: list[str] = []
        known = self
        try:
            super().__init__(**settings)
        except ValidationError as error:
            mistakes = error.errors()
            filled = self._fill_from_preset(settings)
            told, known = _sentences(filled, mistakes), _what_is_right(filled, mistakes)
        wrong = _fields_of(mistakes)
        found = [clash for clash in known.contradictions() if wrong.isdisjoint((clash.field, *clash.others))]
        if problems := [*told, *(known._told(clash) for clash in found)]:
            clashing = {path for clash in found for path in (clash.field, *clash.others)}
            raise SettingsError(problems, rest=known, wrong=frozenset(wrong | clashing))

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
        return one_of(value, list(catalog.PRESETS))

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
            loaded = yaml_text.read(text) or {}
        except ValueError as error:
            raise SettingsError([f"The settings file cannot be read as YAML ({error})."]) from None
        if not isinstance(loaded, dict):
            raise SettingsError([f"The settings file holds a {type(loaded).__name__}, not sections with fields."])
        return {str(key): value for key, value in loaded.items()}


def check_settings(config: RunConfig) -> RunConfig:
    """The settings, where they are some: a dict or a file's name is what people try first.

    Raises:
        SettingsError: this is something else.
    """
    if not isinstance(config, RunConfig):
        raise SettingsError(
            [f"{_shown(config)} is no RunConfig."], 'Give tuner.RunConfig(data={"source": "rows.csv"}), for example.'
        )
    return config


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
            problems.append(f"'{assignment[:120]}' is not of the form section.field=value.")
            continue
        try:
            changes.setdefault(section, {})[field] = _read(section, field, value)
        except ValueError as error:
            problems.append(f"'{assignment[:120]}': the value cannot be read as YAML ({error}).")
    if problems:
        raise SettingsError(problems)
    return changes


def sections() -> dict[str, type[Section]]:
    """Section name → its class, in the order they are shown."""
    return {"data": DataConfig, "model": ModelConfig, "training": TrainingConfig, "augmentation": AugmentationConfig}


def refusals(section: str, field: str, value: Any) -> list[str]:  # noqa: ANN401
    """What a field itself says against a value; contradictions with other settings are not among it."""
    try:
        sections()[section](**{field: value})
    except ValidationError as error:
        return _sentences({section: {field: value}}, [{**item, "loc": (section, *item["loc"])} for item in error.errors()])
    return []


def fields() -> Iterator[tuple[str, str, FieldInfo]]:
    """Every setting as (section, field, pydantic's FieldInfo)."""
    for section, cls in sections().items():
        for field, info in cls.model_fields.items():
            yield section, field, info


def _read(section: str, field: str, value: str) -> Any:  # noqa: ANN401
    """The value of an assignment: YAML, but in settings that take text, 123 and 12e3 are names, no numbers, quoted or not."""
    model = sections().get(section)
    kind = model.model_fields[field].annotation if model and field in model.model_fields else None
    given = (str,) if get_origin(kind) is Literal else get_args(kind) or (kind,)  # eval_strategy=no is a word, too
    parts = {getattr(part, "__origin__", part) for part in given}
    if str not in parts or not parts <= {str, list, type(None)}:
        return number(yaml_text.read(value, names=field == "label_map"))
    if value.startswith(("'", '"')) or (list in parts and value.startswith("[")):
        return yaml_text.read(value, words=True)
    return None if value in ("", "null") and type(None) in parts else value


def _text(value: Any) -> str:  # noqa: ANN401
    return value if isinstance(value, str) else ""


def _sentences(given: Mapping[str, Any], mistakes: Iterable[ErrorDetails]) -> list[str]:
    """One sentence for each place that is wrong: field, value, what is allowed.

    Where a setting may be one of several kinds, pydantic tells of each kind what speaks against it. The kind that was meant is
    the one whose mistake lies deepest in what was given.
    """
    found: dict[str, dict[tuple[str, ...], list[ErrorDetails]]] = {}
    for mistake in mistakes:
        places = found.setdefault(".".join(map(str, mistake["loc"][:2])), {})
        places.setdefault(_place(given, mistake), []).append(mistake)
    return [
        _sentence(".".join(place), told)
        for places in found.values()
        for place, told in places.items()
        if len(place) == max(map(len, places))
    ]


def _place(given: Any, mistake: ErrorDetails) -> tuple[str, ...]:  # noqa: ANN401
    """Where in what was given a mistake lies; names that pydantic gives to kinds of values are left out.

    What was given is asked first, since a label may have such a name; a box gives a mapping as text, which has to be read first.
    """
    place = []
    for depth, part in enumerate(mistake["loc"]):
        inside = part in given if isinstance(given, Mapping) else isinstance(given, list) and isinstance(part, int)
        if inside:
            given = given[part]
        if inside or depth < 2 or not _KIND.match(str(part)):
            place.append(str(part))
    return tuple(place)


def _sentence(place: str, mistakes: list[ErrorDetails]) -> str:
    error = mistakes[0]
    if error["type"] == "extra_forbidden":
        section = error["loc"][0] if len(error["loc"]) > 1 else None
        known = sections()[str(section)].model_fields if str(section) in sections() else RunConfig.model_fields
        return f"{place} is not a setting; known here: {', '.join(known)}."
    first, *others = dict.fromkeys(  # several kinds may say the same
        mistake["msg"]
        .removeprefix("Value error, ")
        .replace("Input should be", "must be")
        .replace("a valid dictionary", "a mapping")
        for mistake in mistakes
    )
    *most, last = [first, *(other.removeprefix("must be ") for other in others)]
    right = _range(place, mistakes) or (f"{', '.join(most)} or {last}" if most else last)
    value = f" = {_shown(error['input'])}" if not isinstance(error["input"], dict) else ""
    return f"{place}{value}: {right}."


def _range(place: str, mistakes: list[ErrorDetails]) -> str:
    """What a setting that is a number may be, from end to end; pydantic names one end, or none. "" for other mistakes."""
    section, _, field = place.partition(".")
    info = sections()[section].model_fields.get(field) if section in sections() else None
    kinds = {mistake["type"].partition("_")[0] for mistake in mistakes}
    bounds = allowed(field, info) if info and kinds <= {"int", "float", "finite", "greater", "less"} else ""
    number = "a whole number, " if "int" in kinds else "" if kinds <= {"greater", "less"} else "a number, "
    return f"must be {number}{bounds}" if bounds else ""


def _shown(value: Any) -> str:  # noqa: ANN401
    """At most 80 characters of a value; a text of 300 characters can name lists within lists that hold billions of parts."""
    try:
        shown = _SHORT.repr(value)
    except ValueError:  # Python writes no number of more than 4,300 digits; as a hexadecimal one it could be read
        return "a number of more than 4,300 digits"
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
