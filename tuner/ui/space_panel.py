"""Make a demo Space of the chosen run's model: where, who may open it, and how far its building is."""

import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access
from tuner.errors import RunError, TunerError
from tuner.hub import Client, Space, make_demo, note_space, push_state, space_of
from tuner.hub.space_stage import MOST_SECONDS, UNKNOWN, looked_at
from tuner.runs import Run
from tuner.ui import render_share, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.sharing import own_token

# The Hub is asked so often how far a Space is.
_TICK_SECONDS = 5.0
_PRIVATE: dict[str, Any] = {"api_visibility": "private"}


@dataclass(frozen=True)
class SpacePanel:
    """What was drawn. `shown` is what a run fills."""

    name: gr.Textbox
    who: gr.Radio
    lend: gr.Checkbox
    hardware: gr.Dropdown
    make: gr.Button
    again: gr.Button
    state: gr.HTML
    timer: gr.Timer

    @property
    def progress(self) -> list[Any]:
        """What changes while the Space is built."""
        return [self.state, self.again, self.make, self.timer]

    @property
    def shown(self) -> list[Any]:
        """What another run fills."""
        return [self.name, self.lend, *self.progress]


def draw() -> SpacePanel:
    """Draws the form; nothing is made before its button is pressed."""
    with gr.Accordion(text.DEMO_SPACE, elem_id="share-space"):
        gr.Markdown(text.DEMO_SPACE_WHAT, elem_classes="quiet")
        name = gr.Textbox(label=text.SPACE_NAME, info=text.SPACE_NAME_INFO, max_lines=1, elem_id="share-space-name")
        who = gr.Radio(
            [(text.SPACE_PRIVATE, "private"), (text.WHO_PUBLIC, "public")], value="private", label=text.SPACE_WHO,
            elem_id="share-space-who",
        )  # fmt: skip
        hardware = gr.Dropdown(
            [(text.FREE_CPU, ""), (text.ZERO_GPU, "zero-a10g")], value="", label=text.HARDWARE, info=text.HARDWARE_INFO,
            elem_id="share-space-hardware",
        )  # fmt: skip
        lend = gr.Checkbox(
            label=text.LEND_TOKEN, info=text.LEND_TOKEN_INFO, value=False, visible=False, elem_id="share-space-lend"
        )
        with gr.Row():
            make = gr.Button(text.MAKE_SPACE, size="sm", min_width=120, interactive=False, elem_id="share-space-make")
            again = gr.Button(text.LOOK_AGAIN, size="sm", min_width=100, visible=False, elem_id="share-space-again")
        state = gr.HTML("", padding=False, elem_id="share-space-state")
    return SpacePanel(name, who, lend, hardware, make, again, state, gr.Timer(_TICK_SECONDS, active=False))


def wire(context: Context, panel: SpacePanel, chosen: gr.Radio, opened: list[Any]) -> None:
    """Connects the panel to the chosen run.

    Args:
        opened: events after which it is filled anew: the tab was opened, another run chosen, a push has ended.
    """

    of = gr.State(None)

    @toast
    def show(run_id: str | None, of: list[Any] | None) -> list[Any]:
        name, lend, *progress = _shown(context.pushable(run_id), context.local)
        if of == [run_id, name]:  # seen before: what a person typed since stays
            return [gr.skip(), gr.skip(), *progress, of]
        return [name, lend, *progress, [run_id, name]]

    @toast
    def make(run_id: str | None, name: str, who: str, lend: bool, hardware: str) -> list[Any]:
        run = context.run_of(run_id)
        try:
            if run is None:
                raise RunError("No completed run is chosen.", "Choose one in the list on the left.")
            access.check(run, "push")
            if lend and not context.local:
                raise RunError("The token of a login ends after some hours, and the Space's secret with it.", text.LEND_BY_HAND)
            more = {"private": who != "public", "lend_token": bool(lend), "hardware": hardware or None}
            made = make_demo((name or "").strip(), pushed_model(run), token=own_token(context.local), **more)
        except TunerError as error:
            said = render_share.failed(error.cause, error.cure, text.SPACE_NOT_MADE)
            return [said, gr.Button(visible=False), gr.Button(interactive=True), gr.Timer(active=False)]
        return _progress(note_space(run, made))

    def look(run_id: str | None) -> list[Any]:
        run = context.pushable(run_id)
        space = space_of(run) if run else None
        if space is None:
            return _progress(None)
        seen = looked_at(space, Client(own_token(context.local)))
        # A Hub that says nothing for a moment has not changed how far the Space is.
        return _progress(note_space(run, seen if seen.stage != UNKNOWN else space))

    @toast
    def tick(run_id: str | None) -> list[Any]:
        return look(run_id)

    @toast
    def again(run_id: str | None) -> list[Any]:
        return look(run_id)

    quiet: dict[str, Any] = {"show_progress": "hidden", "queue": False, **_PRIVATE}
    for event in opened:
        event(show, [chosen, of], [*panel.shown, of], **quiet)
    inputs = [chosen, panel.name, panel.who, panel.lend, panel.hardware]
    made = panel.make.click(lambda: gr.Button(interactive=False), None, panel.make, **quiet).then(
        make, inputs, panel.progress, show_progress_on=panel.state, concurrency_limit=2, **_PRIVATE
    )
    made.failure(lambda: gr.Button(interactive=True), None, panel.make, **quiet)
    panel.again.click(again, chosen, panel.progress, show_progress_on=panel.state, concurrency_limit=4, **_PRIVATE)
    panel.timer.tick(tick, chosen, panel.progress, show_progress="hidden", concurrency_limit=8, **_PRIVATE)


def pushed_model(run: Run) -> str:
    """Where the run's model stands on the Hub.

    Raises:
        RunError: it was not pushed to the main branch of a repository.
    """
    state = push_state(run)
    if state is None or state.state != "done" or state.pushed is None or state.pushed.revision != "main":
        raise RunError("The model is not on the Hub yet.", "Push it to main first: the Space fetches it from there.")
    return state.pushed.repo_id


def _shown(run: Run | None, may_lend: bool) -> list[Any]:
    """Name and secret as the pushed model asks for, and how far the Space is that was made of it."""
    space = space_of(run) if run else None
    try:
        model = pushed_model(run) if run else ""
    except RunError as error:
        return ["", gr.Checkbox(visible=False), *_progress(space, said=f"{error.cause} {error.cure}")]
    name = space.repo_id if space else f"{model}-demo" if model else ""
    private = bool(run) and push_state(run).pushed.private
    return [name, gr.Checkbox(value=False, visible=private and may_lend), *_progress(space, may=bool(model))]


def _progress(space: Space | None, may: bool = True, said: str = "") -> list[Any]:
    """Values for `SpacePanel.progress`."""
    follow = space is not None and space.going_on and time.time() - space.made < MOST_SECONDS
    words = render_share.space(space) if space else render_share.quiet(said)
    return [
        words,
        gr.Button(visible=space is not None and not follow),
        gr.Button(interactive=may and not said),
        gr.Timer(active=follow),
    ]
