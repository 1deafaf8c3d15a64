"""From the boxes of the Data tab to settings, and back after a fix."""

import gradio as gr
import pytest

from tuner.config import RunConfig
from tuner.data.findings import Fix
from tuner.errors import SourceError
from tuner.ui import source_picker, text
from tuner.ui.context import Context


def untouched():
    """What the boxes of `FIELDS` hold before anybody touches them."""
    return source_picker.values_of(RunConfig())[3:]


def settings(context, kind, upload=None, stored="", name=None, label_map=None, **changed):
    values = dict(zip(source_picker.FIELDS, untouched(), strict=True)) | changed
    return source_picker.settings_of(context, kind, upload, stored, name, label_map, *values.values())


def test_untouched_boxes_are_the_default_settings():
    given = settings(Context(), text.SOURCE_SAMPLE)
    assert RunConfig(data={**given, "max_train_samples": 8_000}).data == RunConfig().data


def test_one_text_column_is_a_name_and_several_are_a_list():
    assert settings(Context(), text.SOURCE_SAMPLE, text_column=["text"])["text_column"] == "text"
    assert settings(Context(), text.SOURCE_SAMPLE, text_column=["title", "body"])["text_column"] == ["title", "body"]


def test_a_separator_is_typed_with_backslashes():
    assert settings(Context(), text.SOURCE_SAMPLE, text_separator=r" |\n")["text_separator"] == " |\n"


def test_several_uploads_are_the_splits_of_one_source(csv):
    given = settings(Context(), text.SOURCE_UPLOAD, [str(csv(30, name="train.csv")), str(csv(20, name="test.csv"))])
    data = Context().data(RunConfig(data={**given, "max_train_samples": None}).data)
    assert len(data.splits["test"]) == 20


def test_an_upload_that_gradio_has_removed_is_read_from_tuners_copy(csv):
    path = csv(20)
    before = settings(Context(), text.SOURCE_UPLOAD, [str(path)])
    path.unlink()
    assert settings(Context(), text.SOURCE_UPLOAD, [str(path)], before["source"]) == before
    with pytest.raises(SourceError, match=r"^The uploaded file is no longer here\. Choose it again\.$"):
        settings(Context(), text.SOURCE_UPLOAD, [str(path)])


def test_nothing_uploaded_is_refused_with_what_to_do():
    with pytest.raises(SourceError, match=r"No file was uploaded yet\. Choose a file"):
        settings(Context(), text.SOURCE_UPLOAD)


def test_a_path_is_refused_where_the_app_is_not_local(csv):
    with pytest.raises(SourceError, match="Paths are not read here"):
        settings(Context(local=False), text.SOURCE_HUB_ONLY, name=str(csv(20)))


def test_a_fix_comes_back_into_the_boxes():
    before = RunConfig(data={"fixes": ["mask_email"]})
    fix = Fix(title="", changes={"data": {"fixes": ["drop_leaked"], "test_size": 0.1}})
    values = source_picker.values_of(before.with_changes(fix.applied_to(before.model_dump())))
    boxes = dict(zip(source_picker.FIELDS, values[3:], strict=True))
    assert (boxes["fixes"], boxes["test_size"]) == (["mask_email", "drop_leaked"], "0.1")


@pytest.mark.parametrize(("size", "shown"), [(1_234_567, "1234567"), (1_000_000, "1000000"), (1 / 3, "0.3333333333333333")])
def test_sizes_stand_in_their_boxes_to_the_last_digit(size, shown):
    """They were rounded to six: a run that was made of another's settings had other rows."""
    config = RunConfig(data={"validation_size": size, "max_train_samples": 10})
    boxes = dict(zip(source_picker.FIELDS, source_picker.values_of(config)[3:], strict=True))
    assert boxes["validation_size"] == shown
    assert RunConfig(data={**settings(Context(), text.SOURCE_SAMPLE, **boxes), "max_train_samples": 10}).data == config.data


def test_a_table_mended_on_disk_is_read_again(csv):
    """Once the app kept showing the rows it had read first."""
    context, path = Context(), csv(20)
    config = RunConfig(data={"source": str(path)}).data
    before = context.data(config).fingerprint
    path.write_text(path.read_text() + "one more great row,pos\n")
    assert context.data(config).fingerprint != before


def test_looking_into_the_box_of_the_data_set_changes_nothing(csv):
    """It says `input` then, too: columns, sizes and label map went as if another data set had been named."""
    context = Context()
    with gr.Blocks() as page:
        picker = source_picker.draw(context)
    named = next(f for f in page.fns.values() if (picker.name._id, "input") in f.targets)
    filled = dict(zip(picker.chosen, source_picker.chosen_of(context, RunConfig(data={"source": str(csv())})), strict=True))
    looked_into = named.fn(filled[picker.name], filled[picker.of], 0)
    assert [value for value in looked_into if value != gr.skip()] == []
    other = dict(zip(named.outputs, named.fn("owner/other", filled[picker.of], 0), strict=True))
    assert (other[picker.of], other[picker.fields["test_size"]]) == ("owner/other", "")
