""" "Proceed anyway": what a person is told of is started in spite of it, and nothing else."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from tuner import access, runs
from tuner.errors import DoubtError
from tuner.runs import Run
from tuner.ui import render
from tuner.ui.errors import as_text


def begin(key: list[Any], told: list[Any] | None, start: Callable[[bool], tuple[Run, str]]) -> list[Any]:
    """Starts a run, or says what is doubtful about it.

    Args:
        key: what is to be started.
        told: the key a doubt was told of; None where "Proceed anyway" was not pressed.
        start: takes whether to proceed anyway; returns the run, and what to say.

    Returns:
        Values for the list of runs, the button "Proceed anyway" and what holds `told`.
    """
    try:
        run, said = start(told == key)
    except DoubtError as doubt:
        gr.Warning(as_text(doubt.cause), duration=12)
        return [gr.skip(), gr.Button(visible=True), key]
    gr.Info(as_text(said), duration=4)
    choices = [render.run_choice(runs.summary(each)) for each in access.visible()]
    return [gr.Radio(choices=choices, value=run.id), gr.Button(visible=False), None]
