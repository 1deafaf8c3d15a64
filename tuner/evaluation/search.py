"""Rows whose text fits what a person typed: words, or a regular expression that cannot run for ever.

RE2 never hangs, but its time also grows with the expression: `(?i)(?:\\pL?\\pN?){300}Q$` takes 1.1 ms per character, three hours
for 10 MB. So texts are matched in blocks that grow while they are quick, and the search ends with a sentence after 5 s.
"""

import re
import time
from collections.abc import Sequence

import numpy as np

from tuner.errors import SettingsError
from tuner.patterns import matches, strings

MOST_SECONDS = 5.0
MOST_PATTERN = 1_000
_FIRST_BLOCK = 1_000
_QUICK = 0.1


def fits(texts: Sequence[str], pattern: str, *, regular_expression: bool = False) -> np.ndarray:
    """Whether each text holds the pattern (bool, one per text).

    Args:
        pattern: words, case ignored; or an expression in RE2's syntax, case as written ("(?i)" in front ignores it).

    Raises:
        SettingsError: an empty or overlong pattern, one that RE2 refuses, or one too slow for these texts.
    """
    if not pattern or pattern.isspace():
        raise SettingsError(["The search is empty."], "Type a word or an expression.")
    if len(pattern) > MOST_PATTERN:
        raise SettingsError([f"The search has {len(pattern):,} characters; at most {MOST_PATTERN:,} are read."], "Shorten it.")
    expression = pattern if regular_expression else "(?i)" + re.escape(pattern)
    try:
        return _in_blocks(texts, expression, pattern)
    except UnicodeEncodeError:  # half a surrogate pair
        raise SettingsError(["The search holds a sign that is no valid text."], "Type it again.") from None


def _in_blocks(texts: Sequence[str], expression: str, pattern: str) -> np.ndarray:
    began = time.monotonic()
    pace = _timed([text[:_FIRST_BLOCK] for text in texts[:1]] or [""], expression)[1] / _FIRST_BLOCK
    found, start, block = np.zeros(len(texts), dtype=bool), 0, _FIRST_BLOCK
    while start < len(texts):
        stop, characters = _block(texts, start, block)
        if time.monotonic() - began + pace * characters > MOST_SECONDS:
            raise SettingsError(
                [f"'{pattern[:60]}' would take longer than {MOST_SECONDS:.0f} s on these texts."], "Shorten its repetitions."
            )
        found[start:stop], spent = _timed(texts[start:stop], expression)
        pace, start = spent / max(1, characters), stop
        block *= 4 if spent < _QUICK else 1
    return found


def _block(texts: Sequence[str], start: int, most: int) -> tuple[int, int]:
    """Where a block of about so many characters ends, one text at least, and how many it has."""
    characters = 0
    for stop in range(start, len(texts)):
        characters += len(texts[stop])
        if characters >= most:
            return stop + 1, characters
    return len(texts), characters


def _timed(texts: Sequence[str], expression: str) -> tuple[np.ndarray, float]:
    import pyarrow as pa

    began = time.monotonic()
    try:
        found = matches(strings(texts), {"search": expression})["search"]
    except pa.ArrowInvalid as error:
        reason = str(error).removeprefix("Invalid regular expression: ")
        cause = f"'{expression[:60]}' is no regular expression that RE2 reads: {reason}."
        raise SettingsError([cause], "Correct it, or search for words.") from None
    return found, time.monotonic() - began
