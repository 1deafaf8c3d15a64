"""Reproduce, on the Train tab: the chosen run as a plain script, what it was trained with, and all of it as a zip."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from tuner import access, environment, runs
from tuner.errors import RunError
from tuner.ui import made_files, text
from tuner.ui.errors import toast
from tuner.ui.heard import heard


@dataclass(frozen=True)
class ReproducePanel:
    """What was drawn."""

    fold: gr.Accordion
    script: gr.Code
    facts: gr.Textbox
    pack: gr.Button
    download: gr.DownloadButton


def draw() -> ReproducePanel:
    """Draws the panel's accordion."""
    with gr.Accordion(text.REPRODUCE, open=False, elem_id="reproduce") as fold:
        gr.Markdown(text.REPRODUCE_WHAT, elem_classes="quiet")
        script = gr.Code(language="python", interactive=False, show_label=False, max_lines=24, elem_id="script")
        facts = gr.Textbox(label=text.TRAINED_WITH, lines=2, interactive=False, elem_id="trained-with")
        with gr.Row():
            pack = gr.Button(text.PACK, size="sm", elem_id="pack-script")
            download = gr.DownloadButton(text.DOWNLOAD, size="sm", variant="primary", visible=False, elem_id="download-script")
    return ReproducePanel(fold, script, facts, pack, download)


def wire(panel: ReproducePanel, chosen: gr.Radio) -> None:
    """Connects the accordion and the buttons; nothing is made before it is asked for, since that reads the rows.

    Args:
        chosen: the list of runs; its value is the chosen run's id.
    """

    @toast
    def show(run_id: str | None) -> list[Any]:
        run = _run(run_id)
        from tuner.reproduce import script_for

        return [script_for(run), "\n".join(environment.provenance(run))]

    def pack(folder: Path, run_id: str | None) -> Path:
        run = _run(run_id)
        from tuner.reproduce import zip_script

        return zip_script(run, folder)

    private: dict[str, Any] = {"api_visibility": "private"}
    panel.fold.expand(show, chosen, [panel.script, panel.facts], show_progress_on=panel.script, concurrency_limit=2, **private)
    made_files.wire(panel.pack, panel.download, pack, [chosen])
    quiet: dict[str, Any] = {"queue": False, "show_progress": "hidden", **private}
    heard(chosen.change)(_empty, None, [panel.fold, panel.script, panel.facts, panel.download], **quiet)


def _run(run_id: str | None) -> runs.Run:
    if not run_id:
        raise RunError("No run is chosen.", "Choose one in the list on the left.")
    return access.get(run_id, "rows")


def _empty() -> list[Any]:
    """Another run: what is shown is no longer its own."""
    return [gr.Accordion(open=False), "", "", gr.DownloadButton(visible=False)]
