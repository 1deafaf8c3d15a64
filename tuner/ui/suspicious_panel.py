"""Suspicious labels on the Data tab: a ranked list, a decision for each, and the decisions taken over into the settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pandas as pd

from tuner import access, runs
from tuner.config import DataConfig
from tuner.data import overlay
from tuner.data.browsing import cut
from tuner.data.labelled import LabelledData
from tuner.data.suspicious import MOST_ROWS, Suspicion, suspicious_in
from tuner.errors import SourceError
from tuner.ui import source_picker, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.source_picker import SourcePicker
from tuner.words import shortened

_COLUMNS = ["row", "label", "suggested", "decision", "text"]
# The whole text of the row to decide about stands below the table.
_MOST_CHARACTERS = 120
_DECISIONS = {"relabel": "→ {}", "keep": "kept", "drop": "dropped"}


@dataclass(frozen=True)
class SuspiciousPanel:
    """What was drawn.

    Attributes:
        ranked: the list.
        of: identity of the source it is of.
        at: the place in it that the buttons decide about.
    """

    said: gr.Markdown
    judge: gr.Dropdown
    find: gr.Button
    table: gr.Dataframe
    whole: gr.Textbox
    buttons: gr.Row
    accept: gr.Button
    keep: gr.Button
    drop: gr.Button
    undo: gr.Button
    use: gr.Button
    csv: gr.DownloadButton
    parquet: gr.DownloadButton
    ranked: gr.State
    of: gr.State
    at: gr.State


def draw() -> SuspiciousPanel:
    """Draws the panel inside the current tab."""
    said = gr.Markdown(text.SUSPICIOUS_WHAT, elem_classes="quiet")
    with gr.Row():
        judge = gr.Dropdown([(text.WORD_COUNTS, "")], value="", label="Judged by", elem_id="judge")
        find = gr.Button(text.FIND_SUSPICIOUS, variant="primary", scale=0, min_width=250, elem_id="find-suspicious")
    table = gr.Dataframe(
        headers=_COLUMNS, datatype="str", interactive=False, wrap=True, visible=False, max_height=360,
        column_widths=["15%", "17%", "17%", "14%", "37%"], show_label=False, elem_id="suspicious",
    )  # fmt: skip
    whole = gr.Textbox(
        label="The row to decide about", lines=3, max_lines=8, interactive=False, visible=False, elem_id="suspicious-text"
    )
    with gr.Row(visible=False) as buttons:
        accept = gr.Button(text.ACCEPT, size="sm", min_width=130, elem_id="decide-relabel")
        keep = gr.Button(text.KEEP, size="sm", min_width=130, elem_id="decide-keep")
        drop = gr.Button(text.DROP, size="sm", min_width=130, elem_id="decide-drop")
        undo = gr.Button(text.UNDO, size="sm", scale=0, min_width=70, elem_id="decide-undo")
    with gr.Row():
        use = gr.Button(text.USE_DECISIONS, variant="primary", size="sm", visible=False, elem_id="use-decisions")
        csv = gr.DownloadButton("CSV", size="sm", scale=0, min_width=90, visible=False, elem_id="decisions-csv")
        parquet = gr.DownloadButton("Parquet", size="sm", scale=0, min_width=90, visible=False, elem_id="decisions-parquet")
    ranked, of, at = gr.State([]), gr.State(""), gr.State(0)
    return SuspiciousPanel(
        said, judge, find, table, whole, buttons, accept, keep, drop, undo, use, csv, parquet, ranked, of, at
    )  # fmt: skip


def judges(source: str) -> list[tuple[str, str]]:
    """Who can judge the labels: word counts, or a finished run on the same source."""
    rows = [run for run in access.visible() if run.has_model and runs.summary(run)["state"] == "completed"]
    return [
        (text.WORD_COUNTS, ""),
        *((f"run {shortened(run.title)}", run.id) for run in rows if run.config.data.source == source),
    ]


def wire(context: Context, panel: SuspiciousPanel, picker: SourcePicker) -> gr.events.Dependency:
    """Connects the panel; returns the event after which `data.overlay` has changed."""
    decided = [panel.table, panel.whole, panel.buttons, panel.at, panel.use, panel.csv, panel.parquet]

    @toast
    def find(judge: str, *values: Any, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: ANN401, B008
        data = _undecided(context, values)
        progress(0.1, desc=text.JUDGING)
        ranked = suspicious_in(data, _scorer(context, judge, data) if judge else None)
        if not ranked:
            raise SourceError("No label looks wrong to this judge.", "Try another judge, or go on to the training.")
        return [_looked_at(data, judge), ranked, data.identity, *_shown(data, ranked, 0)]

    @toast
    def decide(action: str, ranked: list[Suspicion], of: str, at: int, *values: Any) -> list[Any]:  # noqa: ANN401
        access.logged_in("decide about rows")
        data, row = _undecided(context, values, of), ranked[at]
        if action == "undo":
            overlay.undo(data.identity, row.row_id)
            return _shown(data, ranked, at)
        new_label = row.suggested if action == "relabel" else None
        overlay.add(data.identity, [overlay.decide(row.row_id, row.text, row.label, action, new_label)])
        return _shown(data, ranked, min(at + 1, len(ranked) - 1))

    @toast
    def choose(event: gr.SelectData, ranked: list[Suspicion], of: str, *values: Any) -> list[Any]:  # noqa: ANN401
        return _shown(_undecided(context, values, of), ranked, min(int(event.index[0]), len(ranked) - 1))

    @toast
    def use(of: str, *values: Any) -> str:  # noqa: ANN401
        return overlay.freeze(_undecided(context, values, of).identity)  # empty: none

    quiet = {"api_visibility": "private", "concurrency_limit": 4}
    found = [panel.said, panel.ranked, panel.of, *decided]
    panel.find.click(find, [panel.judge, *picker.inputs], found, show_progress_on=[panel.said, panel.table], **quiet)
    panel.table.select(
        choose, [panel.ranked, panel.of, *picker.inputs], decided, show_progress="hidden", trigger_mode="multiple", **quiet
    )
    for button, action in ((panel.accept, "relabel"), (panel.keep, "keep"), (panel.drop, "drop"), (panel.undo, "undo")):
        button.click(
            lambda *values, action=action: decide(action, *values),
            [panel.ranked, panel.of, panel.at, *picker.inputs], decided, show_progress="hidden", **quiet,
        )  # fmt: skip
    return panel.use.click(use, [panel.of, *picker.inputs], picker.fields["overlay"], **quiet)


def _undecided(context: Context, values: tuple[Any, ...], of: str = "") -> LabelledData:
    """The rows as they are before decisions and fixes: what decisions are about.

    Raises:
        SourceError: they are of another source than `of`, where that is given.
    """
    chosen: DataConfig = source_picker.config_of(context, *values).data
    data = context.data(chosen.model_copy(update={"fixes": [], "overlay": None}))
    if of not in ("", data.identity):
        raise SourceError("This list is of the source that was chosen before.", f"Press “{text.FIND_SUSPICIOUS}” again.")
    return data


def _scorer(context: Context, run_id: str, data: LabelledData) -> Any:  # noqa: ANN401
    """A run's probabilities with columns in the order of the data's labels."""
    classifier = context.classifier(run_id)
    if set(classifier.labels) != set(data.labels):
        raise SourceError("The run has other labels than the data now.", "Choose another judge.")
    order = [classifier.labels.index(name) for name in data.labels]
    return lambda texts: np.asarray(classifier.score(texts))[:, order]


def _shown(data: LabelledData, ranked: list[Suspicion], at: int) -> list[Any]:
    """Values for table, text, buttons, place and what can be done with the decisions so far."""
    decisions = overlay.draft(data.identity)
    row = ranked[at]
    what = f"{row.row_id}: labelled {row.label}, {row.suggested} suggested ({at + 1} of {len(ranked)})"
    frame = pd.DataFrame(
        [
            {
                "row": found.row_id,
                "label": f"{shortened(found.label)} {found.probability_label:.0%}",
                "suggested": f"{shortened(found.suggested)} {found.probability_suggested:.0%}",
                "decision": _said(decisions.get(found.row_id)),
                "text": cut(found.text, _MOST_CHARACTERS),
            }
            for found in ranked
        ],
        columns=_COLUMNS,
    )
    files = _exported(data, decisions) if decisions else (None, None)
    return [
        gr.Dataframe(frame, visible=True),
        gr.Textbox(row.text, label=what, visible=True),
        gr.Row(visible=True),
        at,
        gr.Button(f"{text.USE_DECISIONS} ({len(decisions):,})", visible=bool(decisions)),
        *(gr.DownloadButton(value=str(file) if file else None, visible=file is not None) for file in files),
    ]


def _looked_at(data: LabelledData, judge: str) -> str:
    """What the list is, and which rows were looked at."""
    judged = ["validation", "test"] if judge else list(data.splits)
    total = sum(len(data.splits[role]) for role in judged)
    if judge:
        rows = f"{total:,} validation and test rows, which the run was not trained on"
    else:
        rows = f"a sample of {MOST_ROWS:,} of {total:,} rows" if total > MOST_ROWS else f"all {total:,} rows"
    return f"{text.SUSPICIOUS_WHAT} Looked at: {rows}."


def _said(decision: overlay.Decision | None) -> str:
    return _DECISIONS[decision.action].format((decision.new_label or "")[:40]) if decision else ""


def _exported(data: LabelledData, decisions: dict[str, overlay.Decision]) -> tuple[Path, Path]:
    """The decisions as CSV and Parquet, in a folder that Gradio may serve and clears."""
    import tempfile

    texts = {
        part.row_name(i): part.texts[i]
        for part in data.splits.values()
        for i in range(len(part))
        if part.row_name(i) in decisions
    }
    folder = Path(tempfile.mkdtemp(prefix="tuner-decisions-"))
    csv, parquet = folder / "decisions.csv", folder / "decisions.parquet"
    overlay.export(decisions, texts, csv)
    overlay.export(decisions, texts, parquet)
    return csv, parquet
