"""What the Data tab shows."""

import pytest

from tests import tiny
from tuner.data.labelled import load_labelled
from tuner.data.profiling import matching, profile, rows_page


@pytest.fixture
def config(tiny_config, csv):
    return tiny_config(source=csv(100))


def test_rows_and_labels_are_counted_per_split(config):
    found = profile(config)
    assert {name: split.rows for name, split in found.splits.items()} == {"train": 81, "validation": 9, "test": 10}
    assert sum(found.splits["train"].label_counts.values()) == 81


def test_columns_are_given_with_their_reason(config):
    found = profile(config)
    assert (found.text_column, found.label_column) == (["text"], "label")
    assert (found.text_reason, found.label_reason) == ("a text column called 'text'", "a column called 'label'")


def test_the_histogram_holds_every_counted_row_once(config):
    tokens = profile(config).tokens
    assert sum(rows for _, _, rows in tokens.histogram) == tokens.rows == 81
    assert all(first <= last for first, last, _ in tokens.histogram)


def test_max_length_and_share_cut_are_those_of_the_training(config):
    tokens = profile(config.with_changes({"model": {"max_length": 4}})).tokens
    assert (tokens.max_length, tokens.share_cut) == (4, 1.0)


def test_rare_labels_and_one_sided_data_are_warned_of(tiny_config, jsonl):
    rows = [{"text": text, "label": "rare" if i < 6 else "common"} for i, (text, _) in enumerate(tiny.labelled_rows(200))]
    warnings = " ".join(profile(tiny_config(source=jsonl(rows))).warnings)
    assert "Label 'rare' has 5 training rows" in warnings
    assert "'common' is more than 90 %" in warnings


def test_test_texts_that_stand_in_train_are_warned_of(tiny_config, jsonl):
    rows = [{"text": f"text {i % 20}", "label": str(i % 2)} for i in range(200)]
    assert any(
        "test texts also stand in the training rows" in warning for warning in profile(tiny_config(source=jsonl(rows))).warnings
    )


def test_clean_data_is_not_warned_of(config):
    assert profile(config).warnings == []


def test_a_page_of_rows_is_cut_for_showing(tiny_config, jsonl):
    rows = [{"text": f"{i} " + "x" * 1000, "label": str(i % 2)} for i in range(40)]
    page = rows_page(load_labelled(tiny_config(source=jsonl(rows)).data), "train", 2, 3)
    assert len(page) == 3
    assert all(len(row["text"]) < 340 and row["text"].endswith("characters)") for row in page)


def test_rows_are_found_by_label_and_words(config):
    data = load_labelled(config.data)
    part = data.splits["train"]
    found = matching(data, "train", "pos", "GREAT")
    assert found
    assert all("great" in part.texts[i] and data.labels[part.labels[i]] == "pos" for i in found)
