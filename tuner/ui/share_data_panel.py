"""The chosen run's rows or corrections as a data set on the Hub: personal data first, then one push that can be repeated."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, feedback
from tuner.data.labelled import check_pinned
from tuner.errors import RunError
from tuner.hub import dataset_findings, findings_in_words, push_cleaned, push_dataset
from tuner.hub.cleaned import check_pushable, cleaned_rows
from tuner.ui import render_report, render_share, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.sharing import own_token

# What is pushed → the end of the data set's name.
_SUFFIXES = {text.CLEANED_ROWS: "data", text.CORRECTED_ROWS: "corrections"}


@dataclass(frozen=True)
class DataPanel:
    """What was drawn; `anyway` is shown where texts hold personal data.

    Attributes:
        told: run, which rows, and what was said to be in them.
    """

    what: gr.Radio
    repo: gr.Textbox
    public: gr.Checkbox
    push: gr.Button
    anyway: gr.Button
    result: gr.HTML
    told: gr.State


def draw() -> DataPanel:
    """Draws an accordion; nothing leaves the machine before its button is pressed."""
    with gr.Accordion(text.PUSH_DATA, open=False, elem_id="share-data"):
        what = gr.Radio(
            list(_SUFFIXES),
            value=text.CLEANED_ROWS,
            label=text.PUSH_DATA_ROWS,
            info=text.PUSH_DATA_WHAT,
            elem_id="share-data-what",
        )
        with gr.Row():
            repo = gr.Textbox(
                label=text.PUSH_TO, info=text.PUSH_INFO, placeholder="owner/name", max_lines=1, scale=3, elem_id="share-data-repo"
            )
            public = gr.Checkbox(label=text.PUBLIC, info=text.PUBLIC_INFO, value=False, scale=1, elem_id="share-data-public")
        with gr.Row():
            push = gr.Button(text.PUSH_DATA_NOW, size="sm", scale=0, min_width=160, elem_id="share-data-push")
            anyway = gr.Button(
                text.PUSH_ANYWAY, size="sm", variant="stop", scale=0, min_width=200, visible=False, elem_id="share-data-anyway"
            )
        result = gr.HTML("", elem_id="share-data-result")
    return DataPanel(what, repo, public, push, anyway, result, gr.State(None))


def wire(context: Context, panel: DataPanel, chosen: gr.Radio, owner: gr.Dropdown, name: gr.Textbox) -> None:
    """Connects the buttons to the rows of the chosen run.

    Args:
        owner, name: of the model: the data set is named after it.
    """

    def send(run_id: str | None, what: str, repo: str, public: bool, told: list[str] | None) -> list[Any]:
        run = context.run_of(run_id)
        if run is None:
            raise RunError("No completed run is chosen.", "Choose one in the list on the left.")
        access.check(run, "push")
        token, corrected = own_token(context.local), what == text.CORRECTED_ROWS
        if not corrected:
            check_pushable(run.config.data)
        rows = feedback.name_for(run.id) if corrected else context.data(run.config.data)
        if not isinstance(rows, str):
            check_pinned(rows, run.config.data)
        found = findings_in_words(dataset_findings(rows if isinstance(rows, str) else cleaned_rows(rows)))
        here = [run_id, what, found]
        if found and here != told:
            return [render_report.sentences(text.DATA_HOLDS.format(found)), gr.Button(visible=True), here]
        where = {"token": token, "private": not public}
        if isinstance(rows, str):
            pushed = push_dataset(rows, (repo or "").strip(), **where)
        else:
            pushed = push_cleaned(rows, run.config, (repo or "").strip(), **where)
        state = "was there already" if pushed.unchanged else "is pushed"
        said = render_report.sentences(f"{pushed.repo_id} {state}, {'private' if pushed.private else 'public'}.")
        return [f'{said}<p class="sentence">{render_share.link(pushed.link)}</p>', gr.Button(visible=False), here]

    @toast
    def look_and_push(run_id: str | None, what: str, repo: str, public: bool) -> list[Any]:
        return send(run_id, what, repo, public, told=None)

    @toast
    def push_anyway(run_id: str | None, what: str, repo: str, public: bool, told: list[str] | None) -> list[Any]:
        return send(run_id, what, repo, public, told)

    def clear_if_other(run_id: str | None, what: str, told: list[str] | None) -> list[Any]:
        """An answer that took its time is none for what is chosen now."""
        return [gr.skip(), gr.skip()] if told is None or told[:2] == [run_id, what] else cleared()

    def cleared() -> list[Any]:
        return ["", gr.Button(visible=False)]

    private: dict[str, Any] = {"api_visibility": "private"}
    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, **private}
    inputs, shown = [chosen, panel.what, panel.repo, panel.public], [panel.result, panel.anyway]
    for button, handler, more in ((panel.push, look_and_push, []), (panel.anyway, push_anyway, [panel.told])):
        button.click(
            handler, [*inputs, *more], [*shown, panel.told], show_progress_on=panel.result, concurrency_limit=2, **private
        ).success(clear_if_other, [chosen, panel.what, panel.told], shown, **quiet)
    heard(owner.change, name.change, panel.what.input)(_named, [owner, name, panel.what], panel.repo, **quiet)
    for event in (chosen.change, panel.what.input):
        heard(event)(cleared, None, shown, **quiet)


def _named(owner: str | None, name: str | None, what: str) -> str:
    """The data set's name, after the model's."""
    return f"{owner}/{name}-{_SUFFIXES[what]}" if owner and name and what in _SUFFIXES else ""
