"""The settings of Data and Train, kept in the person's browser: a page that is loaded again has them as they were left."""

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from tuner.config import RunConfig
from tuner.errors import TunerError
from tuner.ui.context import Context

# By hand: gr.BrowserState has read nothing yet when the page is loaded.
_KEEP = "(settings) => { try { localStorage.setItem('tuner-settings', settings); } catch {} }"
_READ = "() => { try { return localStorage.getItem('tuner-settings') ?? ''; } catch { return ''; } }"


def draw() -> gr.Textbox:
    """Holds what is to be kept: settings as YAML. Not seen."""
    state = gr.Textbox("", visible="hidden", show_label=False, container=False)
    state.change(None, state, None, js=_KEEP, api_visibility="private")
    return state


def kept(config: RunConfig, name: str) -> str:
    """Settings as they are kept, with the name the person gave instead of the one that was made of an upload's."""
    return config.model_copy(update={"name": name}).to_yaml()


def restored(context: Context, settings: str) -> RunConfig:
    """The kept settings; a model or data that can no longer be read, or not by who asks now, takes nothing else with it."""
    first = RunConfig()
    try:
        config = RunConfig.from_yaml(settings)
    except TunerError:  # none, or of another version
        return first
    base = {"name": first.model.name, "revision": None, "fingerprint": None}
    for check, given, instead in (
        (context.check_model, config.model.name, {"model": base}),
        (context.check_data, config.data, {"data": first.data.model_dump()}),
    ):
        try:
            check(given)
        except TunerError:
            config = config.with_changes(instead)
    return config


def wire(
    context: Context,
    state: gr.Textbox,
    load: Any,  # noqa: ANN401
    form: Sequence[gr.components.Component],
    form_of: Callable[[RunConfig], list[Any]],
) -> None:
    """Fills the form when the page is loaded.

    Args:
        load: the event.
        form_of: values of `form` for settings.
    """

    def restore(settings: str) -> list[Any]:
        config = restored(context, settings)
        return [gr.skip()] * len(form) if config == RunConfig() else form_of(config)

    load(restore, state, list(form), js=_READ, show_progress="hidden", api_visibility="private")
