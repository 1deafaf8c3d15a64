"""Changes of a text that leave its meaning as it is. Each gives the changed text, or None where it changes nothing."""

import random
import re
from collections.abc import Callable, Sequence

# Whole words of four letters or more: in shorter ones a slip often makes another word. Handles, hashtags and links stay.
_WORD = re.compile(r"(?<![\w@#/.&'’])[A-Za-z]{4,30}(?![\w@/'’]|\.\w)")
_KEPT = re.compile(r"(https?://\S{1,500}|www\.\S{1,500}|[@#]\w{1,100}|&\w{1,10};)", re.IGNORECASE)
# Both ways; "'s" is left alone, since it may be "is", "has" or a possessive.
_PAIRS = {
    "do not": "don't", "does not": "doesn't", "did not": "didn't", "is not": "isn't", "are not": "aren't", "was not": "wasn't",
    "were not": "weren't", "have not": "haven't", "has not": "hasn't", "had not": "hadn't", "cannot": "can't",
    "could not": "couldn't", "will not": "won't", "would not": "wouldn't", "should not": "shouldn't", "i am": "i'm",
    "i have": "i've", "i will": "i'll", "you are": "you're", "we are": "we're", "they are": "they're", "you have": "you've",
    "we have": "we've", "they have": "they've",
}  # fmt: skip
LONG_FORMS = {short: long for long, short in _PAIRS.items()}
_BOTH = _PAIRS | LONG_FORMS
# Not at the end ("yes, I am."), where English has the long form alone. The forms in ASCII (?a:): IGNORECASE takes İ, ı and ſ for
# i and s, and in small letters they are none of the forms.
_CONTRACTED = re.compile(
    r"(?<![\w@#'’])(?a:"
    + "|".join(form.replace("'", "['’]").replace(" ", " +") for form in _BOTH)
    + r")(?= +[A-Za-z])(?![\w'’])",
    re.IGNORECASE,
)
# "I have a car" has no short form, and "don't you" no long one in this order.
BEFORE_PARTICIPLE = re.compile(
    r" +(?:been|had|got|never|just|already|always|seen|done|gone|made|heard|read|lost|found)\b", re.IGNORECASE
)
BEFORE_PRONOUN = re.compile(r" +(?:i|you|he|she|it|we|they|this|that|these|those|there|the|my|your|people)\b", re.IGNORECASE)
# A number with a meaning of its own, or part of a score, a price, a time, a date or a name stays.
_NUMBER = re.compile(
    r"(?<![\w#@$€£/.,:+*'’-])(?<!out of )(?<!of )([1-9]\d{1,3})(?![\w%/:*+'’-])(?![.,:]\d)"
    r"(?! ?(?:/|stars?\b|out of|of\b|%|[ap]\.?m\b))"
)
_FIXED = frozenset((10, 12, 24, 50, 52, 69, 100, 101, 110, 200, 360, 365, 404, 420, 500, 666, 911, 1000))
_FINAL = ".!"


def typo(text: str, rng: random.Random) -> str | None:
    """Two neighbouring letters inside one word swapped; the first and the last letter stay."""
    kept = bytearray(len(text))
    for match in _KEPT.finditer(text):
        kept[match.start() : match.end()] = b"\1" * len(match[0])
    found = []
    for word in _WORD.finditer(text):
        if kept[word.start()]:
            continue
        at = [i for i in range(word.start() + 1, word.end() - 2) if text[i].lower() != text[i + 1].lower()]
        found += [at] if at else []
    if not found:
        return None
    i = rng.choice(rng.choice(found))
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def case(text: str, rng: random.Random) -> str | None:
    """All in capitals or all in small letters; links, handles and hashtags stay."""
    found = (recased(text, change) for change in rng.sample((str.upper, str.lower), 2))
    return next(filter(None, found), None)


def recased(text: str, change: Callable[[str], str]) -> str | None:
    """The text in capitals or small letters, as `str.upper` or `str.lower` has it; links, handles and hashtags stay."""
    pieces = _KEPT.split(text)
    return _if_changed(text, "".join(piece if i % 2 else change(piece) for i, piece in enumerate(pieces)))


def contraction(text: str, rng: random.Random) -> str | None:
    """Every "do not" as "don't" and the other way round."""

    def turned(match: re.Match) -> str:
        form = " ".join(match[0].replace("’", "'").split())
        new, end = _BOTH[form.lower()], match.end()
        if (new.endswith("'ve") and not BEFORE_PARTICIPLE.match(text, end)) or (
            new.endswith(" not") and BEFORE_PRONOUN.match(text, end)
        ):
            return match[0]
        if form.isupper() and len(form) > 3:
            return new.upper()
        return new[0].upper() + new[1:] if form[0].isupper() else new

    return _if_changed(text, _CONTRACTED.sub(turned, text))


def punctuation(text: str, rng: random.Random) -> str | None:
    """The full stop or exclamation mark at the end taken off, or a full stop put there."""
    bare = text.rstrip()
    if bare and bare[-1] in _FINAL and not bare.endswith(".."):
        return _if_changed(text, bare.rstrip(_FINAL).rstrip()) or None
    return f"{bare}." if bare and bare[-1].isalnum() and not _ends_in_name(bare) else None


def number(text: str, rng: random.Random) -> str | None:
    """One number of two to four digits moved by at most a fifth, digits kept; none that is a score, a time or a price."""
    found = [match for match in _NUMBER.finditer(text) if int(match[1]) not in _FIXED]
    if not found:
        return None
    match = rng.choice(found)
    value = int(match[1])
    far = 3 if 1900 <= value < 2100 else value // 5  # a year stays near
    near = range(max(10 ** (len(match[1]) - 1), value - far), min(10 ** len(match[1]) - 1, value + far) + 1)
    others = [other for other in near if other != value and other not in _FIXED]
    return text[: match.start()] + str(rng.choice(others)) + text[match.end() :] if others else None


def add(words: Sequence[str]) -> Callable[[str, random.Random], str | None]:
    """Puts a link behind a text, or a handle before or behind it."""

    def added(text: str, rng: random.Random) -> str:
        word = rng.choice(words)
        return f"{word} {text}" if word.startswith("@") and rng.random() < 0.5 else f"{text} {word}"

    return added


def swap(lists: Sequence[Sequence[str]]) -> Callable[[str, random.Random], str | None]:
    """Replaces one word of a list, wherever it stands in the text, by another one of the same list; case counts.

    A city before its state ("Dallas, TX") stays.
    """
    home = {word: words for words in lists for word in words}
    any_word = re.compile(
        r"(?<![\w@#/.])(?:"
        + "|".join(re.escape(w) for w in sorted(home, key=len, reverse=True))
        + r")(?![\w@/]|\.\w|, [A-Z]{2}\b)"
    )

    def swapped(text: str, rng: random.Random) -> str | None:
        present = set(any_word.findall(text))
        if not present:
            return None
        word = rng.choice(sorted(present))
        others = [other for other in home[word] if other not in present]
        if not others:
            return None
        new = rng.choice(others)
        return any_word.sub(lambda match: new if match[0] == word else match[0], text)

    return swapped


CHANGES = {"typos": typo, "case": case, "contractions": contraction, "punctuation": punctuation, "numbers": number}


def _if_changed(text: str, new: str) -> str | None:
    return new if new.strip() and new != text else None


def _ends_in_name(text: str) -> bool:
    """Whether the last word is a link, a handle or a hashtag: a full stop would become part of it."""
    last = text.split()[-1].lower()
    return "/" in last or last.startswith(("@", "#", "http", "www."))
