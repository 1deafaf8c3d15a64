"""Suspicious labels on the Data tab: a ranked list, a decision for each, and the decisions taken over into the settings."""

from dataclasses import dataclass, replace
from functools import partial
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
from tuner.runs import RUN_PREFIX
from tuner.training.earlier import Seen, seen_before
from tuner.ui import made_files, source_picker, text
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
        exports: ending → what makes a file of the decisions, and what downloads it.
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
    exports: dict[str, tuple[gr.Button, gr.DownloadButton]]
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
        exports = {ending: _draw_export(ending, *words) for ending, words in text.EXPORT_DECISIONS.items()}
    ranked, of, at = gr.State([]), gr.State(""), gr.State(0)
    return SuspiciousPanel(said, judge, find, table, whole, buttons, accept, keep, drop, undo, use, exports, ranked, of, at)


def _draw_export(ending: str, make: str, download: str) -> tuple[gr.Button, gr.DownloadButton]:
    return (
        gr.Button(make, size="sm", scale=0, min_width=140, visible=False, elem_id=f"decisions-make-{ending}"),
        gr.DownloadButton(
            download, size="sm", scale=0, min_width=140, variant="primary", visible=False, elem_id=f"decisions-{ending}"
        ),
    )


def judges(source: str) -> list[tuple[str, str]]:
    """Who can judge the labels: word counts, or a finished run on the same source."""
    rows = [run for run in access.visible() if run.has_model and runs.summary(run)["state"] == "completed"]
    return [
        (text.WORD_COUNTS, ""),
        *((f"run {shortened(run.title)}", run.id) for run in rows if run.config.data.source == source),
    ]


def wire(context: Context, panel: SuspiciousPanel, picker: SourcePicker) -> gr.events.Dependency:
    """Connects the panel; returns the event after which `data.overlay` has changed."""
    decided = [panel.table, panel.whole, panel.buttons, panel.at, panel.use]
    decided += [button for pair in panel.exports.values() for button in pair]

    @toast
    def find(judge: str, *values: Any, progress: gr.Progress = gr.Progress()) -> list[Any]:  # noqa: ANN401, B008
        data = _undecided(context, values)
        progress(0.1, desc=text.JUDGING)
        judged, seen = _not_trained_on(data, judge) if judge else (data, None)
        ranked = suspicious_in(judged, _scorer(context, judge, data) if judge else None)
        if not ranked:
            raise SourceError("No label looks wrong to this judge.", "Try another judge, or go on to the training.")
        return [_looked_at(judged, seen), ranked, data.identity, *_shown(data, ranked, 0)]

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

    def export(ending: str, folder: Path, of: str, *values: Any) -> Path:  # noqa: ANN401
        return _exported(_undecided(context, values, of), folder / f"decisions.{ending}")

    for ending, (make, download) in panel.exports.items():
        made_files.wire(make, download, partial(export, ending), [panel.of, *picker.inputs], show_progress="minimal")
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


def _not_trained_on(data: LabelledData, run_id: str) -> tuple[LabelledData, Seen]:
    """The data without the validation and test rows that a run was trained on, and which of them these are.

    A run with another seed, other sizes or folds than are chosen now has trained on many.

    Raises:
        SourceError: it was trained on all of them.
    """
    run = access.get(run_id)
    roles = [role for role in data.splits if role != "train"]
    # Settings that begin with the run's model: the rows of the runs that it went on from are seen rows, too.
    config = run.config.model_copy(update={"model": run.config.model.model_copy(update={"name": f"{RUN_PREFIX}{run.id}"})})
    seen = seen_before(config, None, [text for role in roles for text in data.splits[role].texts])
    if seen.texts.all():
        raise SourceError(f"Run {run.id} was trained on every validation and test row.", "Choose another judge.")
    new = np.split(~seen.texts, np.cumsum([len(data.splits[role]) for role in roles])[:-1])
    parts = {role: data.splits[role].take(np.flatnonzero(rows).tolist()) for role, rows in zip(roles, new, strict=True)}
    return replace(data, splits=data.splits | parts), seen


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
    return [
        gr.Dataframe(frame, visible=True),
        gr.Textbox(row.text, label=what, visible=True),
        gr.Row(visible=True),
        at,
        gr.Button(f"{text.USE_DECISIONS} ({len(decisions):,})", visible=bool(decisions)),
        *[gr.Button(visible=bool(decisions)), gr.DownloadButton(visible=False)] * len(text.EXPORT_DECISIONS),
    ]


def _looked_at(data: LabelledData, seen: Seen | None) -> str:
    """What the list is, and which rows were looked at.

    Args:
        seen: which rows the run that judged was trained on; None where word counts judged.
    """
    total = sum(len(rows) for role, rows in data.splits.items() if seen is None or role != "train")
    if seen:
        rows = f"{total:,} validation and test rows, which the run was not trained on"
        if seen.by:
            rows += f"; {seen.texts.sum():,} more, which it was trained on, were left out"
        if seen.unknown:
            rows = f"{total:,} validation and test rows; what run {', '.join(seen.unknown)} was trained on is not known any more"
    else:
        rows = f"a sample of {MOST_ROWS:,} of {total:,} rows" if total > MOST_ROWS else f"all {total:,} rows"
    return f"{text.SUSPICIOUS_WHAT} Looked at: {rows}."


def _said(decision: overlay.Decision | None) -> str:
    return _DECISIONS[decision.action].format((decision.new_label or "")[:40]) if decision else ""


def _exported(data: LabelledData, path: Path) -> Path:
    """Writes the decisions so far as a table; its ending decides which."""
    decisions = overlay.draft(data.identity)
    texts = {
        part.row_name(i): part.texts[i]
        for part in data.splits.values()
        for i in range(len(part))
        if part.row_name(i) in decisions
    }
    overlay.export(decisions, texts, path)
    return path
