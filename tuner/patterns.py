"""What can be seen in a text by its characters: links, handles, emoji, scripts, personal data, and how that is masked.

Patterns are matched by pyarrow's RE2, whose time grows with the text alone: no text can make it hang. Python's `re`, which
can (43 s for 200 KB of "a" before an address), meets only patterns of bounded length.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

# Kinds of words that tell where texts come from and what a tokenizer will meet.
TRAITS = {
    "url": r"(?i)\b(?:https?://|www\.)\S",
    "handle": r"(?:^|[^A-Za-z0-9_@/.])@[A-Za-z0-9_]{2,}",
    "hashtag": r"(?:^|[^\pL\pN_&/])#[\pL\pN_]*\pL",
    "emoji": "[\U0001f300-\U0001faff\U00002600-\U000027bf\U0001f1e6-\U0001f1ff]",
    "masked word": r"\*{2,}|<[A-Z_]{2,}>|\[[A-Z_]{2,}\]|\b_{3,}",
}
SCRIPTS = {
    "Latin": r"\p{Latin}",
    "Cyrillic": r"\p{Cyrillic}",
    "Greek": r"\p{Greek}",
    "Arabic": r"\p{Arabic}",
    "Hebrew": r"\p{Hebrew}",
    "Devanagari": r"\p{Devanagari}",
    "Han": r"\p{Han}",
    "Kana": r"[\p{Hiragana}\p{Katakana}]",
    "Hangul": r"\p{Hangul}",
    "Thai": r"\p{Thai}",
}
# Group 1, where there is one, stays when the rest is masked.
PERSONAL = {
    "email": r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+",
    "account": r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
    "card": r"\b(?:[0-9]{13,19}|[0-9]{4}(?:[ -][0-9]{3,6}){2,4})\b",
    "phone": (
        r"\+[0-9]{1,3}(?:[ .()/-]{0,2}[0-9]){6,14}\b|\(?\b[0-9]{3}\)?[ .-][0-9]{3}[ .-][0-9]{4}\b|\b0[0-9]{2,4}[ /-][0-9]{5,9}\b"
    ),
    "handle": r"(^|[^A-Za-z0-9_@/.])(?:@[A-Za-z0-9_]{2,30})+\b",
}
PLACEHOLDERS = {"email": "<EMAIL>", "account": "<ACCOUNT>", "card": "<CARD>", "phone": "<PHONE>", "handle": "<USER>"}


_LINK_OR_HANDLE = re.compile(rf"{TRAITS['url']}\S{{0,2000}}|{PERSONAL['handle']}")


def links_and_handles(text: str) -> list[tuple[int, int]]:
    """Where links and @handles stand in a text, as (start, end)."""
    return [(max(match.start(), match.end(1)), match.end()) for match in _LINK_OR_HANDLE.finditer(text)]


def strings(texts: Sequence[str]) -> Any:  # noqa: ANN401
    """Texts as an Arrow array, once for all patterns."""
    import pyarrow as pa

    return pa.array(texts, pa.large_string())


def matches(texts: Any, patterns: dict[str, str]) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Name of a pattern → whether each text holds it (bool, one per text).

    Args:
        texts: what `strings` made.
    """
    import pyarrow.compute as pc

    def match(pattern: str) -> np.ndarray:
        return pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False)

    with ThreadPoolExecutor(2) as pool:  # Arrow works outside Python's lock
        return dict(zip(patterns, pool.map(match, patterns.values()), strict=True))


def personal(texts: Any) -> dict[str, np.ndarray]:  # noqa: ANN401
    """Kind of personal data → positions of the texts that hold it; numbers of cards and accounts with right check digits only."""
    found = {kind: np.flatnonzero(hit) for kind, hit in matches(texts, PERSONAL).items()}
    for kind in _VALID:
        real = [i for i in found[kind] if any(_numbers(texts[int(i)].as_py(), kind))]
        found[kind] = np.array(real, dtype=np.int64)
    return found


def mask(texts: Sequence[str], kind: str) -> tuple[list[str], int]:
    """The texts with one kind of personal data replaced by its placeholder, and how many texts that changed."""
    import pyarrow.compute as pc

    masked, given = list(texts), strings(texts)
    candidates = np.flatnonzero(matches(given, {kind: PERSONAL[kind]})[kind])
    if kind in _VALID:
        changed = [_without_numbers(masked[i], kind) for i in candidates]
    else:
        kept = r"\1" if PERSONAL[kind].startswith("(^") else ""
        changed = pc.replace_substring_regex(given.take(candidates), PERSONAL[kind], kept + PLACEHOLDERS[kind]).to_pylist()
    for i, text in zip(candidates, changed, strict=True):
        masked[i] = text
    return masked, sum(masked[i] != texts[i] for i in candidates)


def _without_numbers(text: str, kind: str) -> str:
    pieces, start = [], 0
    for number in _numbers(text, kind):
        pieces += [text[start : number.start], PLACEHOLDERS[kind]]
        start = number.stop
    return "".join([*pieces, text[start:]])


def _numbers(text: str, kind: str) -> Iterator[slice]:
    """Where a text holds numbers with right check digits.

    What stands before and behind may look like a part of them: "exp. 12/27 4111 … 1111 123", "AT61 … 3201 EUR".
    """
    pattern = re.compile(PERSONAL[kind], re.ASCII)  # RE2's \b knows ASCII alone, too
    at = 0
    while match := pattern.search(text, at):
        gaps = [match.start() + gap.start() for gap in re.finditer("[ -]", match[0])]
        ends = (end for end in (match.end(), *reversed(gaps)) if _VALID[kind](text[match.start() : end]))
        end = next(ends, None)
        if end:
            yield slice(match.start(), end)
        at = end or (gaps or [match.end()])[0]


def _is_card(text: str) -> bool:
    """Luhn's check (ISO/IEC 7812): every second digit from the right doubled, digits summed, divisible by 10."""
    digits = [int(sign) for sign in text if sign.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return 12 < len(digits) < 20 and len(set(digits)) > 1 and (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(text: str) -> bool:
    """The check of an IBAN (ISO 13616): first four signs to the end, letters as 10 … 35, remainder 1 by 97."""
    plain = text.replace(" ", "")
    return len(plain) > 14 and int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1


_VALID: dict[str, Callable[[str], bool]] = {"card": _is_card, "account": _is_account}
