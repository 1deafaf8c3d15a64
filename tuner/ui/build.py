"""The page: header, list of runs, and tabs in the order of the seven steps."""

import html
from typing import Any

import gradio as gr

from tuner import access, runs
from tuner.hardware import describe
from tuner.inference import MOST_CHARACTERS
from tuner.runs import LIVING
from tuner.ui import (
    api,
    data_tab,
    evaluate_tab,
    label_panel,
    login_panel,
    people,
    playground_tab,
    render,
    share_tab,
    text,
    train_tab,
    watching,
)
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.uploaded import KEPT_SECONDS

_TABS = ("data", "train", "evaluate", "playground", "share")
_ANSWERING_TABS = ("evaluate", "playground")
# The chosen run stands in the URL, so that a reload, a second tab and a link show the same. What it does stands at the top of the
# page, and the button that starts one at the end of a form longer than a screen.
_RUN_TO_URL = """(id) => {
    const url = new URL(window.location);
    // What a link to the Playground asked of another run.
    const before = url.searchParams.get('run');
    if (before && before !== id) ['text', 'model'].forEach((name) => url.searchParams.delete(name));
    if (id) url.searchParams.set('run', id); else url.searchParams.delete('run');
    window.history.replaceState({}, '', url);
    window.scrollTo({top: 0});
    // On a busy machine its view takes seconds. One that never comes, after an error, is waited for no longer than this.
    const until = Date.now() + 15000;
    const wait = () => {
        if ((new URLSearchParams(window.location.search).get('run') || '') !== (id || '')) return;
        const late = (document.querySelector('#run-head [data-run]')?.dataset.run || '') !== (id || '') && Date.now() < until;
        document.body.classList.toggle('run-late', late);
        if (late) setTimeout(wait, 100);
    };
    wait();
}"""

# The tab, too. Gradio marks the button of the new one after it has told of the change.
_TAB_TO_URL = """() => {
    window.scrollTo(0, 0);
    setTimeout(() => {
        const tab = document.querySelector('#tabs > .tab-wrapper [role=tab][aria-selected=true]')?.dataset.tabId;
        const url = new URL(window.location);
        if (tab) url.searchParams.set('tab', tab);
        window.history.replaceState({}, '', url);
    }, 100);
}"""

# There the list of runs lies over the whole page.
_CLOSE_ON_A_PHONE = """() => {
    if (window.innerWidth < 768) document.querySelector('#sidebar.open .toggle-button')?.click();
}"""


def build_app(context: Context) -> gr.Blocks:
    """The whole app; `tuner.ui.serve` launches it. Where nothing is trained it has Evaluate and the Playground alone."""
    trains = context.trains
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=KEPT_SECONDS, fill_width=True) as app:
        api.add_endpoints(context)  # first, so that no handler of the page takes one of their names
        gr.HTML(
            f'<div class="tuner-header"><h1>{text.TITLE}</h1><p>{text.TAGLINE if trains else text.ANSWERS_ALONE}</p>'
            f'<span class="device">{html.escape(str(describe()))}</span></div>'
        )
        with gr.Sidebar(width=270, visible=trains, elem_id="sidebar"):
            login = login_panel.draw()
            gr.Markdown("**Runs**")
            no_runs = gr.Markdown(text.NO_RUNS, elem_classes="quiet")
            colours = gr.HTML("", elem_id="run-colours")
            chosen = gr.Radio([], show_label=False, container=False, elem_id="run-list", label="Runs")
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Data", id="data", visible=trains):
                data = data_tab.build(context)
            with gr.Tab("Train", id="train", visible=trains) as train_page:
                train = train_tab.build(context, data.picker, chosen, train_page.select, app.load)
            with gr.Tab("Evaluate", id="evaluate"):
                evaluate = evaluate_tab.build(context, chosen)
            with gr.Tab("Playground", id="playground") as playground_page:
                playground = playground_tab.build(context, chosen, playground_page, tabs, colours)
            with gr.Tab(text.SHARE_TAB, id="share", visible=trains) as share_page:
                share_tab.build(context, chosen, share_page, tabs)
        tabs.change(None, None, None, js=_TAB_TO_URL, api_visibility="private")
        gone = gr.Textbox("", visible="hidden", show_label=False, container=False, elem_id="gone")  # the run that was deleted
        watching.wire(app, watching.Sidebar(chosen, no_runs, colours, gone), login, train, evaluate)

        quiet = {"api_visibility": "private", "show_progress": "hidden"}

        @toast
        def choose(run_id: str | None, made: dict[str, str]) -> list[Any]:
            return [*train_tab.view_of(run_id), *evaluate_tab.view_of(run_id, len(evaluate.view), made)]

        heard(chosen.change)(choose, [chosen, evaluate.made], [*train.view, *evaluate.view], concurrency_limit=None, **quiet)
        chosen.change(None, chosen, None, js=_RUN_TO_URL, api_visibility="private")

        # Apart, and in the queue: a function outside of it has no toast but for errors.
        gone.change(toast(lambda: gr.Info(text.RUN_GONE, duration=8)), None, None, concurrency_limit=None, **quiet)

        tabs_here = _TABS if trains else _ANSWERING_TABS

        @toast
        def open_page(request: gr.Request) -> list[Any]:
            found = access.visible()
            wanted = request.query_params.get("run")
            value = wanted if wanted in {run.id for run in found} else None
            tab = request.query_params.get("tab")
            rows = [runs.summary(run) for run in found]
            if value is None and rows and rows[0]["state"] in LIVING:
                value = rows[0]["run_id"]  # what is going on is what a visitor wants to see
            opens = tab if tab in tabs_here else "playground" if not trains else "train" if value else None
            return [
                gr.Radio(choices=[render.run_choice(row) for row in rows], value=value),
                gr.Markdown(visible=not rows),
                render.run_colours(rows),
                gr.Tabs(selected=opens) if opens else gr.skip(),  # Data is open already; who has gone on is not called back
                *_linked(request),
                *login_panel.view_of(access.current()),
                login_panel.shared_box(value),
            ]

        opened = [chosen, no_runs, colours, tabs, playground.text, playground.model, *login.view, login.shared]
        app.load(open_page, None, opened, **quiet)
        login_panel.wire(login, chosen)

        def leave(request: gr.Request) -> None:
            for stops in playground.stops:
                stops.ask(request)

        app.unload(leave)
        app.load(None, None, None, js=label_panel.KEYS_JS, api_visibility="private")
        for event in (app.load, chosen.input):
            event(None, None, None, js=_CLOSE_ON_A_PHONE, api_visibility="private")
        evaluate.send.click(
            lambda words: [words, gr.Tabs(selected="playground")], evaluate.text, [playground.text, tabs], queue=False, **quiet
        )
        following = ((data.next, "train"), (train.next, "evaluate"), (evaluate.next, "playground"), (playground.next, "share"))
        for button, target in following:
            button.click(lambda target=target: gr.Tabs(selected=target), None, tabs, queue=False, **quiet)
    _watch_only_what_is_shown(app)
    people.attach(app, context)  # last
    return app


def _watch_only_what_is_shown(app: gr.Blocks) -> None:
    """Takes the components of events without a progress bar out of those whose loading the browser follows.

    At every step of any event Gradio 6.31 searches the whole page for each component that any event so far was to fill, shown or
    not: opening a run took 11 s of a core, and takes 5 now (measured with Chromium: `benchmarks/page.py`).
    """
    for function in app.fns.values():
        if function.show_progress == "hidden" and function.show_progress_on is None:
            function.show_progress_on = []


def _linked(request: gr.Request) -> list[Any]:
    """Text and model of a link to the Playground; a run comes by its own name."""
    words, model = request.query_params.get("text"), request.query_params.get("model")
    return [words[:MOST_CHARACTERS] if words else gr.skip(), gr.Dropdown(value=model[:500]) if model else gr.skip()]
