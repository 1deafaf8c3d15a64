"""The mends of `data.fixes` on rows."""

import itertools
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.config import DataConfig
from tuner.data.fixes import apply_fixes, keys_of
from tuner.data.rows import Rows
from tuner.sections.data import Fix

LONG = "the committee met on monday to talk about the new bridge over the river and its price"
PERSONAL = "a@b.de AT61 1904 3002 3457 3201, 4111 1111 1111 1111; +49 171 1234567 @anna"
FIXES = get_args(Fix)
short = st.lists(st.tuples(st.text("abA @", min_size=1, max_size=4), st.sampled_from("xy")), min_size=1, max_size=12)


def parts_of(train, validation=(), test=()):
    """Role → rows of (text, label) pairs."""
    given = {"train": train, "validation": validation, "test": test}
    return {
        role: Rows(role, tuple(text for text, _ in pairs), tuple(label for _, label in pairs), tuple(range(len(pairs))))
        for role, pairs in given.items()
    }


def mended(fixes, train, validation=(("v", "x"),), test=(("t", "x"),)):
    """(training rows that are left, as (text, label) pairs; the notes)."""
    parts, notes = apply_fixes(parts_of(train, validation, test), fixes)
    return list(zip(parts["train"].texts, parts["train"].values, strict=True)), notes


def test_contradicting_rows_are_dropped_all():
    rows = [("a", "x"), ("A ", "y"), ("b", "x"), ("b", "x"), ("a", "x")]
    assert mended(["drop_conflicting"], rows) == (
        [("b", "x"), ("b", "x")],
        ["3 training rows whose text stands under two labels were dropped."],
    )


def test_of_repeats_the_first_is_kept():
    rows = [("a", "x"), ("b", "x"), ("A", "x"), ("a", "y"), (" b", "x")]
    assert mended(["drop_duplicates"], rows)[0] == [("a", "x"), ("b", "x"), ("a", "y")]


def test_one_row_that_was_dropped_is_told_as_one():
    rows = [("a", "x"), ("V", "y"), ("b", "x")]
    told = "1 training row that stands in validation or test, too, was dropped."
    assert mended(["drop_leaked"], rows)[1] == [told]


def test_leaks_are_dropped_whatever_their_label():
    rows = [("a", "x"), ("V", "y"), ("t ", "x")]
    assert mended(["drop_leaked"], rows)[0] == [("a", "x")]


def test_near_repeats_are_dropped():
    rows = [(LONG, "x"), (f"{LONG}!", "x"), (LONG, "x"), ("b", "y")]
    assert mended(["drop_near_duplicates"], rows)[0] == [(LONG, "x"), (LONG, "x"), ("b", "y")]


def test_masks_reach_every_split():
    parts, notes = apply_fixes(parts_of([("c@d.ef", "x")], [("no", "x"), ("g@h.ij", "y")], [("k@l.mn!", "x")]), ["mask_email"])
    assert [tuple(rows.texts) for rows in parts.values()] == [("<EMAIL>",), ("no", "<EMAIL>"), ("<EMAIL>!",)]
    assert notes == ["<EMAIL> replaces the email in 3 texts."]


def test_all_masks_together():
    text = mended([fix for fix in FIXES if fix.startswith("mask_")], [(PERSONAL, "x")])[0][0][0]
    assert text == "<EMAIL> <ACCOUNT>, <CARD>; <PHONE> <USER>"


@pytest.mark.parametrize("clicked", itertools.permutations(["drop_duplicates", "mask_email", "drop_leaked"]))
def test_masks_come_first_in_whatever_order_they_were_clicked(clicked):
    fixes = DataConfig(fixes=list(clicked)).fixes
    assert fixes == ["mask_email", "drop_duplicates", "drop_leaked"]
    assert mended(fixes, [("to a@b.de", "x"), ("to c@d.ef", "x"), ("z", "y")])[0] == [("to <EMAIL>", "x"), ("z", "y")]


def test_a_fix_that_changes_nothing_says_nothing():
    parts = parts_of([("a", "x"), ("b", "y")], [("c", "x")], [("d", "y")])
    assert apply_fixes(parts, list(FIXES)) == (parts, [])


def test_dropping_every_training_row_is_no_crash():
    """Once the next fix ended in a ValueError of Python's."""
    assert (
        mended(["drop_conflicting", "drop_duplicates", "drop_leaked", "drop_near_duplicates"], [("a", "x"), ("a", "y")])[0] == []
    )


@given(train=short, validation=short, test=short, fixes=st.sets(st.sampled_from(FIXES)))
def test_validation_and_test_rows_are_never_dropped(train, validation, test, fixes):
    before = parts_of(train, validation, test)
    after, _ = apply_fixes(before, DataConfig(fixes=list(fixes)).fixes)
    assert all(after[role].row_ids == before[role].row_ids for role in ("validation", "test"))
    assert set(after["train"].row_ids) <= set(before["train"].row_ids)


@given(train=short, validation=short, test=short, fix=st.sampled_from(FIXES))
def test_a_second_time_changes_nothing(train, validation, test, fix):
    once, _ = apply_fixes(parts_of(train, validation, test), [fix])
    assert apply_fixes(once, [fix]) == (once, [])


def test_repeats_have_one_key_in_all_roles():
    keys = keys_of(parts_of([("a", "x"), ("b", "x")], [("B", "x")], [("A", "y")]))
    assert (keys["train"][0], keys["train"][1]) == (keys["test"][0], keys["validation"][0])
