"""What can be done with the chosen run: stop, resume, move in the queue, train further, copy its settings, delete."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access, hub_read, queue, runs
from tuner.launch import jobs, local
from tuner.runs import LIVING, RESUMABLE, Run
from tuner.ui import render, text
from tuner.ui.errors import toast
from tuner.ui.heard import heard

_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class RunActions:
    """The buttons, in the order `view_of` fills them, but for `sure`, which asks once more before deleting.

    Attributes:
        end: ends at once what was asked to stop. No press of `stop` does: it may come twice, or from a page that shows what was.
        end_sure: asks once more before `end`.
    """

    stop: gr.Button
    resume: gr.Button
    earlier: gr.Button
    later: gr.Button
    further: gr.Button
    copy: gr.Button
    delete: gr.Button
    end: gr.Button
    end_sure: gr.Button
    sure: gr.Button

    @property
    def view(self) -> list[gr.components.Component]:
        """What `view_of` fills, in its order."""
        return [self.stop, self.resume, self.earlier, self.later, self.further, self.copy, self.delete, self.end, self.end_sure]


def draw() -> RunActions:
    """Draws a row of buttons; only those that make sense for the chosen run are shown."""
    with gr.Row(elem_id="run-actions"):
        small: dict[str, Any] = {"visible": False, "size": "sm", "scale": 0}
        return RunActions(
            stop=gr.Button(text.STOP, variant="stop", min_width=150, elem_id="stop", **small),
            resume=gr.Button(text.RESUME, variant="primary", min_width=110, elem_id="resume", **small),
            earlier=gr.Button(text.EARLIER, min_width=100, elem_id="earlier", **small),
            later=gr.Button(text.LATER, min_width=100, elem_id="later", **small),
            further=gr.Button(text.FURTHER, min_width=130, elem_id="further", **small),
            copy=gr.Button(text.COPY, min_width=130, elem_id="copy-settings", **small),
            delete=gr.Button(text.DELETE, min_width=100, elem_id="delete", **small),
            end=gr.Button(text.END_NOW, min_width=200, elem_id="end-now", **small),
            end_sure=gr.Button(text.END_SURE, variant="stop", min_width=300, elem_id="end-sure", **small),
            sure=gr.Button(text.DELETE_SURE, variant="stop", min_width=300, elem_id="delete-sure", **small),
        )


def view_of(run: Run | None) -> list[gr.Button]:
    """Values for `RunActions.view`: which of the buttons make sense now."""
    if run is None:
        return [gr.Button(visible=False)] * 9
    row = runs.summary(run)
    state, own = row["state"], runs.may_change(run)
    readable, is_run = state != "unreadable", row.get("kind", "run") == "run"
    movable = own and state == "queued" and len(queue.waiting()) > 1
    going, asked = own and state in LIVING, run.stop_requested
    stop = text.STOPPING if asked else text.WITHDRAW if state == "queued" else text.STOP
    return [
        gr.Button(stop, visible=going, interactive=not asked),
        gr.Button(visible=own and state in RESUMABLE),
        gr.Button(visible=movable),
        gr.Button(visible=movable),
        gr.Button(visible=is_run and run.has_model and state not in LIVING),
        gr.Button(visible=readable),
        gr.Button(visible=own and state not in LIVING),
        gr.Button(visible=going and asked),
        gr.skip() if going and asked else gr.Button(visible=False),
    ]


def wire(
    actions: RunActions,
    chosen: gr.Radio,
    view: list[gr.components.Component],
    view_of_run: Callable[[str | None], list[Any]],
    form: list[gr.components.Component],
    form_of: Callable[[Any], list[Any]],
) -> None:
    """Connects the buttons.

    Args:
        view: the components that show the run, and what fills them.
        form: the settings' components, and what fills them for a RunConfig.
    """

    def wired(button: gr.Button, right: str, act: Callable[[Run], Any]) -> None:
        @toast
        def handle(run_id: str | None) -> Any:  # noqa: ANN401
            return act(access.get(run_id or "", right))

        button.click(handle, chosen, chosen, **_PRIVATE).then(toast(view_of_run), chosen, view, **_PRIVATE)

    wired(actions.stop, "stop", lambda run: gr.skip() if run.stop_requested else runs.request_stop(run) or gr.skip())
    wired(actions.end_sure, "stop", lambda run: runs.request_stop(run) or gr.skip())
    wired(actions.resume, "resume", lambda run: local.resume(run) and gr.skip())
    wired(actions.earlier, "move", lambda run: _move(run, -1))
    wired(actions.later, "move", lambda run: _move(run, +1))
    wired(actions.sure, "delete", _delete)
    for button, config_of in ((actions.copy, lambda run: run.config), (actions.further, local.continuation)):

        @toast
        def fill(run_id: str | None, config_of: Callable[[Run], Any] = config_of) -> list[Any]:
            config = config_of(access.get(run_id or ""))
            gr.Info(text.FILLED_IN, duration=6)
            return form_of(config)

        button.click(fill, chosen, form, **_PRIVATE)
    for button, sure in ((actions.delete, actions.sure), (actions.end, actions.end_sure)):
        for event, visible in ((sure.click, False), (button.click, True), (heard(chosen.change), False)):
            event(lambda visible=visible: gr.Button(visible=visible), None, sure, queue=False, **_PRIVATE)


def _move(run: Run, by: int) -> Any:  # noqa: ANN401
    place = [other.id for other in queue.waiting()].index(run.id) + 1 if runs.read_status(run).state == "queued" else 1
    access.move(run, max(1, place + by))
    return gr.skip()


def _delete(run: Run) -> gr.Radio:
    jobs.delete(run, hub_read.token())
    left = access.visible()
    return gr.Radio(choices=[render.run_choice(runs.summary(r)) for r in left], value=left[0].id if left else None)
