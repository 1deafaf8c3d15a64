"""Many texts: what stands there is of the file that was asked about last."""

import gradio as gr

from tuner.batch import FileAnswers, Texts
from tuner.ui.build import build_app
from tuner.ui.context import Context
from tuner.ui.many_panel import _summary


def pressed(page, elem_id):
    """The functions that hear a click on a button of the page."""
    return [
        function
        for function in page.fns.values()
        for target, event in function.targets
        if event == "click" and target is not None and page.blocks[target].elem_id == elem_id
    ]


def test_an_earlier_files_answers_go_when_the_work_begins():
    """A refused file once stood beside the earlier file's answers and downloads."""
    (begun,) = pressed(build_app(Context(local=True)), "answer-all")
    shown = dict(zip([each.elem_id for each in begun.outputs], begun.fn(gr.Request(session_hash="a")), strict=True))
    assert "will stand here" in shown["many-summary"]
    assert [shown[each].visible for each in ("answers", "many-csv", "many-parquet")] == [False, False, False]


def test_the_summary_names_the_file():
    found = FileAnswers(rows=2, of=2, empty=0, unsure=None, labels={"a": 2}, stopped=False, first=[])
    assert "a&lt;b.csv: 2 of 2 texts of column “text” were answered by mine." in _summary(
        found, "a<b.csv", Texts(2, lambda: iter("ab"), ("text",)), "mine", ""
    )
