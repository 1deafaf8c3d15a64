"""The page: header, list of runs, tabs in the order of the seven steps, and the timer that keeps them fresh."""

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
)
from tuner.ui.context import Context
from tuner.ui.errors import toast

TICK_SECONDS = 1.5
_TABS = ("data", "train", "evaluate", "playground", "share")
_ANSWERING_TABS = ("evaluate", "playground")
# The chosen run stands in the URL, so that a reload, a second tab and a link show the same. What it does stands at the top of the
# page, and the button that starts one at the end of a form longer than a screen.
_RUN_TO_URL = """(id) => {
    const url = new URL(window.location);
    if (id) url.searchParams.set('run', id); else url.searchParams.delete('run');
    window.history.replaceState({}, '', url);
    window.scrollTo({top: 0});
}"""

# There the list of runs lies over the whole page.
_CLOSE_ON_A_PHONE = """() => {
    if (window.innerWidth < 768) document.querySelector('#sidebar.open .toggle-button')?.click();
}"""


def build_app(context: Context) -> gr.Blocks:
    """The whole app; `tuner.ui.serve` launches it. Where nothing is trained it has Evaluate and the Playground alone."""
    trains = context.trains
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=(3600, 3600), fill_width=True) as app:
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
                playground = playground_tab.build(context, chosen, playground_page, tabs)
            with gr.Tab(text.SHARE_TAB, id="share", visible=trains) as share_page:
                share_tab.build(context, chosen, share_page, tabs)
        tabs.change(None, None, None, js="() => window.scrollTo(0, 0)", api_visibility="private")
        seen = gr.State({})
        # No State: one that a call outside the queue changes tells nobody.
        changed = gr.Number(0, precision=0, visible="hidden", show_label=False, container=False, elem_id="changes")
        gone = gr.Textbox("", visible="hidden", show_label=False, container=False, elem_id="gone")  # the run that was deleted
        timer = gr.Timer(TICK_SECONDS)

        quiet = {"api_visibility": "private", "show_progress": "hidden"}

        # Apart from `show`, and with one output: for each of the sixty that `show` has, the browser works also where it is
        # told to leave it as it is.
        @toast
        def look(run_id: str | None, before: dict[str, Any], changes: int) -> Any:  # noqa: ANN401
            return gr.skip() if _seen(run_id, before) == before else changes + 1

        @toast
        def show(run_id: str | None, before: dict[str, Any]) -> list[Any]:
            return _changes(run_id, before, len(train.view), len(evaluate.view))

        shown = [chosen, gone, no_runs, colours, seen, *login.view, *train.view, *evaluate.view]
        timer.tick(look, [chosen, seen, changed], changed, concurrency_limit=None, queue=False, **quiet)
        changed.change(show, [chosen, seen], shown, concurrency_limit=None, queue=False, **quiet)

        @toast
        def choose(run_id: str | None) -> list[Any]:
            return [*train_tab.view_of(run_id), *evaluate_tab.view_of(run_id, len(evaluate.view))]

        chosen.change(choose, chosen, [*train.view, *evaluate.view], concurrency_limit=None, **quiet)
        chosen.change(None, chosen, None, js=_RUN_TO_URL, api_visibility="private")

        # Apart, and in the queue: a function outside of it has no toast but for errors.
        gone.change(toast(lambda: gr.Info(text.RUN_GONE, duration=8)), None, None, concurrency_limit=None, **quiet)

        tabs_here, first = (_TABS, "data") if trains else (_ANSWERING_TABS, "playground")

        @toast
        def open_page(request: gr.Request) -> list[Any]:
            found = access.visible()
            wanted = request.query_params.get("run")
            value = wanted if wanted in {run.id for run in found} else None
            tab = request.query_params.get("tab")
            rows = [runs.summary(run) for run in found]
            if value is None and rows and rows[0]["state"] in LIVING:
                value = rows[0]["run_id"]  # what is going on is what a visitor wants to see
            return [
                gr.Radio(choices=[render.run_choice(row) for row in rows], value=value),
                gr.Markdown(visible=not rows),
                render.run_colours(rows),
                gr.Tabs(selected=tab if tab in tabs_here else first if not (trains and value) else "train"),
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
    people.attach(app, context)  # last
    return app


def _linked(request: gr.Request) -> list[Any]:
    """Text and model of a link to the Playground; a run comes by its own name."""
    words, model = request.query_params.get("text"), request.query_params.get("model")
    return [words[:MOST_CHARACTERS] if words else gr.skip(), gr.Dropdown(value=model[:500]) if model else gr.skip()]


def _seen(run_id: str | None, before: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of the runs and of who asks, as it would be now."""
    person = access.current()
    who = [person.name, person.expired]
    if person.expired:  # what stands there stays: the person is about to log in again
        return {**before, "who": who}
    rows = [runs.summary(run) for run in access.visible()]
    row = next((row for row in rows if row["run_id"] == run_id), None)
    return {
        "who": who,
        "choices": [render.run_choice(row) for row in rows],
        "states": [{"run_id": row["run_id"], "state": row["state"]} for row in rows],
        "run": run_id,
        "state": row and [row["state"], row["step"], row["message"], row.get("heartbeat"), row["metrics"]],
        "ended": row is not None and row["state"] not in LIVING,
    }


def _changes(run_id: str | None, before: dict[str, Any], train_size: int, evaluate_size: int) -> list[Any]:
    """What the page has to be sent: the list, who asks, the run's view, its report; `gr.skip()` for what stayed as it was."""
    now = _seen(run_id, before)
    said = [gr.skip()] * 2 if before.get("who") == now["who"] else login_panel.view_of(access.current())
    if access.current().expired:
        return [*[gr.skip()] * 4, now, *said, *[gr.skip()] * (train_size + evaluate_size)]
    same_run = before.get("run") == run_id
    fresh = same_run and before.get("state") == now["state"]
    report_due = now["ended"] and same_run and not before.get("ended")
    gone = bool(run_id) and run_id not in {row["run_id"] for row in now["states"]}
    if gone:  # it stays among the choices until nothing sends it any more: Gradio refuses a value that is none of them
        now["choices"] = before.get("choices")
        runs_list = gr.Radio(value=None)
    else:
        runs_list = gr.skip() if now["choices"] == before.get("choices") else gr.Radio(choices=now["choices"])
    return [
        runs_list,
        run_id if gone else gr.skip(),
        gr.skip() if bool(now["choices"]) == bool(before.get("choices")) else gr.Markdown(visible=not now["choices"]),
        gr.skip() if now["states"] == before.get("states") else render.run_colours(now["states"]),
        now,
        *said,
        *([gr.skip()] * train_size if fresh or now["state"] is None else train_tab.view_of(run_id)),
        *(evaluate_tab.view_of(run_id, evaluate_size) if report_due else [gr.skip()] * evaluate_size),
    ]
