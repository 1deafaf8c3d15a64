"""Suspicious labels are ranked, and rows of which nothing is known are left alone."""

import numpy as np
import pytest

from tests import tiny
from tuner.data import suspicious
from tuner.data.suspicious import out_of_fold_probabilities, sample_of, suspicious_labels

NAMES = ("neg", "pos")


def learnable(count=300):
    """Texts and label indices in which a keyword decides the label."""
    rows = tiny.labelled_rows(count)
    return [text for text, _ in rows], [NAMES.index(label) for _, label in rows]


def ranked(texts, labels, names=NAMES, **more):
    ids = [f"train/{i}" for i in range(len(texts))]
    return suspicious_labels(texts, labels, names, ids, ["train"] * len(texts), **more)


def test_planted_flips_are_ranked_first():
    texts, labels = learnable()
    planted = {17, 60, 141, 202, 255}
    found = ranked(texts, [1 - label if i in planted else label for i, label in enumerate(labels)])
    assert {row.row_id for row in found[:5]} == {f"train/{i}" for i in planted}
    assert all(row.suggested == NAMES[labels[int(row.row_id.partition("/")[2])]] for row in found[:5])


def test_the_list_is_worst_first_and_never_agrees_with_the_label():
    texts, labels = learnable()
    labels[::9] = [1 - label for label in labels[::9]]
    found = ranked(texts, labels)
    assert [row.score for row in found] == sorted(row.score for row in found)
    assert all(row.suggested != row.label and row.probability_suggested > row.probability_label for row in found)


def test_most_cuts_the_end_of_the_list():
    texts, labels = learnable()
    labels[::9] = [1 - label for label in labels[::9]]
    assert ranked(texts, labels, most=3) == ranked(texts, labels)[:3]


def test_probabilities_of_a_run_are_taken_instead():
    belief = np.array([[0.9, 0.1], [0.2, 0.8], [0.45, 0.55]], dtype=np.float32)
    found = suspicious_labels(["a", "b", "c"], [1, 1, 0], NAMES, ["t/0", "t/1", "t/2"], ["test"] * 3, belief)
    assert [(row.row_id, row.role, row.label, row.suggested) for row in found] == [
        ("t/0", "test", "pos", "neg"),
        ("t/2", "test", "neg", "pos"),
    ]
    assert found[0].probability_suggested == pytest.approx(0.9)
    assert found[0].score == pytest.approx(0.1)


def test_rounding_above_one_is_no_error():
    assert ranked(["a"], [1], probabilities=np.array([[1.0000001, -1e-9]]))[0].suggested == "neg"


def test_the_same_rows_give_the_same_probabilities():
    texts, labels = learnable(60)
    first = out_of_fold_probabilities(texts, labels, 2)
    assert np.array_equal(first, out_of_fold_probabilities(texts, labels, 2))
    assert first.shape == (60, 2)
    assert np.allclose(first.sum(axis=1), 1)


def test_no_row_is_judged_by_its_own_label():
    """Labels drawn at random, texts without a common word: a model that saw them would know every one."""
    noise = np.random.default_rng(0).integers(0, 2, 60).tolist()
    belief = out_of_fold_probabilities([f"word{i}" for i in range(60)], noise, 2)
    assert (belief.argmax(axis=1) == noise).mean() < 0.65


def test_rows_of_a_rare_class_are_never_suspected():
    texts, labels = learnable(100)
    labels[10:14] = [2] * 4
    belief = out_of_fold_probabilities(texts, labels, 3)
    assert np.allclose(belief[10:14], 1 / 3)
    assert not {row.row_id for row in ranked(texts, labels, (*NAMES, "rare"))} & {f"train/{i}" for i in range(10, 14)}


def test_few_rows_get_fewer_folds():
    belief = out_of_fold_probabilities(["good film", "bad film"] * 3, [0, 1] * 3, 2)
    assert belief.argmax(axis=1).tolist() == [0, 1] * 3


@pytest.mark.parametrize(
    ("texts", "labels"),
    [
        ([], []),
        (["a b"], [0]),
        (["a b", "c d"], [0, 1]),
        (["good day"] * 8, [0] * 8),
        (["!!! ?"] * 8, [0, 1] * 4),
        ([""] * 8, [0, 1] * 4),
    ],
)
def test_rows_that_say_nothing_give_an_empty_list(texts, labels):
    assert np.allclose(out_of_fold_probabilities(texts, labels, 2), 0.5)
    assert ranked(texts, labels) == []


def test_a_label_name_without_rows_is_never_suggested():
    texts, labels = learnable(60)
    assert np.all(out_of_fold_probabilities(texts, labels, 4)[:, 2:] == 0)


def test_texts_without_spaces_are_read_by_characters():
    texts = [f"{start}这部电影{word}极了{i}" for i, (start, word) in enumerate([("我觉得", "好看"), ("今天", "难看")] * 20)]
    labels = [0, 1] * 20
    labels[6] = 1
    assert ranked(texts, labels)[0].row_id == "train/6"


def test_of_many_rows_a_sample_is_looked_at(monkeypatch):
    monkeypatch.setattr(suspicious, "MOST_ROWS", 50)
    texts, labels = learnable(80)
    looked_at = sample_of(80, seed=1)
    uniform = np.all(out_of_fold_probabilities(texts, labels, 2, seed=1) == 0.5, axis=1)
    assert len(looked_at) == 50
    assert set(np.flatnonzero(~uniform)) == set(looked_at)


def test_arguments_of_different_length_are_refused():
    with pytest.raises(ValueError, match="2 texts, 1 labels"):
        suspicious_labels(["a", "b"], [0], NAMES, ["t/0"], ["train"])
    with pytest.raises(ValueError, match=r"shape \(1, 3\)"):
        ranked(["a"], [0], probabilities=np.ones((1, 3)) / 3)
