"""Guessing columns, with the reason."""

import datasets
import pytest

from tuner.data.columns import find_label_column, find_text_columns
from tuner.errors import SourceError

TABLE = datasets.Dataset.from_dict(
    {
        "id": [str(i) for i in range(8)],
        "words": [f"a rather long text number {i}" for i in range(8)],
        "Tweet": ["short"] * 8,
        "kind": ["a", "b"] * 4,
        "Sentiment": [0, 1, 2, 3] * 2,
    }
)


def test_a_text_column_is_known_by_its_name():
    column = find_text_columns(TABLE, None)
    assert (column.names, column.reason) == (("Tweet",), "a text column called 'Tweet'")


def test_without_a_known_name_the_longest_text_is_taken():
    column = find_text_columns(TABLE.remove_columns("Tweet"), None)
    assert (column.names, column.reason) == (("words",), "the text column with the longest texts (27 characters on average)")


def test_a_column_called_label_is_the_text_only_where_nothing_else_is():
    """Once long names of labels were taken for the texts, and then no column looked like labels."""
    table = datasets.Dataset.from_dict({"antwort": ["bad 1", "good 2"], "label": ["complaint about something", "praise of it"]})
    assert find_text_columns(table, None).names == ("antwort",)
    assert find_text_columns(table.select_columns("label"), None).names == ("label",)


def test_a_label_column_is_known_by_its_name():
    column = find_label_column(TABLE, None, ("Tweet",))
    assert (column.names, column.reason) == (("Sentiment",), "a column called 'Sentiment'")


def test_a_declared_class_label_wins_over_a_name():
    table = TABLE.class_encode_column("kind")
    assert find_label_column(table, None, ("Tweet",)).reason == "'kind' is declared as a class label"


def test_without_a_known_name_the_fewest_values_are_the_label():
    column = find_label_column(TABLE.remove_columns(["Sentiment", "Tweet"]), None, ("words",))
    assert (column.names, column.reason) == (("kind",), "the column with the fewest different values (2)")


def test_a_missing_label_is_no_value_that_is_told():
    table = datasets.Dataset.from_dict({"words": [f"text {i}" for i in range(8)], "kind": ["a", "b", "", None] * 2})
    assert find_label_column(table, None, ("words",)).reason == "the column with the fewest different values (2)"


def test_a_chosen_column_is_taken():
    assert find_text_columns(TABLE, "words").reason == "as chosen"


@pytest.mark.parametrize(
    ("find", "cause"),
    [
        (lambda: find_text_columns(TABLE, "nope"), "There is no column 'nope'; the columns are 'id', 'words'"),
        (lambda: find_text_columns(TABLE, "Sentiment"), "Column 'Sentiment' holds int64, not text"),
        (lambda: find_label_column(TABLE, "words", ("words",)), "Column 'words' is both text and label"),
        (lambda: find_label_column(TABLE, "nope", ("words",)), "There is no column 'nope'"),
        (lambda: find_text_columns(TABLE.select_columns("Sentiment"), None), "No column holds text"),
        (lambda: find_label_column(TABLE.select_columns(["id", "words"]), None, ("words",)), "No column looks like labels"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(find, cause):
    with pytest.raises(SourceError, match=cause) as refusal:
        find()
    assert refusal.value.cure
