"""What readers make of files that can be read: formats, delimiters, quotes, encodings, and the notes on all of it."""

import csv
import gzip
import io
import json
import re
import subprocess
import sys
import time

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.data import ingest
from tuner.data.tables import delimited
from tuner.data.tables.opening import clean_text
from tuner.errors import SourceError

ROWS = [{"text": 'Käse, "gut" 🙂', "label": "pos"}, {"text": "two\nlines", "label": "neg"}]
FLAT = [{"text": 'a "good" film', "label": "pos"}, {"text": "a dull, long film", "label": "neg"}]


def quoted(delimiter, quote='"'):
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter, quotechar=quote, quoting=csv.QUOTE_ALL)
    writer.writerows([["text", "label"], *([row["text"], row["label"]] for row in ROWS)])
    return sink.getvalue()


def parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


READABLE = {
    "comma.csv": quoted(",").encode(),
    "semicolon.csv": quoted(";").encode(),
    "tab.csv": quoted("\t").encode(),
    "bar.csv": quoted("|").encode(),
    "tab.tsv": quoted("\t").encode(),
    "comma.tsv": quoted(",").encode(),
    "bom.csv": quoted(",").encode("utf-8-sig"),
    "excel.csv": quoted("\t").encode("utf-16"),
    "little.csv": quoted(",").encode("utf-16-le"),
    "big.csv": quoted(",").encode("utf-16-be"),
    "lines.jsonl": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "bom.jsonl": "\n".join(json.dumps(row) for row in ROWS).encode("utf-8-sig"),
    "bare.jsonl": "\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode(),
    "list.json": json.dumps(ROWS).encode(),
    "data.json": json.dumps({"data": ROWS}).encode(),
    "lines.json": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "table.parquet": parquet(ROWS),
}


def read(path, **settings):
    table, notes = ingest.read(path, **settings)
    return table.to_pylist(), " ".join(notes)


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("name", READABLE)
def test_rows_come_out_as_they_are(name, packed, write):
    path = write(f"{name}.gz", gzip.compress(READABLE[name])) if packed else write(name, READABLE[name])
    assert read(path)[0] == ROWS


@pytest.mark.parametrize("name", READABLE)
def test_the_first_row_comes_out_as_it_is(name, write):
    assert read(write(name, READABLE[name]), rows=1)[0] == ROWS[:1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_line_end_makes_the_same_rows(end, write):
    assert read(write("a.csv", f"text,label{end}{end}a,b{end}c,d"))[0] == [
        {"text": "a", "label": "b"},
        {"text": "c", "label": "d"},
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json"])
def test_words_for_nothing_stay_text(name, write):
    words = ["NA", "null", "None", "nan", "N/A", "", "1", "01", "TRUE"]
    rows = [{"text": word, "label": "x"} for word in words]
    content = "text,label\n" + "".join(f"{word},x\n" for word in words) if name == "a.csv" else json.dumps(rows)
    content = "\n".join(map(json.dumps, rows)) if name == "a.jsonl" else content
    assert read(write(name, content))[0] == rows


TEXT_FILES = {
    "tab after the text": 'a "good" film\tpos\na dull, long film\tneg\n',
    "tab after the label": 'pos\ta "good" film\nneg\ta dull, long film\n',
    "fastText": '__label__pos a "good" film\n\n__label__neg a dull, long film\n',
    "with a header": 'text\tlabel\na "good" film\tpos\na dull, long film\tneg\n',
}


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
@pytest.mark.parametrize("case", TEXT_FILES)
def test_lines_of_text_with_a_label(case, packed, write):
    content = TEXT_FILES[case].encode()
    path = write("a.txt.gz", gzip.compress(content)) if packed else write("a.txt", content)
    assert read(path)[0] == FLAT


def test_a_header_of_a_text_file_is_not_eaten_in_silence(write):
    assert "('text', 'label') was taken as column names" in read(write("a.txt", TEXT_FILES["with a header"]))[1]


def test_fields_in_apostrophes(write):
    rows, notes = read(write("a.csv", "text,label\n'don''t, please','neg'\n'fine','pos'\n"))
    assert rows == [{"text": "don't, please", "label": "neg"}, {"text": "fine", "label": "pos"}]
    assert "apostrophes" in notes


def test_apostrophes_of_a_text_are_no_quotes(write):
    rows, notes = read(write("a.csv", "text,label\n'tis nice,pos\n'quoted',neg\n"))
    assert ([row["text"] for row in rows], notes) == (["'tis nice", "'quoted'"], "")


def test_quotes_of_a_tab_file_without_quoting_are_text(write):
    """As in GLUE: read by the book, the first text would swallow the second row."""
    rows, notes = read(write("a.tsv", 'text\tlabel\n"Great, he said\tpos\nthe film is "\tneg\n'))
    assert [row["text"] for row in rows] == ['"Great, he said', 'the film is "']
    assert "plain characters" in notes


def test_a_text_column_named_first_does_not_decide_the_delimiter(write):
    """The header has one comma and one semicolon; only one of them splits the rows."""
    rows, notes = read(write("a.csv", "text, raw;label\nfine;pos\nbad;neg\n"))
    assert rows[0] == {"text, raw": "fine", "label": "pos"}
    assert "semicolons" in notes


NOTED = {
    "windows-1252": ("text,label\nKäse “gut”,pos\nx,neg\n".encode("cp1252"), "1 line, first line 2: 'Käse “gut”,pos'"),
    "mixed": ("text,label\nKäse 東京,a\n".encode() + "Öl\n".encode("latin-1") * 3, "Windows-1252: 3 lines, first line 3: 'Öl'"),
    "utf-16": (quoted(",").encode("utf-16"), "read as UTF-16"),
    "NUL": (b"text,label\nan ex\0ample of a text,a\nanother,b\n", "NUL characters were removed from 1 line"),
    "delimiter": (b"text;label\na;b\n", "separated by semicolons"),
    "too few": (b"text,label\na,b\nlonely\n\nalone\n", r"2 rows have fewer fields than the header \(first: line 3\)"),
    "repeated names": (b"x,x,\n1,2,3\n", "the new ones are 'x_2', 'column_3'"),
    "no header": (b"I like it,pos\nso bad,neg\nnice,pos\n", "'I like it', 'pos'; but 'pos' also stands below"),
    "sentence": (b"this is such a very good film,1\nbad,0\n", "this is such a very good film…' reads like a text"),
}  # fmt: skip


@pytest.mark.parametrize("case", NOTED)
def test_what_was_changed_is_noted(case, write):
    content, words = NOTED[case]
    table, notes = ingest.read(write("a.csv", content))
    assert table.num_rows
    assert any(re.search(words, note) for note in notes), notes


def test_a_usual_file_needs_no_note(write):
    assert read(write("a.csv", quoted(",")))[1] == ""


def test_windows_and_mixed_letters_come_out_right(write):
    content = "text,label\nKäse 東京,a\n".encode() + "Öl “x” \x8d,b\n".encode("cp1252", "replace")
    assert [row["text"] for row in read(write("a.csv", content))[0]] == ["Käse 東京", "Öl “x” ?"]


@pytest.mark.parametrize("encoding", ["cp1251", "shift_jis", "gbk", "koi8-r"])
def test_letters_of_another_script_are_refused_and_not_garbled(encoding, write):
    text = {"cp1251": "привет мир", "koi8-r": "привет мир"}.get(encoding, "東京の天気")
    with pytest.raises(SourceError, match=r"neither UTF-8 nor Western European.*line 2"):
        read(write("a.csv", f"text,label\n{text},a\n{text},b\n".encode(encoding)))


def test_repeated_column_names_lose_no_column(write):
    assert read(write("a.csv", "x,x,x_2,\n1,2,3,4\n"))[0] == [{"x": "1", "x_3": "2", "x_2": "3", "column_4": "4"}]


def test_class_names_of_a_parquet_file_are_read(tmp_path):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zoo", "ape"])})
    rows = [{"text": "a", "label": 0}, {"text": "b", "label": 1}, {"text": "c", "label": -1}]
    datasets.Dataset.from_list(rows, features=features).to_parquet(tmp_path / "rows.parquet")
    assert [row["label"] for row in read(tmp_path / "rows.parquet")[0]] == ["zoo", "ape", None]


def test_values_of_json_keep_their_kind_and_what_is_mixed_becomes_text(write):
    rows = [{"n": 1, "f": 0.5, "b": True, "m": 1, "o": {"a": [1]}}, {"n": None, "f": 2, "b": False, "m": "x", "o": None}]
    found, notes = read(write("a.json", json.dumps(rows)))
    assert found == [
        {"n": 1, "f": 0.5, "b": True, "m": "1", "o": '{"a": [1]}'},
        {"n": None, "f": 2.0, "b": False, "m": "x", "o": None},
    ]
    mixed = "Column 'm' mixes numbers and text; all of it was read as text."
    assert notes == mixed + """ Column 'o' holds objects; each was read as text, such as {"a": [1]}."""


def test_missing_keys_are_counted(write):
    found, notes = read(write("a.jsonl", '{"text": "a"}\n{"text": "b", "label": "x"}\n{"label": "y"}\n'))
    assert found[0] == {"text": "a", "label": None}
    assert "2 rows lack some of the fields" in notes


def test_half_a_character_in_json_becomes_a_replacement(write):
    assert read(write("a.jsonl", '{"text": "\\ud83d", "label": "x"}'))[0] == [{"text": "\ufffd", "label": "x"}]


cells = st.text(st.sampled_from(list("ab \"',;\t|\n\ré")), max_size=6)
tables = st.integers(1, 3).flatmap(
    lambda width: st.lists(st.lists(cells, min_size=width, max_size=width), min_size=1, max_size=6)
)


def both_ways(tmp_path_factory, content, dialect):
    """Rows as the fast reader gives them (None: it leaves the file to the other), then as the careful one does or its refusal."""
    path = tmp_path_factory.mktemp("both") / "a.csv"
    path.write_bytes(content)
    with clean_text(path, 10**9) as clean:
        with clean.text() as text:
            header = next(delimited._records(text, dialect, "a.csv"))[1]
        fast = delimited._read_fast(clean, dialect, header)
        try:
            careful = values(delimited._read_carefully(clean, dialect, len(header), None))
        except SourceError as refusal:
            careful = refusal
        return values(fast), careful


def values(table):
    return None if table is None else [list(row.values()) for row in table.to_pylist()]


@given(
    rows=tables,
    delimiter=st.sampled_from(",;\t|"),
    bom=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quote_all=st.booleans(),
)
def test_the_fast_reader_takes_whole_tables_and_agrees(rows, delimiter, bom, end, quote_all, tmp_path_factory):
    header = [f"column {index}" for index in range(len(rows[0]))]

    def field(cell):
        return '"' + cell.replace('"', '""') + '"' if quote_all or not cell or set(cell) & set('",;\t|\r\n') else cell

    content = end.join(delimiter.join(map(field, row)) for row in [header, *rows]).encode("utf-8-sig" if bom else "utf-8")
    fast, careful = both_ways(tmp_path_factory, content, delimited.Dialect(delimiter, '"'))
    assert careful == rows
    assert fast == rows


@given(content=st.text(st.sampled_from(list('ab,"\n\r')), min_size=1, max_size=30), quote=st.sampled_from(['"', None]))
def test_whatever_the_fast_reader_takes_the_careful_one_reads_alike(content, quote, tmp_path_factory):
    """Broken quotes, ragged rows, blank lines: the fast reader may leave a file, never read it otherwise."""
    fast, careful = both_ways(tmp_path_factory, f"first,second\n{content}".encode(), delimited.Dialect(",", quote))
    assert fast in (None, careful)


@pytest.mark.parametrize("row", ['"never closed,b', '"closed" too early,b', 'a" b,"c', '"a"b",c'])
def test_the_fast_reader_leaves_broken_quotes_alone(row, tmp_path_factory):
    """pyarrow alone reads these without a word."""
    fast, _ = both_ways(tmp_path_factory, f"text,label\nx,y\n{row}\n".encode(), delimited.Dialect(",", '"'))
    assert fast is None


def test_what_a_gzip_file_unfolds_to_is_counted_while_it_is_read(write):
    path = write("a.csv.gz", gzip.compress(b"text,label\n" + b"a,b\n" * 25_000_000, 1))
    start = time.process_time()
    with pytest.raises(SourceError, match="holds more than 3 MiB"):
        ingest.read(path, most_bytes=3 * 2**20)
    assert time.process_time() - start < 1


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_million_rows_are_read_in_seconds_with_little_memory(tmp_path, packed):
    """Measured on two cores: 1.1 s and 0.44 GiB (gzip: 1.4 s); the limits leave room for a busy machine."""
    text = "".join(chr(97 + i * 7 % 26) for i in range(139))
    content = "text,label\n" + "".join(f"{i:06d} {text},{'pos' if i % 2 else 'neg'}\n" for i in range(1_000_000))
    path = tmp_path / ("big.csv.gz" if packed else "big.csv")
    path.write_bytes(gzip.compress(content.encode(), 1) if packed else content.encode())
    start = time.perf_counter()
    # Linux counts the memory of the process that starts a child as the child's: a small one between, since this one is large.
    between = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
    between += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    command = [sys.executable, "-c", between, sys.executable, "-m", "tuner.data.ingest", path, tmp_path / "out", str(2**31)]
    used = int(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])
    assert time.perf_counter() - start < 10
    assert used < 1.2 * 2**20  # KiB
    with pa.memory_map(str(tmp_path / "out")) as file, pa.ipc.open_stream(file) as stream:
        assert stream.read_all().num_rows == 1_000_000
