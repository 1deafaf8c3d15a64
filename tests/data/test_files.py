"""Folders, uploads, the cache of parsed tables and the first rows of a long file."""

import gzip
import time

import pytest

from tuner.batch import read_texts
from tuner.config import DataConfig
from tuner.data import files, ingest, load_labelled
from tuner.data.sources import kind_of, load_raw
from tuner.errors import RunError, SourceError

GOOD = "text,label\nfine,pos\nawful,neg\n"


def lay(folder, contents):
    """Writes files: `lay(tmp_path, {"neg/1.txt": "bad"})`; a name that ends in a slash is an empty folder."""
    for name, content in contents.items():
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not name.endswith("/"):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def texts(raw):
    return {name: [(row["text"], row["label"]) for row in split.to_list()] for name, split in raw.splits.items()}


def test_a_file_is_parsed_once(write, monkeypatch):
    path = str(write("a.csv", "text;label\na;b\n"))
    first = load_raw(path)
    monkeypatch.setattr(files, "_run_reader", None)
    assert load_raw(path).notes == first.notes != ()


def test_a_changed_file_is_read_anew(write):
    load_raw(str(write("a.csv", "text,label\na,b\n")))
    assert load_raw(str(write("a.csv", "text,label\nnew,b\n"))).splits["train"]["text"][:] == ["new"]


def test_a_file_that_is_saved_while_it_is_read_is_read_anew(write, monkeypatch):
    path, read = write("a.csv", "text,label\nold,b\n"), files._run_reader

    def save_and_read(*arguments):
        write("a.csv", "text,label\nnew,b\n")
        return read(*arguments)

    monkeypatch.setattr(files, "_run_reader", save_and_read)
    assert load_raw(str(path)).identity == files.sha256(path)
    monkeypatch.setattr(files, "_run_reader", read)
    assert load_raw(str(write("a.csv", "text,label\nold,b\n"))).splits["train"]["text"][:] == ["old"]


def test_the_cache_holds_nothing_but_whole_tables(write, home):
    load_raw(str(write("a.csv.gz", gzip.compress(GOOD.encode()))))
    assert [path.suffixes[-3:] for path in (home / "cache" / "tables").iterdir()] == [
        [".gz", f".{files._PARSER_VERSION}", ".arrow"]
    ]


@pytest.mark.parametrize(
    "python", [None, "#!/nowhere/sh\n", "#!/bin/sh\nexit 1\n"], ids=["none", "no interpreter", "dies at once"]
)
def test_a_reader_that_cannot_be_started_says_nothing_against_the_file(python, write, tmp_path, monkeypatch):
    path = write("a.csv", GOOD)
    program = tmp_path / "python"
    if python:
        program.write_text(python)
        program.chmod(0o755)
    monkeypatch.setattr(files.sys, "executable", str(program))
    with pytest.raises(SourceError, match=r"could not be started.*the file is not to blame"):
        load_raw(str(path))
    monkeypatch.undo()
    assert texts(load_raw(str(path))) == {"train": [("fine", "pos"), ("awful", "neg")]}


def test_a_reader_that_was_killed_says_nothing_against_the_file(write, tmp_path, monkeypatch):
    path, program = write("a.csv", GOOD), tmp_path / "python"
    program.write_text(f"#!/bin/sh\necho '{ingest.STARTED}' >&2\nkill -KILL $$\n")
    program.chmod(0o755)
    monkeypatch.setattr(files.sys, "executable", str(program))
    with pytest.raises(SourceError, match=r"was killed\. Free some memory"):
        load_raw(str(path))


def test_files_named_by_split_are_splits(tmp_path):
    lay(
        tmp_path / "set",
        {
            "test.jsonl": '{"text": "t", "label": "a"}\n',
            "Train.csv": GOOD,
            "dev.txt.gz": gzip.compress(b"d\ta\n"),
            ".hidden.csv": "x",
            "README.md": "words",
        },
    )
    raw = load_raw(str(tmp_path / "set"))
    assert texts(raw) == {"train": [("fine", "pos"), ("awful", "neg")], "dev": [("d", "a")], "test": [("t", "a")]}
    assert next(iter(raw.splits)) == "train"
    assert raw.notes == ("Not read: README.md.",)


def test_notes_of_several_files_name_their_split(tmp_path):
    lay(tmp_path / "set", {"train.csv": GOOD, "test.csv": "text;label\na;b\n"})
    assert load_raw(str(tmp_path / "set")).notes == ("test: Columns are separated by semicolons.",)


def test_folders_named_by_label_are_one_split(tmp_path):
    lay(
        tmp_path / "set", {"neg/2.txt": "bad\nfilm\n", "neg/.x.txt": "no", "pos/1.txt": "Käse".encode("latin-1"), "pos/2.txt": ""}
    )
    raw = load_raw(str(tmp_path / "set"))
    assert texts(raw) == {"train": [("bad\nfilm", "neg"), ("Käse", "pos"), ("", "pos")]}
    assert "pos/1.txt: Not UTF-8" in raw.notes[0]


def test_the_layout_of_imdb_is_read(tmp_path):
    names = [f"{split}/{label}/{i}_1.txt" for split in ("test", "train") for label in ("neg", "pos") for i in range(20)]
    lay(tmp_path / "imdb", {**{name: f"{name} text" for name in names}, "train/urls_neg.txt": "http", "README": "words"})
    raw = load_raw(str(tmp_path / "imdb"))
    assert {name: len(split) for name, split in raw.splits.items()} == {"train": 40, "test": 40}
    assert load_labelled(DataConfig(source=str(tmp_path / "imdb"))).labels == ("neg", "pos")


def test_a_changed_text_in_a_folder_is_read_anew(tmp_path):
    folder = lay(tmp_path / "set", {"neg/1.txt": "bad", "pos/1.txt": "good"})
    before = load_raw(str(folder)).identity
    lay(folder, {"pos/1.txt": "great"})
    assert load_raw(str(folder)).identity != before


BAD_FOLDERS = {
    "nothing": ({}, "holds nothing"),
    "only hidden files": ({".git/HEAD": "x", ".x.csv": GOOD}, "holds nothing"),
    "no table": ({"a.docx": "x", "b.pdf": "y"}, "only a.docx, b.pdf, no labelled text"),
    "names that are no split": ({"mine.csv": GOOD, "yours.csv": GOOD}, "not named by split (mine.csv, yours.csv)"),
    "a split and another table": ({"train.csv": GOOD, "yours.csv": GOOD}, "yours.csv is named by no split"),
    "a split twice": ({"train.csv": GOOD, "train.tsv": GOOD}, "train.csv and train.tsv are both the split train"),
    "splits beside labels": ({"train.csv": GOOD, "neg/1.txt": "bad"}, "beside folders (neg)"),
    "pictures": ({"cat/1.png": "x", "dog/1.png": "y"}, "cat, dog in set holds no .txt file"),
    "an empty label": ({"neg/1.txt": "bad", "pos/": ""}, "pos in set holds no .txt file"),
    "a bad split": ({"train.csv": GOOD, "test.csv": ""}, "test.csv is empty"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_folder_that_cannot_be_read_is_refused_in_words(case, tmp_path):
    contents, cause = BAD_FOLDERS[case]
    (tmp_path / "set").mkdir()
    with pytest.raises(SourceError) as refusal:
        load_raw(str(lay(tmp_path / "set", contents)))
    assert cause in refusal.value.cause
    assert refusal.value.cure


def test_a_stored_upload_can_be_read_by_its_name(write):
    path = write("mine.csv", GOOD)
    name = files.store_upload(path)
    path.unlink()
    assert kind_of(name) == "upload"
    assert texts(load_raw(name)) == {"train": [("fine", "pos"), ("awful", "neg")]}


def test_several_uploads_are_splits_whatever_their_order(tmp_path):
    lay(tmp_path, {"1/test.csv": "text,label\nt,a\n", "2/train.csv": GOOD})
    paths = [tmp_path / "1" / "test.csv", tmp_path / "2" / "train.csv"]
    name = files.store_uploads(paths)
    assert list(load_raw(name).splits) == ["train", "test"]
    assert files.store_uploads(paths[::-1]) == name


def test_one_upload_is_train_whatever_its_name(write):
    assert list(load_raw(files.store_uploads([write("test.csv", GOOD)])).splits) == ["train"]


@pytest.mark.parametrize("names", [["a.csv", "b.csv"], ["train.csv", "b.csv"], ["train.csv", "train.csv.gz"]])
def test_several_uploads_that_are_no_splits_are_refused(names, write, home):
    with pytest.raises(SourceError, match=r"named by no split|both the split") as refusal:
        files.store_uploads([write(name, GOOD) for name in names])
    assert refusal.value.cure
    assert not home.exists()


def test_the_same_bytes_under_another_ending_are_another_upload(write):
    """A refused JSON file called .csv could otherwise never be mended by a new name."""
    assert files.store_upload(write("a.csv", "[]")) != files.store_upload(write("a.json", "[]"))


def test_an_upload_leaves_no_half_copy(write, home):
    for _ in range(2):
        name = files.store_upload(write("a.csv", GOOD))
    assert [path.name for path in (home / "uploads").iterdir()] == [name.removeprefix("upload:")]


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.csv.gz"])
def test_texts_to_predict_come_from_lines_and_tables(name, write):
    """U+2028 ends no line: a text that holds one stays one text. An empty line of a text file is row n as it is line n."""
    lines = "text\n" if name == "a.csv.gz" else "\n"
    content = (lines + "one\ttab, or none\r\nt\u2028wo\n").replace(",", "").encode()
    path = write(name, gzip.compress(content) if name.endswith("gz") else content)
    first = [] if name == "a.csv.gz" else [""]
    assert list(read_texts(path)) == [*first, "one\ttab or none", "t\u2028wo"]


@pytest.mark.parametrize("name", ["big.csv", "big.csv.gz", "big.jsonl", "big.json", "big.txt"])
def test_the_first_rows_of_a_long_file_come_at_once(name, write, home):
    rows = {
        ".csv": ("text,label\n", '"some, long text {0}",pos\n', ""),
        ".jsonl": ("", '{{"text": "some, long text {0}", "label": "pos"}}\n', ""),
        ".json": ("[", '{{"text": "some, long text {0}", "label": "pos"}},', "{}]"),
        ".txt": ("", "some, long text {0}\tpos\n", ""),
    }
    start, row, end = rows["." + name.split(".")[1]]
    content = (start + "".join(row.format(i) for i in range(500_000)) + end).encode()
    path = write(name, gzip.compress(content, 1) if name.endswith("gz") else content)
    files.head(write("warm.csv", GOOD))  # imports
    began = time.perf_counter()
    table = files.head(path, 3)
    assert time.perf_counter() - began < 6  # a person waits for it; two tests share two cores
    assert table.to_list() == [{"text": f"some, long text {i}", "label": "pos"} for i in range(3)]
    assert not list((home / "cache" / "tables").iterdir())


def test_the_first_rows_of_a_short_file_are_all(write):
    assert len(files.head(write("a.csv", GOOD))) == 2


def test_a_first_row_longer_than_the_first_part_is_read_whole(write):
    table = files.head(write("a.csv", "text,label\n" + "long " * 2_000_000 + ",a\nb,c\n"), 1)
    assert len(table[0]["text"]) == 10_000_000


def test_the_first_rows_of_a_folder_are_those_of_its_first_split(tmp_path):
    lay(tmp_path / "set", {"test.csv": "text,label\nt,a\n", "train.csv": GOOD})
    assert files.head(tmp_path / "set", 1).to_list() == [{"text": "fine", "label": "pos"}]


def test_a_home_that_is_a_file_is_told(write, monkeypatch):
    """It ended in a traceback, where `train` refuses such a home in words."""
    monkeypatch.setenv("TUNER_HOME", str(write("home.txt", "")))
    with pytest.raises(RunError, match=r"cannot be made .* set TUNER_HOME to a folder that can be written"):
        files.head(write("a.csv", GOOD))
