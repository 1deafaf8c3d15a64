"""Validation and test rows cut from train."""

from collections import Counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests import tiny
from tuner.data.rows import Rows, row_name
from tuner.data.splitting import fold_out, hold_out
from tuner.errors import SourceError

# Few letters, so that texts repeat; case and blanks, so that they repeat unequally.
tables = st.lists(st.tuples(st.text("abA ", min_size=1, max_size=3), st.sampled_from("xyz")), min_size=6, max_size=60)


def rows_of(pairs):
    texts, values = zip(*pairs, strict=True) if pairs else ((), ())
    return Rows("train", texts, values, range(len(pairs)))


def rows(count=100, labels=("neg", "pos")):
    return rows_of(tiny.labelled_rows(count, labels))


def as_seen(part):
    """The texts of a part, but for case and blanks."""
    return {" ".join(text.lower().split()) for text in part.texts}


def cut_or_assume(cut, *arguments):
    try:
        return cut(*arguments)
    except SourceError:
        return assume(False)


@given(table=tables, size=st.sampled_from([None, 2, 5, 0.1, 0.4]), seed=st.integers(0, 5))
def test_repeats_of_a_text_never_straddle_the_cut(table, size, seed):
    left, held = cut_or_assume(hold_out, rows_of(table), size, seed)
    assert not as_seen(left) & as_seen(held)
    assert sorted([*left.row_ids, *held.row_ids]) == list(range(len(table)))


@given(table=tables, folds=st.integers(2, 5), seed=st.integers(0, 5))
def test_every_row_is_in_just_one_fold_and_repeats_are_in_the_same(table, folds, seed):
    cuts = [cut_or_assume(fold_out, rows_of(table), folds, fold, seed) for fold in range(folds)]
    assert Counter(row for _, held in cuts for row in held.row_ids) == dict.fromkeys(range(len(table)), 1)
    assert all(not as_seen(left) & as_seen(held) for left, held in cuts)
    assert all(len(left) + len(held) == len(table) for left, held in cuts)


@pytest.mark.parametrize("cut", [lambda seed: hold_out(rows(), 20, seed), lambda seed: fold_out(rows(), 4, 1, seed)])
def test_the_seed_decides_what_is_cut(cut):
    assert cut(1) == cut(1)
    assert cut(1)[1].row_ids != cut(2)[1].row_ids


@pytest.mark.parametrize(
    ("size", "count"), [(None, 20), (30, 30), (30.0, 30), (0.3, 60), (1, 2)], ids=["tenth", "count", "float", "share", "classes"]
)
def test_so_many_rows_are_cut(size, count):
    left, held = hold_out(rows(200), size, 1)
    assert (len(left), len(held)) == (200 - count, count)


def test_a_tenth_is_2000_rows_at_most():
    assert len(hold_out(rows_of([(f"text {i}", "ab"[i % 2]) for i in range(30_000)]), None, 1)[1]) == 2_000


def test_the_cut_keeps_the_shares_of_the_labels():
    pairs = [(text, "rare" if i % 5 == 0 else "common") for i, (text, _) in enumerate(tiny.labelled_rows(200))]
    assert Counter(hold_out(rows_of(pairs), 50, 1)[1].values) == {"rare": 10, "common": 40}


def test_folds_keep_the_shares_of_the_labels():
    pairs = [(text, "rare" if i % 5 == 0 else "common") for i, (text, _) in enumerate(tiny.labelled_rows(200))]
    counts = [Counter(fold_out(rows_of(pairs), 4, fold, 1)[1].values) for fold in range(4)]
    assert counts == [{"rare": 10, "common": 40}] * 4


@given(seed=st.integers(0, 1000))
def test_a_class_of_one_text_stays_in_train(seed):
    alone = [("alone", "rare"), ("Alone ", "rare")]
    assert "rare" not in hold_out(rows_of([*tiny.labelled_rows(30), *alone]), None, seed)[1].values


@pytest.mark.parametrize(("count", "size"), [(3, None), (100, 99), (100, 0.99), (100, 10**8), (0, None), (0, 5)])
def test_too_few_rows_are_refused(count, size):
    """Once no row at all ended in an IndexError."""
    with pytest.raises(SourceError, match=rf"^{count} rows of .* are too few to hold out .* Give more rows, hold out fewer"):
        hold_out(rows(count), size, 1)


def test_rows_that_repeat_one_text_are_called_repeats():
    """Once 50 rows of two labels were "of 1 classes": labels were counted of different texts alone."""
    with pytest.raises(SourceError, match="50 rows of 2 classes, with only 1 different text, are too few to hold out 5"):
        hold_out(rows_of([("the same", "ab"[i % 2]) for i in range(50)]), None, 1)


def test_one_row_and_one_class_are_one():
    """Once "1 rows of 1 classes are"."""
    with pytest.raises(SourceError, match=r"^1 row of 1 class is too few to hold out 1 for"):
        hold_out(rows_of([("good", "x")]), None, 1)


def test_too_many_folds_are_refused():
    with pytest.raises(SourceError, match="No class has 8 different texts, as 8 folds need; the largest has 2"):
        fold_out(rows_of([("a", "x"), ("A", "x"), ("b", "x"), ("c", "y")]), 8, 0, 1)


def test_a_class_of_fewer_texts_than_folds_is_dealt_out_without_a_warning(recwarn):
    held = [fold_out(rows_of([*tiny.labelled_rows(30), ("alone", "rare")]), 3, fold, 1)[1] for fold in range(3)]
    assert sum(part.values.count("rare") for part in held) == 1
    assert not recwarn.list


def test_rows_keep_their_order_origin_and_ids():
    whole = rows(40)
    left, held = hold_out(whole, 10, 1)
    assert list(held.row_ids) == sorted(held.row_ids)
    assert all(part.texts[i] == whole.texts[row] for part in (left, held) for i, row in enumerate(part.row_ids))
    assert row_name(held.origin, 17) == "train/17"
