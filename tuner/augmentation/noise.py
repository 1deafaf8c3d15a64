"""Sentence perturbation: neighbouring words swapped, words deleted, slips of the keyboard, other capitals."""

import random

from tuner.augmentation.words import Piece, delete, words_of

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _touching(row: int, column: int) -> str:
    """Keys of a QWERTY keyboard beside, above and below one; each row stands half a key to the right of the one above."""
    places = [
        (row, column - 1),
        (row, column + 1),
        (row - 1, column),
        (row - 1, column + 1),
        (row + 1, column - 1),
        (row + 1, column),
    ]
    return "".join(_ROWS[r][c] for r, c in places if 0 <= r < len(_ROWS) and 0 <= c < len(_ROWS[r]))


_KEYS = {key: _touching(row, column) for row, keys in enumerate(_ROWS) for column, key in enumerate(keys)}


def how_many(rate: float, words: int) -> int:
    """Words to touch: their share, rounded, but one at least, so that short texts are altered, too; 0 of 0."""
    return min(words, max(1, round(rate * words)))


def swap(pieces: list[Piece], rate: float, rng: random.Random) -> None:
    """Swaps neighbouring words of one clause; one swap touches two words. Punctuation stays where it is."""
    pairs = [
        i
        for i in range(len(pieces) - 1)
        if pieces[i].word and pieces[i + 1].word and not pieces[i].after and not pieces[i + 1].before
    ]
    pairs = [i for i in pairs if pieces[i].word.lower() != pieces[i + 1].word.lower()]
    rng.shuffle(pairs)
    left, used = how_many(rate / 2, len(words_of(pieces))), set()
    for i in pairs:
        if left and used.isdisjoint((i, i + 1)):
            pieces[i].word, pieces[i + 1].word = pieces[i + 1].word, pieces[i].word
            used |= {i, i + 1}
            left -= 1


def drop(pieces: list[Piece], rate: float, rng: random.Random) -> None:
    """Deletes words, but never all of a text."""
    found = words_of(pieces)
    for i in rng.sample(found, min(how_many(rate, len(found)), max(0, len(found) - 1))):
        delete(pieces, i)


def typos(pieces: list[Piece], rate: float, rng: random.Random) -> None:
    """One slip in each chosen word of three letters or more: two letters swapped, one dropped, doubled, or the key beside it.

    The first letter stays, as in most real slips. Words written with combining marks stay: a mark without its letter is none.
    """
    found = [i for i in words_of(pieces) if len(pieces[i].word) > 2 and pieces[i].word.isalpha()]
    for i in rng.sample(found, how_many(rate, len(found))):
        pieces[i].word = _slip(pieces[i].word, rng)


def case(pieces: list[Piece], rate: float, rng: random.Random) -> None:
    """Writes words in capitals, in small letters, or with a capital first letter."""
    forms = {i: _other_cases(pieces[i].word) for i in words_of(pieces)}
    found = [i for i, others in forms.items() if others]
    for i in rng.sample(found, how_many(rate, len(found))):
        pieces[i].word = rng.choice(forms[i])


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word))
    kind = rng.choice(("swap", "drop", "double", "key"))
    if kind == "swap":
        swapped = [i for i in range(1, len(word) - 1) if word[i] != word[i + 1]]
        if swapped:
            i = rng.choice(swapped)
            return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
        kind = "drop"
    if kind == "key" and word[at].lower() in _KEYS:
        key = rng.choice(_KEYS[word[at].lower()])
        return word[:at] + (key.upper() if word[at].isupper() else key) + word[at + 1 :]
    return word[:at] + word[at + 1 :] if kind == "drop" else word[:at] + word[at] + word[at:]


def _other_cases(word: str) -> list[str]:
    return sorted({word.lower(), word.upper(), word[:1].upper() + word[1:].lower()} - {word})
