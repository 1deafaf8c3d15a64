"""Names that people gave, as text in a Markdown page: no HTML, picture, link, table cell or formula can come of them."""

import re
import unicodedata

from markupsafe import Markup

# Of sentences; a name of a thousand characters is no name.
MOST_CHARACTERS = 1_000
# Signs of HTML by entity, signs of Markdown (CommonMark, tables, formulas) by a backslash.
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_SIGNS = re.compile(r"[\\`*_\[\]{}|~$#!]")
# Bare addresses become links without any sign of Markdown, also when spelt by entities; a comment between two parts stops that.
_ADDRESS = re.compile(r"(?i)(?<=:)(?=//)|(?<=www)(?=\.)|(?<=@)")
_REORDERING = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def inert(value: object) -> object:
    """What a template writes for a value: numbers and `Markup` as they are, any other as text of one line.

    Control characters and those that turn the order of letters become blanks; more than 1,000 characters are cut.
    """
    if value is None or isinstance(value, int | float | Markup):
        return value
    text = "".join(" " if _is_control(char) else char for char in str(value))
    text = " ".join(text.split())
    if len(text) > MOST_CHARACTERS:
        text = text[: MOST_CHARACTERS - 1] + "…"
    parts = _ADDRESS.split(text)
    return "<!-- -->".join(_escaped(part) for part in parts)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cs", "Co", "Zl", "Zp") or char in _REORDERING


def _escaped(text: str) -> str:
    return "".join(_ENTITIES.get(char) or _SIGNS.sub(r"\\\g<0>", char) for char in text)
