"""The child process that parses one file a person gave into an Arrow file Tuner can trust.

`python -m tuner.data.ingest FILE OUTPUT MOST_BYTES [FORM [ROWS]]` writes an Arrow stream with plain columns (text, whole
numbers, numbers, true/false) and, in its schema's metadata, notes on all that was changed. It runs apart because
parsers can be made to crash or to unfold a small file into gigabytes: it has limits on memory, time and bytes, and
when it dies the server does not. FORM is `table`, or `lines` for a `.txt` file of unlabelled texts. A refusal is
printed as JSON with cause and cure, exit code 3.
"""

import json
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tuner.data.tables import columnar, delimited, objects, texts
from tuner.data.tables.opening import FORMATS, clean_text, format_of
from tuner.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

MOST_BYTES = 2 * 2**30  # of text after unfolding
STARTED = "tuner: the reader has started"  # on stderr, before the file is opened: who dies without it did not die of the file
NOTES = b"tuner_notes"  # key in the schema's metadata: a JSON list of sentences
_MOST_MEMORY = 12 * 2**30
_MOST_CPU_SECONDS = 300
_FIRST_BYTES = 4 * 2**20


def read(path: Path, most_bytes: int = MOST_BYTES, rows: int | None = None) -> tuple["pa.Table", list[str]]:
    """The rows of a file or of a folder of label folders, and one sentence for each thing that was changed.

    Args:
        most_bytes: the most a file may hold once unfolded.
        rows: only so many first rows, from as little of the file as holds them.

    Raises:
        SourceError: the file is empty, damaged, too large once unfolded, or not what its ending says.
    """
    if path.is_dir():
        table, notes = texts.read_folder(path, most_bytes, rows)
    elif format_of(path) == ".parquet":
        table, notes = columnar.read(path, most_bytes, rows)
    elif rows is None:
        table, notes, _ = _read_text(path, most_bytes, None, None)
    else:
        table, notes = _read_first(path, most_bytes, rows)
    if not table.num_rows:
        below = "a header but no rows" if format_of(path) in (".csv", ".tsv") else "no rows"
        raise SourceError(f"{path.name} has {below}.", "Choose a file with rows.")
    return table, notes


def read_lines(path: Path, most_bytes: int = MOST_BYTES) -> tuple["pa.Table", list[str]]:
    """The lines of a text file as a column `text`, and one sentence for each thing that was changed.

    Raises:
        SourceError: the file is empty, damaged, too large once unfolded, or no text.
    """
    with clean_text(path, most_bytes) as clean:
        table = texts.read_unlabelled(clean)
    if not table.num_rows:
        raise SourceError(f"{path.name} holds no text.", "Give a file with one text per line.")
    return table, clean.notes


def _read_first(path: Path, most_bytes: int, rows: int) -> tuple["pa.Table", list[str]]:
    """Tries a first part; where it breaks off too early (or is broken) the whole file decides."""
    try:
        table, notes, cut = _read_text(path, most_bytes, rows, _FIRST_BYTES)
        if table.num_rows >= rows or not cut:
            return table, notes
    except SourceError:
        pass
    table, notes, _ = _read_text(path, most_bytes, rows, None)
    return table, notes


def _read_text(path: Path, most_bytes: int, rows: int | None, first: int | None) -> tuple["pa.Table", list[str], bool]:
    with clean_text(path, most_bytes, first) as clean:
        readers = {
            ".csv": lambda: delimited.read(clean, ",", rows),
            ".tsv": lambda: delimited.read(clean, "\t", rows),
            ".jsonl": lambda: objects.read_lines(clean, rows),
            ".json": lambda: objects.read_list(clean, rows),
            ".txt": lambda: texts.read_lines(clean, rows),
        }
        if not clean.sample().strip():
            raise SourceError(f"{path.name} is empty: it holds blanks only.", "Choose a file with a header and rows.")
        kind = format_of(path)
        if kind is None:
            raise SourceError(f"{path.name} has no ending of a table.", f"Files that can be read end in {' '.join(FORMATS)}.")
        return readers[kind](), clean.notes, clean.cut


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    try:
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))
    except (ValueError, OSError):  # macOS refuses RLIMIT_AS
        print(f"limit {kind} not set", file=sys.stderr)


def main(path: str, output: str, most_bytes: str, form: str = "table", rows: str | None = None) -> int:
    """Parses `path` into the Arrow stream `output`; 0, or 3 with the refusal on stdout."""
    _limit(resource.RLIMIT_AS, _MOST_MEMORY)
    _limit(resource.RLIMIT_CPU, _MOST_CPU_SECONDS)
    import pyarrow as pa

    print(STARTED, file=sys.stderr, flush=True)
    try:
        if form == "lines":
            table, notes = read_lines(Path(path), int(most_bytes))
        else:
            table, notes = read(Path(path), int(most_bytes), None if rows is None else int(rows))
        schema = table.schema.with_metadata({NOTES: json.dumps(notes)})
        with pa.OSFile(output, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            writer.write_table(table, max_chunksize=10_000)
    except SourceError as error:
        print(json.dumps({"cause": error.cause, "cure": error.cure}))
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
