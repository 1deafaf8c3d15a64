"""Data: choose a model and a source, see what is in it and what is wrong with it, and mend it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd
from gradio.events import Dependency

from tuner.colours import SENTIMENT, label_colours
from tuner.config import RunConfig, merge
from tuner.data.findings import Fix
from tuner.data.profiling import DataProfile
from tuner.ui import render, row_browser, source_picker, suspicious_panel, text
from tuner.ui.context import Context
from tuner.ui.errors import toast, when_over
from tuner.ui.row_browser import ALL_LABELS, RowBrowser
from tuner.ui.source_picker import SourcePicker
from tuner.ui.suspicious_panel import SuspiciousPanel

_ShowAfter = Callable[..., Dependency]
_SLOTS = len(text.FINDINGS)
_QUIET: dict[str, Any] = {"api_visibility": "private"}
# The findings stand above the tables, which at 1280 × 800 lie below the screen.
_TO_TABLES = "() => document.getElementById('data-tables').scrollIntoView({behavior: 'smooth'})"
_KEPT_COLOURS = {"read whole": SENTIMENT["positive"], "cut": SENTIMENT["negative"]}


@dataclass(frozen=True)
class DataTab:
    """What other tabs need of this one."""

    picker: SourcePicker
    next: gr.Button


@dataclass(frozen=True)
class _FindingSlot:
    row: gr.Row
    words: gr.HTML
    show: gr.Button
    fix: gr.Button


@dataclass(frozen=True)
class _View:
    """The right side of the tab. `filled` is what a look fills, in the order of `_values`."""

    empty: gr.HTML
    facts: gr.Textbox
    charts: gr.Row
    label_chart: gr.BarPlot
    legend: gr.HTML
    token_chart: gr.BarPlot
    tokens: gr.Textbox
    worth: gr.Column
    slots: list[_FindingSlot]
    notes: gr.Textbox
    lower: gr.Column
    tabs: gr.Tabs
    labels: gr.Dataframe
    use_names: gr.Button
    original_names: gr.Button
    browser: RowBrowser
    suspicious: SuspiciousPanel
    found: gr.State
    next: gr.Button

    @property
    def filled(self) -> list[Any]:
        slots = [part for slot in self.slots for part in (slot.row, slot.words, slot.show, slot.fix)]
        return [
            self.empty, self.facts, self.charts, self.label_chart, self.legend, self.token_chart, self.tokens, self.worth, *slots,
            self.notes, self.lower, self.labels, self.found, self.next, *self.browser.shown,
        ]  # fmt: skip

    @property
    def looked_at(self) -> list[Any]:
        """Its parts that show that it is being filled: what a person looks at, and not each button of it."""
        return [self.empty, self.facts, self.label_chart, self.token_chart, self.tokens, *(slot.words for slot in self.slots)]


def build(context: Context) -> DataTab:
    """Draws the tab inside the current gr.Tab."""
    gr.Markdown(text.STEPS_DATA, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            picker = source_picker.draw(context)
        with gr.Column(scale=2, min_width=480):
            view = _draw()
    show_after = _wire_look(context, picker, view)
    _wire_findings(context, picker, view, show_after)
    _wire_names(picker, view, show_after)
    show_after(suspicious_panel.wire(context, view.suspicious, picker).success)
    return DataTab(picker, view.next)


def _draw() -> _View:
    empty = gr.HTML(render.empty(text.NO_DATA), elem_id="data-empty")
    facts = gr.Textbox(show_label=False, container=False, lines=2, interactive=False, visible=False, elem_id="data-facts")
    with gr.Row(visible=False) as charts:
        with gr.Column(min_width=160):
            # With a legend of its own: the chart's stands in one line and is cut off at the edge.
            label_chart = gr.BarPlot(
                x="split", y="share (%)", color="label", title="Labels: share of each split", height=240, y_lim=[0, 100],
                sort=["train", "validation", "test"], colors_in_legend=[],
            )  # fmt: skip
            legend = gr.HTML("", padding=False, elem_id="label-legend")
        with gr.Column(min_width=160):
            token_chart = gr.BarPlot(
                x="tokens", y="rows", color="kept", title="Token lengths", height=240, color_map=_KEPT_COLOURS
            )
    tokens = gr.Textbox(show_label=False, container=False, lines=4, interactive=False, visible=False, elem_id="token-facts")
    with gr.Column(visible=False, elem_id="worth-knowing") as worth:
        gr.Markdown(f"## {text.WORTH_KNOWING}", elem_classes="step")
        slots = [_draw_slot(number) for number in range(_SLOTS)]
        notes = gr.Textbox(show_label=False, container=False, lines=1, interactive=False, elem_id="data-notes")
    with gr.Column(visible=False) as lower, gr.Tabs(elem_id="data-tables") as tabs:
        with gr.Tab(text.ROWS, id="rows"):
            browser = row_browser.draw()
        with gr.Tab(text.LABELS, id="labels"):
            gr.Markdown(text.LABEL_NAMES, elem_classes="quiet")
            labels = gr.Dataframe(interactive=True, datatype="str", show_label=False, elem_id="label-counts")
            with gr.Row():
                use = gr.Button(text.USE_NAMES, size="sm", scale=0, min_width=160, elem_id="use-names")
                original = gr.Button(text.ORIGINAL_NAMES, size="sm", scale=0, min_width=160, elem_id="original-names")
        with gr.Tab(text.SUSPICIOUS, id="suspicious"):
            suspicious = suspicious_panel.draw()
    following = gr.Button(text.TO_TRAIN, variant="primary", visible=False, elem_id="to-train")
    return _View(
        empty, facts, charts, label_chart, legend, token_chart, tokens, worth, slots, notes, lower, tabs, labels, use, original,
        browser, suspicious, gr.State([]), following,
    )  # fmt: skip


def _draw_slot(number: int) -> _FindingSlot:
    with gr.Row(visible=False, elem_classes="finding") as row:
        words = gr.HTML(padding=False, elem_id=f"finding-{number}")
        show = gr.Button(text.SHOW_ROWS, size="sm", scale=0, min_width=90, elem_id=f"finding-show-{number}")
        fix = gr.Button(size="sm", scale=0, min_width=150, elem_id=f"finding-fix-{number}")
    return _FindingSlot(row, words, show, fix)


def _values(context: Context, config: RunConfig) -> list[Any]:
    """Values for `_View.filled`."""
    data, profile = context.data(config.data), context.profile(config)
    lengths, shares, colours = render.token_frame(profile), render.label_frame(profile), label_colours(profile.labels)
    notes = render.data_notes(profile)
    return [
        gr.HTML(visible=False),
        gr.Textbox(render.profile_facts(profile, source_picker.title_of(profile.source)), visible=True),
        gr.Row(visible=True),
        gr.BarPlot(shares, color_map=colours),
        render.legend({label: colours[label] for label in shares["label"].unique()}),
        gr.BarPlot(
            lengths,
            title=text.TOKENS_CUT_AT.format(profile.tokens.max_length),
            x_lim=[0, float(lengths["tokens"].max()) * 1.05],
            y_lim=[0, float(lengths["rows"].max()) * 1.1],
        ),
        gr.Textbox(render.token_facts(profile), visible=True),
        gr.Column(visible=True),
        *_slot_values(profile),
        gr.Textbox(notes, lines=max(1, notes.count("\n") + 1), visible=bool(notes)),
        gr.Column(visible=True),
        gr.Dataframe(render.label_table(profile), static_columns=list(range(len(profile.splits) + 1))),
        [finding.model_dump(include={"key", "fix"}) for finding in profile.findings],
        gr.Button(visible=True),
        *row_browser.first_page(data, profile),
    ]


def _slot_values(profile: DataProfile) -> list[Any]:
    values: list[Any] = []
    for number in range(_SLOTS):
        finding = profile.findings[number] if number < len(profile.findings) else None
        if finding:
            fix = gr.Button(finding.fix.title if finding.fix else "", visible=finding.fix is not None)
            values += [gr.Row(visible=True), render.finding(finding), gr.Button(visible=finding.count > 0), fix]
        elif number == 0:
            said = render.no_finding(text.NO_FINDINGS)
            values += [gr.Row(visible=True), said, gr.Button(visible=False), gr.Button(visible=False)]
        else:
            values += [gr.Row(visible=False), "", gr.skip(), gr.skip()]
    return values


def _wire_look(context: Context, picker: SourcePicker, view: _View) -> _ShowAfter:
    """Connects the primary button; returns what takes an event, and has it show the source again."""

    @toast
    def show(*values: Any) -> list[Any]:  # noqa: ANN401
        config = source_picker.config_of(context, *values)
        context.check_model(config.model.name)
        judge = gr.Dropdown(choices=suspicious_panel.judges(config.data.source), value="")
        return [*_values(context, config), judge, *source_picker.offered(context.profile(config).columns)]

    @toast
    def glance(*values: Any) -> list[Any]:  # noqa: ANN401
        head = context.head(source_picker.config_of(context, *values).data)
        if head is None:
            return [gr.skip()] * 4
        return [gr.HTML(visible=False), gr.Textbox(text.READING, visible=True), gr.Column(visible=True), head]

    columns = [picker.fields["text_column"], picker.fields["label_column"]]
    outputs = [*view.filled, view.suspicious.judge, *columns]

    def show_after(event: Callable[..., Dependency], **more: Any) -> Dependency:  # noqa: ANN401
        return event(show, picker.inputs, outputs, show_progress_on=view.looked_at, concurrency_limit=4, **_QUIET, **more)

    at_first = [view.empty, view.facts, view.lower, view.browser.table]
    pressed = picker.look.click(lambda: gr.Button(text.LOOKING, interactive=False), None, picker.look, queue=False, **_QUIET)
    glanced = pressed.then(glance, picker.inputs, at_first, show_progress="hidden", **_QUIET)
    ready = lambda: gr.Button(text.LOOK, interactive=True)  # noqa: E731
    when_over(show_after(glanced.success), ready, picker.look)
    glanced.failure(ready, None, picker.look, queue=False, **_QUIET)
    return show_after


def _wire_findings(context: Context, picker: SourcePicker, view: _View, show_after: _ShowAfter) -> None:
    """Connects "show rows" and the fix of every finding."""
    turn = row_browser.wire(context, view.browser, lambda *values: source_picker.config_of(context, *values), picker.inputs)

    @toast
    def show_rows(number: int, found: list[dict[str, Any]], *values: Any) -> list[Any]:  # noqa: ANN401
        key = found[number]["key"]
        rows = context.profile(source_picker.config_of(context, *values)).rows_of(key)
        split = next((role for role, positions in rows.items() if len(positions)), "train")
        return [split, ALL_LABELS, key, "", *turn(0, 0, split, ALL_LABELS, key, "", "", *values), gr.Tabs(selected="rows")]

    @toast
    def mend(number: int, found: list[dict[str, Any]], *values: Any) -> list[Any]:  # noqa: ANN401
        config = source_picker.config_of(context, *values)
        fix = Fix.model_validate(found[number]["fix"])
        return source_picker.values_of(RunConfig(**merge(config.model_dump(), fix.applied_to(config.model_dump()))))

    browser = view.browser
    rows = [browser.split, browser.label, browser.finding, browser.search, browser.table, browser.where, browser.page, view.tabs]
    for number, slot in enumerate(view.slots):
        shown = slot.show.click(
            lambda *values, number=number: show_rows(number, *values),
            [view.found, *picker.inputs], rows, show_progress="hidden", concurrency_limit=4, **_QUIET,
        )  # fmt: skip
        shown.success(None, None, None, js=_TO_TABLES, **_QUIET)
        mended = slot.fix.click(
            lambda *values, number=number: mend(number, *values),
            [view.found, *picker.inputs], picker.mendable, show_progress="hidden", concurrency_limit=4, **_QUIET,
        )  # fmt: skip
        show_after(mended.success)
    show_after(picker.fields["fixes"].input, trigger_mode="always_last")


def _wire_names(picker: SourcePicker, view: _View, show_after: _ShowAfter) -> None:
    """Connects renaming, merging and leaving out labels."""

    @toast
    def rename(frame: pd.DataFrame, before: Mapping[str, str | None] | None) -> dict[str, str | None] | None:
        return render.label_map(frame, before or {}) or None

    for button, handler, inputs in (
        (view.use_names, rename, [view.labels, picker.label_map]),
        (view.original_names, lambda: None, []),
    ):
        changed = button.click(handler, inputs, picker.label_map, show_progress="hidden", **_QUIET)
        show_after(changed.success)
