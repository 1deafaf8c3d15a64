"""Who you are, above the list of runs of a Space: log in and out, and share a run. On a machine of one user nothing is drawn."""

import html
from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner import access
from tuner.person import login_offered
from tuner.ui import text
from tuner.ui.errors import toast, when_over
from tuner.ui.heard import heard


@dataclass(frozen=True)
class LoginPanel:
    """What was drawn. `view` is what `view_of` fills, in its order."""

    said: gr.HTML
    again: gr.Button
    shared: gr.Checkbox

    @property
    def view(self) -> list[gr.components.Component]:
        """What `view_of` fills."""
        return [self.said, self.again]


def draw() -> LoginPanel:
    """Draws who is logged in, and the buttons; there is a login where the Space offers one."""
    shown = login_offered()
    said = gr.HTML("", padding=False, visible=shown, elem_id="who")
    if shown:  # elsewhere it would keep the app from starting
        gr.LoginButton(text.LOG_IN, logout_value=text.LOG_OUT, size="sm", elem_id="login")
    # In a tab of its own: what was filled in here stays.
    again = gr.Button(
        text.LOG_IN_AGAIN, link="/login/huggingface", link_target="_blank", size="sm", variant="primary", visible=False,
        elem_id="login-again",
    )  # fmt: skip
    shared = gr.Checkbox(label=text.SHARE_RUN, info=text.SHARE_RUN_INFO, value=False, visible=False, elem_id="share-run")
    return LoginPanel(said, again, shared)


def view_of(person: access.Person) -> list[Any]:
    """Values for `LoginPanel.view`."""
    if not login_offered():
        return [gr.skip(), gr.skip()]
    if person.expired:
        words = html.escape(text.LOGIN_EXPIRED)
    elif person.name:
        words = f"<b>{html.escape(person.name)}</b>{' · owner of this Space' if person.owner else ''}"
    else:
        words = html.escape(text.NOT_LOGGED_IN_HERE)
    return [f'<div class="who">{words}</div>', gr.Button(visible=person.expired)]


def shared_box(run_id: str | None) -> gr.Checkbox:
    """The box that shares the chosen run, shown for runs of one's own where others come, too."""
    run = access.get(run_id) if run_id and not access.current().local else None
    return gr.Checkbox(value=run is not None and run.shared, visible=run is not None and access.may(run, "share"))


def wire(panel: LoginPanel, chosen: gr.Radio) -> None:
    """Connects the box that shares the chosen run."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": None}

    @toast
    def share(run_id: str | None, shared: bool) -> None:
        access.share(run_id or "", shared)

    # Not in the queue: an answer that comes late would undo a click of meanwhile.
    heard(chosen.change)(toast(shared_box), chosen, panel.shared, queue=False, **quiet)
    # What is kept stands there in the end, after an error or a late answer, too.
    when_over(
        panel.shared.input(share, [chosen, panel.shared], None, trigger_mode="always_last", **quiet),
        toast(shared_box),
        panel.shared,
        chosen,
    )
