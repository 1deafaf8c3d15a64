"""Pages of rows."""

import datasets
import numpy as np
import pytest

from tuner.config import DataConfig
from tuner.data import labelled
from tuner.data.browsing import MOST_CHARACTERS, cut, matching, rows_page, shown, whole_text
from tuner.data.labelled import load_labelled
from tuner.data.raw import RawData


@pytest.fixture(scope="module")
def data():
    """120 rows; the number at a text's beginning is its row id, its length falls with the number."""
    words = ("great film", "Awful  film", "Käse")
    rows = [{"text": f"{i} {words[i % 3]} {'x' * 4 * (120 - i)}", "label": ("pos", "neg")[i % 2]} for i in range(120)]
    raw = RawData("owner/name", {"train": datasets.Dataset.from_list(rows)}, "abc", "abc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labelled, "load_raw", lambda *_: raw)
        return load_labelled(DataConfig(source="owner/name"))


def numbers(data, found):
    return [data.splits["train"].row_ids[i] for i in found]


def test_pages_follow_each_other_and_hold_every_row_once(data):
    count = len(data.splits["train"])
    pages = [rows_page(data, "train", start, 7) for start in range(0, count, 7)]
    assert [row["row"] for page in pages for row in page] == [data.splits["train"].row_name(i) for i in range(count)]
    assert rows_page(data, "train", count, 7) == []


def test_a_row_is_shown_with_its_id_label_and_text(data):
    for row in rows_page(data, "test", 0, 5):
        number = int(row["row"].removeprefix("train/"))
        assert row["text"].startswith(f"{number} ")
        assert row["label"] == ("pos", "neg")[number % 2]


def test_rows_are_chosen_by_label(data):
    found = matching(data, "train", "neg")
    assert all(number % 2 for number in numbers(data, found))
    assert len(found) == data.counts("train")["neg"]


@pytest.mark.parametrize("search", ["awful", "AWFUL", "awful  film", "Awful"])
def test_rows_are_searched_without_case(data, search):
    found = numbers(data, matching(data, "train", search=search))
    assert set(found) == {number for number in data.splits["train"].row_ids if number % 3 == 1}


def test_a_search_without_a_hit_gives_no_row(data):
    assert len(matching(data, "train", search="nowhere")) == 0
    assert len(matching(data, "train", search=".*")) == 0


def test_rows_of_a_finding_alone(data):
    of = {"train": np.array([3, 5, 8]), "test": np.array([0])}
    assert matching(data, "train", of=of).tolist() == [3, 5, 8]
    assert matching(data, "test", of=of).tolist() == [0]
    assert matching(data, "validation", of=of).tolist() == []


def test_filters_join(data):
    found = numbers(data, matching(data, "train", "neg", "great", of={"train": np.arange(50)}))
    assert set(found) == {n for n in data.splits["train"].row_ids[:50] if n % 2 and n % 3 == 0}


def test_order_by_length(data):
    lengths = [len(data.splits["train"].texts[i]) for i in matching(data, "train", order="shortest")]
    assert lengths == sorted(len(text) for text in data.splits["train"].texts)
    assert matching(data, "train", order="longest").tolist() == matching(data, "train", order="shortest").tolist()[::-1]


def test_order_joins_with_filters(data):
    found = matching(data, "train", "pos", of={"train": np.arange(40)}, order="longest")
    numbered = numbers(data, found)
    assert numbered == sorted(numbered)  # the longest is the one with the lowest number


def test_texts_are_cut_for_showing(data):
    longest = shown(data, "train", matching(data, "train", order="longest")[:1])[0]["text"]
    assert longest[MOST_CHARACTERS:] == f"… ({len(whole_text(data, 'train', f'train/{int(longest.split()[0])}')):,} characters)"


@pytest.mark.parametrize(
    ("text", "expected"), [("x" * 300, "x" * 300), ("x" * 1301, "x" * 300 + "… (1,301 characters)"), ("", "")]
)
def test_cut_at_300_characters(text, expected):
    assert cut(text) == expected


def test_the_whole_text_of_a_row(data):
    part = data.splits["test"]
    assert [whole_text(data, "test", part.row_name(i)) for i in range(len(part))] == list(part.texts)


@pytest.mark.parametrize(
    "name", ["train/999", "other/1", "train/-1", "train/", "train", "", "1", "train/x", "train/" + "9" * 5000]
)
def test_an_unknown_row_has_no_text(data, name):
    """Once a number of 5,000 digits ended in a ValueError of Python's."""
    assert whole_text(data, "train", name) is None


def test_a_row_of_another_split_has_no_text_here(data):
    assert whole_text(data, "train", data.splits["test"].row_name(0)) is None
