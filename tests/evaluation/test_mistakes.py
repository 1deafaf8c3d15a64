"""Where a classifier is wrong."""

import numpy as np
import pandas as pd
import pytest

from tuner.errors import SettingsError, SourceError
from tuner.evaluation import mistakes
from tuner.evaluations import predictions, write_frame

NAMES = ("neg", "neu", "pos")


@pytest.fixture
def frame():
    """Rows 0 … 5; 1, 3 and 4 are wrong, row 4 by the greatest confidence; 5 has no label."""
    probabilities = [[0.8, 0.1, 0.1], [0.3, 0.1, 0.6], [0.3, 0.3, 0.4], [0.45, 0.5, 0.05], [0.01, 0.01, 0.98], [0.9, 0.1, 0.0]]
    return pd.DataFrame(
        {
            "row": range(6),
            "text": ["bad one", "Bad two", "good (three)", "good four", "awful", "unknown"],
            "label": ["neg", "neg", "pos", "pos", "neg", None],
            "predicted": ["neg", "pos", "pos", "neu", "pos", "neg"],
            **{f"probability_{name}": column for name, column in zip(NAMES, np.transpose(probabilities), strict=True)},
        }
    )


def rows(found):
    return found["row"].tolist()


def test_errors_come_with_the_surest_first(frame):
    found = mistakes.most_confident_errors(frame)
    assert rows(found) == [4, 1, 3]
    assert found["confidence"].tolist() == [0.98, 0.6, 0.5]


def test_doubt_is_the_distance_to_the_next_label(frame):
    found = mistakes.most_doubtful(frame)
    assert rows(found) == [3, 2, 1, 0, 5, 4]
    assert found["margin"].iloc[0] == pytest.approx(0.05)


def test_a_cell_holds_its_rows(frame):
    assert rows(mistakes.filtered(frame, label="neg", predicted="pos")) == [1, 4]
    assert rows(mistakes.filtered(frame, label="neu", predicted="neg")) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        ({"label": "neg"}, [0, 1, 4]),
        ({"predicted": "pos"}, [1, 2, 4]),
        ({"only_wrong": True}, [1, 3, 4]),
        ({"search": "BAD"}, [0, 1]),
        ({"search": "(three"}, [2]),
        ({"search": "^(bad|awful)", "regular_expression": True}, [0, 4]),
        ({"search": "bad", "only_wrong": True, "label": "neg", "predicted": "pos"}, [1]),
        ({"label": "other"}, []),
    ],
)
def test_filters(frame, filters, expected):
    assert rows(mistakes.filtered(frame, **filters)) == expected


def test_a_bad_expression_is_refused_even_where_no_row_is_left(frame):
    with pytest.raises(SettingsError, match="missing"):
        mistakes.filtered(frame, label="other", search="(", regular_expression=True)


def test_labels_that_differ_in_capitals_are_the_same(frame):
    frame["label"] = frame["label"].str.upper()
    assert rows(mistakes.most_confident_errors(frame)) == [4, 1, 3]
    assert rows(mistakes.filtered(frame, label="neg", predicted="pos")) == [1, 4]


def test_a_label_that_the_classifier_does_not_know_is_an_error(frame):
    frame.loc[0, "label"] = "mixed"
    assert rows(mistakes.filtered(frame, only_wrong=True)) == [0, 1, 3, 4]
    assert rows(mistakes.filtered(frame, label="mixed")) == [0]


def test_the_frame_that_was_given_stays_as_it_is(frame):
    before = frame.copy()
    mistakes.most_confident_errors(frame)
    mistakes.most_doubtful(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_suspicious_labels_are_ranked_by_the_probabilities_of_the_classifier(frame):
    found = mistakes.suspicious_labels(frame)
    assert [(row.row_id, row.label, row.suggested) for row in found] == [
        ("4", "neg", "pos"),
        ("3", "pos", "neu"),
        ("1", "neg", "pos"),
    ]
    assert len(mistakes.suspicious_labels(frame, most=1)) == 1


def test_a_frame_without_labels_has_no_errors(frame):
    frame["label"] = None
    assert rows(mistakes.most_confident_errors(frame)) == []
    assert mistakes.suspicious_labels(frame) == []
    assert len(mistakes.most_doubtful(frame)) == 6


def test_an_empty_frame_stays_empty(frame):
    empty = frame.iloc[:0]
    found = (mistakes.most_confident_errors(empty), mistakes.most_doubtful(empty), mistakes.filtered(empty, only_wrong=True))
    assert [len(one) for one in found] == [0, 0, 0]


@pytest.mark.parametrize("column", ["label", "text", "probability_neg"])
def test_a_frame_of_something_else_is_refused(frame, column):
    kept = [name for name in frame.columns if name != column and (column != "probability_neg" or "probability" not in name)]
    with pytest.raises(SourceError, match="lack the columns"):
        mistakes.most_confident_errors(frame[kept])


def test_what_the_worker_writes_is_read(tmp_path):
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2]])
    frame = predictions([7, 9], ["a", "b"], np.array([0, 1]), probabilities, ("No", "Yes"), {})
    write_frame(tmp_path / "p.parquet", frame)
    assert rows(mistakes.most_confident_errors(pd.read_parquet(tmp_path / "p.parquet"))) == [9]
