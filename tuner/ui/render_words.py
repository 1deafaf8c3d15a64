"""An explanation as a text with coloured words, and as the table behind it. Everything a person wrote is escaped."""

import html
from itertools import islice

import pandas as pd

from tuner import colours
from tuner.explain import Explanation, Word
from tuner.words import points, signed

_MOST_WORDS = 500
_MOST_CHARACTERS = 20_000
_MOST_IN_A_CELL = 300
# The strongest word's ground: text on it keeps a contrast of 6.8 in light and 6.2 in dark mode.
STRONGEST_ALPHA = 0.55
# Below this share of the strongest, a word is left as it is: colour and line would be noise.
_LEAST_SHARE = 0.05
_NUMBERED = 3
# Words that move a probability by less are drawn pale even where they are the strongest.
_FULL_PROBABILITY = 0.05
_NO_WORD = 0.02


def words_html(explanation: Explanation) -> str:
    """The text, each word on a ground of its side's colour, as strong as its part, and a legend.

    Never colour alone: what speaks for the label is underlined, what speaks against has a dashed line, the three strongest
    carry their number and each word has it as its title. At most 500 words and 20,000 characters are drawn.
    """
    words = [word for word in explanation.words[:_MOST_WORDS] if word.end <= _MOST_CHARACTERS]
    ranked = sorted(words, key=lambda word: -abs(word.score))
    most = max(_strongest(explanation), _FULL_PROBABILITY if _in_points(explanation) else 0.0)
    drawn, at = [], 0
    for word in words:
        drawn.append(html.escape(explanation.text[at : word.start]))
        drawn.append(_word(word, most, explanation, numbered=word in ranked[:_NUMBERED]))
        at = word.end
    rest = explanation.text[at : at + _MOST_IN_A_CELL]
    more = " …" if len(explanation.text) > at + _MOST_IN_A_CELL else ""
    return (
        '<div class="words" dir="auto" style="white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2">'
        f"{''.join(drawn)}{html.escape(rest)}{more}</div>{_legend(explanation)}"
    )


def remark(explanation: Explanation) -> str:
    """What a reader may miss: that no single word carries the answer; empty where one does."""
    if explanation.words and _in_points(explanation) and _strongest(explanation) < _NO_WORD:
        return f"No single word carries it: taking any one out moves the probability by less than {100 * _NO_WORD:.0f} points."
    return ""


def words_table(explanation: Explanation) -> pd.DataFrame:
    """Words and their signed parts, the strongest first: columns word, part (text). At most 500 rows."""
    ranked = islice(sorted(explanation.words, key=lambda word: -abs(word.score)), _MOST_WORDS)
    rows = [{"word": word.text[:_MOST_IN_A_CELL], "part": _number(word.score, explanation)} for word in ranked]
    return pd.DataFrame(rows, columns=["word", "part"])


def _in_points(explanation: Explanation) -> bool:
    return explanation.method == "leave_one_out"


def _strongest(explanation: Explanation) -> float:
    return max((abs(word.score) for word in explanation.words), default=0.0)


def _number(score: float, explanation: Explanation) -> str:
    """Probabilities in points, as everywhere on the page."""
    return points(score) if _in_points(explanation) else signed(score)


def _word(word: Word, most: float, explanation: Explanation, *, numbered: bool) -> str:
    share = abs(word.score) / most if most else 0.0
    number = _number(word.score, explanation)
    style = f' style="{_style(word.score, share, explanation)}"' if share >= _LEAST_SHARE else ""
    small = f'<small style="opacity: 0.9"><bdi> {number}</bdi></small>' if numbered and style else ""
    return f'<span title="{number}"{style}>{html.escape(word.text)}{small}</span>'


def _style(score: float, share: float, explanation: Explanation) -> str:
    """The ground and the line under it."""
    if explanation.method == "attention":
        colour, line = colours.NO_SIDE, "solid"
    else:
        colour, line = (colours.FOR, "solid") if score > 0 else (colours.AGAINST, "dashed")
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    ground = f"background: rgba({red}, {green}, {blue}, {STRONGEST_ALPHA * share:.2f})"
    return f"{ground}; border-bottom: 2px {line} {colour}; border-radius: 3px; padding: 1px 2px"


def _legend(explanation: Explanation) -> str:
    name = html.escape(explanation.label)
    if explanation.method == "attention":
        sides = [(1.0, "carried to the answer")]
    else:
        sides = [(1.0, f"speaks for {name}"), (-1.0, f"speaks against {name}")]
    samples = " · ".join(f'<span style="{_style(sign, 1.0, explanation)}">{words}</span>' for sign, words in sides)
    unit = f"numbers: {html.escape(explanation.unit)}" if explanation.words else ""
    return f'<div class="quiet" style="margin-top: 8px">{samples} · {unit}</div>'
