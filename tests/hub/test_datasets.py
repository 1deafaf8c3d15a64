"""Data sets of the Hub: what is read, and how refusals sound."""

import base64
import json

import datasets
import pytest

from tests.hub.conftest import as_csv, several
from tests.tiny import labelled_rows

PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")


def test_a_repository_of_csv_files_is_read(hub, tuner, tweets):
    hub.add("dataset", "owner/data", tweets)
    profile = tuner("preview", "owner/data", "--json").json
    assert profile["labels"] == ["neg", "pos"]
    assert {name: split["rows"] for name, split in profile["splits"].items()} == {"train": 54, "validation": 6, "test": 40}


@pytest.mark.parametrize("asked", [(), ("--revision", "main")])
def test_the_revision_is_pinned_to_the_commit(hub, tuner, tweets, asked):
    commit = hub.add("dataset", "owner/data", tweets)
    assert tuner("preview", "owner/data", "--json", *asked).json["revision"] == commit


def test_class_names_of_parquet_files_are_the_labels(hub, tuner, tmp_path):
    names = ["zoo", "ape"]  # not the alphabet's order
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=names)})
    folder = tmp_path / "parquet"
    for split, rows in (("train", 60), ("test", 20)):
        table = [{"text": text, "label": names.index(label)} for text, label in labelled_rows(rows, ("zoo", "ape"))]
        datasets.Dataset.from_list(table, features=features).to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    hub.add("dataset", "owner/data", folder)
    profile = tuner("preview", "owner/data", "--json").json
    assert profile["labels"] == names
    assert profile["splits"]["test"]["label_counts"] == {"zoo": 10, "ape": 10}


def test_the_local_copy_is_taken_when_the_rows_are_needed_again(hub, tuner, tweets):
    hub.add("dataset", "owner/data", tweets)
    fingerprint = tuner("preview", "owner/data", "--json").json["fingerprint"]
    hub.requests.clear()
    assert tuner("preview", "owner/data", "--json").json["fingerprint"] == fingerprint
    assert not [request for request in hub.requests if request.method == "GET" and request.path.endswith(".csv")]


@pytest.mark.parametrize(
    "asked", [(), ("--config", "french"), ("--config", "../english")], ids=["none named", "wrong one named", "a path"]
)
def test_a_refusal_lists_the_configurations(hub, tuner, files, asked):
    hub.add("dataset", "owner/data", several(files))
    answer = tuner("preview", "owner/data", *asked)
    cause, cure = answer.err.strip().splitlines()
    assert answer.code == 2
    assert cause.startswith("error: The Hub data set owner/data ")
    assert "english, german" in cure
    assert "data.config" in cure


def test_the_named_configuration_is_read(hub, tuner, files):
    hub.add("dataset", "owner/data", several(files))
    profile = tuner("preview", "owner/data", "--config", "german", "--json").json
    assert sum(split["rows"] for split in profile["splits"].values()) == 50


def test_a_repository_that_is_a_script_is_refused_and_the_script_is_not_fetched(hub, tuner, files):
    hub.add("dataset", "owner/data", files("script", {"data.py": "raise SystemExit('ran')"}))
    answer = tuner("preview", "owner/data")
    assert answer.code == 2
    assert "is a Python script" in answer.err
    assert len(answer.err.strip().splitlines()) == 2
    assert not [request for request in hub.requests if request.method == "GET" and request.path.endswith(".py")]


def test_a_repository_without_data_files_is_refused(hub, tuner, files):
    hub.add("dataset", "owner/data", files("bare", {"README.md": "nothing"}))
    answer = tuner("preview", "owner/data")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "holds no data file" in answer.err


def test_a_set_of_pictures_has_no_text_column(hub, tuner, files):
    hub.add("dataset", "owner/data", files("pictures", {f"{kind}/{i}.png": PNG for kind in ("cat", "dog") for i in range(3)}))
    answer = tuner("preview", "owner/data")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "No column holds text" in answer.err


@pytest.mark.parametrize(
    ("asked", "cause", "cure"),
    [
        ("train_split=../train", "has no split '../train', only train, test", "data.train_split"),
        ("config=german", "has no configuration 'german'", "Leave data.config empty"),
        ("revision=../v9", "has no such revision", "Leave the revision empty"),
    ],
    ids=["split", "config", "revision"],
)
def test_what_the_set_does_not_have_is_named_with_the_cure(hub, tuner, tweets, asked, cause, cure):
    hub.add("dataset", "owner/data", tweets)
    answer = tuner("train", "--data", "owner/data", "--set", f"data.{asked}")
    first, second = answer.err.strip().splitlines()
    assert cause in first
    assert cure in second


def test_a_folder_of_that_name_is_not_taken_for_the_set(hub, python, tweets, tmp_path, files):
    """`load_dataset("owner/data")` reads ./owner/data where there is one."""
    hub.add("dataset", "owner/data", tweets)
    files("cwd", {"owner/data/train.csv": as_csv(labelled_rows(6))})
    code = f"""
        import os
        os.chdir({str(tmp_path / "repos" / "cwd")!r})
        print(len(hub_sets.load_hub("owner/data", None, None).splits["train"]))
    """
    assert python(code) == 60


def test_a_torn_file_is_refused_in_two_lines(hub, tuner, files):
    hub.add("dataset", "owner/data", files("torn", {"train.jsonl": json.dumps({"text": "a"}) + "\n{oops\n"}))
    answer = tuner("preview", "owner/data")
    assert (answer.code, len(answer.err.strip().splitlines())) == (2, 2)
    assert "Traceback" not in answer.err
