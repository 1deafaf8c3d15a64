"""The left side of the Data tab: which model, which source, its columns, splits and fixes."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from tuner import catalog
from tuner.config import DataConfig, ModelConfig, RunConfig, TrainingConfig
from tuner.data import hub_sets
from tuner.data.files import FILE_SUFFIXES, store_uploads, uploaded_path
from tuner.data.sources import kind_of
from tuner.errors import SourceError, TunerError
from tuner.ui import forms, model_facts, text
from tuner.ui.context import Context
from tuner.ui.errors import toast
from tuner.ui.heard import heard
from tuner.words import exact

_COLUMNS = ("text_column", "text_separator", "label_column")
_SPLITS = ("config", "revision", "train_split", "validation_split", "test_split")
_SIZES = ("validation_size", "test_size", "num_folds", "fold")
_FIXES = ("fixes", "overlay")
FIELDS = (*_COLUMNS, *_SPLITS, *_SIZES, *_FIXES)
# Filled with what the source has; a value of one's own is taken, too.
_CHOSEN_FROM_THE_SOURCE = ("text_column", "label_column", "config", "train_split", "validation_split", "test_split")


@dataclass(frozen=True)
class SourcePicker:
    """What was drawn.

    Attributes:
        fields: the `data` settings drawn here, by name.
        stored: `upload:DIGEST` of what was uploaded: Gradio removes it, and Tuner has a copy.
        of: the name whose columns and splits stand in the fields.
        label_map: the label map, edited in the table of labels.
        class_weights: belongs to the Train tab and is rendered there; made here because a fix sets it.
        inputs: what `config_of` takes, in its order.
    """

    model: gr.Dropdown
    max_length: gr.Textbox
    kind: gr.Radio
    upload: gr.File
    stored: gr.Textbox
    name: gr.Dropdown
    of: gr.State
    fields: dict[str, gr.components.Component]
    label_map: gr.State
    class_weights: gr.components.Component
    look: gr.Button

    @property
    def source(self) -> list[gr.components.Component]:
        """What `settings_of` takes, in its order."""
        return [self.kind, self.upload, self.stored, self.name, self.label_map, *self.fields.values()]

    @property
    def chosen(self) -> list[gr.components.Component]:
        """What `chosen_of` fills: which source, and how it is read."""
        return [self.kind, self.name, self.of, self.label_map, *self.fields.values()]

    @property
    def mendable(self) -> list[gr.components.Component]:
        """What `values_of` fills: all that a fix can change."""
        return [self.max_length, self.class_weights, self.label_map, *self.fields.values()]

    @property
    def inputs(self) -> list[gr.components.Component]:
        """What `config_of` takes, in its order."""
        return [self.model, self.max_length, self.class_weights, *self.source]


def settings_of(
    context: Context,
    kind: str,
    uploads: list[str] | None,
    stored: str | None,
    name: str | None,
    label_map: dict | None,
    *values: Any,  # noqa: ANN401
) -> dict[str, Any]:
    """The `data` section that the picker stands for.

    Raises:
        SourceError: nothing was chosen, or an upload is no table.
    """
    if kind == text.SOURCE_SAMPLE:
        source = catalog.SAMPLE_TWEETS
    elif kind == text.SOURCE_UPLOAD:
        if not uploads:
            raise SourceError("No file was uploaded yet.", f"Choose a file that ends in {' '.join(FILE_SUFFIXES)}.")
        source = _stored(uploads) or stored
        if not source:
            raise SourceError("The uploaded file is no longer here.", "Choose it again.")
    else:
        if not (name or "").strip():
            raise SourceError("No data set was named.", "Type a Hub data set as owner/name, or take the sample.")
        source = name.strip()
    context.check_source(source)
    settings = forms.to_settings({("data", field): value for field, value in zip(FIELDS, values, strict=True)})["data"]
    settings["text_column"] = _one_or_several(settings["text_column"])
    settings["text_separator"] = (settings["text_separator"] or "").replace("\\n", "\n")
    return {"source": source, "label_map": label_map or None, **settings}


def _stored(uploads: list[str] | None) -> str:
    """The source that Tuner keeps the uploaded files as; empty where they are gone, or none was chosen.

    Raises:
        SourceError: they are no table.
    """
    paths = [Path(upload) for upload in uploads or []]
    return store_uploads(paths) if paths and all(path.exists() for path in paths) else ""


def config_of(
    context: Context,
    model: str,
    max_length: str,
    class_weights: str,
    *source: Any,  # noqa: ANN401
) -> RunConfig:
    """The settings the Data tab looks at: all rows of the source, the model whose tokenizer counts.

    Raises:
        SourceError, SettingsError: what was chosen makes no settings.
    """
    return RunConfig(
        data={**settings_of(context, *source), "max_train_samples": None},
        model={"name": (model or "").strip(), "max_length": max_length or None},
        training={"class_weights": class_weights or None},
    )


def values_of(config: RunConfig) -> list[Any]:
    """Values for max_length, class_weights, label_map and the fields, as settings say: what a fix changes."""
    fields = [_shown(field, getattr(config.data, field)) for field in FIELDS]
    return [config.model.max_length, forms.value_of(config, ("training", "class_weights")) or "", config.data.label_map, *fields]


def chosen_of(context: Context, config: RunConfig) -> list[Any]:
    """Values for `SourcePicker.chosen`, as settings say; an upload of earlier is one of the choices, by the name of its file."""
    source = config.data.source
    named = text.SOURCE_HUB if context.local else text.SOURCE_HUB_ONLY
    fields = [_shown(field, getattr(config.data, field)) for field in FIELDS]
    if source == catalog.SAMPLE_TWEETS:
        chosen = [text.SOURCE_SAMPLE, "", ""]
    elif source.startswith("upload:"):
        chosen = [named, gr.Dropdown([*_offered(), (title_of(source), source)], value=source), source]
    else:
        chosen = [named, source, source]
    return [*chosen, config.data.label_map, *fields]


def _offered() -> list[str | tuple[str, str]]:
    return [offer.name for offer in catalog.DATASETS]


def title_of(source: str) -> str:
    """A source as a person knows it: an upload by the name of its file, unless it is gone or somebody else's."""
    if not source.startswith("upload:"):
        return source
    try:
        path = uploaded_path(source)
    except SourceError:
        return text.AN_UPLOAD
    return ", ".join(sorted(file.name for file in path.iterdir())) if path.is_dir() else path.name


def draw(context: Context) -> SourcePicker:
    """Draws the picker inside the current column."""
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
    model_facts.draw(model)
    gr.Markdown(text.STEP_DATA, elem_classes="step")
    hub = text.SOURCE_HUB if context.local else text.SOURCE_HUB_ONLY
    kind = gr.Radio(
        [text.SOURCE_SAMPLE, text.SOURCE_UPLOAD, hub], value=text.SOURCE_SAMPLE, label="Source", elem_id="source-kind"
    )
    upload = gr.File(
        label=text.UPLOAD, file_types=list(FILE_SUFFIXES), file_count="multiple", type="filepath", visible=False, elem_id="upload"
    )
    # "hidden" and not False: it stands in the page, and outlives the server.
    stored = gr.Textbox("", visible="hidden", show_label=False, container=False, elem_id="stored-upload")
    name = gr.Dropdown(
        choices=_offered(),
        value=None,
        allow_custom_value=True,
        visible=False,
        label="Data set",
        info="a Hub data set as owner/name, or feedback:NAME" + (", or the path of a file or folder" if context.local else ""),
        elem_id="source-name",
    )
    look = gr.Button(text.LOOK, variant="primary", elem_id="look")
    fields: dict[str, gr.components.Component] = {}
    for title, group in ((text.COLUMNS, _COLUMNS), (text.SPLITS, (*_SPLITS, *_SIZES)), (text.FIXES, _FIXES)):
        with gr.Accordion(title, open=False):
            fields |= {field: _field(field) for field in group}
    gr.Markdown(text.STEP_TOKENIZER, elem_classes="step")
    max_length = forms.widget("model", "max_length", ModelConfig.model_fields["max_length"], None)
    weights = forms.widget("training", "class_weights", TrainingConfig.model_fields["class_weights"], None, render=False)
    picker = SourcePicker(model, max_length, kind, upload, stored, name, gr.State(""), fields, gr.State(None), weights, look)
    _wire(context, picker, hub)
    return picker


def offered(columns: Sequence[str]) -> list[gr.Dropdown]:
    """The column boxes with the source's columns to choose from."""
    return [gr.Dropdown(choices=list(columns)[:500]) for _ in ("text_column", "label_column")]


def _wire(context: Context, picker: SourcePicker, hub: str) -> None:
    picker.kind.change(
        lambda chosen: [gr.File(visible=chosen == text.SOURCE_UPLOAD), gr.Dropdown(visible=chosen == hub)],
        picker.kind, [picker.upload, picker.name], api_visibility="private", queue=False, show_progress="hidden",
    )  # fmt: skip
    # Another source has other columns and splits: what a person chose for the last one goes.
    untouched = lambda: [None, *(_shown(field, DataConfig.model_fields[field].get_default()) for field in FIELDS)]  # noqa: E731
    mine = [picker.label_map, *picker.fields.values()]
    quiet: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    for chosen_anew in (picker.kind.input, picker.upload.change):
        chosen_anew(untouched, None, mine, trigger_mode="always_last", **quiet)

    def store(uploads: list[str] | None) -> str:
        try:
            return _stored(uploads)
        except TunerError:
            return ""  # said when somebody looks at it

    heard(picker.upload.change)(store, picker.upload, picker.stored, **quiet)
    named_anew = gr.Number(0, visible="hidden")  # how often; "hidden" and not False: else it does not say that it changed

    def another(name: str | None, of: str, times: float) -> list[Any]:
        name = (name or "").strip()
        if name == of:  # the box says `input` when somebody has only looked into it, too
            return [gr.skip()] * (2 + len(mine))
        return [name, times + 1, *untouched()]

    picker.name.input(
        another, [picker.name, picker.of, named_anew], [picker.of, named_anew, *mine], trigger_mode="always_last", **quiet
    )

    @toast
    def choices(name: str | None) -> list[Any]:
        if not name or kind_of(name) != "hub":
            return [gr.skip()] * 4
        found = hub_sets.choices(name.strip())
        splits = found.configs.get(found.default or "", ()) or tuple(
            dict.fromkeys(s for part in found.configs.values() for s in part)
        )
        configs = gr.Dropdown(choices=list(found.configs), value=found.default)
        return [configs, *(gr.Dropdown(choices=list(splits)) for _ in range(3))]

    boxes = [picker.fields[field] for field in ("config", "train_split", "validation_split", "test_split")]
    named_anew.change(choices, picker.name, boxes, api_visibility="private", show_progress="hidden", concurrency_limit=4)


def _field(field: str) -> gr.components.Component:
    info = DataConfig.model_fields[field]
    value = _shown(field, info.get_default())
    if field in _CHOSEN_FROM_THE_SOURCE:
        return forms.choice_box("data", field, info, value, multiselect=field == "text_column")
    return forms.widget("data", field, info, value)


def _shown(field: str, value: Any) -> Any:  # noqa: ANN401
    """A setting's value as its box holds it."""
    if field == "text_column":
        return [value] if isinstance(value, str) else list(value or [])
    if field == "text_separator":
        return value.replace("\n", "\\n")
    if field in ("validation_size", "test_size", "num_folds"):
        return "" if value is None else exact(value)
    return value


def _one_or_several(names: list[str] | None) -> str | list[str] | None:
    if not names:
        return None
    return names[0] if len(names) == 1 else names
