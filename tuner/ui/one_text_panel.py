"""One text, on the Playground: the answer while one types, what it rests on, and rows of the run's test data to start from."""

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner.errors import TunerError
from tuner.evaluations import of_run
from tuner.explain import METHODS, explain, word_spans
from tuner.inference import MOST_CHARACTERS, uncalibrated
from tuner.ui import render, render_answers, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.pauses import pauses
from tuner.ui.render_words import remark, words_html, words_table
from tuner.words import shortened

# Explained while one types; more words take longer than the 0.3 s in which a page should answer.
_EXPLAINED_AT_ONCE = 40
# Characters of an example on its chip.
_CHIP = 90
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Shown:
    """The answer that stands on the page: what a person judges.

    Attributes:
        model: as it was chosen.
        named: `Context.named` of it: whose answer this is.
    """

    model: str
    named: str
    text: str
    label: str
    probability: float


@dataclass(frozen=True)
class OneTextPanel:
    """What was drawn. `shown` holds the answer that stands there, None for none; `paused` changes when typing has paused."""

    text: gr.Textbox
    paused: gr.Number
    examples: gr.Dataset
    texts: gr.State
    raw: gr.Checkbox
    answer: gr.HTML
    note: gr.Markdown
    method: gr.Dropdown
    label: gr.Dropdown
    about: gr.Markdown
    words: gr.HTML
    numbers: gr.Dataframe
    explain: gr.Button
    shown: gr.State


def draw_text() -> tuple[gr.Textbox, gr.Markdown, gr.Dataset, gr.State]:
    """Draws the text, how much of it was read, and texts to start from."""
    box = gr.Textbox(
        label="Text", placeholder=text.TYPE_HERE, lines=6, max_lines=14, max_length=MOST_CHARACTERS, elem_id="playground-text"
    )
    note = gr.Markdown("", elem_classes="quiet", elem_id="playground-note")
    titles, texts = _chips(_plain_examples())
    examples = gr.Dataset(
        components=[gr.Textbox(visible=False)], samples=titles, label=text.EXAMPLES_TITLE, type="index", elem_id="examples"
    )
    return box, note, examples, gr.State(texts)


def draw_answer(box: gr.Textbox, note: gr.Markdown, examples: gr.Dataset, texts: gr.State) -> OneTextPanel:
    """Draws the answer and what it rests on."""
    answer = gr.HTML(render.empty(text.NO_MODEL), padding=False, elem_id="playground-answer")
    words = gr.HTML("", padding=False, elem_id="why")
    about = gr.Markdown("", elem_classes="quiet", elem_id="why-about")
    again = gr.Button(text.EXPLAIN, size="sm", visible=False, elem_id="explain")
    with gr.Accordion(text.HOW, open=False, elem_id="how"):
        with gr.Row():
            method = gr.Dropdown(
                [(text.METHODS[name], name) for name in METHODS], value=next(iter(METHODS)), label=text.WHY, min_width=190,
                elem_id="why-method",
            )  # fmt: skip
            label = gr.Dropdown([(text.PREDICTED, "")], value="", label="For the label", min_width=130, elem_id="why-label")
            raw = gr.Checkbox(label=text.RAW, info=text.RAW_INFO, value=False, min_width=220, elem_id="raw")
        numbers = gr.Dataframe(
            headers=["word", "part"],
            datatype="str",
            interactive=False,
            label=text.WORDS_TABLE,
            max_height=300,
            elem_id="why-table",
        )
    shown, paused = gr.State(None), pauses("text", [box.change])
    return OneTextPanel(box, paused, examples, texts, raw, answer, note, method, label, about, words, numbers, again, shown)


def wire(context: Context, panel: OneTextPanel, model: gr.Dropdown) -> None:
    """Connects the panel to the text and to the tab's model."""
    inputs = [panel.text, model]

    @toast
    def answer(words: str, name: str | None, raw: bool) -> list[Any]:
        if not name or not (words or "").strip():
            return [render.empty(text.TYPE_SOMETHING if name else text.NO_MODEL), "", None]
        try:
            named = context.named(name)
            classifier = context.classifier(named)
            found = context.predict(named, [words])[0]
            found = uncalibrated(found, classifier.answering) if raw else found
        except TunerError as error:  # in the answer's place: the one before is of another text or model
            return [render.empty(str(error)), "", None]
        threshold = classifier.answering.threshold
        return [
            render_answers.answer(found, threshold=threshold.value if threshold else None),
            render_answers.tokens(found, classifier.max_length),
            Shown(name, named, words, found.label, found.probabilities[found.label]),
        ]

    def because(words: str, name: str | None, method: str, label: str, at_once: bool) -> list[Any]:
        if not name or not (words or "").strip():
            return ["", "", None, gr.Button(visible=False)]
        count = len(word_spans(words))
        if at_once and count > _EXPLAINED_AT_ONCE:
            return ["", text.LONG_TEXT.format(f"{count:,}"), None, gr.Button(visible=True)]
        try:
            classifier = context.classifier(name)
            # A label that was chosen for another model is none here.
            found = explain(classifier, words, label if label in classifier.labels else None, method)
        except TunerError as error:
            return ["", str(error), None, gr.Button(visible=False)]
        delta = "" if found.delta is None else text.DELTA.format(f"{found.delta:.1%}")
        about = " ".join(filter(None, [remark(found), found.about, delta, found.warning]))
        return [words_html(found), about, words_table(found), gr.Button(visible=False)]

    @toast
    def explained(words: str, name: str | None, method: str, label: str) -> list[Any]:
        return because(words, name, method, label, at_once=True)

    @toast
    def explained_anyway(words: str, name: str | None, method: str, label: str) -> list[Any]:
        return because(words, name, method, label, at_once=False)

    @toast
    def start_from(name: str | None) -> list[Any]:
        labels = context.classifier(name).labels if name else ()
        choices = [(text.PREDICTED, ""), *((label, label) for label in labels[:500])]
        titles, texts = _chips(_examples_of(context, name))
        return [gr.Dropdown(choices, value=""), gr.Dataset(samples=titles), texts]

    why_outputs = [panel.words, panel.about, panel.numbers, panel.explain]
    why_inputs = [*inputs, panel.method, panel.label]
    heard(panel.paused.change, model.change, panel.raw.input)(
        answer, [*inputs, panel.raw], [panel.answer, panel.note, panel.shown], concurrency_limit=8,
        show_progress_on=[panel.answer], show_progress="minimal", api_visibility="private", queue=context.answers_queue,
    )  # fmt: skip
    heard(model.change)(start_from, model, [panel.label, panel.examples, panel.texts], concurrency_limit=4, **_PRIVATE)
    heard(panel.paused.change, model.change, panel.method.input, panel.label.input)(
        explained, why_inputs, why_outputs, concurrency_limit=4, **_PRIVATE
    )  # fmt: skip
    panel.explain.click(explained_anyway, why_inputs, why_outputs, concurrency_limit=2, **_PRIVATE | {"show_progress": "minimal"})
    panel.examples.click(lambda place, texts: texts[place], [panel.examples, panel.texts], panel.text, queue=False, **_PRIVATE)


def _chips(examples: list[list[str]]) -> tuple[list[list[str]], list[str]]:
    """What the chips say (kind and the beginning of the text), and the whole texts."""
    titles = [f"{kind} · {words}" if kind else words for kind, words in examples]
    return [[shortened(title, _CHIP)] for title in titles], [words for _, words in examples]


def _plain_examples() -> list[list[str]]:
    return [["", words] for words in text.EXAMPLES]


def _examples_of(context: Context, name: str | None) -> list[list[str]]:
    run = context.run_of(name)
    found = of_run(run) if run else None
    frame: pd.DataFrame | None = found.predictions if found else None
    return (render_answers.examples(frame) if frame is not None and len(frame) else []) or _plain_examples()
