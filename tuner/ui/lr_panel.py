"""The learning-rate finder on the Train tab: a curve over growing rates, and one click to take its suggestion."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner.config import RunConfig
from tuner.errors import RunError
from tuner.launch.finder import find_learning_rate
from tuner.training.lr_finder import NO_RATE, NO_RATE_CURE, LearningRateCurve
from tuner.ui import text
from tuner.ui.errors import toast, when_over
from tuner.ui.theme import ACCENT

_AXIS = "rate, power of ten"


@dataclass(frozen=True)
class LrPanel:
    """What was drawn. `found` holds the suggested rate."""

    find: gr.Button
    plot: gr.LinePlot
    use: gr.Button
    found: gr.State


def draw() -> LrPanel:
    """Draws the panel inside the current accordion."""
    gr.Markdown(text.FINDER, elem_classes="quiet")
    find = gr.Button(text.FIND_RATE, size="sm", elem_id="find-rate")
    plot = gr.LinePlot(
        x=_AXIS, y="loss", title=text.RATE_CURVE, height=220, visible=False, color_map={"loss": ACCENT}, elem_id="rate-curve"
    )
    use = gr.Button(size="sm", variant="primary", visible=False, elem_id="use-rate")
    return LrPanel(find, plot, use, gr.State(None))


def wire(
    panel: LrPanel, config_of: Callable[..., RunConfig], inputs: list[gr.components.Component], rate: gr.components.Component
) -> None:
    """Connects the buttons.

    Args:
        config_of: settings from the values of `inputs`.
        rate: the box of the learning rate.
    """

    @toast
    def find(*values: Any, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: ANN401, B008
        progress(0, desc=text.LOADING)
        curve = find_learning_rate(
            config_of(*values), lambda step, steps: progress((step, steps), desc=text.TRYING_RATES, unit="steps")
        )
        if curve.suggestion is None:
            raise RunError(NO_RATE, NO_RATE_CURE)
        return [
            _plotted(curve),
            gr.Button(text.USE_RATE.format(_as_typed(curve.suggestion)), visible=True),
            float(_as_typed(curve.suggestion)),
        ]

    def take(found: float) -> float:
        gr.Info(text.RATE_USED.format(_as_typed(found)), duration=6)  # its box stands further up, mostly out of sight
        return found

    private: dict[str, Any] = {"api_visibility": "private"}
    tried = panel.find.click(
        lambda: [gr.Button(interactive=False), gr.LinePlot(visible=True)], None, [panel.find, panel.plot], queue=False, **private
    ).then(find, inputs, [panel.plot, panel.use, panel.found], show_progress_on=panel.plot, **private)
    nothing = lambda: [gr.LinePlot(visible=False), gr.Button(visible=False)]  # noqa: E731
    tried.failure(nothing, None, [panel.plot, panel.use], queue=False, **private)
    when_over(tried, lambda: gr.Button(interactive=True), panel.find)
    panel.use.click(take, panel.found, rate, show_progress="hidden", **private)


def _plotted(curve: LearningRateCurve) -> gr.LinePlot:
    frame = pd.DataFrame({_AXIS: [math.log10(rate) for rate in curve.rates], "loss": curve.losses})
    low, high = frame["loss"].min(), frame["loss"].max()
    margin = (high - low) * 0.05 or 0.1
    return gr.LinePlot(frame, y_lim=[low - margin, high + margin], visible=True)


def _as_typed(rate: float) -> str:
    """A rate with two digits, as the settings' box shows it: 0.00024."""
    return f"{rate:.{1 - math.floor(math.log10(rate))}f}".rstrip("0")
