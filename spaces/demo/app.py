"""A text classifier to try out: its answer to a text, the words it rests on, and many texts at once.

The model is the first one that the front matter of README.md names.
"""

import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

try:  # before torch: on ZeroGPU it takes the place of CUDA until a GPU is lent
    import spaces
except ImportError:
    spaces = None

import drawing
import gradio as gr
import theme
from classifier import MOST_CHARACTERS, Answer, Explanation, Refused, check, load
from colours import SENTIMENT
from huggingface_hub import constants, metadata_load

MOST_TEXTS = 200
# A GPU is lent for so long at most; a shorter wish is served sooner.
_GPU_SECONDS = 30
# There a visitor's minutes are counted: nothing is computed before a button is pressed.
LENT = os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "true")
_EXPLAINED_AT_ONCE = 40
_FRONT = metadata_load(Path(__file__).parent / "README.md") or {}
MODEL = _FRONT["models"][0]
_ABOUT_FEELINGS = [
    "I love how quiet this train is, what a good idea",
    "The parcel came a week late and half of it was broken",
    "The meeting was moved to Thursday afternoon",
    "Not bad at all, though I expected more for the price",
]
_PLAIN = [
    "The meeting was moved to Thursday afternoon",
    "Scientists have found a new species of frog in the mountains",
    "How do I change the address of my order?",
    "The home team won in the last minute of the game",
]
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

try:
    model, refusal = load(MODEL), ""
except Refused as error:
    model, refusal = None, str(error)


def on_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
    """On ZeroGPU the function computes on a GPU that is lent for it; elsewhere it is as it was."""
    return spaces.GPU(duration=_GPU_SECONDS)(function) if hasattr(spaces, "GPU") else function


@on_gpu
def answers_of(texts: list[str]) -> list[Answer]:
    """The model's answers to texts that were checked."""
    return model.predict(texts)


@on_gpu
def explanation_of(text: str, label: str | None) -> Explanation:
    """The words of a text that was checked."""
    return model.explain(text, label)


def checked(texts: object, most: int) -> list[str]:
    """The texts, once there is a model and it can answer them.

    Raises:
        gr.Error: a sentence of cause and one of cure.
    """
    try:
        if model is None:
            raise Refused(refusal)
        return check(texts, most)
    except Refused as error:
        raise gr.Error(str(error), print_exception=False) from None


def predict(texts: str | list) -> list:
    """Label and probabilities of a text, or of each of up to 200 texts."""
    return [answer.to_json() for answer in answers_of(checked(texts, MOST_TEXTS))]


def explain(text: str, label: str | None = None) -> dict:
    """How much the probability of a label (None: of the answer) falls without each word of a text."""
    (text,) = checked(text if isinstance(text, str) else [text], 1)
    if label and label not in model.labels:
        raise gr.Error(f"The model has no label '{label[:80]}', only {', '.join(model.labels[:20])}.", print_exception=False)
    return asdict(explanation_of(text, label or None))


def show_answer(text: str) -> str:
    """The answer's box, while somebody types."""
    if model is None or not (text or "").strip():
        return drawing.empty(refusal or "Type a text, or choose one of the examples.")
    (text,) = checked(text, 1)
    return drawing.answer(answers_of([text])[0], model.threshold)


def show_words(text: str, label: str) -> str:
    """The text with coloured words."""
    if model is None or not (text or "").strip():
        return ""
    (text,) = checked(text, 1)
    return drawing.words(explanation_of(text, label or None))


def show_short(text: str, label: str) -> str:
    """As `show_words` while somebody types; a text of many words waits for the button."""
    if len((text or "").split()) > _EXPLAINED_AT_ONCE:
        return drawing.empty("Press the button to see which words the answer rests on.")
    return show_words(text, label)


def show_many(lines: str) -> list[list[str]]:
    """A row for each line that holds a text."""
    texts = [line for line in (lines or "").splitlines() if line.strip()]
    return drawing.table(answers_of(checked(texts, MOST_TEXTS)))


def page() -> gr.Blocks:
    """The page and its endpoints."""
    labels = model.labels if model else []
    feelings = bool(labels) and all(label.lower() in SENTIMENT for label in labels)
    with gr.Blocks(title=MODEL, analytics_enabled=False, fill_width=True) as demo:
        gr.api(predict, api_name="predict")
        gr.api(explain, api_name="explain")
        gr.HTML(drawing.about(MODEL, f"{constants.ENDPOINT}/{MODEL}", model.report if model else {}), padding=False)
        with gr.Tabs():
            with gr.Tab("One text"):
                _one_text(labels, _ABOUT_FEELINGS if feelings else _PLAIN)
            with gr.Tab("Many texts"):
                _many_texts()
        gr.Markdown(
            "Probabilities say how often such answers are right on texts like those the model was measured on. "
            "Texts are answered in this Space's memory and kept nowhere.",
            elem_classes="quiet",
        )
    return demo


def _one_text(labels: list[str], examples: list[str]) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            text = gr.Textbox(label="Text", lines=6, max_lines=14, max_length=MOST_CHARACTERS, elem_id="text")
            gr.Examples([[example] for example in examples], text, label="Examples", api_visibility="private")
            label = gr.Dropdown(
                [("the answer", ""), *((name, name) for name in labels[:500])],
                value="",
                label="Words that speak for",
                elem_id="label",
            )
            go = gr.Button("Answer and explain" if LENT else "Explain", variant="primary", elem_id="explain")
        with gr.Column(scale=1, min_width=320):
            answer = gr.HTML(show_answer(""), padding=False, elem_id="answer")
            words = gr.HTML("", padding=False, elem_id="words")
    quiet: dict[str, Any] = {"trigger_mode": "always_last", "concurrency_limit": 2, **_PRIVATE}
    asked = [go.click, text.submit]
    gr.on(asked if LENT else [text.change], show_answer, text, answer, **quiet)
    text.change((lambda text, label: "") if LENT else show_short, [text, label], words, **quiet)
    gr.on([*asked, label.input], show_words, [text, label], words, concurrency_limit=2, api_visibility="private")


def _many_texts() -> None:
    lines = gr.Textbox(label=f"One text a line, at most {MOST_TEXTS}", lines=8, max_lines=16, elem_id="lines")
    go = gr.Button("Answer all", variant="primary", elem_id="answer-all")
    table = gr.Dataframe(
        headers=["text", "answer", "probability"], datatype="str", interactive=False, wrap=True, show_label=False,
        column_widths=["65%", "20%", "15%"], elem_id="answers",
    )  # fmt: skip
    go.click(show_many, lines, table, api_visibility="private")


if __name__ == "__main__":
    # ZeroGPU's default queue holds one.
    page().queue(max_size=64).launch(
        server_name=os.environ.get("GRADIO_SERVER_NAME", "127.0.0.1"),
        share=False,
        quiet=True,
        theme=theme.theme(),
        css=theme.CSS,
        run_history=False,
        show_error=False,
        enable_monitoring=False,
        max_file_size="1mb",
        allowed_paths=[],
        ssr_mode=False,
        footer_links=["api"],
    )
