"""Predictions for a whole file in constant memory: a table or lines of text in, a table out."""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.config import DataConfig
from tuner.data.columns import find_text_columns, guessed_instead, lacking
from tuner.data.files import FILE_SUFFIXES, load_lines
from tuner.data.reading import is_blank
from tuner.data.sources import load_raw
from tuner.data.tables.opening import format_of
from tuner.errors import SourceError
from tuner.export import TableWriter, check_suffix
from tuner.inference import Classifier, Prediction
from tuner.words import listed

if TYPE_CHECKING:
    from datasets import Dataset

# Texts read, answered and written at a time: some seconds' work, after which it may be stopped.
_CHUNK = 1_024
_MOST_SHOWN = 200
# Rows that tell whether a column holds more than numbers.
_ROWS_LOOKED_AT = 1_000
_NUMBER = re.compile(r"[-+.,:/%\s\d]*(?:\de[-+]?\d+)?", re.IGNORECASE)

Row = dict[str, Any]


@dataclass(frozen=True)
class Texts:
    """The texts of a file, read anew at each iteration.

    Attributes:
        count: how many.
        start: begins to read them.
        columns: those they stand in, several joined to one text; none where the file is no table.
        note: what is to be said of the choice of columns.
    """

    count: int
    start: Callable[[], Iterator[str]]
    columns: tuple[str, ...] = ()
    note: str = ""

    @property
    def column(self) -> str | None:
        """The columns in one line; None where the file is no table."""
        return ", ".join(self.columns) or None

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[str]:
        return self.start()


@dataclass(frozen=True)
class FileAnswers:
    """What was written for a file.

    Attributes:
        rows: texts written, of `of`; fewer where it was stopped.
        empty: texts among them that hold nothing, and have no label.
        unsure: texts below the classifier's threshold; None where it has none.
        labels: label → texts that got it.
        first: the first 200 rows as they were written.
        agree: texts that the other classifier gave the label of the same name; None without another.
        other_labels: as `labels`, of the other classifier.
    """

    rows: int
    of: int
    empty: int
    unsure: int | None
    labels: dict[str, int]
    stopped: bool
    first: list[Row]
    agree: int | None = None
    other_labels: dict[str, int] | None = None


def read_texts(path: Path, text_column: str | Sequence[str] | None = None, trained_with: DataConfig | None = None) -> Texts:
    """The texts of a table's text columns, or the lines of a `.txt` file (each may be a `.gz` too).

    A column that holds only numbers in its first 1,000 rows is taken by name alone.

    Args:
        text_column: one column, or several to join; None for those of `trained_with` where the table has all of them, else
            one is guessed.
        trained_with: the `data` settings of the model's run; its separator joins.

    Raises:
        SourceError: the file cannot be read, or holds no text.
    """
    kind = format_of(path)
    if kind is None:
        raise SourceError(f"{path} has the ending '{path.suffix}'.", f"Give a file that ends in {' '.join(FILE_SUFFIXES)}.")
    if kind == ".txt":
        table, columns, note = load_lines(path), ("text",), ""
    else:
        table = next(iter(load_raw(str(path)).splits.values()))
        columns, note = _columns(table, path.name, text_column, trained_with)
    table = table.select_columns(list(columns))
    separator = (trained_with or DataConfig()).text_separator

    def cells() -> Iterator[str]:
        for start in range(0, len(table), _CHUNK):
            chunk = table[start : start + _CHUNK]
            for parts in zip(*(chunk[column] for column in columns), strict=True):
                yield separator.join([part for part in parts if part is not None])  # as `Reader` joins them for a training

    return Texts(len(table), cells, () if kind == ".txt" else columns, note)


def _columns(
    table: "Dataset", name: str, asked: str | Sequence[str] | None, trained_with: DataConfig | None
) -> tuple[tuple[str, ...], str]:
    """The text columns of a table, and what is to be said of them."""
    trained = trained_with.text_column if trained_with else None
    wanted = asked if isinstance(asked, str) else list(asked or [])
    lost = [] if wanted else lacking(trained, table.column_names)
    wanted = wanted or ([] if lost else trained)
    columns = find_text_columns(table if wanted else _without_numbers(table, name), wanted or None).names
    return columns, f"{guessed_instead('text', lost, name)} The column '{columns[0]}' was read." if lost else ""


def _without_numbers(table: "Dataset", name: str) -> "Dataset":
    """Without the columns of text whose cells are numbers, dates or empty: every cell of a CSV file is read as text."""
    texts = [column for column, kind in table.features.items() if getattr(kind, "dtype", "") in ("string", "large_string")]
    head = table.select_columns(texts)[:_ROWS_LOOKED_AT] if texts else {}
    mute = [column for column, cells in head.items() if all(is_blank(cell or "") or _NUMBER.fullmatch(cell) for cell in cells)]
    if mute and len(mute) == len(texts):
        shown = listed([f"'{column[:40]}'" for column in mute], 5)
        what = "holds only numbers or nothing" if len(mute) == 1 else "hold only numbers or nothing"
        raise SourceError(f"{name} has no text column: {shown} {what}.", "Name the text column to have it read all the same.")
    return table.remove_columns(mute)


def answer_file(
    classifier: Classifier,
    texts: Iterable[str],
    output: Path,
    *,
    other: Classifier | None = None,
    other_texts: Iterable[str] | None = None,
    on_progress: Callable[[int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> FileAnswers:
    """Answers texts and writes one row for each: text, label, probability, unsure (where there is a threshold), one probability
    per label; with another classifier `other_label` and `other_probability` too. Empty texts get an empty label.

    The file is written as CSV (cells made safe against spreadsheet formulas), JSONL or Parquet (both exact) under another name,
    and moved when it is whole.

    Args:
        texts: has a length; read once.
        output: ends in .csv, .jsonl or .parquet.
        other: a second classifier for the same texts.
        other_texts: the same rows as the second one reads them, where it was trained with other columns; the file holds `texts`.
        on_progress: called with the number of texts done so far.
        should_stop: asked after each 1,024 texts; what was answered until then is kept.

    Raises:
        SourceError: another ending, or a file that cannot be read or written.
    """
    check_suffix(output)
    tally = _Tally(classifier, other)
    stopped = False
    with TableWriter(output, tally.columns) as writer:
        source, second = iter(texts), iter(other_texts or ())
        while chunk := list(itertools.islice(source, _CHUNK)):
            writer.write(tally.add(chunk, chunk if other_texts is None else list(itertools.islice(second, _CHUNK))))
            if on_progress:
                on_progress(tally.rows)
            if tally.rows < len(texts) and should_stop and should_stop():
                stopped = True
                break
    return tally.answers(len(texts), stopped)


class _Tally:
    """Makes the rows and counts what is in them."""

    def __init__(self, classifier: Classifier, other: Classifier | None) -> None:
        self.classifier, self.other = classifier, other
        self.with_unsure = classifier.answering.threshold is not None
        self.rows = self.empty = self.unsure = self.agree = 0
        self.labels: Counter[str] = Counter()
        self.other_labels: Counter[str] = Counter()
        self.first: list[Row] = []

    @property
    def columns(self) -> dict[str, type]:
        """Name → kind of what is in it; a label's column begins with `probability_`, so that none has another's name."""
        own = {"text": str, "label": str, "probability": float} | ({"unsure": bool} if self.with_unsure else {})
        shares = {f"probability_{name}": float for name in self.classifier.labels}
        return own | shares | ({"other_label": str, "other_probability": float} if self.other else {})

    def add(self, chunk: list[str], other_chunk: list[str]) -> list[Row]:
        """The rows of a chunk, which the other classifier reads as `other_chunk`."""
        answers = _answers(self.classifier, chunk)
        others = _answers(self.other, other_chunk) if self.other else [None] * len(chunk)
        rows = [self._row(text, answer, second) for text, answer, second in zip(chunk, answers, others, strict=True)]
        self.rows += len(rows)
        self.first += rows[: _MOST_SHOWN - len(self.first)]
        return rows

    def _row(self, text: str, answer: Prediction | None, second: Prediction | None) -> Row:
        if answer is None:
            self.empty += 1
            return dict.fromkeys(self.columns) | {"text": text, "label": ""} | ({"other_label": ""} if self.other else {})
        self.labels[answer.label] += 1
        row: Row = {"text": text, "label": answer.label, "probability": answer.probabilities[answer.label]}
        if self.with_unsure:
            self.unsure += bool(answer.unsure)
            row["unsure"] = answer.unsure
        row |= {f"probability_{name}": share for name, share in answer.probabilities.items()}
        if self.other and second is None:  # what it reads of the row is empty
            row |= {"other_label": "", "other_probability": None}
        elif second:
            self.other_labels[second.label] += 1
            self.agree += second.label == answer.label
            row |= {"other_label": second.label, "other_probability": second.probabilities[second.label]}
        return row

    def answers(self, of: int, stopped: bool) -> FileAnswers:
        """The counts at the end."""
        return FileAnswers(
            rows=self.rows,
            of=of,
            empty=self.empty,
            unsure=self.unsure if self.with_unsure else None,
            labels={name: self.labels[name] for name in self.classifier.labels},
            stopped=stopped,
            first=self.first,
            agree=self.agree if self.other else None,
            other_labels={name: self.other_labels[name] for name in self.other.labels} if self.other else None,
        )


def _answers(classifier: Classifier, chunk: list[str]) -> list[Prediction | None]:
    """None for a text that holds nothing."""
    found = iter(classifier.predict([text for text in chunk if not is_blank(text)]))
    return [None if is_blank(text) else next(found) for text in chunk]
