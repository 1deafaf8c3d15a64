"""Widgets generated from the settings."""

import gradio as gr
import pytest

from tuner.config import RunConfig, fields
from tuner.ui import forms, source_picker, train_tab

INFO = {(section, field): info for section, field, info in fields()}


@pytest.mark.parametrize("key", INFO, ids=".".join)
def test_every_setting_has_a_help_line_and_a_widget(key):
    with gr.Blocks():
        widget = forms.widget(*key, INFO[key], forms.value_of(RunConfig(), key))
    assert widget.label
    assert widget.info


def test_every_setting_stands_on_the_page_or_is_known_to_stand_elsewhere():
    elsewhere = {("data", "source"), ("data", "label_map"), ("data", "fingerprint"), ("model", "fingerprint")}
    drawn = {
        *train_tab.own_settings(),
        *(("data", field) for field in source_picker.FIELDS),
        ("model", "name"),
        ("model", "max_length"),
    }
    assert drawn | elsewhere == set(INFO)


def test_an_empty_box_means_not_set():
    assert forms.to_settings({("data", "max_train_samples"): ""}) == {"data": {"max_train_samples": None}}


def test_choices_are_the_library_s_own():
    with gr.Blocks():
        widget = forms.widget("training", "lr_scheduler_type", INFO["training", "lr_scheduler_type"], "linear")
    assert ("cosine", "cosine") in widget.choices
