"""Names in a card stay text."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markupsafe import Markup

from tuner.hub.escape import inert

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=https://evil.example/x>",
    "![p](https://evil.example/p.png)",
    "[x](javascript:alert(1))",
    "a|b `code` *bold* _under_ ~~gone~~ $x$",
    "&lt;b&gt; \\[x](y)",
    "<https://evil.example>",
)


def rendered(text):
    return MarkdownIt("commonmark", {"html": True}).enable("table").enable("strikethrough").render(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_renders_as_itself(name):
    assert html.unescape(rendered(f"see {inert(name)} here")) == html.unescape(f"<p>see {html.escape(name)} here</p>\n").replace(
        "https://", "https:<!-- -->//"
    )


@pytest.mark.parametrize("name", [name for name in HOSTILE if "&" not in name])
def test_a_name_stays_in_its_cell(name):
    page = rendered(f"| a | b |\n|---|---|\n| {inert(name)} | end |\n")
    assert page.count("<td>") == 2
    assert "<td>end</td>" in page


@given(st.text(st.sampled_from("ab<>&;[]()!`*_~|\\$#{}\"'/:=-+.@ \n\t12wht"), max_size=60))
def test_no_name_becomes_markup(name):
    page = rendered(f"see {inert(name)} here")
    assert set(re.findall(r"<(?!!-- -->)/?\w*", page)) == {"<p", "</p"}


@pytest.mark.parametrize("address", ["https://evil.example", "www.evil.example", "me@evil.example", "HTTP://evil.example"])
def test_a_bare_address_is_broken_where_it_would_become_a_link(address):
    assert address not in inert(address)
    assert inert(address).replace("<!-- -->", "") == address


def test_a_name_of_several_lines_becomes_one():
    assert inert("a\n# b\r\n\x00c\u202ed") == "a \\# b c d"


def test_numbers_and_trusted_text_are_left_alone():
    assert inert(0.5) == 0.5
    assert inert(Markup("**x**")) == "**x**"
