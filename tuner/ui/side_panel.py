"""Side by side, on the Playground: two texts, two models, or both."""

from dataclasses import dataclass

import gradio as gr

from tuner.inference import MOST_CHARACTERS
from tuner.ui import render, render_answers, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.pauses import pauses


@dataclass(frozen=True)
class SidePanel:
    """What was drawn; `grid` holds the answers, one row a model and one column a text."""

    text: gr.Textbox
    other: gr.Textbox
    model: gr.Dropdown
    grid: gr.HTML


def draw() -> SidePanel:
    """Draws two texts, the second model, and the answers below."""
    gr.Markdown(text.SIDE_WHAT, elem_classes="quiet")
    with gr.Row():
        one = gr.Textbox(
            label="Text", placeholder=text.TYPE_HERE, lines=3, max_lines=8, max_length=MOST_CHARACTERS, elem_id="side-text"
        )
        other = gr.Textbox(
            label=text.OTHER_TEXT,
            placeholder="The same, but …",
            lines=3,
            max_lines=8,
            max_length=MOST_CHARACTERS,
            elem_id="side-other",
        )
    model = gr.Dropdown(
        [], value=None, label=text.OTHER_MODEL, info=text.OTHER_MODEL_INFO, allow_custom_value=True, elem_id="side-model"
    )
    grid = gr.HTML(render.empty(text.TYPE_SOMETHING), elem_id="side-grid")
    return SidePanel(one, other, model, grid)


def wire(context: Context, panel: SidePanel, model: gr.Dropdown) -> None:
    """Connects the panel to the tab's model."""

    @toast
    def answer(one: str, other: str, name: str | None, second: str | None) -> str:
        texts = [words for words in (one, other) if (words or "").strip()]
        names = list(dict.fromkeys(filter(None, [(name or "").strip(), (second or "").strip()])))
        if not texts or not names:
            return render.empty(text.TYPE_SOMETHING if names else text.NO_MODEL)
        answers = {each: context.predict(each, texts) for each in names}
        titles = ("Text", text.OTHER_TEXT) if len(texts) > 1 else ("",)
        models = {each: context.title(each) for each in names}
        if len(set(models.values())) < len(models):  # runs are named alike until somebody names them
            models = {each: f"{words} ({each})" for each, words in models.items()}
        cells = [
            render_answers.answer(found, " · ".join(filter(None, [models[each], title])))
            for each, row in answers.items()
            for found, title in zip(row, titles, strict=True)
        ]
        return f'<div class="side-grid columns-{len(texts)}">{"".join(cells)}</div>'

    heard(pauses("side", [panel.text.change, panel.other.change]).change, model.change, panel.model.change)(
        answer,
        [panel.text, panel.other, model, panel.model],
        panel.grid,
        api_visibility="private",
        show_progress="minimal",
        concurrency_limit=4,
    )
