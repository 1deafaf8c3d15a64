"""From a source's split to rows with texts, label names and ids."""

import datasets
import pytest

from tests import tiny
from tuner.config import DataConfig
from tuner.data.columns import Column
from tuner.data.raw import RawData
from tuner.data.reading import Reader, label_names


def reader(rows, text=("text",), features=None, **settings):
    table = datasets.Dataset.from_list(rows, features=features)
    raw = RawData("owner/name", {"train": table}, "abc", "abc")
    return Reader(raw, Column(tuple(text), ""), Column(("label",), ""), DataConfig(**settings))


def labelled(*values):
    return [{"text": f"text {i}", "label": value} for i, value in enumerate(values)]


def in_order(rows):
    """(row id, text, label) by row id."""
    return sorted(zip(rows.row_ids, rows.texts, rows.values, strict=True))


def test_rows_keep_their_position_in_the_source_as_id():
    assert in_order(reader(labelled("b", "a", "b"))("train")) == [(0, "text 0", "b"), (1, "text 1", "a"), (2, "text 2", "b")]


def test_rows_stand_in_the_order_of_the_seed():
    table = datasets.Dataset.from_list(labelled(*"ab" * 20))
    assert list(reader(labelled(*"ab" * 20), seed=7)("train").texts) == table.shuffle(seed=7)["text"][:]


def test_text_columns_are_joined_by_the_separator_and_missing_parts_left_out():
    rows = [{"a": "x", "b": None, "c": "z", "label": "l"}, {"a": "x", "b": "", "c": "z", "label": "l"}]
    assert in_order(reader(rows, "abc", text_separator=" | ")("train")) == [(0, "x | z", "l"), (1, "x |  | z", "l")]


def test_what_was_left_out_is_named_counted_and_kept():
    read = reader([*labelled("a", None, "c"), {"text": " \u200b", "label": "a"}], label_map={"c": None})
    assert in_order(read("train")) == [(0, "text 0", "a")]
    assert {reason: found.rows for reason, found in read.left_out.items()} == {
        "missing_label": [{"row": "train/1", "label": "", "text": "text 1"}],
        "label_map": [{"row": "train/2", "label": "c", "text": "text 2"}],
        "empty_text": [{"row": "train/3", "label": "a", "text": " \u200b"}],
    }


@pytest.mark.parametrize("nothing", ["", " ", "\n\t", "\u200b", "\ufeff \u00ad", "\u00a0\u3000"])
def test_signs_that_take_no_room_are_no_text(nothing):
    read = reader([{"text": nothing, "label": "a"}, *labelled("b")])
    assert len(read("train")) == 1


@pytest.mark.parametrize("something", [".", "0", "é", "\u200ba", "😀", "नमस्ते"])
def test_a_single_sign_is_text(something):
    read = reader([{"text": something, "label": "a"}])
    assert read("train").texts == (something,)


def test_of_the_rows_left_out_1000_are_kept_and_all_counted():
    read = reader(labelled(*["a"] * 5, *[None] * 1500))
    read("train")
    assert (len(read.left_out["missing_label"].rows), read.left_out["missing_label"].counts["train"]) == (1000, 1500)
    assert read.notes() == ["1,500 of 1,505 rows of train without a label were left out."]


def test_names_beside_missing_labels_are_no_names():
    """Once a name beside a missing number ended in a TypeError: None and 0 cannot be sorted."""
    rows = [{"text": t, "label": i % 3 if i % 3 < 2 else None, "label_text": ("no", "yes", "unknown")[i % 3]}
            for i, (t, _) in enumerate(tiny.labelled_rows(9))]  # fmt: skip
    read = reader(rows)
    present = set(read("train").values)
    assert label_names(read.raw.splits["train"], "label", present, read.config) == ("no", "yes")


def test_the_label_map_is_asked_for_names_not_numbers():
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["zoo", "ape"])})
    read = reader(labelled(0, 1), features=features, label_map={"zoo": "ape"})
    assert read("train").values == ("ape", "ape")


@pytest.mark.parametrize(
    ("present", "names"),
    [({"10", "9"}, ("9", "10")), ({"b", "a", "10"}, ("10", "a", "b")), ({"-1", "1", "0"}, ("-1", "0", "1"))],
)
def test_whole_numbers_are_sorted_as_numbers(present, names):
    assert label_names(datasets.Dataset.from_list(labelled("a")), "label", present, DataConfig()) == names


@pytest.mark.parametrize("present", [["1", "01"], ["01", "1"]])
def test_names_of_one_number_have_one_order(present):
    assert label_names(datasets.Dataset.from_list(labelled("a")), "label", present, DataConfig()) == ("01", "1")
