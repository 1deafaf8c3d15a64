"""Data: choose a model and a source, see rows, label counts and token lengths."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import pandas as pd

from tuner import catalog
from tuner.config import DataConfig, ModelConfig, RunConfig
from tuner.data.files import FILE_SUFFIXES, store_upload
from tuner.data.profiling import matching, profile, rows_page
from tuner.errors import SourceError
from tuner.ui import forms, render, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.theme import SENTIMENT, label_colours

PAGE_ROWS = 15
_ALL = "all labels"
# Settings of this tab that are no widgets of their own: what the source picker makes of them.
COLUMNS_AND_SPLITS = (
    ("data", "text_column"),
    ("data", "label_column"),
    ("data", "config"),
    ("data", "revision"),
    ("data", "train_split"),
    ("data", "validation_split"),
    ("data", "test_split"),
)


@dataclass(frozen=True)
class DataTab:
    """What other tabs need of this one.

    Attributes:
        inputs: components that decide the source, in the order `settings_of` takes them.
        first_look: the handler, inputs and outputs that show the chosen source.
    """

    inputs: list[gr.components.Component]
    model: gr.Dropdown
    max_length: gr.Textbox
    next: gr.Button
    first_look: tuple[Any, list[gr.components.Component], list[gr.components.Component]]


def settings_of(context: Context, kind: str, upload: str | None, name: str, *columns: Any) -> dict[str, Any]:  # noqa: ANN401
    """The `data` section that the source picker and the column boxes stand for.

    Raises:
        SourceError: nothing was chosen, or the upload is no table.
    """
    if kind == text.SOURCE_SAMPLE:
        source = catalog.SAMPLE_TWEETS
    elif kind == text.SOURCE_UPLOAD:
        if not upload:
            raise SourceError("No file was uploaded yet.", f"Choose a file that ends in {' '.join(FILE_SUFFIXES)}.")
        source = store_upload(Path(upload))
    else:
        if not (name or "").strip():
            raise SourceError("No data set was named.", "Type a Hub data set as owner/name, or take the sample.")
        source = name.strip()
    context.check_source(source)
    chosen = {field: value or None for (_, field), value in zip(COLUMNS_AND_SPLITS, columns, strict=True)}
    return {"source": source, **chosen}


def build(context: Context) -> DataTab:
    """Draws the tab inside the current gr.Tab."""
    gr.Markdown(text.STEPS_DATA, elem_classes="quiet")
    with gr.Row():
        with gr.Column(scale=1, min_width=320):
            gr.Markdown(text.STEP_GOAL, elem_classes="step")
            gr.Markdown(text.GOAL, elem_classes="quiet")
            gr.Markdown(text.STEP_MODEL, elem_classes="step")
            model = gr.Dropdown(
                choices=[offer.name for offer in catalog.BASE_MODELS],
                value=catalog.SAMPLE_MINILM,
                allow_custom_value=True,
                label="Base model",
                info="the sample, or any Hub id" + (" or folder" if context.local else ""),
                elem_id="base-model",
            )
            gr.Markdown(text.STEP_DATA, elem_classes="step")
            last = text.SOURCE_HUB if context.local else text.SOURCE_HUB_ONLY
            kind = gr.Radio(
                [text.SOURCE_SAMPLE, text.SOURCE_UPLOAD, last], value=text.SOURCE_SAMPLE, label="Source", elem_id="source-kind"
            )
            upload = gr.File(
                label="A table: " + " ".join(FILE_SUFFIXES),
                file_types=list(FILE_SUFFIXES),
                type="filepath",
                visible=False,
                elem_id="upload",
            )
            name = gr.Dropdown(
                choices=[offer.name for offer in catalog.DATASETS],
                value=None,
                allow_custom_value=True,
                visible=False,
                label="Data set",
                info="a Hub data set as owner/name" + (", or the path of a file" if context.local else ""),
                elem_id="source-name",
            )
            with gr.Accordion("Columns and splits", open=False):
                found = {key: info for *key_, info in _fields() if (key := tuple(key_)) in COLUMNS_AND_SPLITS}
                columns = [forms.widget(*key, found[key], None) for key in COLUMNS_AND_SPLITS]
            gr.Markdown(text.STEP_TOKENIZER, elem_classes="step")
            key = ("model", "max_length")
            max_length = forms.widget(*key, ModelConfig.model_fields["max_length"], None)
            look = gr.Button(text.LOOK, variant="primary", elem_id="look")
        with gr.Column(scale=2, min_width=480):
            empty = gr.HTML(render.empty(text.NO_DATA), elem_id="data-empty")
            facts = gr.Textbox(show_label=False, container=False, lines=2, interactive=False, visible=False, elem_id="data-facts")
            with gr.Row(visible=False) as charts:
                label_chart = gr.BarPlot(
                    x="split", y="share (%)", color="label", title="Labels: share of each split", height=240, y_lim=[0, 100],
                    sort=["train", "validation", "test"],
                )  # fmt: skip
                token_chart = gr.BarPlot(
                    x="tokens", y="rows", color="kept", title="Token lengths", height=240,
                    color_map={"read whole": SENTIMENT["positive"], "cut": SENTIMENT["negative"]},
                )  # fmt: skip
            tokens = gr.Textbox(label="Token lengths", lines=2, interactive=False, visible=False, elem_id="token-facts")
            findings = gr.Textbox(label="Worth knowing", lines=2, interactive=False, visible=False, elem_id="findings")
            table = gr.Dataframe(label="Label counts", interactive=False, datatype="str", visible=False, elem_id="label-counts")
            with gr.Column(visible=False) as browser:
                with gr.Row():
                    split = gr.Dropdown(["train", "validation", "test"], value="train", label="Split", elem_id="row-split")
                    label = gr.Dropdown([_ALL], value=_ALL, label="Label", elem_id="row-label")
                    search = gr.Textbox(label="Search", placeholder="text to find", max_lines=1, elem_id="row-search")
                rows = gr.Dataframe(
                    headers=["row", "label", "text"], datatype="str", interactive=False, wrap=True,
                    column_widths=["10%", "14%", "76%"], show_label=False, elem_id="rows",
                )  # fmt: skip
                with gr.Row():
                    back = gr.Button("← Previous", size="sm", scale=0, min_width=120, elem_id="page-back")
                    where = gr.Markdown("", elem_classes="quiet", elem_id="page-where")
                    forth = gr.Button("Next →", size="sm", scale=0, min_width=120, elem_id="page-next")
            page = gr.State(0)
            following = gr.Button(text.TO_TRAIN, variant="primary", visible=False, elem_id="to-train")

    inputs = [kind, upload, name, *columns]

    def config_of(model_name: str, length: str, *source: Any) -> RunConfig:  # noqa: ANN401
        data = settings_of(context, *source)
        return RunConfig(data={**data, "max_train_samples": None}, model={"name": model_name, "max_length": length or None})

    @toast
    def show(model_name: str, length: str, *source: Any) -> list[Any]:  # noqa: ANN401
        config = config_of(model_name, length, *source)
        context.check_model(config.model.name)
        data = context.data(config.data)
        found = profile(config, data)
        first, total = _page(data, "train", None, "", 0)
        lengths = render.token_frame(found)
        return [
            gr.HTML(visible=False),
            gr.Textbox(render.profile_facts(found), visible=True),
            gr.Row(visible=True),
            gr.BarPlot(render.label_frame(found), color_map=label_colours(found.labels)),
            gr.BarPlot(lengths, x_lim=[0, float(lengths["tokens"].max()) * 1.05], y_lim=[0, float(lengths["rows"].max()) * 1.1]),
            gr.Textbox(render.token_facts(found), visible=True),
            gr.Textbox(render.findings(found), visible=True, lines=min(6, 1 + len(found.notes) + len(found.warnings))),
            gr.Dataframe(render.label_table(found), visible=True),
            gr.Column(visible=True),
            gr.Dropdown(list(data.splits), value="train"),
            gr.Dropdown([_ALL, *data.labels[:500]], value=_ALL),
            "",
            first,
            total,
            0,
            gr.Button(visible=True),
        ]

    def _page(data: Any, split_name: str, label_name: str | None, needle: str, number: int) -> tuple[pd.DataFrame, str]:  # noqa: ANN401
        found = rows_page(data, split_name, number * PAGE_ROWS, PAGE_ROWS, label_name, needle)
        total = len(matching(data, split_name, label_name, needle))
        frame = pd.DataFrame([{**row, "row": str(row["row"])} for row in found], columns=["row", "label", "text"])
        first = number * PAGE_ROWS + 1
        return frame, f"Rows {first:,} – {first + len(found) - 1:,} of {total:,}" if found else "No row fits."

    @toast
    def turn(step: int, number: int, split_name: str, label_name: str, needle: str, *rest: Any) -> list[Any]:  # noqa: ANN401
        data = context.data(config_of(*rest).data)
        wanted = None if label_name == _ALL else label_name
        if wanted is not None and wanted not in data.labels:
            raise SourceError(f"There is no label '{wanted[:80]}'.", "Choose one of the list.")
        last_page = max(0, (len(matching(data, split_name, wanted, needle or "")) - 1) // PAGE_ROWS)
        number = min(max(0, number + step), last_page) if step else 0
        frame, shown = _page(data, split_name, wanted, (needle or "")[:200], number)
        return [frame, shown, number]

    shown = [empty, facts, charts, label_chart, token_chart, tokens, findings, table]
    outputs = [*shown, browser, split, label, search, rows, where, page, following]
    look.click(show, [model, max_length, *inputs], outputs, api_visibility="private", concurrency_limit=4)
    kind.change(
        lambda chosen: [gr.File(visible=chosen == text.SOURCE_UPLOAD), gr.Dropdown(visible=chosen == last)],
        kind,
        [upload, name],
        api_visibility="private",
        queue=False,
    )
    paging = [page, split, label, search, model, max_length, *inputs]
    for component, step in ((split, 0), (label, 0), (search, 0), (back, -1), (forth, 1)):
        event = (
            component.click if isinstance(component, gr.Button) else component.submit if component is search else component.input
        )
        event(
            lambda *values, step=step: turn(step, *values),
            paging,
            [rows, where, page],
            api_visibility="private",
            show_progress="hidden",
            concurrency_limit=4,
        )
    return DataTab(inputs, model, max_length, following, (show, [model, max_length, *inputs], outputs))


def _fields() -> list[tuple[str, str, Any]]:
    return [("data", field, info) for field, info in DataConfig.model_fields.items()]
