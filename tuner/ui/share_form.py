"""The left side of the Share tab: where a push goes, who will see it, and whether it may."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from tuner.errors import SettingsError, TunerError
from tuner.hub import Client, Wanted
from tuner.ui import render_report, text
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.ui.sharing import own_token, owners

_BRANCH, _PROPOSE = "branch", "pull request"


@dataclass(frozen=True)
class ShareForm:
    """What was drawn. `values` are read by `wanted_of`."""

    owner: gr.Dropdown
    name: gr.Textbox
    who: gr.Radio
    where: gr.Radio
    branch: gr.Textbox
    adapter: gr.Checkbox
    rights: gr.HTML
    check: gr.Button
    push: gr.Button

    @property
    def values(self) -> list[gr.components.Component]:
        """In the order of `wanted_of`'s arguments."""
        return [self.owner, self.name, self.who, self.where, self.branch, self.adapter]


def draw() -> ShareForm:
    """Draws the form; there is no box for a token: that of the login is taken."""
    owner = gr.Dropdown([], value=None, label=text.OWNER, info=text.OWNER_INFO, allow_custom_value=True, elem_id="share-owner")
    name = gr.Textbox(label=text.REPO_NAME, info=text.REPO_NAME_INFO, max_lines=1, max_length=96, elem_id="share-name")
    who = gr.Radio(
        [(text.WHO_PRIVATE, "private"), (text.WHO_PUBLIC, "public")], value="private", label=text.WHO, elem_id="share-who"
    )
    with gr.Accordion(text.WHERE_IN_IT, open=False, elem_id="share-where"):
        where = gr.Radio(
            [(text.TO_MAIN, "main"), (text.TO_BRANCH, _BRANCH), (text.TO_PULL_REQUEST, _PROPOSE)],
            value="main", label=text.COMMIT_TO, info=text.COMMIT_TO_INFO, elem_id="share-commit-to",
        )  # fmt: skip
        branch = gr.Textbox(label=text.BRANCH, info=text.BRANCH_INFO, max_lines=1, visible=False, elem_id="share-branch")
        adapter = gr.Checkbox(label=text.ADAPTER, value=False, visible=False, elem_id="share-adapter")
    with gr.Row():
        check = gr.Button(text.CHECK_RIGHTS, size="lg", scale=1, min_width=120, elem_id="share-check")
        push = gr.Button(text.PUSH_MODEL, size="lg", variant="primary", scale=1, min_width=120, elem_id="share-push")
    rights = gr.HTML("", elem_id="share-rights")
    return ShareForm(owner, name, who, where, branch, adapter, rights, check, push)


def wire(form: ShareForm, local: bool) -> None:
    """Connects what concerns the form alone: the box of the branch, and the check of rights."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    heard(form.where.change)(lambda where: gr.Textbox(visible=where == _BRANCH), form.where, form.branch, **quiet)
    asked = gr.State(None)

    @toast
    def check(*values: Any) -> list[Any]:  # noqa: ANN401
        try:
            said = rights_of(wanted_of(*values), own_token(local))
        except TunerError as error:
            said = f"{error.cause}\n{error.cure}"
        return [render_report.sentences(said), list(values)]

    def clear_if_other(of: list[Any] | None, *values: Any) -> Any:  # noqa: ANN401
        return gr.skip() if of in (None, list(values)) else ""

    found = form.check.click(
        check, form.values, [form.rights, asked], api_visibility="private", show_progress_on=form.rights, concurrency_limit=2
    )
    # What was found out holds for what it was asked for. The news of a change may come after the answer, if the machine is busy.
    for event in (found.then, heard(*(part.change for part in form.values))):
        event(clear_if_other, [asked, *form.values], form.rights, **quiet)


def wanted_of(owner: str | None, name: str | None, who: str, where: str, branch: str | None, adapter: bool) -> Wanted:
    """What the form asks for.

    Raises:
        SettingsError: no owner, no name, or no branch where one is wanted.
    """
    owner, name, branch = (owner or "").strip(), (name or "").strip(), (branch or "").strip()
    if not owner or not name:
        raise SettingsError(["The model has no place yet."], "Give an owner and a name.")
    if where == _BRANCH and not branch:
        raise SettingsError(["The branch has no name."], "Give one, or choose main.")
    return Wanted(
        repo_id=f"{owner}/{name}",
        private=who != "public",
        branch=branch if where == _BRANCH else None,
        pull_request=where == _PROPOSE,
        adapter=bool(adapter),
    )


def rights_of(wanted: Wanted, token: str) -> str:
    """What the person may do there, a sentence; nothing is made.

    Raises:
        SettingsError, NetworkError: they may not.
    """
    repo = Client(token).check(wanted.repo_id, "model", wanted.private, pull_request=wanted.pull_request)
    if repo is None:
        return text.MAY_PUSH_NEW.format(wanted.repo_id)
    if wanted.pull_request:
        return text.MAY_PROPOSE.format(wanted.repo_id)
    return text.MAY_PUSH.format(wanted.repo_id, "private" if repo.private else "public")


def owner_box(local: bool, before: str | None) -> tuple[gr.Dropdown, str]:
    """The box of owners, and why nobody can push; the latter is empty where they can."""
    try:
        names = owners(own_token(local))
    except TunerError as error:
        # A Hub that does not answer now may answer when it is pushed.
        said = "" if "connection" in error.cause or "answered" in error.cause else f"{error.cause}\n{error.cure}"
        return gr.Dropdown([], value=before, info=text.OWNER_INFO if said else text.OWNER_UNKNOWN), said
    return gr.Dropdown(names, value=before or names[0], info=text.OWNER_INFO), ""
