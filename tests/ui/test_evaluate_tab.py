"""The Evaluate tab's handlers: what they fill, filter and refuse."""

from dataclasses import replace

import gradio as gr
import pytest

from tuner.data.files import store_uploads
from tuner.errors import SettingsError, SourceError
from tuner.evaluations import of_run
from tuner.ui import evaluate_tab, mistakes_panel, render_report
from tuner.ui.context import Context


@pytest.fixture
def found(train_here, tiny_config, csv):
    """The evaluation of a run of three labels, their names hostile."""
    names = ("negative", "neutral", "positive")
    labels = dict(zip(names, ("<b>neg</b>", "neu, or so", "pos=yes"), strict=True))
    run = train_here(tiny_config(source=csv(200, labels=names), max_steps=10, data={"label_map": labels}))
    return of_run(run)


@pytest.fixture
def tab():
    with gr.Blocks():
        chosen = gr.Radio([])
        return evaluate_tab.build(Context(), chosen)


def rows(found, **chosen):
    values = {"order": mistakes_panel.ALL_ROWS, "label": "", "predicted": "", "part": "", "search": "", "expression": False}
    return mistakes_panel._rows(found, **values | chosen)


def test_every_component_of_the_tab_gets_a_value(found, tab):
    assert len(evaluate_tab.view_of(found.name, len(tab.view))) == len(tab.view)
    assert len(evaluate_tab.view_of(None, len(tab.view))) == len(tab.view)


def test_names_of_labels_are_text(found):
    words = render_report.answer(found.report, found.report.source) + render_report.sentences(
        render_report.worst(found.report.slices)
    )
    assert "<b>" not in words


def test_an_upload_is_named_by_its_file(found, csv):
    """Once by its hash; one that is gone is no reason to show no report."""
    stored = store_uploads([csv(30, name="shop & co.csv")])
    words = [
        evaluate_tab._filled(replace(found, report=found.report.model_copy(update={"source": source})))[0].value
        for source in (stored, "upload:" + "0" * 32)
    ]
    assert "test rows of shop &amp; co.csv ·" in words[0]
    assert "test rows of an uploaded file ·" in words[1]


def test_a_command_in_backticks_is_shown_as_code():
    assert render_report.sentences("Run `hf auth <b>`") == '<p class="sentence">Run <code>hf auth &lt;b&gt;</code></p>'


def test_a_cell_s_rows_are_those_of_the_confusion_matrix(found):
    labels = found.report.labels
    for i, true in enumerate(labels):
        for j, predicted in enumerate(labels):
            assert len(rows(found, label=true, predicted=predicted)) == found.report.confusion_matrix[i][j]


def test_a_slice_s_rows_are_as_many_as_the_report_says(found):
    for part in found.report.slices:
        if part.key and part.n:
            assert len(rows(found, part=part.key)) == part.n


def test_mistakes_are_wrong_and_the_surest_stand_first(found):
    wrong = rows(found, order="wrong, surest first")
    assert (wrong["label"] != wrong["predicted"]).all()
    assert wrong["confidence"].is_monotonic_decreasing


def test_suspicious_labels_are_rows_of_the_evaluation(found):
    assert set(rows(found, order="suspicious labels first")["row"]) <= set(found.predictions["row"])


def test_a_search_takes_words_or_an_expression(found):
    assert rows(found, search="FILM")["text"].str.contains("film").all()
    assert len(rows(found, search="^th[ei]", expression=True)) == found.predictions["text"].str.match("th[ei]").sum()
    with pytest.raises(SettingsError):
        rows(found, search="(", expression=True)


@pytest.mark.parametrize("wrong", [{"label": "x"}, {"predicted": "x"}, {"part": "x"}, {"order": "x"}])
def test_what_is_not_offered_is_refused(wrong, found):
    with pytest.raises(SourceError, match="There is no"):
        rows(found, **wrong)
