"""Rows of a run as a data set: none leave before somebody has seen what personal data is in them."""

import shutil
from pathlib import Path

import gradio as gr
import pytest

from tests.hub.server import TOKEN
from tuner import hub_read, runs
from tuner.config import DataConfig, RunConfig
from tuner.data.labelled import load_labelled
from tuner.errors import NetworkError
from tuner.ui import share_data_panel, text
from tuner.ui.context import Context


@pytest.fixture
def run(jsonl, tiny_models, monkeypatch):
    """A completed run, its data pinned; one of its 60 texts has an e-mail address."""
    monkeypatch.setattr(hub_read, "_handed", TOKEN)
    rows = [{"text": f"row {i} is {('awful', 'great')[i % 2]}", "label": ("neg", "pos")[i % 2]} for i in range(59)]
    rows.append({"text": "write to ann@example.com", "label": "pos"})
    data = DataConfig(source=str(jsonl(rows)))
    data = data.model_copy(update={"fingerprint": load_labelled(data).fingerprint})
    run = runs.create(RunConfig(data=data, model={"name": str(tiny_models["bert"])}))
    shutil.copytree(tiny_models["bert"], run.model_folder)
    runs.write_status(run, state="completed")
    return run


@pytest.fixture
def heard():
    """What hears "Push", what "Push anyway", and what looks whether an answer is still of what is chosen."""
    with gr.Blocks() as page:
        panel = share_data_panel.draw()
        share_data_panel.wire(Context(), panel, gr.Radio(), gr.Dropdown(), gr.Textbox())
    pushed, if_other, anyway, _ = [each.fn for each in page.fns.values() if each.fn][:4]
    return pushed, anyway, if_other


@pytest.fixture
def sent(monkeypatch):
    """Names of the data sets that were to be pushed, to a Hub that does not answer."""
    names = []

    def push(data, config, name, **_):
        names.append(name)
        raise NetworkError("The Hub does not answer.", "Try again later.")

    monkeypatch.setattr(share_data_panel, "push_cleaned", push)
    return names


def test_personal_data_is_told_and_not_pushed(run, heard, sent):
    said, anyway, told = heard[0](run.id, text.CLEANED_ROWS, "owner/rows", False)
    assert "1 text with an e-mail address" in said
    assert (anyway.visible, told[:2], sent) == (True, [run.id, text.CLEANED_ROWS], [])


def test_of_rows_that_changed_since_the_training_nothing_is_told(run, heard, sent):
    path = Path(run.config.data.source)
    path.write_text(path.read_text().replace("great", "grand"))
    with pytest.raises(gr.Error, match="has changed since the run was made"):
        heard[0](run.id, text.CLEANED_ROWS, "owner/rows", False)
    assert sent == []


@pytest.mark.parametrize("change", ["run", "rows", "nothing told"])
def test_anyway_is_said_to_what_was_told_alone(change, run, heard, sent):
    """Pressed as another run was chosen, it once pushed that one's rows, which nobody had looked at."""
    *_, told = heard[0](run.id, text.CLEANED_ROWS, "owner/rows", False)
    told = {"run": ["another", *told[1:]], "rows": [*told[:2], "2 texts with a phone number"], "nothing told": None}[change]
    said, *_ = heard[1](run.id, text.CLEANED_ROWS, "owner/rows", False, told)
    assert ("1 text with an e-mail address" in said, sent) == (True, [])


def test_anyway_pushes_what_was_told(run, heard, sent):
    *_, told = heard[0](run.id, text.CLEANED_ROWS, "owner/rows", False)
    with pytest.raises(gr.Error, match="The Hub does not answer"):
        heard[1](run.id, text.CLEANED_ROWS, "owner/rows", False, told)
    assert sent == ["owner/rows"]


def test_what_is_told_late_does_not_stand_under_another_run(run, heard):
    told = [run.id, text.CLEANED_ROWS, "1 text"]
    said, anyway = heard[2]("another", text.CLEANED_ROWS, told)
    assert (said, anyway.visible) == ("", False)
    assert heard[2](run.id, text.CLEANED_ROWS, told) == [gr.skip(), gr.skip()]
