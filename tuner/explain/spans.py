"""The words of a text that explanations speak of."""

from collections.abc import Iterable

import regex

_CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}ー]"
_EMOJI = r"(?![©®™])[\p{Extended_Pictographic}\p{Regional_Indicator}]"
# Signs that take no room: never a word, and not at the edge of one.
_UNSEEN = r"\u200b-\u200f\u2060\ufeff\u00ad"
_INNER = rf"(?!{_CJK}|{_EMOJI})[^\s\u200b\ufeff]"
_EDGE = rf"(?!{_CJK}|{_EMOJI})(?:[^\s\p{{P}}{_UNSEEN}]|\p{{Pc}})"
_WORD = regex.compile(
    rf"(?={_EMOJI})\X"
    rf"|{_CJK}\p{{M}}*"
    r"|(?<!\S)[:;=]['-]?\w(?!\S)"  # :D
    rf"|[@#]?{_EDGE}(?:(?:{_INNER})*{_EDGE})?"
    r"|(?:\p{P}\p{M}*)+"
)
# A blank before one of these goes with the word before it.
_CLOSING = frozenset(",.;:!?)]}…")


def word_spans(text: str) -> list[tuple[int, int]]:
    """Where the words of a text start and end, in order, without overlap.

    A word is what stands between blanks, without the punctuation around it: a run of punctuation is a word of its own
    ("great!!" has two), what joins a word stays in it ("don't"), as do the signs of @handles and #hashtags. A Han or kana
    character and an emoji, with all that belongs to it, are words each. Signs that take no room are in no list of their own.

    Returns:
        (start, end) in characters of `text`; none where there is nothing to see.
    """
    return [match.span() for match in _WORD.finditer(text)]


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text without the characters of the spans, nor the blanks that only kept them apart.

    Args:
        spans: (start, end), in any order, none over another.
    """
    pieces, at = [], 0
    for start, end in sorted(spans):
        pieces.append(text[at:start])
        at = end
    pieces.append(text[at:])
    result = pieces[0]
    for piece in pieces[1:]:
        if not result or result[-1].isspace():
            piece = piece.lstrip(" \t")
            if not piece or piece[0] in _CLOSING:
                result = result.rstrip(" \t")
        result += piece
    return result
