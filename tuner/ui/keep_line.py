"""One line on a Space whose disk does not last: whether runs outlive a restart, said before one is started."""

import html
import time
from typing import Any

import gradio as gr

from tuner import runs
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.words import age, duration

_SECONDS = 10.0


def draw(context: Context) -> None:
    """Draws it inside the current tab, and keeps it up to date; nothing where the disk lasts."""
    if runs.home_lasts():
        return
    line = gr.HTML(view_of(context), elem_id="keep-line")
    if context.keeper is None:
        return

    @toast
    def look() -> str:
        return view_of(context)

    more: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private", "concurrency_limit": None}
    gr.Timer(_SECONDS).tick(look, None, line, **more)


def view_of(context: Context) -> str:
    """What it shows now, as HTML."""
    warns = context.keeper is None or context.keeper.standing.trouble
    return f'<div class="estimate{" warn" if warns else ""}">{"▲ " if warns else ""}{html.escape(words(context))}</div>'


def words(context: Context) -> str:
    """What it says now."""
    if context.keeper is None:
        return text.DISK_DOES_NOT_LAST
    standing = context.keeper.standing
    if standing.fetching:
        return text.KEEP_FETCH_FAILS.format(standing.trouble) if standing.trouble else text.KEEP_FETCHING
    last = age(time.time() - standing.kept_at) if standing.kept_at else text.NOT_YET_KEPT
    if standing.trouble:
        return text.KEEP_FAILS.format(standing.trouble, last)
    every = duration(context.keeper.seconds)
    return text.KEPT.format(every, last) if standing.kept_at else text.KEEP_BEGINS.format(every)
