"""Share: what of the chosen run goes to the Hub, where, and who will see it; then how far the push is, and where it went."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access
from tuner.errors import RunError, TunerError
from tuner.hub import Wanted, model_files, push_state, words
from tuner.hub.state import PushState
from tuner.hub_read import HUB_ID
from tuner.inference import load_answering
from tuner.runs import Run
from tuner.ui import render, render_report, render_share, share_data_panel, share_form, space_panel, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.share_form import ShareForm
from tuner.ui.sharing import name_for, own_token, start

_TICK_SECONDS = 1.0
_PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class _View:
    """The right side. `progress` is what a push fills, `preview` what a run fills."""

    login: gr.HTML
    empty: gr.HTML
    state: gr.HTML
    again: gr.Button
    snippet: gr.Code
    body: gr.Column
    files: gr.Dataframe
    card: gr.Markdown
    front: gr.Code
    timer: gr.Timer

    @property
    def progress(self) -> list[Any]:
        return [self.state, self.again, self.snippet, self.timer]

    @property
    def preview(self) -> list[Any]:
        return [self.empty, self.body, self.files, self.card, self.front]


def build(context: Context, chosen: gr.Radio, page: gr.Tab, tabs: gr.Tabs) -> None:
    """Draws the tab inside the current gr.Tab.

    Args:
        chosen: the list of runs: the chosen one is pushed.
        page: this tab, `tabs` all of them.
    """
    gr.Markdown(text.SHARE, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            form = share_form.draw()
            space = space_panel.draw()
        with gr.Column(scale=2, min_width=480):
            view = _draw()
            data = share_data_panel.draw()
    share_form.wire(form, context.local)
    _wire_preview(context, form, view, chosen, page, tabs)
    _wire_push(context, form, view, chosen)
    space_panel.wire(context, space, chosen, [page.select, heard(chosen.change), view.snippet.change])
    share_data_panel.wire(context, data, chosen, form.owner, form.name)


def _draw() -> _View:
    login = gr.HTML("", visible=False, elem_id="share-login")
    state = gr.HTML("", visible=False, elem_id="share-state")
    again = gr.Button(text.PUSH_AGAIN, size="sm", visible=False, elem_id="share-again")
    snippet = gr.Code(label=text.USE_IT, language="python", interactive=False, visible=False, elem_id="share-snippet")
    empty = gr.HTML(render.empty(text.NO_SHARE), elem_id="share-empty")
    with gr.Column(visible=False) as body:
        gr.Markdown(f"## {text.WHAT_IS_PUSHED}", elem_classes="step")
        with gr.Tabs(elem_id="share-what"):
            with gr.Tab(text.FILES):
                files = gr.Dataframe(
                    headers=["file", "size", "what it is"], datatype="str", interactive=False, show_label=False, wrap=True,
                    column_widths=["200px", "90px", "300px"], max_height=560, elem_id="share-files",
                )  # fmt: skip
            with gr.Tab(text.CARD):
                card = gr.Markdown(
                    "", header_links=False, latex_delimiters=[], max_height=560, container=True, elem_id="share-card"
                )
            with gr.Tab(text.FRONT_MATTER):
                front = gr.Code(language="yaml", interactive=False, show_label=False, max_lines=24, elem_id="share-front")
    return _View(login, empty, state, again, snippet, body, files, card, front, gr.Timer(_TICK_SECONDS, active=False))


def _wire_preview(context: Context, form: ShareForm, view: _View, chosen: gr.Radio, page: gr.Tab, tabs: gr.Tabs) -> None:
    """Fills the tab when it is opened, and when another run is chosen while it is open; a hidden tab does no work."""
    shown, of = gr.State(False), gr.State(None)
    taken = [form.owner, form.name, form.adapter, form.push, view.login, *view.progress, of]

    @toast
    def take(visible: bool, run_id: str | None, owner: str | None, of: str | None) -> list[Any]:
        if not visible:
            return [gr.skip()] * len(taken)
        found = _taken(context, run_id, owner)
        if run_id == of:  # seen before: what a person typed since stays
            found[:3] = [gr.skip() if owner else found[0], gr.skip(), gr.skip()]
        return [*found, run_id if context.pushable(run_id) else None]

    @toast
    def look(visible: bool, run_id: str | None, owner: str | None, name: str | None, adapter: bool) -> list[Any]:
        return _looked(context.pushable(run_id), owner, name, adapter) if visible else [gr.skip()] * len(view.preview)

    def opened(event: gr.SelectData) -> bool:
        return event.value == text.SHARE_TAB

    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, **_PRIVATE}
    asked = [shown, chosen, form.owner, form.name, form.adapter]
    tabs.select(opened, None, shown, **quiet)
    for event in (page.select(lambda: True, None, shown, **quiet).then, heard(chosen.change)):
        filled = event(take, [shown, chosen, form.owner, of], taken, show_progress="hidden", concurrency_limit=4, **_PRIVATE)
        filled.then(look, asked, view.preview, show_progress_on=view.empty, concurrency_limit=2, **_PRIVATE)
    gr.on(
        [form.owner.input, form.name.blur, form.name.submit, form.adapter.input], look, asked, view.preview,
        show_progress="hidden", trigger_mode="always_last", concurrency_limit=2, **_PRIVATE,
    )  # fmt: skip


def _taken(context: Context, run_id: str | None, owner: str | None) -> list[Any]:
    """What is there at once: the run's last push, a name for it, and who the person is."""
    run = context.pushable(run_id)
    before = push_state(run) if run else None
    meant = run.config.training.hub_model_id if run else None
    last_owner, _, last_name = (before.wanted.repo_id if before else meant or "").partition("/")
    owners, said = share_form.owner_box(context.local, last_owner or owner)
    login = gr.HTML(render_report.sentences(f"{text.NOT_LOGGED_IN}\n{said}"), visible=bool(said))
    lora = run is not None and (run.folder / "adapter").is_dir()
    name = last_name or (name_for(run.title) if run else "")
    may = run is not None and not said
    progress = _progress_of(run, before)
    return [owners, name, gr.Checkbox(value=False, visible=lora), _push_button(before, may), login, *progress]


def _looked(run: Run | None, owner: str | None, name: str | None, adapter: bool) -> list[Any]:
    """Files and card, as they would be pushed under that name."""
    said = text.NO_SHARE
    if run is not None:
        # While the Playground's thread imports transformers, `datasets` asks the half of it that is there for a class it lacks.
        importlib.import_module("transformers.tokenization_utils_base")
        try:
            files = model_files(run, adapter=adapter, repo_id=_repo_id(owner, name))
            table, card = render_share.files_table(files), render_share.card_preview(files)
            return [gr.HTML(visible=False), gr.Column(visible=True), table, card, render_share.front_matter(files)]
        except TunerError as error:
            said = str(error)
    return [gr.HTML(render.empty(said), visible=True), gr.Column(visible=False), [], "", ""]


def _repo_id(owner: str | None, name: str | None) -> str | None:
    """The repository of the form, where it names one already."""
    found = f"{(owner or '').strip()}/{(name or '').strip()}"
    return found if HUB_ID.fullmatch(found) else None


def _wire_push(context: Context, form: ShareForm, view: _View, chosen: gr.Radio) -> None:
    """Connects the buttons; the push goes on in a thread, and a timer reads how far it is while it does."""

    def begin(run_id: str | None, wanted_of: Callable[[Run], Wanted]) -> list[Any]:
        try:
            run = context.run_of(run_id)
            if run is None:
                raise RunError("No completed run is chosen.", "Choose one in the list on the left.")
            access.check(run, "push")
            start(run, wanted_of(run), own_token(context.local))
        except TunerError as error:
            words = render_share.failed(error.cause, error.cure, text.PUSH_NOT_BEGUN)
            return [gr.HTML(words, visible=True), *_without_push(), gr.Button(interactive=True)]
        return tick(run_id)

    @toast
    def push(run_id: str | None, *values: Any) -> list[Any]:  # noqa: ANN401
        return begin(run_id, lambda run: share_form.wanted_of(*values))

    @toast
    def again(run_id: str | None) -> list[Any]:
        return begin(run_id, lambda run: push_state(run).wanted)

    @toast
    def tick(run_id: str | None) -> list[Any]:
        run = context.pushable(run_id)
        found = push_state(run) if run else None
        return [*_progress_of(run, found), _push_button(found, run is not None)]

    progress = [*view.progress, form.push]
    busy: dict[str, Any] = {"queue": False, "show_progress": "hidden", **_PRIVATE}
    for button, handler, inputs in ((form.push, push, [chosen, *form.values]), (view.again, again, [chosen])):
        pushed = button.click(lambda: gr.Button(interactive=False), None, form.push, **busy).then(
            handler, inputs, progress, show_progress_on=view.state, concurrency_limit=4, **_PRIVATE
        )
        pushed.failure(lambda: gr.Button(interactive=True), None, form.push, **busy)
        button.click(lambda: "", None, form.rights, **busy)
    view.timer.tick(tick, chosen, progress, concurrency_limit=None, **busy)


def _push_button(state: PushState | None, may: bool) -> gr.Button:
    return gr.Button(interactive=may and (state is None or state.state != "pending"))


def _without_push() -> list[Any]:
    """`again`, `snippet` and `timer` where nothing was begun."""
    return [gr.Button(visible=False), gr.Code(visible=False), gr.Timer(active=False)]


def _progress_of(run: Run | None, state: PushState | None) -> list[Any]:
    """Values for `_View.progress`."""
    if run is None or state is None:
        return [gr.HTML("", visible=False), *_without_push()]
    code = gr.Code(visible=False)
    if state.state == "done":
        answering = load_answering(run.model_folder)
        code = gr.Code(str(words.snippet(state.wanted.repo_id, answering, state.pushed.revision)), visible=True)
    return [
        gr.HTML(render_share.state(state), visible=True),
        gr.Button(visible=state.state == "failed"),
        code,
        gr.Timer(active=state.state == "pending"),
    ]
