"""Playground: type a text, see what the trained model says, beside the untouched base model."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import runs
from tuner.inference import MOST_CHARACTERS, Prediction
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast


@dataclass(frozen=True)
class PlaygroundTab:
    """What the page needs of this tab."""

    text: gr.Textbox
    answer: tuple[Any, list[gr.components.Component], list[gr.components.Component]]


def build(context: Context, chosen: gr.Radio) -> PlaygroundTab:
    """Draws the tab inside the current gr.Tab."""
    gr.Markdown("Type a text: the chosen run answers, and beside it the base model before it was trained.", elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            box = gr.Textbox(
                label="Text",
                placeholder="Type a sentence …",
                lines=5,
                max_length=MOST_CHARACTERS,
                autofocus=False,
                elem_id="playground-text",
            )
            gr.Examples([[example] for example in text.EXAMPLES], box, label="Or take one of these", elem_id="examples")
            note = gr.Markdown(text.NO_MODEL, elem_classes="quiet", elem_id="playground-note")
        with gr.Column(scale=1, min_width=200):
            trained = gr.Label(label="Trained", elem_id="trained")
        with gr.Column(scale=1, min_width=200):
            untouched = gr.Label(label="Base model, before training", elem_id="untouched")

    @toast
    def answer(words: str, run_id: str | None) -> list[Any]:
        if not (words or "").strip():
            return [None, None, "Type a text to see an answer." if run_id else text.NO_MODEL]
        run = runs.get(run_id) if run_id else None
        if run is None or not run.has_model:
            return [None, None, text.NO_MODEL]
        prediction = context.classifier(run.id).predict([words])[0]
        before = context.untouched(run.id).predict([words])[0]
        return [_shares(prediction), _shares(before), _tokens(prediction)]

    inputs, outputs = [box, chosen], [trained, untouched, note]
    box.change(
        answer,
        inputs,
        outputs,
        api_visibility="private",
        trigger_mode="always_last",
        show_progress="minimal",
        show_progress_on=[trained],
    )
    return PlaygroundTab(box, (answer, inputs, outputs))


def _shares(prediction: Prediction) -> dict[str, float]:
    return prediction.probabilities


def _tokens(prediction: Prediction) -> str:
    unsure = "Unsure: no label reaches the threshold. " if prediction.unsure else ""
    if prediction.cut:
        return f"{unsure}Only the first {prediction.tokens} tokens were read; the rest was cut."
    return f"{unsure}{prediction.tokens} tokens, all of them read."
