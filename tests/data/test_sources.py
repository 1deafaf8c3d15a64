"""Files, uploads and Hub ids: what can be read, and how refusals sound."""

import json
import os
import time

import datasets
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests import tiny
from tuner.config import DataConfig
from tuner.data import files
from tuner.data.labelled import load_labelled
from tuner.data.sources import kind_of, load_raw
from tuner.errors import NetworkError, SourceError

ROWS = [{"text": 'Käse, "gut" 🙂', "label": "pos"}, {"text": "two\nlines", "label": "neg"}]


def quoted(delimiter):
    escaped = [(row["text"].replace('"', '""'), row["label"]) for row in ROWS]
    return "".join([f"text{delimiter}label\r\n", *(f'"{text}"{delimiter}{label}\r\n' for text, label in escaped)])


def parquet(rows):
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


READABLE = {
    "comma.csv": quoted(",").encode(),
    "semicolon.csv": quoted(";").encode(),
    "tab.csv": quoted("\t").encode(),
    "tab.tsv": quoted("\t").encode(),
    "bom.csv": quoted(",").encode("utf-8-sig"),
    "excel.csv": quoted("\t").encode("utf-16"),
    "lines.jsonl": "\n".join(json.dumps(row) for row in ROWS).encode(),
    "bare.jsonl": "\n\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS).encode(),
    "list.json": json.dumps(ROWS).encode(),
    "data.json": json.dumps({"data": ROWS}).encode(),
    "table.parquet": parquet(ROWS),
}


@pytest.mark.parametrize("name", READABLE)
def test_rows_come_out_as_they_are(name, write):
    table = load_raw(str(write(name, READABLE[name]))).splits["train"]
    assert [{**row, "text": row["text"].replace("\r\n", "\n")} for row in table.to_list()] == ROWS


def test_class_names_of_a_parquet_file_are_read(write, tmp_path):
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zoo", "ape"])})
    path = tmp_path / "rows.parquet"
    datasets.Dataset.from_list([{"text": "a", "label": 0}, {"text": "b", "label": 1}], features=features).to_parquet(path)
    assert load_raw(str(path)).splits["train"]["label"][:] == ["zoo", "ape"]


def test_a_short_row_is_filled_up_with_nothing(write):
    assert load_raw(str(write("a.csv", "text,label\nonly text\n"))).splits["train"].to_list() == [
        {"text": "only text", "label": ""}
    ]


def test_repeated_column_names_lose_no_column(write):
    assert load_raw(str(write("a.csv", "x,x,\n1,2,3\n"))).splits["train"].column_names == ["x", "x_2", "column_3"]


def test_a_file_is_parsed_once(write):
    path = str(write("a.csv", "text,label\na,b\n"))
    load_raw(path)
    start = time.perf_counter()
    load_raw(path)
    assert time.perf_counter() - start < 0.15


def test_a_changed_file_is_read_anew(write):
    load_raw(str(write("a.csv", "text,label\na,b\n")))
    assert load_raw(str(write("a.csv", "text,label\nnew,b\n"))).splits["train"]["text"][:] == ["new"]


GOOD = quoted(",").encode()
BAD = {
    "empty": ("a.csv", b"", "is empty"),
    "blank": ("a.csv", b" \n \n", "is empty"),
    "header only": ("a.csv", b"text,label\n", "has a header but no rows"),
    "binary": ("a.csv", bytes(range(256)) * 8, "not UTF-8|binary data"),
    "zeros": ("a.csv", b"\0" * 1000, "binary data"),
    "picture": ("a.csv", b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "it is a picture"),
    "spreadsheet": ("a.csv", b"PK\x03\x04" + b"\0" * 64, "a ZIP archive or spreadsheet"),
    "json as csv": ("a.csv", json.dumps(ROWS).encode(), "holds JSON"),
    "json lines as csv": ("a.csv", READABLE["lines.jsonl"], "holds JSON"),
    "web page": ("a.csv", b"<!DOCTYPE html><html><body>404</body></html>", "it is a web page"),
    "latin-1": ("a.csv", "text,label\nKäse,pos\n".encode("latin-1"), r"byte 0xE4 in line 2"),
    "too many fields": ("a.csv", b"text,label\na,b\na,b,c\n", "line 3: 3 fields where the header has 2"),
    "open quote": ("a.csv", b'text,label\n"never closed,b\n', "line 2"),
    "torn parquet": ("a.parquet", READABLE["table.parquet"][:200], "no whole Parquet file"),
    "csv as parquet": ("a.parquet", GOOD, "no whole Parquet file"),
    "brackets": ("a.json", b"[" * 20_000, "nested too deeply"),
    "brackets in a line": ("a.jsonl", b'{"text": ' + b"[" * 20_000, "nested too deeply"),
    "no json": ("a.jsonl", b'{"text": "a"}\n{oops\n', "line 2 is not JSON"),
    "json number": ("a.json", b"42", "holds a int, not a list"),
    "list of numbers": ("a.json", b"[1, 2]", "item 1 holds a int, not an object"),
    "list of nothing": ("a.json", b"[]", "no rows"),
    "wrong suffix": ("a.xlsx", b"PK\x03\x04", "has the ending '.xlsx'"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_refused_with_cause_and_cure_and_leaves_nothing(case, write, home):
    name, content, cause = BAD[case]
    with pytest.raises(SourceError, match=cause) as refusal:
        load_raw(str(write(name, content)))
    assert refusal.value.cure
    assert not [path for path in home.rglob("*") if path.is_file()]


BAD_SETTINGS = {
    "one class": ("text,label\n" + "some text,a\n" * 20, {}, "one class"),
    "unknown column": ("text,label\na,b\nb,c\n", {"label_column": "mood"}, "There is no column 'mood'"),
    "number as text": ('[{"n": 1, "label": "a"}]', {"text_column": "n"}, "not text"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_rows_that_teach_nothing_are_refused(case, write):
    content, settings, cause = BAD_SETTINGS[case]
    path = write("a.json" if content.startswith("[") else "a.csv", content)
    with pytest.raises(SourceError, match=cause) as refusal:
        load_labelled(DataConfig(source=str(path), **settings))
    assert refusal.value.cure


def test_nan_in_a_number_column_is_a_missing_label(write):
    lines = [f'{{"text": "{text}", "label": {i % 2}.0}}' for i, (text, _) in enumerate(tiny.labelled_rows(30))]
    data = load_labelled(DataConfig(source=str(write("a.jsonl", "\n".join([*lines, '{"text": "x", "label": NaN}'])))))
    assert (data.labels, sum(map(len, data.splits.values()))) == (("0", "1"), 30)


@pytest.mark.parametrize("source", ["text", "nope", "sample:nope", "upload:123", "a/b/c", "../x/y", "a b/c", "upload:../../etc"])
def test_a_name_that_means_nothing_is_refused(source):
    with pytest.raises(SourceError, match="is no source of examples") as refusal:
        kind_of(source)
    assert "sample:tweets" in refusal.value.cure


@pytest.mark.parametrize(
    ("source", "kind"),
    [("sample:tweets", "sample"), ("stanfordnlp/imdb", "hub"), ("a/b.csv", "file"), (f"upload:{'0' * 32}", "upload")],
)
def test_kinds_of_sources(source, kind):
    assert kind_of(source) == kind


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(SourceError, match="There is no file"):
        load_raw(str(tmp_path / "gone.csv"))


def test_a_hub_id_without_network_is_answered_within_five_seconds():
    start = time.monotonic()
    with pytest.raises(NetworkError, match="cannot be reached") as refusal:
        load_raw("owner/name")
    assert time.monotonic() - start < 5
    assert "sample:tweets" in refusal.value.cure


def test_a_stored_upload_can_be_read_by_its_name(write):
    path = write("mine.csv", GOOD)
    name = files.store_upload(path)
    path.unlink()
    assert kind_of(name) == "upload"
    assert len(load_raw(name).splits["train"]) == 2


def test_an_upload_that_is_gone_is_refused():
    with pytest.raises(SourceError, match="not there any more"):
        load_raw(f"upload:{'0' * 32}")


def test_the_parsing_child_gets_no_secret(write, monkeypatch):
    seen = {}
    real = files.subprocess.run
    monkeypatch.setenv("HF_TOKEN", "hf_canary")
    monkeypatch.setattr(files.subprocess, "run", lambda *args, **kwargs: seen.update(kwargs["env"]) or real(*args, **kwargs))
    load_raw(str(write("a.csv", GOOD)))
    assert seen
    assert "hf_canary" not in seen.values()


def test_a_reader_that_crashes_does_not_take_us_along(write, monkeypatch):
    monkeypatch.setattr(files.sys, "executable", "/bin/false")
    with pytest.raises(SourceError, match="makes its reader crash"):
        load_raw(str(write("a.csv", GOOD)))


def test_memory_of_the_parser_is_limited(write):
    """A file that unfolds without end is ended by the limit, not by the machine."""
    import resource

    from tuner.data import ingest

    before = resource.getrlimit(resource.RLIMIT_AS)
    pid = os.fork()
    if pid == 0:
        ingest._limit(resource.RLIMIT_AS, 2**33)
        os._exit(0 if resource.getrlimit(resource.RLIMIT_AS)[0] == 2**33 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert resource.getrlimit(resource.RLIMIT_AS) == before
