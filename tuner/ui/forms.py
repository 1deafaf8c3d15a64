"""Widgets generated from the settings: label, help, bounds and choices stand in `tuner.sections` alone."""

import json
import types
from typing import Any, Union, get_args, get_origin

import gradio as gr
from pydantic.fields import FieldInfo

from tuner.allowed import allowed, choices
from tuner.config import RunConfig, fields

Key = tuple[str, str]


def widget(
    section: str,
    field: str,
    info: FieldInfo,
    value: Any,  # noqa: ANN401
    *,
    render: bool = True,
) -> gr.components.Component:
    """The component for one setting: a choice, a switch, a number, or a line of text (empty: not set).

    Args:
        render: False to draw it later by its own `render()`.
    """
    kind, optional = _plain_type(info.annotation)
    common = {**_common(section, field, info), "value": value, "render": render}
    names = choices(field, info.annotation)
    if get_origin(kind) is list:
        return gr.CheckboxGroup(choices=names, **common)
    if names and optional:
        return gr.Dropdown(choices=[("none", ""), *names], **{**common, "value": value or ""})
    if names:
        return gr.Dropdown(choices=names, **common)
    if kind is bool:
        return gr.Checkbox(**common)
    if kind in (int, float) and not optional:
        # No bounds here: the settings refuse with a sentence that names the field, for all fields at once.
        return gr.Number(precision=0 if kind is int else None, **common)
    # A number that may be left out is a line of text: an empty gr.Number arrives as 0.
    return gr.Textbox(max_lines=1, placeholder="automatic" if optional else None, **common)


def choice_box(section: str, field: str, info: FieldInfo, value: Any, *, multiselect: bool = False) -> gr.Dropdown:  # noqa: ANN401
    """A box for a setting whose choices come with the data; any other value may be typed, too."""
    return gr.Dropdown(choices=[], value=value, multiselect=multiselect, allow_custom_value=True, **_common(section, field, info))


def setting_keys(*, common: bool | None = None, group: str | None = None, section: str | None = None) -> list[Key]:
    """The settings of a theme, in their order."""
    found = []
    for name, field, info in fields():
        extra = info.json_schema_extra or {}
        if (
            (common is None or extra["common"] == common)
            and (group is None or extra["group"] == group)
            and (section is None or name == section)
        ):
            found.append((name, field))
    return found


def value_of(config: RunConfig, key: Key) -> Any:  # noqa: ANN401
    """A setting's value in a config, as its widget shows it: names with values as JSON."""
    value = getattr(getattr(config, key[0]), key[1])
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value


def same(one: Any, other: Any) -> bool:  # noqa: ANN401
    """Whether two values of a widget say the same: "2" and 2 do, and so do "" and None."""
    try:
        return float(one) == float(other)
    except (TypeError, ValueError):
        return one == other or (one in ("", None) and other in ("", None))


def to_settings(values: dict[Key, Any]) -> dict[str, dict[str, Any]]:
    """What the widgets hold as `{"section": {"field": value}}`; an empty box means "not set"."""
    settings: dict[str, dict[str, Any]] = {}
    for (section, field), value in values.items():
        settings.setdefault(section, {})[field] = None if value == "" else value
    return settings


def _common(section: str, field: str, info: FieldInfo) -> dict[str, Any]:
    help_text = (info.description or "").partition(": ")[2] or info.description
    bounds = "" if choices(field, info.annotation) or info.annotation is bool else allowed(field, info)
    help_text = f"{help_text} ({bounds})" if bounds else help_text
    return {"label": label(field), "info": help_text, "elem_id": f"set-{section}-{field}", "interactive": True}


def label(field: str) -> str:
    """A setting's name over its widget."""
    words = field.replace("num_train_epochs", "epochs").replace("per_device_train_batch_size", "batch size")
    words = words.replace("per_device_eval_batch_size", "evaluation batch size").replace("_", " ")
    return words[0].upper() + words[1:]


def _plain_type(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401
    """`Annotated[int, …] | None` → (int, True)."""
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [part for part in get_args(annotation) if part is not type(None)]
        return _plain_type(inner[0])[0], True
    if hasattr(annotation, "__metadata__"):
        return annotation.__origin__, False
    return annotation, False
