"""The link to a model and a text, and where others find the model."""

from urllib.parse import parse_qs, urlparse

import pytest

from tuner.ui.elsewhere_panel import link_to, pushed_to

RUN = "20260101-120000-abcdef"


@pytest.mark.parametrize(("name", "key"), [(RUN, "run"), ("owner/model", "model"), (f"untouched:{RUN}", "model")])
def test_a_link_holds_model_and_text(name, key):
    link, kept = link_to("https://here", name, "naïve & “great” 100 %?")
    found = parse_qs(urlparse(link).query)
    assert found == {key: [name], "tab": ["playground"], "text": ["naïve & “great” 100 %?"]}
    assert kept == len(found["text"][0])


def test_a_text_too_long_for_an_address_is_cut_and_it_says_where():
    link, kept = link_to("https://here", RUN, "😀 " * 3_000)
    assert len(link) <= 6_000
    assert parse_qs(urlparse(link).query)["text"][0] == ("😀 " * 3_000)[:kept]


def test_a_run_that_was_never_pushed_is_nowhere_for_others(train_here, tiny_config):
    assert pushed_to(train_here(tiny_config(max_steps=1))) == "OWNER/MODEL"
