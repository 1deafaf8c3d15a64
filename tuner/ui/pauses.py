"""Pauses in typing: what is asked while a person types waits for one."""

from typing import Any

import gradio as gr

# Above it a fast typist's keys are no longer one word's; with the answer's own 0.1 s it stays below the 0.3 s of a prompt page.
SECONDS = 0.15
# Each key begins to wait; when it has, the number is the last key's that was followed by a pause. A promise that is never kept
# would do without a number, and hold back whatever else hears the same event.
_COUNT = """async () => {{
  const box = (window.tunerPauses ??= {{}})["{name}"] ??= {{typed: 0, paused: 0}};
  const mine = ++box.typed;
  await new Promise(then => setTimeout(then, {milliseconds}));
  if (mine === box.typed) box.paused = mine;
  return box.paused;
}}"""


def pauses(box: gr.Textbox) -> gr.Number:
    """A hidden number that changes when the text of a box has stayed as it is for a moment. Draws it, so call it once for a box.

    Args:
        box: has an `elem_id`.
    """
    # "hidden" and not False: a component that is not on the page does not say that it changed.
    count = gr.Number(0, visible="hidden")
    js = _COUNT.format(name=box.elem_id, milliseconds=round(1000 * SECONDS))
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    box.change(None, None, count, js=js, trigger_mode="multiple", **quiet)
    return count
