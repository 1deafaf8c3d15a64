"""Tables with delimiters: `.csv`, `.tsv` and whatever else a spreadsheet wrote under these endings.

The careful reader (Python's `csv`, strict) decides what a file means and names the line of a mistake. The fast one
(pyarrow, 20 times as fast) takes a file only where both must come to the same table: every quote opens or closes a
whole field or is doubled inside one, and every row has as many fields as the header.
"""

import csv
import itertools
import mmap
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tuner.data.tables.opening import Clean, refuse_foreign
from tuner.data.tables.plain import unique_names
from tuner.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

_DELIMITERS = ",;\t|"
_SPELLED = {"\t": "tabs", ",": "commas", ";": "semicolons", "|": "vertical bars"}
_ROWS_LOOKED_AT = 100
_CHUNK = 20_000  # rows turned into Arrow at once: Python's objects take five times the room
_BLOCK = 2**24
_WORDS_OF_A_SENTENCE = 6
_IN_APOSTROPHES = re.compile(r"(?:^|[,;\t|])'(?:[^']|'')*'(?:[,;\t|]|$)")
_AFTER_QUOTE = re.compile(r'(?:^|[,;\t|])"')
_WHOLE_QUOTE = re.compile(rb'(?:^|\t)"(?:[^"\t]|"")*"(?=\t|$)')
_ANY_QUOTE = re.compile(rb'(?:^|\t)"')


@dataclass(frozen=True)
class Dialect:
    """How fields are told apart; `quote` is None where quotation marks are plain characters."""

    delimiter: str
    quote: str | None

    def options(self) -> dict[str, Any]:
        """For `csv.reader`."""
        quoting = csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE
        return {"delimiter": self.delimiter, "quotechar": self.quote, "quoting": quoting}


def read(clean: Clean, usual: str, rows: int | None) -> "pa.Table":
    """All rows (or the first `rows`) as text columns named by the header.

    Args:
        usual: the delimiter its ending promises; another one is noted.

    Raises:
        SourceError: it is no table, a quote is never closed, or a row has more fields than the header.
    """
    sample = clean.sample()
    refuse_foreign(clean, sample)
    csv.field_size_limit(2**62)  # the bytes are limited already
    dialect = _find_dialect(clean, sample, usual)
    with clean.text() as text:
        header = next(_records(text, dialect, clean.name))[1]
    names = unique_names(clean.name, header, clean.notes)
    table = _read_fast(clean, dialect, header) if rows is None else None
    if table is None:
        table = _read_carefully(clean, dialect, len(header), rows)
    table = table.rename_columns(names)
    _note_a_header_like_data(table, header, clean.notes)
    return table


def _find_dialect(clean: Clean, sample: str, usual: str) -> Dialect:
    lines = list(itertools.islice((line for line in re.split(r"\r\n|\r|\n", sample) if line), _ROWS_LOOKED_AT))
    quote = _find_quote(lines)
    delimiter = _find_delimiter(lines, quote, usual)
    if delimiter != usual:
        clean.notes.append(f"Columns are separated by {_SPELLED[delimiter]}.")
    if quote == "'":
        clean.notes.append("Fields are quoted with apostrophes.")
    elif delimiter == "\t" and _quotes_are_text(clean, lines[0].count("\t")):
        clean.notes.append("Quotation marks were read as plain characters: not all of them are closed.")
        return Dialect(delimiter, None)
    return Dialect(delimiter, quote)


def _find_quote(lines: list[str]) -> str:
    """An apostrophe only where each row below the header has a field in apostrophes and none begins with `\"`."""
    rows = lines[1:]
    apostrophes = len(rows) > 1 and all(map(_IN_APOSTROPHES.search, rows)) and not any(map(_AFTER_QUOTE.search, lines))
    return "'" if apostrophes else '"'


def _find_delimiter(lines: list[str], quote: str, usual: str) -> str:
    """The sign that splits the header and then most rows into as many fields as the header."""

    def fit(sign: str) -> tuple[bool, float, bool, int]:
        rows = [row for row in csv.reader([f"{line}\n" for line in lines], delimiter=sign, quotechar=quote) if row]
        width = len(rows[0])
        return width > 1, sum(len(row) == width for row in rows) / len(rows), sign == usual, width

    best = max(_DELIMITERS, key=fit)
    return best if fit(best)[0] else usual


def _quotes_are_text(clean: Clean, tabs: int) -> bool:
    """Tab files often use no quoting: then each line has the header's tabs, and quotes that open rarely close."""
    opened = whole = 0
    try:
        for line in clean.file:
            content = line.rstrip(b"\r\n")
            if content and content.count(b"\t") != tabs:
                return False
            if b'"' in content:
                opened += len(_ANY_QUOTE.findall(content))
                whole += len(_WHOLE_QUOTE.findall(content))
    finally:
        clean.file.seek(0)
    return opened > 2 * whole


def _records(text: Any, dialect: Dialect, name: str) -> Iterator[tuple[int, list[str]]]:  # noqa: ANN401
    """(number of its first line, fields) of each row that is not blank."""
    reader = csv.reader(text, strict=True, **dialect.options())
    while True:
        start = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            cure = "Close the quote, and write a quote inside a text twice."
            if "end of data" in str(error):
                raise SourceError(f"{name}: the quote opened in line {start} is never closed.", cure) from None
            where = f"line {reader.line_num}" if start == reader.line_num else f"lines {start} to {reader.line_num}"
            raise SourceError(f"{name}, {where}: a closing quote stands inside a field.", cure) from None
        if row is None:
            return
        if row:
            yield start, row


def _read_carefully(clean: Clean, dialect: Dialect, width: int, rows: int | None) -> "pa.Table":
    import pyarrow as pa

    schema = pa.schema([(str(index), pa.large_string()) for index in range(width)])
    batches, chunk, short, first_short = [], [], 0, 0
    with clean.text() as text:
        for line, row in itertools.islice(_records(text, dialect, clean.name), 1, None if rows is None else rows + 1):
            if len(row) > width:
                raise SourceError(
                    f"{clean.name}, line {line}: {len(row)} fields where the header has {width}.",
                    "Put quotes around texts that hold the delimiter, or mend that line.",
                )
            if len(row) < width:
                short, first_short = short + 1, first_short or line
                row += [""] * (width - len(row))
            chunk.append(row)
            if len(chunk) == _CHUNK:
                batches.append(_batch(chunk, schema))
                chunk = []
    if chunk:
        batches.append(_batch(chunk, schema))
    if short:
        count = "1 row has" if short == 1 else f"{short:,} rows have"
        clean.notes.append(f"{count} fewer fields than the header (first: line {first_short}); the missing ones are empty.")
    return pa.Table.from_batches(batches, schema)


def _batch(chunk: list[list[str]], schema: "pa.Schema") -> "pa.RecordBatch":
    import pyarrow as pa

    return pa.record_batch([pa.array(column, pa.large_string()) for column in zip(*chunk, strict=True)], schema)


def _read_fast(clean: Clean, dialect: Dialect, header: list[str]) -> "pa.Table | None":
    """The same table as `_read_carefully`, or None where only that one can tell."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    view = mmap.mmap(clean.file.fileno(), 0, access=mmap.ACCESS_READ)
    if dialect.quote and not _quotes_are_whole(view, dialect):
        return None
    text = {f"f{index}": pa.large_string() for index in range(len(header))}
    try:
        table = arrow_csv.read_csv(
            pa.BufferReader(pa.py_buffer(view)),
            read_options=arrow_csv.ReadOptions(autogenerate_column_names=True, block_size=_BLOCK // 4),
            parse_options=arrow_csv.ParseOptions(
                delimiter=dialect.delimiter, quote_char=dialect.quote or False, newlines_in_values=True
            ),
            convert_options=arrow_csv.ConvertOptions(column_types=text, null_values=[], strings_can_be_null=False),
        )
    except pa.ArrowInvalid:  # rows of another width, or one longer than a block
        return None
    if [column[0].as_py() for column in table.columns] != header:
        return None
    return table.slice(1)


def _quotes_are_whole(view: mmap.mmap, dialect: Dialect) -> bool:
    """Whether each opening quote follows a delimiter, line end or quote, and each closing one stands before such."""
    import numpy as np

    edge = np.zeros(256, bool)
    edge[[ord(sign) for sign in f"\r\n{dialect.delimiter}{dialect.quote}"]] = True
    data, seen = np.frombuffer(view, np.uint8), 0
    first = 3 if view[:3] == b"\xef\xbb\xbf" else 0
    for start in range(0, len(data), _BLOCK):
        found = np.flatnonzero(data[start : start + _BLOCK] == ord(dialect.quote)) + start
        opens, closes = found[seen % 2 :: 2], found[1 - seen % 2 :: 2]
        seen += len(found)
        before, after = opens[opens > first] - 1, closes[closes < len(data) - 1] + 1
        if not (edge[data[before]].all() and edge[data[after]].all()):
            return False
    return seen % 2 == 0


def _note_a_header_like_data(table: "pa.Table", header: list[str], notes: list[str]) -> None:
    """The first row may be an example: then one of its cells is a sentence, or occurs again below."""
    import pyarrow.compute as pc

    cells = [(cell.strip(), column) for cell, column in zip(header, table.columns, strict=True) if cell.strip()]
    again = next((cell for cell, column in cells if pc.any(pc.equal(column, cell)).as_py()), None)
    sentence = next((cell for cell, _ in cells if len(cell.split()) >= _WORDS_OF_A_SENTENCE), None)
    if again is None and sentence is None:
        return
    why = f"'{again[:40]}' also stands below it" if again is not None else f"'{sentence[:40]}…' reads like a text"
    shown = ", ".join(f"'{cell[:40]}'" for cell, _ in cells[:4])
    notes.append(
        f"The first row was taken as column names: {shown}; but {why}. If it is an example, put a row of names above it."
    )
