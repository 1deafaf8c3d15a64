"""Parts of the rows: by length, by what stands in a text, by label, by answer and by column."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tuner.evaluation.columns import Part, column_parts
from tuner.evaluation.word_counts import unspaced
from tuner.patterns import TRAITS as SIGNS
from tuner.patterns import matches, strings

# Longest length of a class; a tweet has some 15 words. Texts without spaces are measured in characters, two to a word.
_EDGES = (5, 10, 20, 40)
# English, as the words that contain them are: "nt" ends many others.
_NEGATION = (
    r"(?i)\b(?:not|no|never|none|nothing|nobody|nowhere|neither|nor|without|cannot|hardly|barely|"
    r"(?:do|does|did|is|are|was|were|have|has|had|ca|could|wo|would|should|ai)n['’]?t)\b"
)
TRAITS = {
    "with a URL": SIGNS["url"],
    "with a handle": SIGNS["handle"],
    "with a hashtag": SIGNS["hashtag"],
    "with emoji": SIGNS["emoji"],
    "with a negation": _NEGATION,
    # Not the one in the middle of a link.
    "with a question": r"[?？؟](?:[^\pL\pN%=&_-]|$)",
}


@dataclass(frozen=True)
class Rows:
    """What parts are made of: texts, label ids of truth and answers (one per text), label names, columns by name."""

    texts: Sequence[str]
    truth: np.ndarray
    guesses: np.ndarray
    labels: Sequence[str]
    columns: Mapping[str, Sequence[Any]]


def _lengths(rows: Rows) -> Iterator[Part]:
    unit, edges = "words", _EDGES
    if len(rows.texts) and unspaced(rows.texts):
        lengths = np.fromiter(map(len, rows.texts), np.int64, len(rows.texts))
        unit, edges = "characters", tuple(2 * edge for edge in _EDGES)
    else:
        lengths = np.fromiter((len(text.split()) for text in rows.texts), np.int64, len(rows.texts))
    classes = np.searchsorted(edges, lengths)
    names = [f"{low + 1}–{high} {unit}" for low, high in zip((0, *edges), edges, strict=False)]
    for i, name in enumerate([*names, f"over {edges[-1]} {unit}"]):
        yield Part(str(i), name, classes == i)


def _traits(rows: Rows) -> Iterator[Part]:
    for name, mask in matches(strings(rows.texts), TRAITS).items():
        yield Part(name, name, mask)


def _labels(rows: Rows) -> Iterator[Part]:
    for i, name in enumerate(rows.labels):
        yield Part(str(i), f"label {name}", rows.truth == i)


def _predictions(rows: Rows) -> Iterator[Part]:
    for i, name in enumerate(rows.labels):
        yield Part(str(i), f"answered {name}", rows.guesses == i)


def _columns(rows: Rows) -> Iterator[Part]:
    for i, (name, values) in enumerate(rows.columns.items()):
        for part in column_parts(name, values):
            yield Part(f"{i}:{part.key}", part.name, part.mask, part.note)


# Kind → what gives its parts.
PARTS = {"length": _lengths, "trait": _traits, "label": _labels, "prediction": _predictions, "column": _columns}
