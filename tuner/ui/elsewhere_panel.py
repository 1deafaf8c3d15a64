"""Use it elsewhere, on the Playground: a link that brings model and text back, and code for other programs."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.route_utils import get_root_url

from tuner import runs
from tuner.hub import push_state
from tuner.snippets import snippets
from tuner.ui import text
from tuner.ui.context import UNTOUCHED, Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard

_LANGUAGES: dict[str, Any] = {"python": "python", "gradio_client": "python", "curl": "shell", "cli": "shell"}
# Browsers and proxies take addresses of about 8,000 characters.
_MOST_IN_A_LINK = 6_000
# Where a model of a run lies is nobody's business but its machine's.
_PUSHED = "OWNER/MODEL"


@dataclass(frozen=True)
class ElsewherePanel:
    """What was drawn; `code` by the keys of `snippets`."""

    link: gr.Textbox
    code: dict[str, gr.Code]


def draw() -> ElsewherePanel:
    """Draws the link and the snippets."""
    gr.Markdown(text.ELSEWHERE_WHAT, elem_classes="quiet")
    link = gr.Textbox(
        label=text.SHARE_LINK, info=text.SHARE_LINK_INFO, interactive=False, max_lines=1, buttons=["copy"], elem_id="share-link"
    )
    code = {
        key: gr.Code(label=text.SNIPPETS[key], language=language, interactive=False, elem_id=f"snippet-{key}")
        for key, language in _LANGUAGES.items()
    }
    return ElsewherePanel(link, code)


def wire(context: Context, panel: ElsewherePanel, model: gr.Dropdown, box: gr.Textbox, page: gr.Tab) -> None:
    """Fills the panel when it is opened, and when model or text change while it is open."""

    @toast
    def fill(name: str | None, words: str, request: gr.Request) -> list[Any]:
        if not name:
            return ["", *[text.NO_MODEL] * len(panel.code)]
        words = (words or "").strip() or text.EXAMPLES[0]
        run, classifier = context.run_of(name), context.classifier(name)
        location = str(run.model_folder) if run and context.local else name if run is None else pushed_to(run)
        url = str(get_root_url(request.request, request.request.url.path, None)) if request.request else ""
        found = snippets(
            name,
            words,
            location=location,
            max_length=classifier.max_length,
            temperature=classifier.answering.temperature,
            url=url,
            queued=context.answers_queue,
        )
        if name.startswith(UNTOUCHED):
            found["python"] = text.NO_FRESH_HEAD
        link, kept = link_to(url, name, words)
        info = text.SHARE_LINK_INFO if kept == len(words) else text.LINK_IS_CUT.format(f"{kept:,}")
        return [gr.Textbox(value=link, info=info), *(found[key] for key in panel.code)]

    heard(page.select, model.change)(
        fill, [model, box], [panel.link, *panel.code.values()], api_visibility="private",
        show_progress="hidden", concurrency_limit=4,
    )  # fmt: skip


def pushed_to(run: runs.Run) -> str:
    """Where others find a run's model: its repository on the Hub, or what stands for one."""
    state = push_state(run)
    return state.pushed.repo_id if state and state.pushed else _PUSHED


def link_to(url: str, name: str, words: str) -> tuple[str, int]:
    """The address of the Playground with a model and a text, and how many characters of a text too long for it are kept."""
    chosen = {"run": name} if runs.is_run_id(name) else {"model": name}
    while True:
        link = f"{url}/?{urlencode({**chosen, 'tab': 'playground', 'text': words})}"
        if len(link) <= _MOST_IN_A_LINK or not words:
            return link, len(words)
        words = words[: len(words) * 3 // 4]  # one emoji is twelve characters there
