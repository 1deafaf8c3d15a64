"""Events that several functions of the page hear, each for itself."""

import functools
from collections.abc import Callable
from typing import Any

import gradio as gr


def heard(*events: Any) -> Callable[..., Any]:  # noqa: ANN401
    """What takes a function that hears one of the events, as an event does: `heard(model.change)(function, inputs, outputs)`.

    The browser has the functions of one event wait for one another. And where an event comes again meanwhile, one that hears
    its last (`trigger_mode="always_last"`, that of every `change`) is made up for by calling all of them again, which may go on
    for ever: a page whose model was set twice asked five questions a second until it was closed. After a moment of its own a
    function waits for nobody, and only itself is called again.
    """
    moment: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    first = gr.on(list(events), None, None, None, js="() => []", trigger_mode="multiple", **moment)
    return functools.partial(first.then, trigger_mode="always_last")
