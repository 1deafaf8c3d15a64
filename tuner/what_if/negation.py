"""English sentences negated, and negations taken out of them, by a few rules of the word alone.

Where no rule applies nothing is changed. Every repetition in a pattern is bounded, so that no text can make one hang.
"""

import re
from collections.abc import Iterable

from tuner.evaluation.behaviour.changes import BEFORE_PARTICIPLE, BEFORE_PRONOUN, LONG_FORMS
from tuner.explain.spans import without
from tuner.words import listed

# The past of verbs that opinions are made of.
_PASTS = {
    "adore": "adored", "agree": "agreed", "believe": "believed", "care": "cared", "deserve": "deserved", "dislike": "disliked",
    "despise": "despised", "enjoy": "enjoyed", "expect": "expected", "feel": "felt", "get": "got", "give": "gave",
    "hate": "hated", "have": "had", "help": "helped", "hope": "hoped", "know": "knew", "like": "liked", "look": "looked",
    "love": "loved", "make": "made", "mean": "meant", "miss": "missed", "need": "needed", "recommend": "recommended",
    "see": "saw", "seem": "seemed", "smell": "smelled", "sound": "sounded", "taste": "tasted", "think": "thought",
    "trust": "trusted", "understand": "understood", "want": "wanted", "work": "worked",
}  # fmt: skip
_THIRDS = {{"have": "has", "miss": "misses"}.get(base, f"{base}s"): base for base in _PASTS}
_BASES = {past: base for base, past in _PASTS.items()}
_START = r"(?<![\w@#'’/.&-])"
_END = r"(?![\w'’-])"
_ADVERB = r"(?: +(?:really|just|also|still|always|so|totally|absolutely|already|actually))?"
_THING = r"(?:the|this|that|my|your|his|her|our|their) +[a-z]{1,30}"


def _any(words: Iterable[str]) -> str:
    """In ASCII (?a:): IGNORECASE takes İ, ı and ſ for i and s, and in small letters they make none of the words."""
    return f"(?a:{'|'.join(words)})"


_HELPERS = re.compile(
    rf"{_START}(?P<verb>is|are|was|were|am|can|could|will|would|should|must|might|have|has|had){_END}(?= +\S)", re.IGNORECASE
)
_SHORT = re.compile(rf"{_START}(?:i['’]?m|(?:you|we|they)['’]re|(?:it|he|she|that|there)['’]s){_END}(?= +\S)", re.IGNORECASE)
_WILL = re.compile(rf"{_START}(?P<who>i|you|he|she|it|we|they|that|this|there)['’]ll{_END}(?= +\S)", re.IGNORECASE)
# "Love this phone": in short messages "I" is left out.
_FIRST = r"\A(?:@\w{1,30}:? +){0,5}"
_OBJECT = r"(?= +(?:this|that|the|my|it|you|your|these|those|how|to|all)\b)"
# What a verb becomes after its helper, and where it is found.
_VERBS = tuple(
    (helper, re.compile(pattern, re.IGNORECASE))
    for helper, pattern in (
        ("do", rf"{_START}(?:i|you|we|they){_ADVERB} +(?P<verb>{_any(_PASTS)}){_END}"),
        ("does", rf"{_START}(?:he|she|it|this|that|{_THING}){_ADVERB} +(?P<verb>{_any(_THIRDS)}){_END}"),
        ("did", rf"{_START}(?:i|you|he|she|it|we|they|this|that|{_THING}){_ADVERB} +(?P<verb>{_any(_BASES)}){_END}"),
        ("do", rf"{_FIRST}(?P<verb>love|hate|enjoy|miss|need|recommend){_OBJECT}"),
        ("did", rf"{_FIRST}(?P<verb>loved|hated|enjoyed|missed|needed){_OBJECT}"),
    )
)
_HAVE = frozenset(("have", "has", "had"))
_BEFORE_PAST = re.compile(r" +[a-z]{2,20}(?:ed|en)\b", re.IGNORECASE)
_BEFORE_NOUN = re.compile(
    r" +(?:a|an|the|my|your|his|her|our|their|this|that|to|some|so|any|more|great|good|bad)\b", re.IGNORECASE
)
_PERSON = re.compile(r" +(?:i|you|he|she|it|we|they|there)\b", re.IGNORECASE)
_NEGATED = re.compile(r" +(?:not|never|no|none|nothing|nobody|hardly|barely)\b", re.IGNORECASE)
_HELPS = frozenset(
    ("do", "does", "did", "can", "could", "will", "would", "should", "must", "might", "have", "has", "had", "are", "is", "was")
)
_ASKS = frozenset(("what", "how", "why", "when", "where", "who", "which"))
# After these no verb follows, or one that is negated.
_NO_VERB_AFTER = frozenset(
    ("nothing", "nobody", "none", "never", "not", "no", "nor", "to", "a", "an", "the", "my", "your", "don't", "didn't")
)
_LAST_WORD = re.compile(r"([\w'’]{1,30})[ ,]{0,3}\Z")

_SHORT_FORMS = {short: long.removesuffix(" not") for short, long in LONG_FORMS.items() if long.endswith("not")} | {"can't": "can"}
_OTHERS = {"nothing": "something", "nobody": "somebody", "nowhere": "somewhere", "without": "with"}
_CONTRACTED = _any(sorted((form.replace("'", "['’]?") for form in _SHORT_FORMS), key=len, reverse=True))
_NEGATIONS = re.compile(
    rf"{_START}(?:(?P<short>{_CONTRACTED})|(?P<do>do +not)|(?P<cannot>cannot)|(?P<one>no +one)"
    r"|(?P<out>not(?! +only\b)|never +ever|never(?! +mind\b)|no +longer|no(?= +[a-z])(?! +(?:matter|doubt|way|idea)\b))"
    rf"|(?P<other>{_any(_OTHERS)})){_END}",
    re.IGNORECASE,
)
_STAYS = frozenset(("why", "or", "if"))
_MOST_NAMED = 3
# German and Dutch that English lacks: where it stands, "will", "was", "am", "is" and "Not" are other words than the English ones.
_FOREIGN = re.compile(
    r"\b(?:ich|nicht|nichts|und|ist|sind|das|dass|der|dem|des|ein|eine|einen|einem|einer|mein|meine|kein|keine|sie|wir|ihr|uns|mich"
    r"|dich|sich|für|auf|auch|aber|oder|wie|wer|wenn|weil|nur|noch|schon|sehr|immer|hier|doch|kann|soll|jemand|etwas|alles|zum|zur"
    r"|bei|nach|vom|niet|een|maar|zijn|ook|geen|voor|wordt|goed)\b",
    re.IGNORECASE,
)
_FIRST_NAMES = ("Will", "Can")
_BEHIND_A_NAME = re.compile(r" +(?:[A-Z]|(?:is|was|has|had|would|could|can|should|must|might|will)\b)")


def negate(text: str) -> tuple[str, str] | None:
    """The text with its first verb that a rule knows negated, and what was done in words; None where none does, or in German."""
    if _FOREIGN.search(text):
        return None
    found = sorted(filter(None, (_helper(text), _short(text), _will(text), *(_verb(text, *rule) for rule in _VERBS))))
    if not found:
        return None
    start, end, new = found[0]
    old = text[start:end]
    return text[:start] + new + text[end:], f"'{old}' made '{new}'"


def remove_negation(text: str) -> tuple[str, str] | None:
    """The text without the negations that a rule knows, and what was done in words; None where there is none, or in German."""
    if _FOREIGN.search(text):
        return None
    pieces, gone, done, at, length = [], [], [], 0, 0
    for match in _NEGATIONS.finditer(text):
        new = _positive(text, match)
        if new == match[0]:
            continue
        pieces.append(text[at : match.start()] + (new or match[0]))
        length += len(pieces[-1])
        if not new:
            gone.append((length - len(match[0]), length))
        done.append(f"'{match[0]}' made '{new}'" if new else f"'{match[0]}' taken out")
        at = match.end()
    if not done:
        return None
    changed = without("".join([*pieces, text[at:]]), gone)
    if not changed.strip():
        return None
    if text[0].isupper() and changed[0].islower():
        changed = changed[0].upper() + changed[1:]
    return changed, listed(done, _MOST_NAMED)


def _helper(text: str) -> tuple[int, int, str] | None:
    """ "is" → "is not", "can" → "cannot"; "have" only before a participle. Questions ("Is it good?") stay."""
    for match in _HELPERS.finditer(text):
        verb, end = match["verb"].lower(), match.end()
        last = _last_word(text, match.start())
        asks = _PERSON.match(text, end) or ((not last or last in _ASKS) and BEFORE_PRONOUN.match(text, end))
        other = verb in _HAVE and not (BEFORE_PARTICIPLE.match(text, end) or _BEFORE_PAST.match(text, end))
        other = other or last in _NO_VERB_AFTER or last.endswith(("n't", "n’t")) or (verb == "am" and last != "i")
        other = other or (match["verb"] in _FIRST_NAMES and (last or _BEHIND_A_NAME.match(text, end)))
        if not (asks or other or _NEGATED.match(text, end)):
            return match.start(), end, match[0] + _as_loud(match[0], "not" if verb == "can" else " not")
    return None


def _short(text: str) -> tuple[int, int, str] | None:
    """ "it's" → "it's not"."""
    match = next((m for m in _SHORT.finditer(text) if not _NEGATED.match(text, m.end())), None)
    return (match.start(), match.end(), match[0] + _as_loud(match[0], " not")) if match else None


def _will(text: str) -> tuple[int, int, str] | None:
    """ "I'll" → "I will not"."""
    match = next((m for m in _WILL.finditer(text) if not _NEGATED.match(text, m.end())), None)
    return (match.start(), match.end(), match["who"] + _as_loud(match[0], " will not")) if match else None


def _verb(text: str, helper: str, pattern: re.Pattern[str]) -> tuple[int, int, str] | None:
    """ "love" → "do not love", "works" → "does not work", "enjoyed" → "did not enjoy"."""
    for match in pattern.finditer(text):
        verb, end = match["verb"].lower(), match.end("verb")
        before = _last_word(text, match.start())
        if before in _HELPS or before.endswith(("n't", "n’t")):  # "do you like it"
            continue
        if _NEGATED.match(text, end) or (verb in _HAVE and not _BEFORE_NOUN.match(text, end)):
            continue
        base = {**_THIRDS, **_BASES}.get(verb, verb)
        return match.start("verb"), end, _like(match["verb"], f"{helper} not {base}")
    return None


def _positive(text: str, match: re.Match[str]) -> str:
    """What stands in place of a negation: the same where it stays, nothing where it is taken out."""
    old, follows = match[0], re.match(r" +[A-Za-z]", text[match.end() : match.end() + 9])
    if match["short"]:
        plain = old.lower().replace("’", "'")
        helper = next(found for form, found in _SHORT_FORMS.items() if plain in (form, form.replace("'", "")))
        drops = helper == "do" and follows and not BEFORE_PRONOUN.match(text, match.end())
        return "" if drops else _like(old, helper)
    if match["do"]:
        return "" if follows and not BEFORE_PRONOUN.match(text, match.end()) else old[:2]
    if match["cannot"]:
        return old[:3]
    if match["one"]:
        return _like(old, "someone")
    if match["other"]:
        return _like(old, _OTHERS[old.lower()])
    return old if _last_word(text, match.start()) in _STAYS else ""


def _last_word(text: str, end: int) -> str:
    """The word that a place follows, in small letters; empty at the start of a sentence."""
    found = _LAST_WORD.search(text, max(0, end - 35), end)
    return found[1].lower() if found else ""


def _as_loud(old: str, new: str) -> str:
    return new.upper() if old.isupper() and len(old) > 1 else new


def _like(old: str, new: str) -> str:
    """In capitals where the old words are, with a first capital where they have one."""
    return _as_loud(old, new[0].upper() + new[1:] if old[0].isupper() else new)
