"""Mistakes, on the Evaluate tab: the rows behind the numbers, filtered, searched, paged on the server, and exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from tuner.errors import SourceError
from tuner.evaluation import mistakes
from tuner.evaluation.slices import members
from tuner.evaluations import Evaluation, columns_of, probabilities_of, truth_of
from tuner.export import write_table
from tuner.ui import made_files, render_report, text
from tuner.ui.context import Context
from tuner.ui.errors import toast

PAGE_ROWS = 12
ANY = ""
# Right answers, too: what a cell of the confusion matrix and a slice hold.
ALL_ROWS = "all rows, surest first"
_PRIVATE: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": 4}


def _suspicious(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows whose label the model's own probabilities speak against, worst first."""
    places = {str(row): place for place, row in enumerate(frame["row"])}
    return frame.iloc[[places[found.row_id] for found in mistakes.suspicious_labels(frame)]]


_ORDERS = {
    "wrong, surest first": mistakes.most_confident_errors,
    "most doubtful first": mistakes.most_doubtful,
    "suspicious labels first": _suspicious,
    ALL_ROWS: lambda frame: frame.sort_values("confidence", ascending=False, kind="stable"),
}


@dataclass(frozen=True)
class MistakesPanel:
    """What was drawn. `shown` are what `first_page` fills."""

    order: gr.Dropdown
    label: gr.Dropdown
    predicted: gr.Dropdown
    part: gr.Dropdown
    search: gr.Textbox
    expression: gr.Checkbox
    table: gr.Dataframe
    where: gr.Markdown
    page: gr.State
    back: gr.Button
    forth: gr.Button
    whole: gr.Textbox
    shares: gr.HTML
    send: gr.Button
    export: gr.Button
    download: gr.DownloadButton

    @property
    def filters(self) -> list[gr.components.Component]:
        """What decides which rows are shown."""
        return [self.order, self.label, self.predicted, self.part, self.search, self.expression]

    @property
    def shown(self) -> list[gr.components.Component]:
        """What `first_page` fills."""
        return [*self.filters, self.table, self.where, self.page, self.whole, self.shares, self.send, self.download]


def draw() -> MistakesPanel:
    """Draws filters, table and the whole text below it."""
    orders = list(_ORDERS)
    with gr.Row():
        order = gr.Dropdown(orders, value=orders[0], label="Rows", min_width=170, elem_id="mistakes-order")
        label = gr.Dropdown([("any", ANY)], value=ANY, label="Label", min_width=110, elem_id="mistakes-label")
        predicted = gr.Dropdown([("any", ANY)], value=ANY, label="Predicted", min_width=110, elem_id="mistakes-predicted")
        part = gr.Dropdown([("any", ANY)], value=ANY, label="Slice", min_width=140, elem_id="mistakes-slice")
        with gr.Column(min_width=200):
            search = gr.Textbox(label="Search", placeholder=text.SEARCH, max_lines=1, elem_id="mistakes-search")
            expression = gr.Checkbox(label="regular expression", value=False, elem_id="mistakes-expression")
    table = gr.Dataframe(
        headers=["row", "label", "predicted", "probabilities", "text"], datatype="str", interactive=False, wrap=True,
        show_label=False,
        column_widths=["8%", "11%", "11%", "18%", "52%"], elem_id="mistakes",
    )  # fmt: skip
    with gr.Row():
        back = gr.Button("← Previous", size="sm", scale=0, min_width=120, elem_id="mistakes-back")
        where = gr.Markdown("", elem_classes="quiet", elem_id="mistakes-where")
        forth = gr.Button("Next →", size="sm", scale=0, min_width=120, elem_id="mistakes-next")
        export = gr.Button(text.EXPORT_ROWS, size="sm", scale=0, min_width=140, elem_id="mistakes-export")
        download = gr.DownloadButton(
            text.DOWNLOAD_CSV, size="sm", scale=0, min_width=140, variant="primary", visible=False, elem_id="mistakes-csv"
        )
    whole = gr.Textbox(
        label="Whole text", placeholder=text.WHOLE_TEXT, lines=2, max_lines=8, interactive=False, elem_id="mistakes-whole"
    )
    with gr.Row():
        shares = gr.HTML("", elem_id="mistakes-shares")
        send = gr.Button(text.SEND_TO_PLAYGROUND, size="sm", scale=0, min_width=200, interactive=False, elem_id="mistakes-send")
    return MistakesPanel(
        order, label, predicted, part, search, expression, table, where, gr.State(0), back, forth, whole, shares, send,
        export, download,
    )  # fmt: skip


def first_page(found: Evaluation, **chosen: Any) -> list[Any]:  # noqa: ANN401
    """Values for `MistakesPanel.shown`: the first rows of an evaluation.

    Args:
        chosen: filters that are not as at first: `label`, `predicted`, `part`, `search`, `expression`, `order`.
    """
    # What is chosen stands in the list: a cell of the matrix may be of a label after the 500th.
    offered = dict.fromkeys([*found.report.labels[:500], *(chosen[key] for key in ("label", "predicted") if key in chosen)])
    labels = [("any", ANY), *((name, name) for name in offered)]
    values = {
        "order": next(iter(_ORDERS)),
        "label": ANY,
        "predicted": ANY,
        "part": "",
        "search": "",
        "expression": False,
    } | chosen
    rows = _rows(found, **values)
    parts = [("any", ANY), *((f"{s.name} ({s.n:,})", s.key) for s in found.report.slices if s.n)]
    return [
        gr.Dropdown(list(_ORDERS), value=values["order"]),
        gr.Dropdown(labels, value=values["label"]),
        gr.Dropdown(labels, value=values["predicted"]),
        gr.Dropdown(parts, value=values["part"]),
        values["search"],
        values["expression"],
        *_page(rows, 0, found.report.labels),
        "",
        "",
        gr.Button(interactive=False),
        gr.DownloadButton(visible=False),
    ]


def wire(context: Context, panel: MistakesPanel, shown: gr.State) -> None:
    """Connects filters, page buttons, rows and the export.

    Args:
        shown: the name of the evaluation that is shown.
    """

    def turn(step: int, number: int, name: str, *filters: Any) -> list[Any]:  # noqa: ANN401
        if not name:
            return [gr.skip(), gr.skip(), 0, gr.DownloadButton(visible=False)]
        found = context.evaluation(name)
        rows = _rows(found, *filters)
        number = min(max(0, number + step), max(0, (len(rows) - 1) // PAGE_ROWS)) if step else 0
        return [*_page(rows, number, found.report.labels), gr.DownloadButton(visible=False) if not step else gr.skip()]

    chosen = [box.input for box in (panel.order, panel.label, panel.predicted, panel.part, panel.expression)]
    for events, step in (([panel.back.click], -1), ([panel.forth.click], 1), ([panel.search.submit, *chosen], 0)):
        gr.on(
            events, toast(lambda *values, step=step: turn(step, *values)), [panel.page, shown, *panel.filters],
            [panel.table, panel.where, panel.page, panel.download], trigger_mode="always_last", **_PRIVATE,
        )  # fmt: skip

    @toast
    def read(event: gr.SelectData, name: str) -> list[Any]:
        found = context.evaluation(name)
        rows = found.predictions[found.predictions["row"].astype(str) == str(event.row_value[0])]
        if rows.empty:
            return [gr.skip()] * 3
        row = rows.iloc[0]
        return [row["text"], render_report.sentences(render_report.shares(row, found.report.labels)), gr.Button(interactive=True)]

    panel.table.select(read, shown, [panel.whole, panel.shares, panel.send], trigger_mode="multiple", **_PRIVATE)

    def export(folder: Path, name: str, *filters: Any) -> Path:  # noqa: ANN401
        if not name:
            raise SourceError("There is no evaluation to export.", "Evaluate a model first.")
        path = folder / "predictions.csv"
        write_table(_rows(context.evaluation(name), *filters), path)
        return path

    made_files.wire(panel.export, panel.download, export, [shown, *panel.filters], show_progress="minimal")


def _rows(found: Evaluation, order: str, label: str, predicted: str, part: str, search: str, expression: bool) -> pd.DataFrame:
    """All rows that fit, in their order, with a column `confidence`.

    Raises:
        SourceError: an order, label or slice that is not offered.
        SettingsError: a regular expression that cannot be read.
    """
    report, frame = found.report, found.predictions
    if order not in _ORDERS:
        raise SourceError(f"There is no order '{str(order)[:80]}'.", "Choose one of the list.")
    if part and part not in {s.key for s in report.slices}:
        raise SourceError(f"There is no slice '{str(part)[:80]}'.", "Choose one of the list.")
    for name in (label, predicted):
        if name not in (ANY, *report.labels):
            raise SourceError(f"There is no label '{str(name)[:80]}'.", "Choose one of the list.")
    probabilities = probabilities_of(frame, report.labels)
    frame = frame.assign(confidence=probabilities.max(axis=1))
    if part:
        truth = truth_of(frame, report.labels)
        frame = frame.iloc[members(part, frame["text"].tolist(), truth, probabilities, report.labels, columns_of(frame))]
    frame = mistakes.filtered(
        frame,
        label=None if label == ANY else label,
        predicted=None if predicted == ANY else predicted,
        search=search or "",
        regular_expression=bool(expression),
    )
    return _ORDERS[order](frame)


def _page(rows: pd.DataFrame, number: int, labels: Sequence[str]) -> list[Any]:
    first, total = number * PAGE_ROWS, len(rows)
    words = f"Rows {first + 1:,} – {min(total, first + PAGE_ROWS):,} of {total:,}" if total else "No row fits."
    return [render_report.prediction_rows(rows.iloc[first : first + PAGE_ROWS], labels), words, number]
