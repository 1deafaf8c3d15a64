"""The table of rows on the Data tab: paged on the server, filtered by split, label, finding and words, sorted by length."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd

from tuner.config import SPLITS, RunConfig
from tuner.data.browsing import cut, matching, shown, whole_text
from tuner.data.labelled import LabelledData
from tuner.data.profiling import DataProfile
from tuner.errors import SourceError
from tuner.ui import text
from tuner.ui.context import Context
from tuner.ui.errors import toast

PAGE_ROWS = 15
ALL_LABELS = "all labels"
_ORDERS = [("as split", ""), ("shortest first", "shortest"), ("longest first", "longest")]
_MOST_SEARCHED = 200


@dataclass(frozen=True)
class RowBrowser:
    """What was drawn.

    Attributes:
        shown: what `first_page` fills, in its order.
        finding: the filter by finding; setting it and calling `turn` shows the rows of one.
    """

    split: gr.Dropdown
    label: gr.Dropdown
    finding: gr.Dropdown
    search: gr.Textbox
    order: gr.Dropdown
    table: gr.Dataframe
    where: gr.Markdown
    page: gr.State
    back: gr.Button
    forth: gr.Button
    whole: gr.Textbox

    @property
    def shown(self) -> list[gr.components.Component]:
        """What `first_page` fills."""
        return [self.split, self.label, self.finding, self.search, self.table, self.where, self.page, self.whole]

    @property
    def filters(self) -> list[gr.components.Component]:
        """What decides which rows are shown."""
        return [self.page, self.split, self.label, self.finding, self.search, self.order]


def draw() -> RowBrowser:
    """Draws the filters, the table and the whole text below it."""
    with gr.Row():
        split = gr.Dropdown(list(SPLITS), value="train", label="Split", min_width=110, elem_id="row-split")
        label = gr.Dropdown([ALL_LABELS], value=ALL_LABELS, label="Label", min_width=120, elem_id="row-label")
        finding = gr.Dropdown([(text.ALL_ROWS, "")], value="", label="Finding", min_width=140, elem_id="row-finding")
        order = gr.Dropdown(_ORDERS, value="", label="Order", min_width=120, elem_id="row-order")
        search = gr.Textbox(
            label="Search", placeholder="text to find, then Enter", max_lines=1, min_width=140, elem_id="row-search"
        )
    table = gr.Dataframe(
        headers=["row", "label", "text"], datatype="str", interactive=False, wrap=True,
        column_widths=["15%", "21%", "64%"], show_label=False, max_height=720, elem_id="rows",
    )  # fmt: skip
    with gr.Row():
        back = gr.Button("← Previous", size="sm", scale=0, min_width=120, elem_id="page-back")
        where = gr.Markdown("", elem_classes="quiet", elem_id="page-where")
        forth = gr.Button("Next →", size="sm", scale=0, min_width=120, elem_id="page-next")
    whole = gr.Textbox(
        label="Whole text", placeholder=text.WHOLE_TEXT, lines=2, max_lines=12, interactive=False, elem_id="whole-text"
    )
    return RowBrowser(split, label, finding, search, order, table, where, gr.State(0), back, forth, whole)


def first_page(data: LabelledData, profile: DataProfile) -> list[Any]:
    """Values for `RowBrowser.shown`: the first rows of train, all filters off."""
    found = matching(data, "train")
    names = [(f"{text.FINDINGS.get(f.key, f.key)} ({f.count:,})", f.key) for f in profile.findings]
    return [
        gr.Dropdown(list(data.splits), value="train"),
        gr.Dropdown([ALL_LABELS, *data.labels[:500]], value=ALL_LABELS),
        gr.Dropdown([(text.ALL_ROWS, ""), *names], value=""),
        "",
        frame(shown(data, "train", found[:PAGE_ROWS])),
        _where(0, len(found)),
        0,
        "",
    ]


def frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Rows as the table shows them."""
    return pd.DataFrame(rows, columns=["row", "label", "text"])


def wire(
    context: Context, browser: RowBrowser, config_of: Callable[..., RunConfig], inputs: list[gr.components.Component]
) -> Callable[..., list[Any]]:
    """Connects filters, page buttons and rows; returns the handler that turns to a page.

    Args:
        config_of: settings from the values of `inputs`.
    """

    def turn(step: int, number: int, split: str, label: str, finding: str, search: str, order: str, *rest: Any) -> list[Any]:  # noqa: ANN401
        config = config_of(*rest)
        data = context.data(config.data)
        rows = _left_out(data, finding) if finding in data.left_out else None
        if rows is None:
            if label not in (ALL_LABELS, *data.labels):
                raise SourceError(f"There is no label '{str(label)[:80]}'.", "Choose one of the list.")
            of = context.profile(config).rows_of(finding) if finding else None
            wanted = None if label == ALL_LABELS else label
            found = matching(data, split, wanted, (search or "")[:_MOST_SEARCHED], of=of, order=order or "")
        total = len(found) if rows is None else len(rows)
        number = min(max(0, number + step), max(0, (total - 1) // PAGE_ROWS)) if step else 0
        part = slice(number * PAGE_ROWS, (number + 1) * PAGE_ROWS)
        page = shown(data, split, found[part]) if rows is None else rows[part]
        return [frame(page), _where(number, total), number]

    chosen = [box.input for box in (browser.split, browser.label, browser.finding, browser.order)]
    for events, step in (([browser.back.click], -1), ([browser.forth.click], 1), ([browser.search.submit, *chosen], 0)):
        gr.on(
            events, toast(lambda *values, step=step: turn(step, *values)),
            [*browser.filters, *inputs], [browser.table, browser.where, browser.page],
            trigger_mode="always_last", api_visibility="private", show_progress="hidden", concurrency_limit=4,
        )  # fmt: skip

    @toast
    def read(event: gr.SelectData, split: str, *rest: Any) -> str:  # noqa: ANN401
        return whole_text(context.data(config_of(*rest).data), split, str(event.row_value[0])) or str(event.row_value[-1])

    browser.table.select(
        read,
        [browser.split, *inputs],
        browser.whole,
        trigger_mode="multiple",
        api_visibility="private",
        show_progress="hidden",
        concurrency_limit=4,
    )
    return turn


def _left_out(data: LabelledData, reason: str) -> list[dict[str, Any]]:
    return [{**row, "text": cut(row["text"])} for row in data.left_out[reason].rows]


def _where(number: int, total: int) -> str:
    first = number * PAGE_ROWS + 1
    return f"Rows {first:,} – {min(total, first + PAGE_ROWS - 1):,} of {total:,}" if total else "No row fits."
