"""Further columns of a split's rows."""

import datasets
import pytest

from tests import tiny
from tuner.config import DataConfig
from tuner.data import columns_of_rows, labelled
from tuner.data.columns_of_rows import load_columns
from tuner.data.labelled import load_labelled
from tuner.data.raw import RawData
from tuner.errors import SettingsError, SourceError


def table(count=60, **columns):
    """Rows with further columns: `table(stars=lambda i: i % 5)`."""
    return [
        {"text": text, "label": label, **{name: value(i) for name, value in columns.items()}}
        for i, (text, label) in enumerate(tiny.labelled_rows(count))
    ]


@pytest.fixture
def columns(jsonl):
    """(columns, rows) of a split of these objects."""

    def read(objects, split="test", **settings):
        config = DataConfig(source=str(jsonl(objects)), **settings)
        data = load_labelled(config)
        return load_columns(config, data, split), data.splits[split]

    return read


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_values_stand_beside_their_rows(split, columns):
    found, rows = columns(table(shop=lambda i: f"shop {i}", stars=lambda i: i % 5), split)
    assert found == {"shop": [f"shop {i}" for i in rows.row_ids], "stars": [i % 5 for i in rows.row_ids]}


def test_fixes_and_limits_do_not_shift_them(columns):
    objects = [*table(place=lambda i: i), *table(20, place=lambda i: 100 + i)]
    found, rows = columns(objects, "train", fixes=["drop_duplicates"], max_train_samples=15)
    assert found["place"] == [objects[i]["place"] for i in rows.row_ids]


def test_several_text_columns_are_all_left_out(columns):
    found, _ = columns(table(title=lambda i: "T", shop=lambda i: "s"), text_column=["title", "text"])
    assert list(found) == ["shop"]


def test_a_source_without_further_columns_has_none(columns):
    assert columns(table())[0] == {}


def test_missing_values_are_none_and_long_texts_cut(columns):
    found, rows = columns(table(note=lambda i: "x" * 500 if i % 2 else None, share=lambda i: float("nan") if i % 2 else 0.5))
    assert found["note"] == ["x" * 200 if i % 2 else None for i in rows.row_ids]
    assert found["share"] == [None if i % 2 else 0.5 for i in rows.row_ids]


def test_the_first_fifty_are_read(columns):
    found, _ = columns(table(**{f"c{i}": lambda i: i for i in range(60)}))
    assert list(found) == [f"c{i}" for i in range(50)]


@pytest.fixture
def hub(monkeypatch):
    """Hands in a source's splits as the Hub would: `hub(train=Dataset, …)`."""

    def hand_in(identity="abc", **splits):
        for module in (labelled, columns_of_rows):
            monkeypatch.setattr(module, "load_raw", lambda *_: RawData("owner/name", splits, "abc", identity))

    return hand_in


def test_rows_come_from_their_own_split_and_classes_have_names(hub):
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.Value("string"), "lang": datasets.ClassLabel(names=["de", "en"])}
    )
    parts = {"train": table(20, lang=lambda i: 0), "validation": table(8, lang=lambda i: 1), "test": table(8, lang=lambda i: -1)}
    hub(**{name: datasets.Dataset.from_list(rows, features=features) for name, rows in parts.items()})
    config = DataConfig(source="owner/name", label_column="label")
    data = load_labelled(config)
    assert [set(load_columns(config, data, name)["lang"]) for name in parts] == [{"de"}, {"en"}, {None}]


def test_lists_and_objects_are_left_out(hub):
    odd = {"tags": lambda i: ["a"], "who": lambda i: {"name": "b"}, "raw": lambda i: b"c", "shop": lambda i: "s"}
    hub(train=datasets.Dataset.from_list(table(**odd)))
    config = DataConfig(source="owner/name")
    assert list(load_columns(config, load_labelled(config), "test")) == ["shop"]


def test_a_source_that_has_changed_is_refused(jsonl):
    config = DataConfig(source=str(jsonl(table(stars=lambda i: i))))
    data = load_labelled(config)
    jsonl(table(stars=lambda i: i + 1))
    with pytest.raises(SourceError, match="has changed since"):
        load_columns(config, data, "test")


def test_an_unknown_split_is_refused(columns):
    with pytest.raises(SettingsError, match="split = 'dev'"):
        columns(table(), "dev")
