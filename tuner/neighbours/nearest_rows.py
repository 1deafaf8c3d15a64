"""The nearest training rows of a text, and what they say about its answer, in words."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tuner.data.repeats import repeat_digests
from tuner.errors import RunError, SettingsError
from tuner.inference import MOST_CHARACTERS, Classifier, check_text
from tuner.neighbours.embedding import embeddings
from tuner.neighbours.index import SEED, Index, index_of
from tuner.runs import Run

MOST_NEIGHBOURS = 50
# The same text embedded in another batch, in bf16 and kept as float16, has a similarity of 0.9995 or more to itself.
_THE_SAME = 0.999


@dataclass(frozen=True)
class Neighbour:
    """A training row near to the text.

    Attributes:
        row: its id, `train/17`.
        text: at most its first 1,000 characters.
        label: of the training row, by the classifier's name.
        similarity: cosine of the two embeddings, −1 … 1.
    """

    row: str
    text: str
    label: str
    similarity: float


@dataclass(frozen=True)
class Neighbours:
    """The nearest training rows, nearest first.

    Attributes:
        searched: rows that were compared, `of` all training rows.
        note: what the rows say about the answer, in sentences.
    """

    rows: tuple[Neighbour, ...]
    searched: int
    of: int
    note: str


def nearest(
    run: Run,
    classifier: Classifier,
    text: str,
    k: int = 8,
    on_progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Neighbours:
    """The k training rows that are most like the text in the model's own eyes.

    The first question of a run embeds its training rows, at most 20,000 of them, drawn by a seed where there are more; this
    takes minutes for 20,000 tweets on two cores, later questions some milliseconds.

    Args:
        classifier: the run's own.
        k: 1 … 50.
        on_progress: called with rows embedded and rows in all, while they are.
        should_stop: asked after each batch of them; the next question of the run goes on from there.

    Raises:
        TunerError: it should stop.
        SettingsError: k out of its range.
        RunError: the classifier is not the run's, or its model is gone.
        SourceError: an empty text, or training rows that cannot be read or have changed since the training.
    """
    if not 1 <= k <= MOST_NEIGHBOURS:
        raise SettingsError([f"{k} neighbours cannot be shown; 1 to {MOST_NEIGHBOURS} can."], "Ask for another number.")
    if classifier.name not in (run.id, str(run.model_folder)):
        raise RunError(f"'{classifier.name}' is not the model of run {run.id}.", "Neighbours are found by the run's own model.")
    if not run.has_model:
        raise RunError(f"Run {run.id} has no model (any more).", "Train it to its end first.")
    check_text(text)
    text = text[:MOST_CHARACTERS]
    vector = embeddings(classifier, [text])[0]
    answer = classifier.labels.index(classifier.predict([text])[0].label)
    index = index_of(run, classifier, on_progress, should_stop)
    similar = index.similarities(vector)
    order = np.argsort(-similar, kind="stable")[:k]
    rows = tuple(
        Neighbour(index.rows[i], index.texts[i], classifier.labels[index.labels[i]], float(np.clip(similar[i], -1, 1)))
        for i in order
    )
    return Neighbours(rows, len(index.rows), len(index.digests), _note(text, answer, rows, index, classifier.labels))


def _note(text: str, answer: int, rows: Sequence[Neighbour], index: Index, labels: Sequence[str]) -> str:
    sentences = [_repeated(text, answer, index, labels), _agreement(labels[answer], rows), _nearness(rows, index)]
    if len(index.rows) < len(index.digests):
        sentences.append(f"{len(index.rows):,} of {len(index.digests):,} training rows were searched (drawn with seed {SEED}).")
    return " ".join(filter(None, [*sentences, index.unsaved]))


def _repeated(text: str, answer: int, index: Index, labels: Sequence[str]) -> str:
    """Whether the text, but for case and blanks, is a training row; all of them are looked at."""
    found = Counter(index.digest_labels[index.digests == repeat_digests([text])[0]].tolist())
    if not found:
        return ""
    given = " and ".join(f"'{labels[label]}'" for label, _ in found.most_common(3))
    said = f"This text stands in the training rows, as {given}:"
    if answer in found:
        return f"{said} the answer may be remembered, and says little about other texts."
    return f"{said} the model did not learn that label, or the label is wrong."


def _agreement(answer: str, rows: Sequence[Neighbour]) -> str:
    counts = Counter(row.label for row in rows)
    same, n = counts[answer], len(rows)
    if same == n:
        which = f"All {n} nearest training rows are" if n > 1 else "The nearest training row is"
        return f"{which} '{answer}', as the answer is."
    if same * 2 > n:
        return f"{same} of the {n} nearest training rows are '{answer}', as the answer is."
    other, most = counts.most_common(1)[0]
    if other == answer or same == most:
        return f"{same} of the {n} nearest training rows are '{answer}', as the answer is: they do not speak with one voice."
    few = (
        f"{same} of the {n} nearest training rows {'is' if same == 1 else 'are'}" if same else f"None of the {n} nearest rows is"
    )
    many = f"{most} {'is' if most == 1 else 'are'} '{other}'"
    return f"{few} '{answer}', as the answer is; {many}: the answer does not follow from the rows around it."


def _nearness(rows: Sequence[Neighbour], index: Index) -> str:
    first = rows[0].similarity
    if first >= _THE_SAME:
        return f"To the model the nearest row is nearly the same text (similarity {first:.4f})."
    if first < index.usual:
        return (
            f"The nearest has a similarity of {first:.2f}, less than 95 % of training rows have to theirs ({index.usual:.2f}): "
            "the text is unlike what the model was trained on."
        )
    return ""
