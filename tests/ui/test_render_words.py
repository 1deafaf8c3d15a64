"""Words in colour."""

import re

import pytest

from tuner.explain import METHODS, Explanation, Word
from tuner.ui.render_words import STRONGEST_ALPHA, remark, words_html, words_table

GREEN, VERMILLION, BLUE = "#009E73", "#D55E00", "#0072B2"


def explained(text, scores, method="leave_one_out", label="positive"):
    starts = [match.span() for match in re.finditer(r"\S+", text)]
    words = tuple(Word(text[a:b], a, b, score) for (a, b), score in zip(starts, scores, strict=False))
    return Explanation(text, label, method, words, "points", 0.9, False, None, "", METHODS[method])


def style_of(word, text, *scores, **more):
    return next(style for style, found in _spans(text, *scores, **more) if found == word)


def _spans(text, *scores, **more):
    return re.findall(r'<span title="[^"]*"(?: style="([^"]*)")?>([^<]*)', words_html(explained(text, scores, **more)))


def test_what_speaks_for_is_green_and_underlined():
    assert f"solid {GREEN}" in style_of("great", "great mess", 0.4, -0.2)


def test_what_speaks_against_is_vermillion_and_dashed():
    assert f"dashed {VERMILLION}" in style_of("mess", "great mess", 0.4, -0.2)


def test_the_ground_is_as_strong_as_the_part():
    assert f"rgba(0, 158, 115, {STRONGEST_ALPHA:.2f})" in style_of("great", "great mess", 0.4, -0.2)
    assert f"rgba(213, 94, 0, {STRONGEST_ALPHA / 2:.2f})" in style_of("mess", "great mess", 0.4, -0.2)


def test_a_word_without_a_part_is_left_as_it_is():
    assert style_of("it", "great it", 0.4, 0.001) == ""
    assert style_of("it", "it", 0.0) == ""


def test_attention_has_one_colour_and_no_side():
    whole = words_html(explained("great mess", [0.6, 0.4], method="attention"))
    assert BLUE in whole
    assert GREEN not in whole
    assert VERMILLION not in whole
    assert "against" not in whole


def test_every_word_has_its_number_and_the_three_strongest_show_it():
    whole = words_html(explained("a b c d", [0.4, -0.31, 0.2, 0.1]))
    assert re.findall(r'title="([^"]*)"', whole) == ["+40.0", "−31.0", "+20.0", "+10.0"]
    assert re.findall(r"<bdi> ([^<]*)</bdi>", whole) == ["+40.0", "−31.0", "+20.0"]


@pytest.mark.parametrize("nasty", ["<script>alert(1)</script>", '"><img/src=x/onerror=alert(1)>', "</div><b>", "&lt;b&gt;"])
def test_text_and_label_are_escaped(nasty):
    whole = words_html(explained(f"{nasty} {nasty}", [0.4], label=nasty))
    tags = re.findall(r"<(/?\w+)", whole)
    assert set(tags) <= {"div", "/div", "span", "/span", "small", "/small", "bdi", "/bdi"}
    assert whole.count("</div>") == 2
    assert nasty not in whole.replace("</div>", "")


def test_blanks_and_lines_are_kept():
    whole = words_html(explained("one\n\n  two ", [0.4, 0.2]))
    assert re.sub("<[^>]*>", "", whole.partition("</div>")[0]).replace(" +40.0", "").replace(" +20.0", "") == "one\n\n  two "
    assert "white-space: pre-wrap" in whole


def test_a_long_text_is_drawn_in_part():
    whole = words_html(explained("word " * 3_000, [0.1] * 3_000))
    assert whole.count("title=") == 500
    assert len(whole) < 200_000


def test_the_legend_names_the_label():
    assert "speaks for positive" in words_html(explained("great", [0.4]))


def luminance(colour):
    shares = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * shares[0] + 0.7152 * shares[1] + 0.0722 * shares[2]


@pytest.mark.parametrize("colour", [GREEN, VERMILLION, BLUE])
@pytest.mark.parametrize(("ground", "ink"), [((255, 255, 255), (31, 41, 55)), ((28, 31, 37), (243, 244, 246))])
def test_the_strongest_ground_is_readable_in_light_and_dark(colour, ground, ink):
    over = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = luminance([STRONGEST_ALPHA * a + (1 - STRONGEST_ALPHA) * b for a, b in zip(over, ground, strict=True)])
    low, high = sorted([mixed, luminance(ink)])
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_the_table_has_the_strongest_first():
    table = words_table(explained("a b c", [0.1, -0.31, 0.2]))
    assert table.values.tolist() == [["b", "−31.0"], ["c", "+20.0"], ["a", "+10.0"]]


def test_a_table_of_no_words_has_its_columns():
    assert list(words_table(explained("a", [])).columns) == ["word", "part"]


def test_words_that_move_little_are_pale_and_said_to_be_so():
    faint, strong = explained("a b", [0.01, 0.005]), explained("a b", [0.4, 0.1])
    assert f"{STRONGEST_ALPHA * 0.2:.2f})" in words_html(faint)
    assert "No single word carries it" in remark(faint)
    assert remark(strong) == ""
