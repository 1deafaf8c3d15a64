"""A text as pieces: the words that may be changed, and around them everything that must stay as it is."""

import functools
import re
import unicodedata
from dataclasses import dataclass


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Without these a text means the opposite, and its label would be wrong. n't, nt and cannot are found by their form.
_NEGATIONS = _listed("""
    not no nope nah never none nothing nobody nowhere neither nor without hardly barely scarcely cannot aint cant dont wont
    nicht nichts kein keine keinen keinem keiner nie niemals ohne ne pas jamais rien sans non nunca nada sin não nem sem
    niet geen nooit inte ikke не нет ни никогда без
""")
_NOT = re.compile(r"n['’]t$|^(?:do|does|did|is|are|was|were|have|has|had|ca|could|wo|would|should)nt$")
# Words of grammar: what a lexicon or an embedding table names in their place has another meaning (but → merely, he → she).
_GRAMMAR = _listed("""
    i me my mine myself you your yours yourself he him his himself she her hers herself it its itself we us our ours they
    them their theirs this that these those who whom whose which what when where why how a an the and or but if then else
    than as at by for from in into of off on onto out over per through till to under until up upon via with within about
    above after again against all almost along also although am among any are around be because been before behind being
    below between both can could did do does doing done down during each either else ever every few further get gets getting
    go goes going got had has have having here however just let like made make makes making many may might more most much
    must near need next now one only other others own quite rather really s same shall should since so some still such t
    there therefore thing things though too toward towards two three use used using very was were while will would yet yes
""")
_PROTECTED = re.compile(r"[@#<>\[\]_*/\\]|://|^www\.|\d", re.IGNORECASE)
_JOINTS = frozenset("'’-\u200c\u200d")
_ENDS = frozenset(".!?:\n…。！？")
# Of what stands round a deleted word this is dropped with it; "!", "?" and emoji stay, since they carry feeling.
_PLAIN = str.maketrans("", "", ".,;:()\"“”'‘’`")


@dataclass(slots=True)
class Piece:
    """One stretch of a text between blanks. `before + word + after + blank` of all pieces, joined, is the text.

    Attributes:
        word: empty where the piece may not be changed; then it stands in `before` as a whole.
        blank: the blanks behind it.
    """

    before: str
    word: str
    after: str
    blank: str


def split(text: str) -> list[Piece]:
    """The pieces of a text. No word is made of: links, addresses, handles, hashtags, placeholders such as <EMAIL>, anything
    with a digit (in a review the number may be the label), signs and emoji, and negations, which would turn the label over.
    """
    parts = re.split(r"(\s+)", text)
    return [Piece(*_parted(chunk), blank) for chunk, blank in zip(parts[::2], [*parts[1::2], ""], strict=True)]


def join(pieces: list[Piece]) -> str:
    """The text of pieces."""
    return "".join([f"{piece.before}{piece.word}{piece.after}{piece.blank}" for piece in pieces])


def words_of(pieces: list[Piece]) -> list[int]:
    """Positions of the pieces whose word may be changed."""
    return [i for i, piece in enumerate(pieces) if piece.word]


def content_words(pieces: list[Piece]) -> list[int]:
    """Positions of words that carry meaning of their own; without words of grammar and names.

    A name is a word with a capital that begins no sentence, in a text where not most words have one.
    """
    found = words_of(pieces)
    capitals = 2 * sum(pieces[i].word[0].isupper() for i in found) > len(found)
    return [i for i in found if not is_grammar(pieces[i].word) and (capitals or not _is_name(pieces, i))]


def is_negation(word: str) -> bool:
    """Whether a word negates; most languages of Western Europe and Russian."""
    lowered = word.lower()
    return lowered in _NEGATIONS or _NOT.search(lowered) is not None


def is_grammar(word: str) -> bool:
    """Whether a word is an English article, pronoun, preposition, auxiliary or the like."""
    return word.lower() in _GRAMMAR


def shaped_like(word: str, model: str) -> str:
    """The word in the capitals of another one."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word


def delete(pieces: list[Piece], at: int) -> None:
    """Takes one word out, with its plain punctuation and the blanks behind it."""
    piece = pieces[at]
    piece.before, piece.after = piece.before.translate(_PLAIN), piece.after.translate(_PLAIN)
    piece.word = ""
    if not piece.before + piece.after:
        piece.blank = piece.blank.replace(" ", "")  # line breaks stay


@functools.lru_cache(maxsize=200_000)
def _parted(chunk: str) -> tuple[str, str, str]:
    """What stands before a chunk's word, the word, what stands behind it."""
    start, end = 0, len(chunk)
    while start < end and not _in_word(chunk[start]):
        start += 1
    while end > start and not _in_word(chunk[end - 1]):
        end -= 1
    word = chunk[start:end]
    whole = all(_in_word(char) or char in _JOINTS for char in word) and any(char.isalpha() for char in word)
    if not whole or _PROTECTED.search(chunk) or is_negation(word) or _is_emoticon(chunk, word):
        return chunk, "", ""
    return chunk[:start], word, chunk[end:]


def _in_word(char: str) -> bool:
    """Letters, and the marks that Hindi or Thai are written with: a mark is part of the letter before it."""
    return char.isalpha() or unicodedata.category(char)[0] == "M"


def _is_emoticon(chunk: str, word: str) -> bool:
    """:D :P xD ;p and the like."""
    return (len(word) == 1 and chunk != word and chunk[0] in ":;=8") or chunk in ("xD", "XD", "xd")


def _is_name(pieces: list[Piece], at: int) -> bool:
    word = pieces[at].word
    if not word[0].isupper() or (len(word) > 1 and word.isupper()) or at == 0:
        return False
    before = pieces[at - 1]
    return "\n" not in before.blank and _ENDS.isdisjoint(before.before + before.after)
