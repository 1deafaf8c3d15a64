"""Many texts: a file in, a file out."""

import csv as csv_format
import gzip
import json
import tracemalloc
from dataclasses import replace

import pandas as pd
import pytest

from tests import tiny
from tuner.batch import Texts, answer_file, read_texts
from tuner.config import DataConfig
from tuner.errors import SourceError
from tuner.evaluation.calibration import Threshold
from tuner.inference import Answering, Prediction, load_classifier

READERS = {
    ".csv": lambda path: pd.read_csv(path, keep_default_na=False),
    ".jsonl": lambda path: pd.read_json(path, lines=True),
    ".parquet": pd.read_parquet,
}


@pytest.fixture
def classifier(train_here, tiny_config):
    return load_classifier(train_here(tiny_config(max_steps=2)))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr("tuner.batch._CHUNK", 4)


@pytest.mark.parametrize("ending", READERS)
def test_every_row_is_what_the_text_alone_gets(ending, classifier, tmp_path, small_chunks):
    texts = [text for text, _ in tiny.labelled_rows(10)]
    texts[3] = " "
    found = answer_file(classifier, texts, tmp_path / f"out{ending}")
    table = READERS[ending](tmp_path / f"out{ending}")
    assert (found.rows, found.of, found.empty, found.stopped) == (10, 10, 1, False)
    assert table["text"].tolist() == texts
    assert table["label"][3] == ""
    for text, label, share in zip(texts, table["label"], table["probability_pos"], strict=True):
        if text.strip():
            alone = classifier.predict([text])[0]
            assert label == alone.label
            assert float(share) == pytest.approx(alone.probabilities["pos"], abs=1e-5)


def test_what_was_answered_when_it_was_stopped_is_a_valid_file(classifier, tmp_path, small_chunks):
    seen = []
    found = answer_file(
        classifier, ["great film"] * 20, tmp_path / "a.parquet", on_progress=seen.append, should_stop=lambda: len(seen) == 2
    )
    assert (found.rows, found.of, found.stopped, seen) == (8, 20, True, [4, 8])
    assert len(pd.read_parquet(tmp_path / "a.parquet")) == 8


@pytest.mark.parametrize("ending", READERS)
def test_a_failure_leaves_the_old_file_and_no_part(ending, classifier, tmp_path, small_chunks):
    def texts():
        yield from ["great film"] * 5
        raise SourceError("The disk was pulled out.")

    class Broken(list):
        __iter__ = lambda self: texts()  # noqa: E731

    (tmp_path / f"a{ending}").write_text("old")
    before = set(tmp_path.iterdir())
    with pytest.raises(SourceError, match="pulled out"):
        answer_file(classifier, Broken([""] * 9), tmp_path / f"a{ending}")
    assert set(tmp_path.iterdir()) == before
    assert (tmp_path / f"a{ending}").read_text() == "old"


def test_no_cell_of_the_csv_is_a_formula(classifier, tmp_path):
    answer_file(classifier, ["=HYPERLINK(1)", "x\r=1"], tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert [row[0] for row in csv_format.reader(file)] == ["text", "'=HYPERLINK(1)", "x\r=1"]


def test_a_threshold_adds_a_column_and_a_count(classifier, tmp_path):
    threshold = Threshold(value=1.0, rule="precision 1", coverage=0.0, precision=None, n_fitted=1)
    strict = replace(classifier, answering=Answering(threshold=threshold))
    assert answer_file(strict, ["great film", " "], tmp_path / "a.parquet").unsure == 1
    assert pd.read_parquet(tmp_path / "a.parquet")["unsure"].tolist() == [True, None]


def test_two_classifiers_answer_the_same_texts(classifier, tmp_path):
    found = answer_file(classifier, ["great film", ""], tmp_path / "a.csv", other=replace(classifier, labels=("neg", "good")))
    table = READERS[".csv"](tmp_path / "a.csv")
    assert table["other_label"].tolist()[0] in ("neg", "good")
    assert found.agree == (table["other_label"][0] == table["label"][0])
    assert sum(found.other_labels.values()) == 1


def test_a_label_2_keeps_its_column_beside_another_classifier(classifier, tmp_path):
    """Once the other classifier's probability was written over that of a label called "2"."""
    numbered = replace(classifier, labels=("1", "2"))
    answer_file(numbered, ["great film"], tmp_path / "a.parquet", other=replace(classifier, labels=("x", "y")))
    row = pd.read_parquet(tmp_path / "a.parquet").iloc[0]
    shares = numbered.predict(["great film"])[0].probabilities
    assert row["probability_2"] == pytest.approx(shares["2"], abs=1e-6)
    assert row["other_probability"] == pytest.approx(max(shares.values()), abs=1e-6)


def test_row_n_of_a_text_file_is_its_line_n(write):
    """Blank lines were left out without a word, and the answers stood beside other texts."""
    assert list(read_texts(write("a.txt", "one\n\n  \nfour\n"))) == ["one", "", "  ", "four"]


def test_texts_of_a_long_file_are_not_all_in_memory(write, small_chunks):
    texts = read_texts(write("a.txt", "\n".join(f"text {i}" for i in range(50_000))))
    assert len(texts) == 50_000
    assert next(iter(texts)) == "text 0"


class Stub:
    """Answers without a model."""

    labels, answering = ("neg", "pos"), Answering()

    def predict(self, texts):
        return [Prediction(text, "pos", {"neg": 0.25, "pos": 0.75}, 3, False) for text in texts]


def most_memory(count, output):
    """Bytes in use at the peak while that many texts, none kept elsewhere, are answered."""
    texts = Texts(count, lambda: (f"text {i} of many" for i in range(count)))
    tracemalloc.start()
    assert answer_file(Stub(), texts, output).rows == count
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("ending", READERS)
def test_ten_times_the_texts_need_no_more_memory(ending, tmp_path):
    most_memory(10, tmp_path / f"a{ending}")  # imports
    few, many = (most_memory(count, tmp_path / f"a{ending}") for count in (2_000, 20_000))
    assert many < 2 * few


WIDE = ",".join(f"c{i}" for i in range(1_000)) + "\n" + ",".join(["1"] * 1_000) + "\n"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"a": 1, "b": 2}', "No column holds text"),
        ("a.jsonl", json.dumps({f"c{i}": i for i in range(1_000)}), "No column holds text; the columns are .* and 988 more"),
        ("a.csv", "", "empty"),
        ("a.csv", "text\n", "no rows"),
        ("a.csv", "id,score\n1,0.5\n2,1e-3\n", r"no text column: 'id', 'score' hold only numbers.*Name the text column"),
        ("a.csv", WIDE, "no text column: 'c0', .* and 995 more"),
        ("a.txt", "", "empty"),
        ("a.txt", "  \n\n", "holds no text"),
        ("a.txt", "x" * 10_000_001, "A line of a.txt has over 10,000,000 characters"),
        ("a.txt", b"\xff\xfe\x00caf\xe9", "Save it as UTF-8"),
        ("a.txt.gz", b"no gzip", "is no gzip archive. Take the ending .gz off"),
        ("a.txt.gz", gzip.compress(b"some text")[:-6], "no whole gzip archive. Choose or upload it again"),
        ("a.xlsx", "x", "ending '.xlsx'"),
        ("a.parquet", "x", "a.parquet"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_a_file_without_texts_is_refused_in_words(name, content, words, write):
    with pytest.raises(SourceError, match=words) as refusal:
        read_texts(write(name, content))
    assert refusal.value.cure


def test_a_thousand_columns_are_no_hindrance(write):
    table = WIDE.replace("c7", "text", 1).replace("1,1,1,1,1,1,1,1", "1,1,1,1,1,1,1,fine day", 1)
    assert list(read_texts(write("a.csv", table))) == ["fine day"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "utf-8-sig"])
@pytest.mark.parametrize(("name", "header"), [("a.csv", "text\n"), ("a.txt", "")])
def test_another_encoding_is_recognised(name, header, encoding, write):
    """Once a .txt file in Latin-1 was refused where a .csv file was read."""
    assert list(read_texts(write(name, f"{header}café au lait\n".encode(encoding)))) == ["café au lait"]


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    """Once the advice was to save it as UTF-8."""
    with pytest.raises(SourceError, match=r"There is no file .*gone.txt. Check the path"):
        read_texts(tmp_path / "gone.txt")


def test_the_column_is_told(write):
    """Once a table of 1,000 columns was answered by one of them in silence."""
    texts = read_texts(write("a.csv", "when,id,remark\n2024-01-01 10:00,1234567890123456789,fine\n"))
    assert (texts.column, list(texts)) == ("remark", ["fine"])
    assert read_texts(write("a.txt", "fine")).column is None


def test_a_column_of_numbers_is_read_where_it_is_named(write):
    assert list(read_texts(write("a.csv", "id,score\n1,0.5\n"), "id")) == ["1"]


def test_a_run_s_columns_are_read_and_joined_as_it_joined_them(write):
    """Once only the first of them was read; a table without them is told."""
    own = DataConfig(text_column=["subject", "text"], text_separator=" | ")
    texts = read_texts(write("a.csv", "text,subject\ngreat,film\n,play\n"), trained_with=own)
    assert (list(texts), texts.note) == (["film | great", "play | "], "")
    other = read_texts(write("b.csv", "id,text\n1,great\n"), trained_with=own)
    assert list(other) == ["great"]
    assert "text column 'subject', which b.csv does not have" in other.note


def test_two_classifiers_read_the_columns_of_their_own_runs(learnt, write, tmp_path):
    (bad, _), (good, _) = tiny.labelled_rows(2)
    path = write("a.csv", f"subject,text\n{good},{bad}\n")
    texts = [read_texts(path, trained_with=DataConfig(text_column=name)) for name in ("subject", "text")]
    answer_file(learnt, texts[0], tmp_path / "a.parquet", other=learnt, other_texts=texts[1])
    row = pd.read_parquet(tmp_path / "a.parquet").iloc[0]
    assert (row["text"], row["label"], row["other_label"]) == (good, "pos", "neg")


def test_a_column_that_is_not_there_is_named(write):
    with pytest.raises(SourceError, match="no column 'nope'"):
        read_texts(write("a.csv", "text\nfine\n"), "nope")
