"""Every bad file in one table: what a person hears about it, through the way that app, CLI and package share."""

import functools
import gzip
import json
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import tiny
from tuner.config import DataConfig
from tuner.data import files, load_labelled
from tuner.data.sources import load_raw
from tuner.errors import SourceError

LIMIT = 16 * 2**20  # instead of 2 GiB
ROWS = [{"text": "fine film", "label": "pos"}, {"text": "awful film", "label": "neg"}]
LINES = "\n".join(json.dumps(row) for row in ROWS).encode()
TABLE = b"text,label\nfine film,pos\nawful film,neg\n"
PAGE = b"<!DOCTYPE html><html><body>404, sorry</body></html>"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)
DEEP = b"[" * 20_000


@functools.cache
def parquet(texts=("fine film", "awful film"), repeat=1):
    sink = pa.BufferOutputStream()
    texts = [text for text in texts for _ in range(repeat)]
    pq.write_table(pa.table({"text": texts, "label": [str(i % 2) for i in range(len(texts))]}), sink)
    return sink.getvalue().to_pybytes()


def flipped():
    whole = bytearray(parquet(tuple(f"text {i}" for i in range(500))))
    for at in range(40, len(whole) - 200, 37):
        whole[at] ^= 0xFF
    return bytes(whole)


# name → (file name, content builder, words of the cause, words of the cure)
BAD = {
    "empty": ("a.csv", lambda: b"", "a.csv is empty", "Choose a file with a header and rows"),
    "empty gzip": ("a.csv.gz", lambda: gzip.compress(b""), "is empty", "Choose a file with a header and rows"),
    "blank lines": ("a.csv", lambda: b" \n\r\n \n", "holds blanks only", "Choose a file with a header and rows"),
    "header only": ("a.csv", lambda: b"text,label\n", "has a header but no rows", "Choose a file with rows"),
    "binary": ("a.csv", lambda: bytes(range(256)) * 8, "holds binary data", "as CSV, JSONL or Parquet"),
    "zeros": ("a.csv", lambda: bytes(1000), "holds binary data", "as CSV, JSONL or Parquet"),
    "picture as CSV": ("a.csv", lambda: PNG, "it is a picture", "Choose a table"),
    "picture as JSON": ("a.json", lambda: PNG, "it is a picture", "Choose a table"),
    "picture as text": ("a.txt", lambda: PNG, "it is a picture", "Choose a table"),
    "spreadsheet": ("a.csv", lambda: b"PK\x03\x04" + bytes(64), "ZIP archive or spreadsheet", "Save the sheet as CSV"),
    "old spreadsheet": ("a.csv", lambda: b"\xd0\xcf\x11\xe0" + bytes(64), "old spreadsheet", "Save the sheet as CSV"),
    "spreadsheet by name": ("a.xlsx", lambda: b"PK\x03\x04", "has the ending '.xlsx'", ".csv .tsv .jsonl .json .parquet .txt"),
    "tar": ("a.csv.gz", lambda: gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar" + bytes(250)), "tar archive", "Unpack it"),
    "JSON as CSV": ("a.csv", lambda: json.dumps(ROWS, indent=1).encode(), "holds JSON", "the ending .jsonl or .json"),
    "JSON lines as CSV": ("a.csv", lambda: LINES, "holds JSON", "the ending .jsonl or .json"),
    "JSON lines as text": ("a.txt", lambda: LINES, "holds JSON", "the ending .jsonl or .json"),
    "CSV as JSON lines": ("a.jsonl", lambda: TABLE, "holds no JSON: it begins with 'text,label'", "own ending, such as .csv"),
    "CSV as Parquet": ("a.parquet", lambda: TABLE, "is no Parquet file", "own ending, such as .csv"),
    "Parquet as CSV": ("a.csv", parquet, "it is a Parquet file", "the ending .parquet"),
    "CSV as gzip": ("a.csv.gz", lambda: TABLE, "is no gzip archive", "Take the ending .gz off"),
    "gzip as CSV": ("a.csv", lambda: gzip.compress(TABLE), "it is a gzip archive", "Put .gz behind its ending"),
    "web page as CSV": ("a.csv", lambda: PAGE, "it is a web page", "Download the data itself"),
    "web page as JSON": ("a.jsonl", lambda: PAGE, "it is a web page", "Download the data itself"),
    "web page as Parquet": ("a.parquet", lambda: PAGE, "is no Parquet file", "its own ending"),
    "open quote": ("a.csv", lambda: b'text,label\nx,y\n"never,b\nc,d\n', "quote opened in line 3 is never", "Close the quote"),
    "early quote": ("a.csv", lambda: b'text,label\n"a" b,c\n', "line 2: a closing quote stands inside", "Close the quote"),
    "late quote": ("a.csv", lambda: b'a,b\n"never,b\nc,d\n"e",f\n', "lines 2 to 4: a closing quote stands", "Close the quote"),
    "too many fields": ("a.csv", lambda: b"a,b\na,b\na,b,c\n", "line 3: 3 fields where the header has 2", "Put quotes around"),
    "too many columns": ("a.csv", lambda: b",".join([b"x"] * 10_001) + b"\n", "has 10,001 columns", "Keep the texts and labels"),
    "Cyrillic of old": ("a.csv", lambda: "text,label\nпривет,да\n".encode("cp1251"), "byte 0xEF in line 2", "Save it as UTF-8"),
    "torn UTF-16": ("a.csv", lambda: "text,label\na,b".encode("utf-16")[:-1], "begins as UTF-16", "Save it as UTF-8"),
    "JSON number": ("a.json", lambda: b"42", "holds a number, not a list", "Give a list of objects"),
    "JSON text": ("a.json", lambda: b'"text"', "holds a text, not a list", "Give a list of objects"),
    "JSON object": ("a.json", lambda: b'{"a": {"b": 1}}', "holds an object, not a list", "Give a list of objects"),
    "list of numbers": ("a.json", lambda: b"[1, 2]", "item 1 holds a number, not an object", "Give objects like"),
    "list of nothing": ("a.json", lambda: b"[]", "has no rows", "Choose a file with rows"),
    "list as JSON lines": ("a.jsonl", lambda: b'["a", "b"]\n', "line 1 holds a list, not an object", "Give objects like"),
    "broken line": ("a.jsonl", lambda: LINES + b"\n{oops\n", "line 3 is not JSON", "Mend it, or leave it out"),
    "broken JSON": ("a.json", lambda: b'[{"text": "a"}, {"te', "a.json is not JSON", "Mend it"),
    "brackets": ("a.json", lambda: DEEP, "is nested too deeply", "Give flat objects"),
    "brackets in a line": ("a.jsonl", lambda: LINES + b'\n{"a": ' + DEEP, "line 3 is nested too deeply", "Give flat objects"),
    "texts alone": ("a.txt", lambda: b"a film\nanother\n", "texts without labels: no line has a tab", "Put the label behind"),
    "a text alone": ("a.txt", lambda: b"a film\tpos\nanother\n", "line 2 has no tab", "Put the label behind"),
    "several labels": ("a.txt", lambda: b"__label__a __label__b film\n", "line 1 has several labels", "one label"),
    "torn Parquet": ("a.parquet", lambda: parquet()[:300], "is no whole Parquet file", "Choose or upload it again"),
    "flipped bytes": ("a.parquet", flipped, "no whole Parquet file|crash|more memory", "again|do not use|smaller"),
    "torn gzip": ("a.csv.gz", lambda: gzip.compress(TABLE * 99)[:-12], "is no whole gzip archive", "Choose or upload it again"),
    "too large": ("a.csv", lambda: TABLE * 500_000, "holds more than 16 MiB", "Give a smaller file"),
    "gzip bomb": ("a.csv.gz", lambda: gzip.compress(TABLE + bytes(100_000_000)), "holds more than 16 MiB", "smaller file"),
    "Parquet bomb": ("a.parquet", lambda: parquet(("x" * 20_000,), 10_000), "holds more than 16 MiB", "smaller file"),
}


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setattr(files, "MOST_FILE_BYTES", LIMIT)


def left_behind(home):
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_cause_and_cure_and_leaves_nothing(case, write, home):
    name, build, cause, cure = BAD[case]
    with pytest.raises(SourceError) as refusal:
        load_raw(str(write(name, build())))
    assert re.search(cause, refusal.value.cause), refusal.value.cause
    assert re.search(cure, refusal.value.cure), refusal.value.cure
    assert "Traceback" not in str(refusal.value)
    assert not left_behind(home)


@pytest.mark.parametrize("case", ["open quote", "broken line", "CSV as gzip", "header only", "CSV as Parquet", "gzip as CSV"])
def test_the_first_rows_of_a_bad_file_are_refused_alike(case, write, home):
    name, build, cause, cure = BAD[case]
    with pytest.raises(SourceError, match=cause) as refusal:
        files.head(write(name, build()))
    assert re.search(cure, refusal.value.cure)
    assert not left_behind(home)


def test_a_bomb_is_small(write):
    for case in ("gzip bomb", "Parquet bomb"):
        assert len(BAD[case][1]()) < 200_000


# name → (file name, content builder, rows, columns, words of a note or None)
LOADS = {
    "NUL": ("a.csv", lambda: TABLE.replace(b"fine", b"fi\0ne"), 2, 2, "NUL characters were removed from 1 line"),
    "too few fields": ("a.csv", lambda: TABLE + b"alone\n", 3, 2, "1 row has fewer fields than the header"),
    "repeated names": ("a.csv", lambda: b"x,x\n1,2\n", 1, 2, "the new ones are 'x_2'"),
    "mixed encodings": ("a.csv", lambda: TABLE + "Öl,pos\n".encode("latin-1"), 3, 2, "Windows-1252: 1 line, first line 4"),
    "no header": ("a.csv", lambda: b"fine,pos\nbad,neg\ngood,pos\n", 2, 2, "The first row was taken as column names"),
    "a column called labels": ("a.csv", lambda: b"text,labels,input_ids\na,b,c\n", 1, 3, None),
    "nested JSON": (
        "a.json",
        lambda: b'[{"text": {"a": 1}, "label": [1, 2]}]',
        1,
        2,
        'holds objects; each was read as text, such as {"a": 1}',
    ),
    "mixed kinds": ("a.jsonl", lambda: b'{"label": 1}\n{"label": "pos"}\n', 2, 1, "'label' mixes numbers and text"),
    "brackets in a cell": ("a.csv", lambda: b"text,label\n" + DEEP + b",a\n", 1, 2, None),
    "long cell": ("a.csv", lambda: b"text,label\n" + b"long " * 2_000_000 + b",a\n", 1, 2, None),
    "3,000 columns": ("a.csv", lambda: b",".join(b"%d" % i for i in range(3_000)) + b"\n" + b"," * 2_999, 1, 3_000, None),
}


@pytest.mark.parametrize("case", LOADS)
def test_an_odd_file_loads_and_says_what_was_changed_each_time(case, write):
    name, build, rows, columns, note = LOADS[case]
    path = str(write(name, build()))
    for _ in ("parsed", "from the cache"):
        raw = load_raw(path)
        assert raw.splits["train"].shape == (rows, columns)
        assert (note in " ".join(raw.notes)) if note else not raw.notes


def test_objects_stay_json_text(write):
    name, build, *_ = LOADS["nested JSON"]
    assert load_raw(str(write(name, build()))).splits["train"][0] == {"text": '{"a": 1}', "label": "[1, 2]"}


def test_a_column_of_empty_objects_is_text(write):
    rows = load_raw(str(write("a.jsonl", '{"text": "a", "meta": {}}\n{"text": "b", "meta": null}\n'))).splits["train"]
    assert list(rows["meta"]) == ["{}", None]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(write):
    path = write("a.csv", TABLE)
    path.chmod(0)
    with pytest.raises(SourceError, match="may not be read"):
        load_raw(str(path))


def test_a_link_to_nowhere_is_refused(tmp_path):
    (tmp_path / "a.csv").symlink_to(tmp_path / "gone.csv")
    with pytest.raises(SourceError, match=r"link to a file that is not there. Give the file itself"):
        load_raw(str(tmp_path / "a.csv"))


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"There is no file .*gone.csv. Check the path"):
        load_raw(str(tmp_path / "gone.csv"))


def labelled_with(values):
    rows = tiny.labelled_rows(60)
    return json.dumps([{"text": text, "label": values[i % len(values)]} for i, (text, _) in enumerate(rows)])


# name → (file name, content, settings, words of the cause, words of the cure)
BAD_LABELS = {
    "one class": ("a.json", labelled_with(["a"]), {}, "one class", "another"),
    "one class of two rows": ("a.csv", "text,label\ngood,x\nbad,x\n", {}, "has one class ('x')", "another label column"),
    "5,000 classes": ("a.csv", "text,label\n" + "".join(f"t {i},c{i // 9}\n" for i in range(45_000)), {}, "5,000", "another"),
    "fractions": ("a.json", labelled_with([0.5, 1.25]), {"label_column": "label"}, "fractions", "another"),
    "no label at all": ("a.json", labelled_with([None]), {"label_column": "label"}, "label", "."),
    "unknown column": ("a.csv", TABLE.decode(), {"label_column": "mood"}, "There is no column 'mood'", "label_column"),
    "number as text": ("a.json", '[{"n": 1, "label": "a"}]', {"text_column": "n"}, "not text", "a column of text"),
}


@pytest.mark.parametrize("case", BAD_LABELS)
def test_rows_that_teach_nothing_are_refused(case, write):
    name, content, settings, cause, cure = BAD_LABELS[case]
    with pytest.raises(SourceError) as refusal:
        load_labelled(DataConfig(source=str(write(name, content)), **settings))
    assert cause in refusal.value.cause
    assert cure in refusal.value.cure


@pytest.mark.parametrize(
    ("values", "labels"),
    [([0.0, 1.0], ("0", "1")), ([-1, 1], ("-1", "1")), ([True, False], ("False", "True")), ([1, "a"], ("1", "a"))],
)
def test_labels_that_only_look_odd_are_taken(values, labels, write):
    data = load_labelled(DataConfig(source=str(write("a.json", labelled_with(values)))))
    assert data.labels == labels


def test_nan_in_a_number_column_is_a_missing_label(write):
    lines = [f'{{"text": "{text}", "label": {i % 2}.0}}' for i, (text, _) in enumerate(tiny.labelled_rows(30))]
    data = load_labelled(DataConfig(source=str(write("a.jsonl", "\n".join([*lines, '{"text": "x", "label": NaN}'])))))
    assert (data.labels, sum(map(len, data.splits.values()))) == (("0", "1"), 30)
