"""Texts without a table: lines with or without a label beside the text, and folders named by label."""

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.data.tables.opening import Clean, clean_text, refuse_foreign, too_large
from tuner.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

_FASTTEXT = re.compile(r"__label__(\S+)\s*(.*)", re.DOTALL)
_LABEL_HEADERS = ("label", "labels", "class", "category", "sentiment", "target")
_CURE = "Put the label behind each text with a tab between, or give a table with the columns text and label."
# A file without line ends is no file of one text per line.
_MOST_LINE = 10_000_000
_CHUNK = 20_000  # lines turned into Arrow at once: Python's objects take five times the room

Pairs = list[tuple[str, str]]


def read_lines(clean: Clean, rows: int | None) -> "pa.Table":
    """One example per line: `text<TAB>label`, `label<TAB>text` or fastText's `__label__x text`.

    Raises:
        SourceError: a line has no label; it is named.
    """
    refuse_foreign(clean, clean.sample())
    with clean.text(newline=None) as text:
        lines = [(number, line) for number, raw in enumerate(text, 1) if (line := raw.rstrip("\n")).strip()]
    if all(line.startswith("__label__") for _, line in lines):
        pairs = [_fasttext(clean.name, number, line) for number, line in lines]
    else:
        pairs = _tabbed(clean, lines)
    return _table(pairs[:rows])


def read_unlabelled(clean: Clean) -> "pa.Table":
    """One text per line in a column `text`, empty where a line is, so that row n is line n; no rows where all are.

    Raises:
        SourceError: a line has over 10,000,000 characters.
    """
    import pyarrow as pa

    schema, batches, holds = pa.schema([("text", pa.large_string())]), [], False
    with clean.text(newline=None) as text:
        lines = iter(lambda: text.readline(_MOST_LINE + 1), "")
        while chunk := list(islice(lines, _CHUNK)):
            if max(map(len, chunk)) > _MOST_LINE:
                raise SourceError(f"A line of {clean.name} has over {_MOST_LINE:,} characters.", "Give one text per line.")
            holds = holds or any(map(str.strip, chunk))
            batches.append(pa.record_batch([pa.array([line.rstrip("\n") for line in chunk], pa.large_string())], schema))
    return pa.Table.from_batches(batches if holds else [], schema)


def _fasttext(name: str, number: int, line: str) -> tuple[str, str]:
    label, text = _FASTTEXT.match(line).groups()
    if text.startswith("__label__"):
        raise SourceError(f"{name}, line {number} has several labels.", "Give each text one label.")
    return text, label


def _tabbed(clean: Clean, lines: list[tuple[int, str]]) -> Pairs:
    without = [number for number, line in lines if "\t" not in line]
    if len(without) == len(lines):
        raise SourceError(f"{clean.name} holds texts without labels: no line has a tab.", _CURE)
    if without:
        raise SourceError(f"{clean.name}, line {without[0]} has no tab between text and label.", _CURE)
    first = [line.split("\t", 1) for _, line in lines]
    last = [line.rsplit("\t", 1) for _, line in lines]
    if _reads_as_label([pair[0] for pair in first], [pair[1] for pair in last]):
        clean.notes.append("Each line was read as a label, a tab and a text.")
        pairs = [(text, label) for label, text in first]
    else:
        pairs = [(text, label) for text, label in last]
    text, label = pairs[0]
    if label.strip().lower() in _LABEL_HEADERS and len(pairs) > 1:
        clean.notes.append(f"The first line ('{text[:40]}', '{label[:40]}') was taken as column names.")
        return pairs[1:]
    return pairs


def _reads_as_label(first: list[str], last: list[str]) -> bool:
    """Labels repeat; where neither column repeats more, they are the shorter ones."""
    return (len(set(first)), sum(map(len, first))) < (len(set(last)), sum(map(len, last)))


def read_folder(folder: Path, most_bytes: int, rows: int | None) -> tuple["pa.Table", list[str]]:
    """One example per `.txt` file; its folder's name is the label.

    Raises:
        SourceError: a file is no text, or all together hold more than `most_bytes`.
    """
    pairs: Pairs = []
    changed: list[str] = []
    size = 0
    for file in islice(text_files(folder), rows):
        size += file.stat().st_size
        if size > most_bytes:
            raise too_large(folder.name, most_bytes)
        if not file.stat().st_size:
            pairs.append(("", file.parent.name))
            continue
        with clean_text(file, most_bytes) as clean, clean.text() as text:
            pairs.append((text.read().rstrip("\r\n"), file.parent.name))
        changed += [f"{file.parent.name}/{file.name}: {note}" for note in clean.notes]
    more = [f"{len(changed) - 3:,} more files were changed so."] if len(changed) > 3 else []
    return _table(pairs), changed[:3] + more


def text_files(folder: Path) -> list[Path]:
    """The `.txt` files of the label folders in a folder, by label and name; hidden ones are none."""
    labels = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return [
        file
        for label in labels
        for file in sorted(label.iterdir())
        if file.suffix.lower() == ".txt" and not file.name.startswith(".") and file.is_file()
    ]


def _table(pairs: Pairs) -> "pa.Table":
    import pyarrow as pa

    texts, labels = zip(*pairs, strict=True) if pairs else ((), ())
    return pa.table({"text": pa.array(texts, pa.large_string()), "label": pa.array(labels, pa.large_string())})
