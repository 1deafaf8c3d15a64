"""What keeps an open page fresh: the browser asks for two marks of what can be seen, and has the page renewed when they change.

Asked without Gradio's Timer: for each event, even of one hidden number, the browser goes over every component whose loading it
follows. With a Timer an open page took an eighth of a core while nothing happened, and two thirds of one while it
watched a run; the training has that core now (measured with Chromium: `benchmarks/page.py`).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, runs
from tuner.runs import LIVING
from tuner.ui import evaluate_tab, login_panel, render, train_tab
from tuner.ui.errors import toast
from tuner.ui.evaluate_tab import EvaluateTab
from tuner.ui.login_panel import LoginPanel
from tuner.ui.train_tab import TrainTab

_SECONDS = 1.5
_LOOK = "seen"
# What changes from step to step while a run goes on, the age and progress in the list with it; all else is rare.
_GOING_ON = ("choices", "step")
# One question at a time, none while the page is not in sight. Which run is chosen stands in the URL. A server that does not
# answer is left to Gradio, which says so on the page: it is given one event that fails. All pages share a session that holds
# nothing: Gradio makes one of 1.2 MB for each call that names none, and drops other people's for it.
_WATCH = f"""() => {{
  if (window.tunerWatches) return;
  window.tunerWatches = true;
  const {{root, api_prefix}} = window.gradio_config, sign = new URLSearchParams(location.search).get('__sign');
  const address = `${{root.replace(/\\/$/, '')}}${{api_prefix}}/run/{_LOOK}${{sign ? '?__sign=' + sign : ''}}`;
  const raise = (id) => {{
    const box = document.querySelector(`#${{id}} input`);
    if (!box) return false;
    box.value = Number(box.value) + 1;
    return box.dispatchEvent(new Event('input', {{bubbles: true}}));
  }};
  let seen = [];
  const look = async () => {{
    const run = new URLSearchParams(location.search).get('run');
    const body = JSON.stringify({{data: [run], session_hash: '{_LOOK}'}});
    const question = {{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body}};
    let marks;
    try {{
      const answer = await fetch(address, question);
      marks = answer.ok ? (await answer.json()).data[0] : [answer.status, 0];
    }} catch {{
      marks = ['nobody there', 0];
    }}
    const moved = marks[0] !== seen[0] ? 'changed' : marks[1] !== seen[1] ? 'went-on' : '';
    if (!moved || raise(moved)) seen = marks;
  }};
  const watch = async () => {{
    if (!document.hidden) await look();
    setTimeout(watch, {round(1000 * _SECONDS)});
  }};
  setTimeout(watch, {round(1000 * _SECONDS)});
}}"""


@dataclass(frozen=True)
class Sidebar:
    """What stands beside the tabs, and the hidden name of a chosen run that is no longer there."""

    chosen: gr.Radio
    none: gr.Markdown
    colours: gr.HTML
    gone: gr.Textbox


def wire(app: gr.Blocks, sidebar: Sidebar, login: LoginPanel, train: TrainTab, evaluate: EvaluateTab) -> None:
    """Keeps the list of runs, who is logged in, the chosen run and its report as they are now."""
    quiet: dict[str, Any] = {"queue": False, "concurrency_limit": None, "api_visibility": "private"}
    seen = gr.State({})
    hidden: dict[str, Any] = {"precision": 0, "visible": "hidden", "show_label": False, "container": False}
    changed, went_on = gr.Number(0, elem_id="changed", **hidden), gr.Number(0, elem_id="went-on", **hidden)
    curves, chosen = train.curves, sidebar.chosen
    look_at_curves = [curves.opened, curves.due]

    @toast
    def show(run_id: str | None, before: dict[str, Any], opened: bool, due: int) -> list[Any]:
        return [*changes(run_id, before, train.view, evaluate.view), _next(opened, due)]

    @toast
    def follow(run_id: str | None, before: dict[str, Any], opened: bool, due: int) -> list[Any]:
        return [*steps(run_id, before, train.moving), _next(opened, due)]

    gr.api(marks, api_name=_LOOK, **quiet)
    everything = [*vars(sidebar).values(), seen, *login.view, *train.view, *evaluate.view, curves.due]
    inputs: list[Any] = [chosen, seen, *look_at_curves]
    changed.change(show, inputs, everything, show_progress="hidden", **quiet)
    went_on.change(follow, inputs, [chosen, seen, *train.moving, curves.due], show_progress="hidden", **quiet)
    app.load(None, None, None, js=_WATCH, api_visibility="private")


def seen_of(run_id: str | None, before: dict[str, Any]) -> dict[str, Any]:
    """What the page shows of the runs and of who asks, as it would be now."""
    person = access.current()
    who = [person.name, person.expired]
    if person.expired:  # what stands there stays: the person is about to log in again
        return {**before, "who": who}
    found = access.visible()
    rows = [runs.summary(run) for run in found]
    run, row = next(((run, row) for run, row in zip(found, rows, strict=True) if row["run_id"] == run_id), (None, None))
    step = row and [row["step"], row["message"], row.get("heartbeat")]
    rare = run and row and [row["state"], row["metrics"], run.stop_requested]
    if row and (row["kind"] != "run" or row["state"] == "queued"):  # a study's table, a queue's places
        rare, step = [rare, step], None
    return {
        "who": who,
        "choices": [render.run_choice(row) for row in rows],
        "states": [{"run_id": row["run_id"], "state": row["state"]} for row in rows],
        "names": [[row["title"], row.get("owner"), row["metrics"]] for row in rows],
        "run": run_id,
        "state": rare,
        "step": step,
        "ended": row is not None and row["state"] not in LIVING,
    }


def marks(run_id: str | None) -> list[str]:
    """Two short texts: one that changes with anything the page shows but a step of a run that goes on, and one with that, too."""
    now = seen_of(run_id, {})
    return [_mark({name: now[name] for name in now if name not in _GOING_ON}), _mark(now)]


def changes(run_id: str | None, before: dict[str, Any], train: Sequence[Any], evaluate: Sequence[Any]) -> list[Any]:
    """What the page has to be sent: the list, who asks, the run's view, its report; `gr.skip()` for what stayed as it was.

    Args:
        before: what it shows, as `seen_of` gave it.
        train, evaluate: the two tabs' views.
    """
    now = seen_of(run_id, before)
    said = [gr.skip()] * 2 if before.get("who") == now["who"] else login_panel.view_of(access.current())
    if access.current().expired:
        return [*[gr.skip()] * 4, now, *said, *[gr.skip()] * (len(train) + len(evaluate))]
    same_run = before.get("run") == run_id
    fresh = same_run and [before.get("state"), before.get("step")] == [now["state"], now["step"]]
    report_due = now["ended"] and same_run and not before.get("ended")
    gone = _is_gone(run_id, now)
    if gone:  # it stays among the choices until nothing sends it any more: Gradio refuses a value that is none of them
        now["choices"] = before.get("choices")
        runs_list = gr.Radio(value=None)
    else:
        runs_list = gr.skip() if now["choices"] == before.get("choices") else gr.Radio(choices=now["choices"])
    same_states = now["states"] == before.get("states")
    return [
        runs_list,
        gr.skip() if same_states else gr.Markdown(visible=not now["states"]),
        gr.skip() if same_states else render.run_colours(now["states"]),
        run_id if gone else gr.skip(),
        now,
        *said,
        *([gr.skip()] * len(train) if fresh or now["state"] is None else train_tab.view_of(run_id)),
        *(evaluate_tab.view_of(run_id, len(evaluate)) if report_due else [gr.skip()] * len(evaluate)),
    ]


def steps(run_id: str | None, before: dict[str, Any], moving: Sequence[Any]) -> list[Any]:
    """What moves while a run goes on, for few of the page's components: the list, what is seen now, and `TrainTab.moving`."""
    now = seen_of(run_id, before)
    if access.current().expired or _is_gone(run_id, now):  # `changes` comes next, and says so
        return [gr.skip()] * (2 + len(moving))
    # All else stays as it was shown: it may have changed a moment ago.
    seen = {**before, **{name: now[name] for name in _GOING_ON}}
    same = now["step"] is None or now["step"] == before.get("step")
    return [
        gr.skip() if now["choices"] == before.get("choices") else gr.Radio(choices=now["choices"]),
        seen,
        *([gr.skip()] * len(moving) if same else train_tab.moving_of(run_id)),
    ]


def _is_gone(run_id: str | None, now: dict[str, Any]) -> bool:
    return bool(run_id) and run_id not in {row["run_id"] for row in now["states"]}


def _next(opened: bool, due: int) -> Any:  # noqa: ANN401
    """Has the folded panel of curves drawn anew where somebody looks at it."""
    return due + 1 if opened else gr.skip()


def _mark(seen: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(seen, default=str).encode(), digest_size=8).hexdigest()
