"""The Evaluate tab's handlers: what they fill, filter and refuse."""

from dataclasses import replace

import gradio as gr
import numpy as np
import pytest

from tuner.data.files import store_uploads
from tuner.errors import SettingsError, SourceError
from tuner.evaluation.report import make_report
from tuner.evaluations import Evaluation, of_run, predictions, save
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


@pytest.fixture
def many(home):
    """The evaluation of 40 labels of three rows each; those of label 39 are answered label 1."""
    names = [f"label {i}" for i in range(40)]
    truth = np.repeat(np.arange(40), 3)
    probabilities = np.eye(40)[np.where(truth == 39, 1, truth)] * 0.9 + 0.0025
    texts = [f"text {i}" for i in range(len(truth))]
    about = {"model": "m", "source": "s", "split": "test", "data_fingerprint": "d", "rows_fingerprint": "r"}
    report = make_report(probabilities, truth, names, texts=texts, **about)
    return save(Evaluation(report, predictions(range(len(truth)), texts, truth, probabilities, names, {})), None)


@pytest.fixture
def clicked():
    """Label, answer and rows of "Mistakes" after a click: `clicked("open_cell", found, index=[0, 1])`."""
    with gr.Blocks() as blocks:
        evaluate_tab.build(Context(), gr.Radio([]))

    def click(name, found, **event):
        (handler,) = (each.fn for each in blocks.fns.values() if each.fn and each.fn.__name__ == name)
        filled = handler(gr.SelectData(None, {"value": "", **event}), found.name)
        return filled[1].value, filled[2].value, filled[7]

    return click


def test_a_click_on_a_matrix_of_the_most_confused_labels_opens_its_own_labels(many, clicked):
    """Row 23 and column 2 are labels 39 and 1: the matrix leaves labels out."""
    table = render_report.confusion_table(many.report)
    assert (table["data"][23][:4], table["headers"][2]) == (["label 39", "0 (0%)", "3 (100%)", "0 (0%)"], "label 1")
    assert clicked("open_cell", many, index=[23, 2]) == ("label 39", "label 1", "Rows 1 – 3 of 3")
    assert clicked("open_cell", many, index=[23, 0]) == ("label 39", "", "Rows 1 – 3 of 3")


def test_a_click_on_a_confusion_opens_its_rows(many, clicked):
    listed = render_report.confusion_list(many.report).to_numpy().tolist()
    assert listed == [["label 39", "label 1", "3", "100%"]]
    assert clicked("open_confusion", many, index=[0, 0], row_value=listed[0]) == ("label 39", "label 1", "Rows 1 – 3 of 3")


def test_the_whole_matrix_has_every_label(many):
    whole = render_report.whole_matrix(many.report)
    assert whole.shape == (40, 41)
    assert whole.iloc[39, [0, 1, 2]].tolist() == ["label 39", 0, 3]


def test_of_many_labels_tables_are_whole_and_curves_are_few(many):
    """Browsers drew every label's curves and every column of the matrix, until they froze."""
    assert len(render_report.class_table(many.report)) == len(render_report.areas(many.report)) == 40
    plot = render_report.curve_plot(many.report.roc, "x", "y", many.report.curve_labels)
    assert len({row[plot.value["columns"].index("label")] for row in plot.value["data"]}) == 8
    assert "the 8 of 40 labels" in render_report.curves_drawn(many.report)


def test_of_few_labels_all_is_drawn(found):
    assert render_report.confusion_table(found.report)["headers"][1:] == found.report.labels
    assert render_report.confusion_list(found.report).empty
    assert not render_report.curves_drawn(found.report)


def test_a_long_name_leaves_room_for_the_matrix(found):
    """A name of 60 characters took half of the page for the rows' names, and as much for its own column."""
    named = found.report.model_copy(update={"labels": ["no", "yes", "x" * 60]})
    assert render_report.matrix_widths(named) == ["220px", "auto", "auto", "220px"]
    assert set(render_report.matrix_widths(found.report)) == {"auto"}


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


@pytest.fixture
def show():
    """What stands there after an evaluation: `show(chosen, of, made)`."""
    with gr.Blocks() as blocks:
        evaluate_tab.build(Context(local=True), gr.Radio([]))
    return next(f.fn for f in blocks.fns.values() if f.fn and f.fn.__name__ == "show")


def test_an_evaluation_of_no_run_is_shown_though_one_was_chosen_meanwhile(found, many, show):
    assert show(found.name, [None], {None: many.name})[1] == many.name


def test_an_evaluation_whose_run_was_deleted_meanwhile_says_nothing(found, show):
    assert show(found.name, ["20261123-120000-abcd"], {"20261123-120000-abcd": found.name})[1] == gr.skip()
