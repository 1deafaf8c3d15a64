"""From a file's name to bytes a reader can take: unfolded, UTF-8, without NULs, every change noted."""

import codecs
import contextlib
import gzip
import io
import re
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import BinaryIO

from tuner.errors import SourceError

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet", ".txt")
_BLOCK = 2**20
_LOOKED_AT = 65_536
# A share of control characters no text reaches (random bytes: 11 %), and a text with a stray NUL in every line does not either.
_MOST_CONTROL = 0.05
_CONTROL = bytes(code for code in range(32) if chr(code) not in "\t\n\v\f\r\x1b")
_SIGNATURES = {
    b"PK\x03\x04": ("a ZIP archive or spreadsheet", "Save the sheet as CSV, or unpack the archive first."),
    b"\xd0\xcf\x11\xe0": ("an old spreadsheet or document", "Save the sheet as CSV."),
    b"\x1f\x8b": ("a gzip archive", "Put .gz behind its ending."),
    b"PAR1": ("a Parquet file", "Give it the ending .parquet."),
    b"\x89PNG": ("a picture", "Choose a table of texts and labels."),
    b"\xff\xd8\xff": ("a picture", "Choose a table of texts and labels."),
    b"GIF8": ("a picture", "Choose a table of texts and labels."),
    b"%PDF": ("a PDF", "Save its table as CSV."),
    b"SQLite format 3\0": ("a database", "Export its table as CSV."),
}
_WEB_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml)", re.IGNORECASE)
_OBJECTS = re.compile(r'\s*(?:\[\s*)?\{\s*"[^"]*"\s*:')


@dataclass
class Clean:
    """A file's text as UTF-8 bytes without NULs, perhaps with a byte order mark.

    Attributes:
        name: of the file, for messages.
        file: the bytes, seekable, at their start.
        cut: only a first part of the file is here.
        notes: one sentence for each thing that was changed; readers add theirs.
    """

    name: str
    file: BinaryIO
    cut: bool = False
    notes: list[str] = field(default_factory=list)

    def sample(self) -> str:
        """The first 256 KiB of text; the file stands at its start again."""
        start = self.file.read(2**18)
        self.file.seek(0)
        return start.decode("utf-8-sig", "ignore")

    @contextlib.contextmanager
    def text(self, newline: str | None = "") -> Iterator[io.TextIOWrapper]:
        """The characters from the start; `newline=""` keeps line ends as they are."""
        self.file.seek(0)
        text = io.TextIOWrapper(self.file, "utf-8-sig", "ignore" if self.cut else "strict", newline)
        try:
            yield text
        finally:
            text.detach()


def format_of(path: PurePath) -> str | None:
    """The ending that says how a file is read (`.csv` for `rows.csv` and `rows.CSV.gz`), None where there is no reader."""
    suffix = PurePath(path.name.lower().removesuffix(".gz")).suffix
    return suffix if suffix in FORMATS else None


def too_large(name: str, most_bytes: int) -> SourceError:
    """The refusal of a file that holds more than `most_bytes`."""
    size = f"{most_bytes >> 30} GiB" if most_bytes >= 2**30 else f"{most_bytes >> 20} MiB"
    return SourceError(f"{name} holds more than {size}.", "Give a smaller file, or a part of its rows.")


@contextlib.contextmanager
def unfolded(path: Path, most_bytes: int, first: int | None = None) -> Iterator[tuple[BinaryIO, bool]]:
    """The bytes of a file, of a `.gz` file those inside; and whether only the lines in the `first` ones came.

    Raises:
        SourceError: more than `most_bytes`, counted while they are read, or a damaged archive.
    """
    packed = path.name.lower().endswith(".gz")
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(path.open("rb"))
        if not file.read(1):
            raise SourceError(f"{path.name} is empty.", "Choose a file with a header and rows.")
        file.seek(0)
        if packed:
            file = stack.enter_context(_unzipped(path.name, file))
        if first is not None:
            with _archive_errors(path.name):
                start = file.read(first + 1)
            cut = len(start) > first
            yield io.BytesIO(_whole_lines(start) if cut else start), cut
        elif packed:
            yield stack.enter_context(_copy(file, path.name, most_bytes)), False
        elif path.stat().st_size > most_bytes:
            raise too_large(path.name, most_bytes)
        else:
            yield file, False


def _whole_lines(start: bytes) -> bytes:
    """Without the last line, which may be cut, unless it is the only one."""
    return start[: max(start.rfind(b"\n"), start.rfind(b"\r")) + 1] or start


def _unzipped(name: str, file: BinaryIO) -> gzip.GzipFile:
    if file.read(2) != b"\x1f\x8b":
        raise SourceError(f"{name} is no gzip archive.", "Take the ending .gz off, or compress the file with gzip.")
    file.seek(0)
    return gzip.GzipFile(fileobj=file)


def _scratch() -> BinaryIO:
    """A file without a name: it is gone with this process, whatever ends it."""
    # Here and not in the temp folder, which may lie in memory: the parent starts us in the cache.
    return tempfile.TemporaryFile(dir=".")


def _copy(packed: BinaryIO, name: str, most_bytes: int) -> BinaryIO:
    """The bytes inside."""
    copy, size = _scratch(), 0
    with _archive_errors(name):
        while block := packed.read(_BLOCK):
            size += len(block)
            if size > most_bytes:
                raise too_large(name, most_bytes)
            copy.write(block)
    copy.seek(0)
    return copy


@contextlib.contextmanager
def _archive_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise SourceError(f"{name} is no whole gzip archive.", "Choose or upload it again.") from None


@contextlib.contextmanager
def clean_text(path: Path, most_bytes: int, first: int | None = None) -> Iterator[Clean]:
    """A file's text, whatever its encoding.

    Raises:
        SourceError: it is too large, no text at all, or in an encoding that cannot be told.
    """
    with unfolded(path, most_bytes, first) as (file, cut):
        start = file.read(_LOOKED_AT)
        file.seek(0)
        clean = Clean(path.name, file, cut)
        _refuse_binary(clean.name, start)
        encoding = _wide_encoding(start)
        if encoding:
            clean.file = _transcoded(clean, encoding)
            clean.notes.append("The file was read as UTF-16.")
        else:
            _refuse_control(clean.name, start)
        if not _is_clean(clean):
            clean.file = _mended(clean)
        yield clean


def refuse_foreign(clean: Clean, sample: str) -> None:
    """Raises SourceError where the text is plainly a web page or JSON and not lines of fields."""
    refuse_web_page(clean, sample)
    if _OBJECTS.match(sample):
        raise SourceError(f"{clean.name} holds JSON, not a table with delimiters.", "Give it the ending .jsonl or .json.")


def refuse_web_page(clean: Clean, sample: str) -> None:
    """Raises SourceError for HTML and XML."""
    if _WEB_PAGE.match(sample):
        raise SourceError(f"{clean.name} is no table: it is a web page.", "Download the data itself and choose that file.")


def _refuse_binary(name: str, start: bytes) -> None:
    found = next((what for signature, what in _SIGNATURES.items() if start.startswith(signature)), None)
    if start[257:262] == b"ustar":
        found = ("a tar archive", "Unpack it and choose the table inside.")
    if found:
        raise SourceError(f"{name} is no table of the kind its ending says: it is {found[0]}.", found[1])


def _refuse_control(name: str, start: bytes) -> None:
    if len(start) - len(start.translate(None, _CONTROL)) > _MOST_CONTROL * len(start):
        raise SourceError(f"{name} is no table: it holds binary data.", "Save the table as CSV, JSONL or Parquet.")


def _wide_encoding(start: bytes) -> str | None:
    """`utf-16` by its mark, `utf-16-le` or `-be` where every other byte of mostly Latin text is 0, else None."""
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    pairs = max(1, len(start) // 2)
    even, odd = start[::2].count(0) / pairs, start[1::2].count(0) / pairs
    if max(even, odd) < 0.4 or min(even, odd) > 0.05:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _transcoded(clean: Clean, encoding: str) -> BinaryIO:
    decoder, copy = codecs.getincrementaldecoder(encoding)(), _scratch()
    try:
        while block := clean.file.read(_BLOCK):
            copy.write(decoder.decode(block).encode())
        decoder.decode(b"", final=not clean.cut)
    except UnicodeError:
        raise SourceError(f"{clean.name} is damaged: it begins as UTF-16 and does not go on so.", "Save it as UTF-8.") from None
    copy.seek(0)
    return copy


def _is_clean(clean: Clean) -> bool:
    """Whether the bytes are UTF-8 without a NUL; the file stands at its start again."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while block := clean.file.read(_BLOCK):
            if b"\0" in block:
                return False
            decoder.decode(block)
        decoder.decode(b"", final=not clean.cut)
    except UnicodeDecodeError:
        return False
    finally:
        clean.file.seek(0)
    return True


class _Windows1252:
    """Decodes what is no UTF-8 byte by byte, and counts how often two such stand side by side."""

    name = "tuner.windows1252"
    # The five bytes Windows leaves undefined are control characters, as in Latin-1.
    _letters = tuple(bytes([code]).decode("cp1252", "ignore") or chr(code) for code in range(256))

    def __init__(self) -> None:
        self.count = self.beside = 0
        self._end = -1
        codecs.register_error(self.name, self._letter)

    def decode(self, line: bytes) -> str:
        self._end = -1
        return line.decode("utf-8", self.name)

    def _letter(self, error: UnicodeError) -> tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        self.count += 1
        self.beside += error.start == self._end
        self._end = error.end
        return "".join(self._letters[code] for code in error.object[error.start : error.end]), error.end

    def is_another_script(self) -> bool:
        """In Western European text a foreign letter stands among ASCII ones; in Cyrillic or Japanese they form words."""
        return self.count >= 4 and self.beside > self.count / 2


def _mended(clean: Clean) -> BinaryIO:
    """A copy without NULs, its bytes that are no UTF-8 read as Windows-1252.

    A file that mixes the two (a few lines pasted in) comes out right as well; the note names the first line and shows it.

    Raises:
        SourceError: those bytes form words of another script, whose encoding cannot be told.
    """
    foreign, copy = _Windows1252(), _scratch()
    nuls, broken, first = 0, 0, ""
    for number, line in enumerate(clean.file, 1):
        if b"\0" in line:
            nuls += 1
            line = line.replace(b"\0", b"")
        try:
            line.decode()
        except UnicodeDecodeError as error:
            broken += 1
            mended = foreign.decode(line)
            if not first:
                at = len(line[: error.start].decode())
                first = f"line {number}: '{' '.join(mended[max(0, at - 30) : at + 30].split())}'"
                byte = f"byte 0x{line[error.start]:02X} in line {number}"
            line = mended.encode()
        copy.write(line)
    if broken and foreign.is_another_script():
        raise SourceError(f"{clean.name} is neither UTF-8 nor Western European text ({byte}).", "Save it as UTF-8.")
    if broken:
        clean.notes.append(f"Not UTF-8 and therefore read as Windows-1252: {_lines(broken)}, first {first}.")
    if nuls:
        clean.notes.append(f"NUL characters were removed from {_lines(nuls)}.")
    copy.seek(0)
    return copy


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count:,} lines"
