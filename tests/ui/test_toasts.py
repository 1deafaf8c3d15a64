"""What a toast is given: it shows HTML, and causes quote what people and data call things."""

import gradio as gr
import pytest

from tuner.errors import ModelError
from tuner.ui.build import build_app
from tuner.ui.context import Context
from tuner.ui.errors import toast


def refuse():
    raise ModelError("'<img src=//evil.example>' & \"b\" is no model.", "Give another.")


@pytest.mark.parametrize(
    ("page", "words"), [(True, "'&lt;img src=//evil.example&gt;' &amp; \"b\""), (False, "'<img src=//evil.example>' & \"b\"")]
)
def test_a_page_gets_text_and_a_program_the_words_as_they_are(page, words):
    with pytest.raises(gr.Error) as refused:
        toast(refuse, page)()
    assert refused.value.message == f"{words} is no model. Give another."


@pytest.mark.parametrize("elem_id", ["many-summary", "estimate"])
def test_after_a_toast_no_pill_lies_over_what_stands_there(elem_id):
    """Gradio's "Error" covered a sentence and the estimate's figures until something else was shown there."""
    functions = list(build_app(Context(local=True)).fns.values())
    waited = [each for each in functions if elem_id in [shown.elem_id for shown in each.show_progress_on or []]]
    assert waited
    for each in waited:
        after = [other for other in functions if other.trigger_after == each._id and other.trigger_only_on_failure]
        assert elem_id in [shown.elem_id for other in after for shown in other.outputs]
