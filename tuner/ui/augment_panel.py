"""Augmentation on the Train tab: what the rates make of some of the person's own rows, before they are used."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner import augmentation, modeling
from tuner.config import RunConfig
from tuner.data.browsing import cut
from tuner.errors import SettingsError
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast

_COLUMNS = ["your text", "altered copy", "by"]


@dataclass(frozen=True)
class AugmentPanel:
    """What was drawn."""

    show: gr.Button
    table: gr.Dataframe


def draw() -> AugmentPanel:
    """Draws the panel inside the current accordion."""
    gr.Markdown(text.AUGMENTATION, elem_classes="quiet")
    show = gr.Button(text.SHOW_COPIES, size="sm", elem_id="show-copies")
    table = gr.Dataframe(
        headers=_COLUMNS, datatype="str", interactive=False, wrap=True, visible=False, show_label=False,
        column_widths=["40%", "40%", "20%"], elem_id="copies",
    )  # fmt: skip
    return AugmentPanel(show, table)


def wire(
    context: Context, panel: AugmentPanel, config_of: Callable[..., RunConfig], inputs: list[gr.components.Component]
) -> None:
    """Connects the button.

    Args:
        config_of: settings from the values of `inputs`.
    """

    @toast
    def show(*values: Any) -> gr.Dataframe:  # noqa: ANN401
        config = config_of(*values)
        settings = config.augmentation
        if not augmentation.is_on(settings):
            raise SettingsError(["augmentation: every rate is 0, so there is nothing to show; 0.1 is a good start."])
        base = modeling.find_base_model(config.model.name, config.model.revision)
        texts = context.data(config.data).splits["train"].texts
        examples = augmentation.preview(texts, settings, base, settings.seed)
        rows = [(cut(before), cut(after), ", ".join(names)) for before, after, names in examples]
        return gr.Dataframe(pd.DataFrame(rows, columns=_COLUMNS), visible=True)

    panel.show.click(show, inputs, panel.table, api_visibility="private", concurrency_limit=2)
