"""What a run will take, in a line that follows every change, and what speaks against starting it."""

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner.config import RunConfig
from tuner.errors import TunerError, gathering, raise_all
from tuner.launch.estimate import estimate
from tuner.launch.timer import time_steps
from tuner.training.estimate import Timing
from tuner.training.fitting import refuse_unfit
from tuner.ui import kept_form, text
from tuner.ui.context import Context
from tuner.ui.errors import toast, when_over
from tuner.ui.pauses import pauses
from tuner.ui.source_picker import title_of

_PRIVATE: dict[str, Any] = {"api_visibility": "private"}
# Settings of the training that change how long a step takes or what it needs; all of data, model and copies do. Rates of
# their own part the optimizer's weights into groups.
_TIMED = {
    "per_device_train_batch_size", "per_device_eval_batch_size", "precision", "activation_checkpointing", "optim",
    "train_sampling_strategy", "num_processes", "fsdp", "torch_compile", "focal_gamma", "adversarial_epsilon",
    "weight_averaging", "max_grad_norm", "layerwise_lr_decay", "head_learning_rate",
}  # fmt: skip


@dataclass(frozen=True)
class EstimatePanel:
    """What was drawn. `measured`: settings that were timed, as text, and the timing; `kept`: those in the browser."""

    line: gr.HTML
    time: gr.Button
    measured: gr.State
    kept: gr.Textbox


def doubts(line: str) -> bool:
    """Whether something in the line, as it was drawn, speaks against starting."""
    return 'class="estimate doubt"' in line


def draw() -> EstimatePanel:
    """Draws the line and its button."""
    line = gr.HTML(f'<div class="estimate">{html.escape(text.NO_ESTIMATE)}</div>', elem_id="estimate")
    time = gr.Button(text.TIME_STEPS, size="sm", elem_id="time-steps")
    return EstimatePanel(line, time, gr.State(None), kept_form.draw())


def wire(
    context: Context,
    panel: EstimatePanel,
    config_of: Callable[..., RunConfig],
    inputs: list[gr.components.Component],
    shown: Any,  # noqa: ANN401
) -> None:
    """Connects line and button.

    Args:
        config_of: settings from the values of `inputs`, preset and name first.
        shown: the event of the tab that comes into sight.
    """

    def refresh(measured: tuple[str, dict] | None, preset: str, name: str, *values: Any) -> list[Any]:  # noqa: ANN401
        kept = gr.skip()
        try:
            config = config_of(preset, name, *values)
            kept = kept_form.kept(config, name or "")
            return [_line(context, config, measured), kept]
        except TunerError as error:
            return [f'<div class="estimate doubt">{html.escape(str(error))}</div>', kept]

    @toast
    def time(*values: Any, progress: gr.Progress = gr.Progress()) -> tuple[str, dict]:  # noqa: ANN401, B008
        progress(0, desc=text.LOADING)
        config = config_of(*values)
        timing = time_steps(config, lambda step, steps: progress((step, steps), desc=text.TIMING, unit="steps"))
        return _key(config), timing.model_dump()

    changes = [component.change for component in inputs if hasattr(component, "change")]
    quiet: dict[str, Any] = {**_PRIVATE, "show_progress": "hidden"}
    estimating = (toast(refresh), [panel.measured, *inputs], [panel.line, panel.kept])
    gr.on([shown, pauses("settings", changes).change], *estimating, trigger_mode="always_last", **quiet)
    timed = panel.time.click(lambda: gr.Button(interactive=False), None, panel.time, queue=False, **_PRIVATE).then(
        time, inputs, panel.measured, show_progress_on=panel.line, **_PRIVATE
    )
    # Of the settings as they are now: some may have been changed while the steps were timed.
    timed.success(*estimating, **quiet)
    when_over(timed, lambda: gr.Button(interactive=True), panel.time)


def _line(context: Context, config: RunConfig, measured: tuple[str, dict] | None) -> str:
    refused: list[TunerError] = []
    found = None
    with gathering(refused):
        refuse_unfit(config.training)
    with gathering(refused):
        if (data := context.data_if_read(config.data)) is not None:
            timing = Timing.model_validate(measured[1]) if measured and measured[0] == _key(config) else None
            found = estimate(config, data, timing)
    raise_all(refused)
    if found is None:
        return f'<div class="estimate">{html.escape(f"{title_of(config.data.source)}: {text.LOOK_FIRST}")}</div>'
    lines = [f'<div class="estimate">{html.escape(f"{title_of(config.data.source)}: {found.line}")}</div>']
    lines += [f'<div class="estimate warn">▲ {html.escape(warning)}</div>' for warning in found.warnings]
    lines += [f'<div class="estimate doubt">● {html.escape(doubt)}</div>' for doubt in found.doubts]
    return "".join(lines)


def _key(config: RunConfig) -> str:
    """The settings that decide how long a step takes."""
    parts = [config.data.model_dump(mode="json"), config.model.model_dump(mode="json"), config.augmentation.model_dump()]
    return json.dumps([*parts, config.training.model_dump(include=_TIMED)], sort_keys=True)
