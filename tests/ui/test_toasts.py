"""What a toast is given: it shows HTML, and causes quote what people and data call things."""

import gradio as gr
import pytest

from tuner.errors import ModelError
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
