"""What every section is made of."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


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


class Section(BaseModel):
    """Frozen settings; unknown keys, NaN and infinities are refused. A path given from Python stands as its text."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _paths_as_text(cls, given: Any) -> Any:  # noqa: ANN401
        if not isinstance(given, Mapping):
            return given
        return {name: str(value) if isinstance(value, PurePath) else value for name, value in given.items()}

    def contradictions(self) -> Iterator[Contradiction]:
        """Those among its own fields; `RunConfig` tells them beside the fields that are wrong by themselves."""
        yield from ()


def one_of(value: str, allowed: list[str]) -> str:
    """The value.

    Raises:
        ValueError: it is none of these; pydantic tells it beside the field.
    """
    if value not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return value


def number(value: Any) -> Any:  # noqa: ANN401
    """YAML 1.1 reads `1e-4` as text (no dot in it); people mean the number. What is no number is left as it is."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def by_label(value: Any) -> Any:  # noqa: ANN401
    """A mapping by the text that the data shows for its labels: 0 → "0", 1.0 → "1", True → "True"; all else as it is.

    Raises:
        ValueError: two keys are one label.
    """
    if not isinstance(value, Mapping):
        return value
    found: dict[Any, Any] = {}
    for key, given in value.items():
        label = str(int(key)) if isinstance(key, float) and key.is_integer() else key
        label = str(label) if isinstance(label, bool | int | float) else label
        if label in found:
            raise ValueError(f"the label '{label}' is given twice")
        found[label] = given
    return found
