"""Which values a setting may have, in words: what page, terminal and docs say of it is read off the settings themselves."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from tuner import catalog

_NAMED = {"lr_scheduler_type": catalog.schedulers, "optim": catalog.optimizers}


def allowed(field: str, info: FieldInfo) -> str:
    """The names a setting can have, or its bounds: "linear, cosine", "0 to 1", "above 0, at most 1,000"; "" for free text."""
    names = choices(field, info.annotation)
    if names:
        return ", ".join(names)
    signs = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    found = {sign: getattr(bound, sign) for bound in _bounds(info) for sign in signs if hasattr(bound, sign)}
    if found.keys() == {"ge", "le"}:
        return f"{_number(found['ge'])} to {_number(found['le'])}"
    return ", ".join(f"{word} {_number(found[sign])}" for sign, word in signs.items() if sign in found)


def choices(field: str, annotation: Any) -> list[str]:  # noqa: ANN401
    """The names that a setting, or each part of one that is a list, can have; none where it takes anything else."""
    if field in _NAMED:
        return _NAMED[field]()
    parts = [part for part in get_args(annotation) if part is not type(None)] if get_origin(annotation) is not Literal else []
    if get_origin(annotation) is list or (len(parts) == 1 and get_origin(annotation) is not None):
        return choices(field, parts[0])
    return [str(name) for name in get_args(annotation)] if get_origin(annotation) is Literal else []


def _bounds(info: FieldInfo) -> Iterator[Any]:
    """Those of the field itself, or of the number in `Annotated[int, Field(…)] | None`."""
    yield from info.metadata
    for part in get_args(info.annotation):
        for item in getattr(part, "__metadata__", ()):
            yield from getattr(item, "metadata", ())


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
