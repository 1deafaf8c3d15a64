"""Data sets too large for the machine: their first rows are streamed, and a note says so."""

import json

import datasets
import pytest

from tests.hub.conftest import CARD, as_csv
from tests.tiny import labelled_rows

# What is read on a machine that takes no more than `limit` bytes.
READ = """
    hub_sets.most_bytes = lambda: {limit}
    hub_sets.MOST_STREAMED_ROWS = {rows}
    hub_sets.MOST_STREAMED_BYTES = {bytes}
    raw = hub_sets.load_hub("owner/data", {config!r}, None)
    splits = {{name: [len(rows), str(rows.features["label"]), rows[:2]] for name, rows in raw.splits.items()}}
    print(json.dumps([splits, raw.notes]))
"""


def read(python, rows=300, size=10**9, config=None, limit=60_000):
    return python(READ.format(rows=rows, bytes=size, config=config, limit=limit))


@pytest.fixture
def large(files):
    """A data set's folder with 3,200 training rows and 800 test rows, 120 kB."""
    rows = labelled_rows(4_000)
    return files("large", {"train.csv": as_csv(rows[:3_200]), "test.csv": as_csv(rows[3_200:])})


def test_the_first_rows_of_a_large_set_are_read_and_the_note_says_so(hub, python, large):
    size = sum(path.stat().st_size for path in large.iterdir())
    hub.add("dataset", "owner/data", large)
    splits, (note,) = read(python)
    assert {name: split[0] for name, split in splits.items()} == {"train": 300, "test": 300}
    assert splits["train"][2]["text"] == [text for text, _ in labelled_rows(2)]
    assert note == f"The data set has {size / 1000:.3g} kB; the first 300 rows of each split were read."


def test_the_same_commit_gives_the_same_rows(hub, python, large):
    hub.add("dataset", "owner/data", large)
    assert read(python) == read(python)


def test_bytes_end_it_too(hub, python, large):
    hub.add("dataset", "owner/data", large)
    splits, (note,) = read(python, rows=5_000, size=100)
    assert {name: split[0] for name, split in splits.items()} == {"train": 1_000, "test": 800}
    assert note.endswith("the first 1,000 rows of train and 800 rows of test were read.")


def test_a_set_that_fits_is_read_whole_and_nothing_is_said(hub, python, tweets):
    hub.add("dataset", "owner/data", tweets)
    splits, notes = read(python, rows=5)
    assert {name: split[0] for name, split in splits.items()} == {"train": 60, "test": 40}
    assert notes == []


def test_the_size_is_that_of_the_chosen_configuration(hub, python, files):
    content = {"english/train.csv": as_csv(labelled_rows(4_000)), "german/train.csv": as_csv(labelled_rows(50))}
    hub.add("dataset", "owner/data", files("uneven", {"README.md": CARD, **content}))
    assert read(python, config="german")[1] == []
    assert read(python, config="english")[0]["train"][0] == 300


def test_class_names_survive_in_parquet_and_in_the_card(hub, python, files, tmp_path):
    names = ["zoo", "ape"]
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    rows = [{"text": text, "label": names.index(label)} for text, label in labelled_rows(2_000, ("zoo", "ape"))]
    folder = tmp_path / "parquet"
    datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    hub.add("dataset", "owner/data", folder)
    assert read(python, limit=5_000)[0]["train"][:2] == [300, str(features["label"])]
    card = """---
dataset_info:
  features:
  - {name: text, dtype: string}
  - {name: label, dtype: {class_label: {names: {"0": zoo, "1": ape}}}}
---
"""
    lines = "\n".join(json.dumps(row) for row in rows)
    hub.add("dataset", "owner/data", files("card", {"README.md": card, "train.jsonl": lines}))
    assert read(python, limit=5_000)[0]["train"][:2] == [300, str(features["label"])]


def test_a_torn_file_is_refused_while_it_is_streamed(hub, python, files):
    good = json.dumps({"text": "a", "label": 1}) + "\n"
    hub.add("dataset", "owner/data", files("torn", {"train.jsonl": good * 1_000 + "{oops\n"}))
    code = """
        hub_sets.most_bytes = lambda: 1_000
        try:
            hub_sets.load_hub("owner/data", None, None)
        except TunerError as error:
            print(json.dumps([type(error).__name__, error.cause, error.cure]))
    """
    kind, cause, cure = python(code)
    assert kind == "SourceError"
    assert "cannot be read" in cause
    assert cure


def test_the_limit_is_half_of_the_memory_and_does_not_change():
    from tuner.data.hub_sets import most_bytes

    assert 10**8 < most_bytes() == most_bytes()
