"""Corrections as a data set on the Hub, on the Playground: personal data first, then one push that can be repeated."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import feedback, hub_read
from tuner.errors import SourceError
from tuner.hub import dataset_findings, findings_in_words, push_dataset
from tuner.ui import render_report, text
from tuner.ui.errors import toast


@dataclass(frozen=True)
class PushPanel:
    """What was drawn; `anyway` is shown where texts hold personal data."""

    repo: gr.Textbox
    public: gr.Checkbox
    push: gr.Button
    anyway: gr.Button
    result: gr.HTML


def draw() -> PushPanel:
    """Draws an accordion; nothing leaves the machine before its button is pressed."""
    with gr.Accordion(text.PUSH, open=False, elem_id="push-corrections"):
        with gr.Row():
            repo = gr.Textbox(
                label=text.PUSH_TO, info=text.PUSH_INFO, placeholder="owner/name", max_lines=1, scale=3, elem_id="push-repo"
            )
            public = gr.Checkbox(label=text.PUBLIC, info=text.PUBLIC_INFO, value=False, scale=1, elem_id="push-public")
        with gr.Row():
            push = gr.Button(text.PUSH_NOW, size="sm", scale=0, min_width=160, elem_id="push-now")
            anyway = gr.Button(
                text.PUSH_ANYWAY, size="sm", variant="stop", scale=0, min_width=200, visible=False, elem_id="push-anyway"
            )
        result = gr.HTML("", elem_id="push-result")
    return PushPanel(repo, public, push, anyway, result)


def wire(panel: PushPanel, model: gr.Dropdown) -> None:
    """Connects the two buttons to the corrections of the tab's model."""

    def send(name: str | None, repo: str, public: bool, looked: bool) -> list[Any]:
        set_name = feedback.name_for(name) if name else ""
        if set_name not in feedback.names():
            raise SourceError(text.NO_CORRECTIONS, "Correct an answer first.")
        found = {} if looked else dataset_findings(set_name)
        if found:
            words = f"The corrections hold {findings_in_words(found)}. Whoever may read the data set reads them."
            return [render_report.sentences(words), gr.Button(visible=True)]
        pushed = push_dataset(set_name, (repo or "").strip(), token=hub_read.token(), private=not public)
        state = "was there already" if pushed.unchanged else "is pushed"
        who = "private" if pushed.private else "public"
        return [render_report.sentences(f"{pushed.repo_id} {state}, {who}: {pushed.link}"), gr.Button(visible=False)]

    @toast
    def look_and_push(name: str | None, repo: str, public: bool) -> list[Any]:
        return send(name, repo, public, looked=False)

    @toast
    def push_anyway(name: str | None, repo: str, public: bool) -> list[Any]:
        return send(name, repo, public, looked=True)

    for button, handler in ((panel.push, look_and_push), (panel.anyway, push_anyway)):
        button.click(
            handler, [model, panel.repo, panel.public], [panel.result, panel.anyway], api_visibility="private",
            show_progress="minimal", concurrency_limit=2,
        )  # fmt: skip
