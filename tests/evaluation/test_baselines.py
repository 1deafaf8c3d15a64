"""Cheaper classifiers to compare with."""

import numpy as np
import pytest

from tests import tiny
from tuner.evaluation import baselines, word_counts
from tuner.evaluation.baselines import majority, tfidf
from tuner.evaluation.metrics import score


@pytest.fixture
def rows():
    """(texts, label ids) of 200 rows in which a word decides the label."""
    pairs = tiny.labelled_rows(200)
    return [text for text, _ in pairs], np.array([int(label == "pos") for _, label in pairs])


def test_the_most_frequent_label_is_always_answered():
    assert majority([2, 0, 2], 2, 4).tolist() == [[0, 0, 1, 0]] * 2


def test_of_two_labels_alike_the_first_is_answered():
    assert majority([1, 0], 1, 2).tolist() == [[1, 0]]


@pytest.mark.parametrize(
    "answer", [lambda truth: majority(truth, 1, 2), lambda truth: tfidf(["a"] * len(truth), truth, ["a"], 2)]
)
@pytest.mark.parametrize(
    ("truth", "said"), [([], "no training rows"), ([0, 2], "from 0 to 2, but there are 2"), ([-1], "from -1")]
)
def test_training_rows_must_be_there_and_labelled(answer, truth, said):
    with pytest.raises(ValueError, match=said):
        answer(truth)


def test_word_counts_learn_what_a_word_decides(rows):
    texts, truth = rows
    probabilities = tfidf(texts[:150], truth[:150], texts[150:], 2)
    assert score(probabilities, truth[150:])["accuracy"] > 0.95
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(50))


def test_word_counts_give_the_same_numbers_again(rows):
    texts, truth = rows
    first, second = (tfidf(texts, truth, texts[:20], 2) for _ in range(2))
    assert (first == second).all()


def test_a_label_without_training_rows_gets_nothing(rows):
    texts, truth = rows
    probabilities = tfidf(texts, truth * 2, texts[:5], 3)
    assert probabilities.shape == (5, 3)
    assert (probabilities[:, 1] == 0).all()


@pytest.mark.parametrize(("texts", "truth"), [(["… …", "! !"], [1, 0]), (["fine day", "good day"], [1, 1])])
def test_where_words_tell_nothing_the_most_frequent_label_is_answered(texts, truth):
    assert (tfidf(texts, truth, ["any day"], 2) == majority(truth, 1, 2)).all()


def test_texts_written_without_spaces_are_counted_by_characters():
    probabilities = tfidf(["很好吃", "太好了", "很难吃", "太差了"] * 5, [1, 1, 0, 0] * 5, ["好好好", "差差差"], 2)
    assert probabilities.argmax(axis=1).tolist() == [1, 0]


def test_no_more_rows_are_learnt_from_than_are_bounded(rows, monkeypatch):
    seen = []
    original = word_counts.vectorizer
    monkeypatch.setattr(baselines, "MOST_ROWS", 50)
    monkeypatch.setattr(baselines, "vectorizer", lambda texts, k: seen.append(len(texts)) or original(texts, k))
    tfidf(*rows, ["fine"], 2)
    assert seen == [50]


def test_columns_are_bounded_by_the_number_of_labels():
    assert [word_counts.vectorizer(["a b"], k).max_features for k in (2, 1_000)] == [100_000, 1_500]


def test_texts_and_labels_must_be_as_many():
    with pytest.raises(ValueError, match="1 training texts and 2 labels"):
        tfidf(["a"], [0, 1], ["a"], 2)


def test_a_baseline_holds_its_scores_and_the_difference_in_macro_f1(rows):
    pytest.importorskip("tuner.evaluation.compare")
    truth = rows[1]
    found = baselines.compared("always neg", "majority", majority(truth, 200, 2), np.eye(2)[truth], truth)
    assert (found.accuracy, found.macro_recall) == (0.5, 0.5)
    assert found.difference.metric == "macro_f1"
    assert found.difference.difference == pytest.approx(1 - found.macro_f1)
    assert found.verdict
