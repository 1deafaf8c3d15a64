"""Augmentation on the Train tab: what the rates make of some of the person's own rows, before they are used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import augmentation, modeling
from tuner.config import RunConfig
from tuner.data.browsing import cut
from tuner.errors import SettingsError
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast


@dataclass(frozen=True)
class AugmentPanel:
    """What was drawn."""

    show: gr.Button
    examples: gr.Textbox


def draw() -> AugmentPanel:
    """Draws the panel inside the current accordion."""
    gr.Markdown(text.AUGMENTATION, elem_classes="quiet")
    show = gr.Button(text.SHOW_COPIES, size="sm", elem_id="show-copies")
    examples = gr.Textbox(show_label=False, lines=10, max_lines=24, interactive=False, visible=False, elem_id="copies")
    return AugmentPanel(show, examples)


def wire(
    context: Context, panel: AugmentPanel, config_of: Callable[..., RunConfig], inputs: list[gr.components.Component]
) -> None:
    """Connects the button.

    Args:
        config_of: settings from the values of `inputs`.
    """

    @toast
    def show(*values: Any) -> gr.Textbox:  # noqa: ANN401
        config = config_of(*values)
        settings = config.augmentation
        if not augmentation.is_on(settings):
            raise SettingsError(["augmentation: every rate is 0, so there is nothing to show; 0.1 is a good start."])
        base = modeling.find_base_model(config.model.name, config.model.revision)
        texts = context.data(config.data).splits["train"].texts
        examples = augmentation.preview(texts, settings, base, settings.seed)
        shown = [f"{cut(before)}\n→ {cut(after)}\n   ({', '.join(names)})" for before, after, names in examples]
        return gr.Textbox("\n\n".join(shown), visible=True)

    panel.show.click(show, inputs, panel.examples, api_visibility="private", concurrency_limit=2)
