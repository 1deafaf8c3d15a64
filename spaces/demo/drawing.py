"""What the page shows of answers, words and numbers. Everything a person or a model named is escaped."""

import html
from typing import Any

import colours
from classifier import Answer, Explanation, Word

_MOST_BARS = 12
_MOST_WORDS = 500
_LEAST_SHARE = 0.05
_NUMBERED = 3
# A word that moves the probability by less is drawn pale, also where it is the strongest.
_FULL = 0.05
_ALPHA = 0.55
_NO_WORD = 0.02


def empty(words: str) -> str:
    """A box that says what will stand there, or why nothing does."""
    return f'<div class="answer-box quiet">{html.escape(words)}</div>'


def answer(found: Answer, threshold: float | None) -> str:
    """The answer in a line, a bar for each label, and how much of the text was read."""
    sure, label = found.probabilities[found.label], html.escape(found.label)
    line = f"<b>{label}</b> {percent(sure)}"
    if found.unsure:
        line = f"<b>Unsure</b> perhaps {label}, {percent(sure)}: below the threshold of {percent(threshold)}"
    read = f"{found.tokens:,} tokens, all of the text was read."
    if found.cut:
        read = f"Only the first {found.tokens:,} tokens were read, as many as the model takes; the rest was cut."
    return (
        f'<div class="answer-box"><p class="answer-line">{line}</p>{_bars(found.probabilities)}'
        f'<p class="run-line">{read}</p></div>'
    )


def percent(share: float) -> str:
    """A share as a percentage that never reads as certain where it is not."""
    if share < 1 and round(share, 3) >= 1:
        return "> 99.9 %"
    if share > 0 and round(share, 3) <= 0:
        return "< 0.1 %"
    return f"{100 * share:.1f} %"


def words(found: Explanation) -> str:
    """The text, each word on a ground of its side's colour; never colour alone: for is underlined, against dashed."""
    drawn, at = [], 0
    shown = found.words[:_MOST_WORDS]
    most = max([_FULL, *(abs(word.score) for word in shown)])
    strongest = sorted(shown, key=lambda word: -abs(word.score))[:_NUMBERED]
    for word in shown:
        drawn += [html.escape(found.text[at : word.start]), _word(word, most, word in strongest)]
        at = word.end
    rest = found.text[at : at + 300]
    more = " …" if len(found.text) > at + 300 else ""
    remark = found.warning
    if shown and max(abs(word.score) for word in shown) < _NO_WORD:
        small = f"taking any one out moves the probability by less than {100 * _NO_WORD:.0f} points"
        remark = f"No single word carries it: {small}. {remark}"
    name = html.escape(found.label)
    legend = (
        f'<span style="{_style(1.0, 1.0)}">speaks for {name}</span> · '
        f'<span style="{_style(-1.0, 1.0)}">speaks against {name}</span>'
        f" · numbers: points of probability that go when the word is taken out. {html.escape(remark)}"
    )
    return (
        '<div class="answer-box words" dir="auto" '
        'style="margin-top: 8px; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 2">'
        f'{"".join(drawn)}{html.escape(rest)}{more}</div><p class="quiet" style="margin-top: 8px">{legend}</p>'
    )


def about(model_id: str, page: str, report: dict[str, Any]) -> str:
    """The model's name with its page, and the numbers of its card."""
    link = f'<a href="{html.escape(page, quote=True)}" target="_blank" rel="noopener noreferrer">{html.escape(model_id)}</a>'
    numbers = [text for text in (_number(report, "accuracy", "accuracy"), _number(report, "macro_f1", "macro F1")) if text]
    rows = f"on {report['n']:,} {html.escape(str(report.get('split', '')))} rows" if isinstance(report.get("n"), int) else ""
    measured = f"{', '.join(numbers)} {rows}; intervals are 95 %." if numbers and rows else "It was not evaluated."
    title = html.escape(model_id.rpartition("/")[2])
    return f'<div class="tuner-header"><h1>{title}</h1></div><p class="sentence">{link} · {measured}</p>'


def table(answers: list[Answer]) -> list[list[str]]:
    """Text, answer, probability; plain text in every cell."""
    return [
        [
            found.text[:300],
            f"unsure, perhaps {found.label}" if found.unsure else found.label,
            percent(found.probabilities[found.label]),
        ]
        for found in answers
    ]


def _number(report: dict[str, Any], name: str, words: str) -> str:
    value, interval = report.get(name), (report.get("intervals") or {}).get(name)
    if not isinstance(value, int | float):
        return ""
    return f"{words} {value:.3f}" + (f" ({interval[0]:.3f}–{interval[1]:.3f})" if interval and interval[0] < interval[1] else "")


def _bars(shares: dict[str, float]) -> str:
    known, names = colours.label_colours(list(shares)), list(shares)
    if len(names) > _MOST_BARS:
        names = sorted(names, key=shares.__getitem__, reverse=True)[:_MOST_BARS]
    rows = [
        f'<div class="share"><span class="share-name" dir="auto">{html.escape(name[:80])}</span><span class="share-track">'
        f'<span style="width:{100 * shares[name]:.1f}%;background:{known[name]}"></span></span>'
        f'<span class="share-value">{percent(shares[name])}</span></div>'
        for name in names
    ]
    left = len(shares) - len(names)
    return "".join(rows) + (f'<p class="run-line">and {left:,} more labels</p>' if left else "")


def _word(word: Word, most: float, numbered: bool) -> str:
    share, number = abs(word.score) / most, f"{100 * word.score:+.1f}".replace("-", "−")
    if share < _LEAST_SHARE:
        return f'<span title="{number}">{html.escape(word.text)}</span>'
    small = f'<small style="opacity: 0.9"><bdi> {number}</bdi></small>' if numbered else ""
    return f'<span title="{number}" style="{_style(word.score, share)}">{html.escape(word.text)}{small}</span>'


def _style(score: float, share: float) -> str:
    colour, line = (colours.FOR, "solid") if score > 0 else (colours.AGAINST, "dashed")
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    ground = f"background: rgba({red}, {green}, {blue}, {_ALPHA * share:.2f})"
    return f"{ground}; border-bottom: 2px {line} {colour}; border-radius: 3px; padding: 1px 2px"
