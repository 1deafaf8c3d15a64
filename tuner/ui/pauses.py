"""Pauses: what is asked while a person types, or when one click changes many settings, waits until nothing changes any more."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

# At 100 words (500 keys) a minute one comes each 0.12 s; with the answer's own 0.1 s it stays below the 0.3 s of a prompt page.
_SECONDS = 0.15
# Each change begins to wait; when it has, the number is the last change's that was followed by a pause. A promise that is never
# kept would do without a number, and hold back whatever else hears the same event.
_COUNT = """async () => {{
  const heard = (window.tunerPauses ??= {{}})["{name}"] ??= {{changes: 0, paused: 0}};
  const mine = ++heard.changes;
  await new Promise(then => setTimeout(then, {milliseconds}));
  if (mine === heard.changes) heard.paused = mine;
  return heard.paused;
}}"""


def pauses(name: str, changes: Sequence[Any]) -> gr.Number:
    """A hidden number, drawn here, that changes when none of some events has come for a moment.

    Gradio's own `trigger_mode="always_last"` lets all of them through that come in one moment: 34 where a form is filled in.

    Args:
        name: one of its own on the page.
        changes: events of components, as `box.change`.
    """
    # "hidden" and not False: a component that is not on the page does not say that it changed.
    count = gr.Number(0, visible="hidden")
    js = _COUNT.format(name=name, milliseconds=round(1000 * _SECONDS))
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    gr.on(changes, None, None, count, js=js, trigger_mode="multiple", **quiet)
    return count
