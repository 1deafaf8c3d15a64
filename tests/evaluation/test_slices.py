"""Accuracy in parts of the rows."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.errors import SettingsError
from tuner.evaluation.slices import Slice, members, search_slice, searched, slices, worst_slices
from tuner.evaluation.wilson import share_interval

NAMES = ("bad", "good")
TEXTS = [
    "short one",
    "see https://example.com/?q=1 now",
    "hey @someone what about this one?",
    "I do not like it #fail",
    "smile \U0001f600 " + "word " * 45,
    "nothing was there, isn't it?",
]
TRUTH = np.array([0, 1, 1, 0, 1, 0])
GUESSES = np.array([0, 1, 0, 0, 1, 1])


def sliced(texts=TEXTS, truth=TRUTH, guesses=GUESSES, columns=None):
    return slices(texts, truth, np.eye(2)[guesses], NAMES, columns)


def named(found):
    return {slice_.name: slice_ for slice_ in found}


def rows_of(name, columns=None):
    key = named(sliced(columns=columns))[name].key
    return members(key, TEXTS, TRUTH, np.eye(2)[GUESSES], NAMES, columns).tolist()


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("1–5 words", [0, 1, 5]),
        ("6–10 words", [2, 3]),
        ("over 40 words", [4]),
        ("with a URL", [1]),
        ("with a handle", [2]),
        ("with a hashtag", [3]),
        ("with emoji", [4]),
        ("with a negation", [3, 5]),
        ("with a question", [2, 5]),
        ("label good", [1, 2, 4]),
        ("answered good", [1, 4, 5]),
        ("with a negation, with a question", [5]),
        ("1–5 words, answered good", [1, 5]),
    ],
)
def test_rows_of_a_slice(name, rows):
    assert rows_of(name) == rows
    assert named(sliced())[name].n == len(rows)


def test_accuracy_interval_and_difference_are_those_of_the_rows():
    found = named(sliced())["1–5 words"]
    assert found.value == pytest.approx(2 / 3)
    assert found.interval == share_interval(2, 3)
    assert found.difference == pytest.approx(2 / 3 - 2 / 3)


def test_few_rows_are_marked():
    many = named(sliced(TEXTS * 10, np.tile(TRUTH, 10), np.tile(GUESSES, 10)))
    assert (many["with a URL"].small, many["label good"].small) == (True, False)
    assert many["with a URL"].note == "Only 10 rows: too few to tell much."
    assert many["label good"].note == ""


def test_an_empty_slice_says_so():
    empty = named(sliced())["21–40 words"]
    assert (empty.n, empty.value, empty.interval, empty.difference) == (0, None, None, None)
    assert empty.note == "No row is in this slice."


def test_a_slice_of_all_rows_is_compared_with_nothing():
    found = named(sliced(["a b"] * 3, np.array([0, 1, 1]), np.array([0, 1, 0])))["1–5 words"]
    assert (found.value, found.difference) == (pytest.approx(2 / 3), None)


def test_no_rows_make_empty_slices():
    found = sliced([], np.array([], dtype=int), np.array([], dtype=int))
    assert found
    assert all(slice_.n == 0 and slice_.value is None for slice_ in found)
    assert worst_slices(found) == []


def test_texts_without_spaces_are_measured_in_characters():
    names = named(sliced(["これはとても長い文章です"] * 6))
    assert names["11–20 characters"].n == 6
    assert "1–5 words" not in names


@pytest.mark.parametrize(
    "text", ["DON'T go", "cant say", "no.", "it isn’t so", "without it", "nobody came", "I won't", "Cannot do"]
)
def test_negations(text):
    assert named(sliced([text] * 6))["with a negation"].n == 6


@pytest.mark.parametrize("text", ["we want it", "a notable event", "know it", "note this", "a tent", "http://a.b/?q=1"])
def test_what_only_looks_like_a_negation_or_a_question(text):
    found = named(sliced([text] * 6))
    assert (found["with a negation"].n, found["with a question"].n) == (0, 0)


def test_values_of_a_column_are_slices():
    columns = {"source": ["web", "tv", "web", None, "tv", "web"]}
    assert rows_of("source = web", columns) == [0, 2, 5]
    assert rows_of("source is missing", columns) == [3]


def column_of(values):
    n = len(values)
    found = slices(["a"] * n, np.zeros(n, int), np.eye(2)[np.zeros(n, int)], NAMES, {"c": values})
    return {s.name: s.n for s in found if s.kind == "column"}


def test_numbers_are_cut_at_quartiles():
    assert column_of(list(range(100))) == {"c ≤ 24": 25, "24 < c ≤ 49": 25, "49 < c ≤ 74": 25, "c > 74": 25}


def test_numbers_written_as_text_are_numbers():
    assert list(column_of([str(i / 10) for i in range(40)])) == ["c ≤ 0.9", "0.9 < c ≤ 1.9", "1.9 < c ≤ 2.9", "c > 2.9"]


def test_quartiles_that_coincide_make_fewer_parts():
    assert column_of([0] * 90 + list(range(1, 25)) + [None]) == {"c ≤ 0": 90, "c > 0": 24, "c is missing": 1}


@given(st.lists(st.one_of(st.integers(-5, 50), st.floats(-3, 3), st.none()), min_size=1, max_size=120))
def test_parts_of_a_column_hold_every_row_once(values):
    assert sum(column_of(values).values()) == len(values)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([f"u{i}" for i in range(40)], "holds 40 different values that are no numbers"),
        ([[1]] * 40, "holds lists or objects"),
        ([float("inf"), *range(40)], "no numbers"),
    ],
)
def test_a_column_that_cannot_be_cut_is_left_out_with_a_sentence(values, reason):
    found = slices(
        ["a"] * len(values), *[np.zeros(len(values), int), np.eye(2)[np.zeros(len(values), int)]], NAMES, {"id": values}
    )
    (left_out,) = [s for s in found if s.kind == "column"]
    assert (left_out.n, left_out.value) == (0, None)
    assert reason in left_out.note
    assert len(members(left_out.key, ["a"] * len(values), values, np.zeros((len(values), 2)), NAMES, {"id": values})) == 0


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match="columns of"):
        sliced(columns={"a": [1, 2]})


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_every_slice_is_found_again_by_its_key(seed):
    random = np.random.default_rng(seed)
    n = 60
    texts = [TEXTS[i] for i in random.integers(len(TEXTS), size=n)]
    truth, probabilities = random.integers(2, size=n), random.dirichlet((1, 1), n)
    columns = {"c & d": random.choice(["x", "y:z", "p & q"], n).tolist(), "number": random.normal(size=n).tolist()}
    found = slices(texts, truth, probabilities, NAMES, columns)
    assert len({s.key for s in found}) == len(found)
    for s in found:
        rows = members(s.key, texts, truth, probabilities, NAMES, columns)
        assert len(rows) == s.n
        if s.n:
            assert s.value == pytest.approx((probabilities[rows].argmax(axis=1) == truth[rows]).mean())


def planted():
    """600 rows; what is asked is answered wrongly, all else rightly."""
    texts = ["is this one so?" if i % 4 == 0 else "this one is so" for i in range(600)]
    truth = np.arange(600) % 2
    return slices(texts, truth, np.eye(2)[np.where(np.arange(600) % 4 == 0, 1 - truth, truth)], NAMES)


def test_a_planted_weakness_is_the_worst_slice():
    worst = worst_slices(planted())
    assert worst[0].name == "with a question"
    assert worst[0].value == 0


def test_a_combination_no_worse_than_its_parts_is_not_listed():
    assert not [s for s in worst_slices(planted(), most=99) if "with a question," in s.name or ", with a question" in s.name]


def test_a_weakness_of_two_traits_together_is_found():
    """Questions and handles are answered well, questions with handles are not."""
    texts = [f"{'@reader ' * (i % 2)}is this one so{'?' * (i // 2 % 2)}" for i in range(800)]
    truth = np.arange(800) // 4 % 2
    wrong = np.arange(800) % 4 == 3
    found = slices(texts, truth, np.eye(2)[np.where(wrong, 1 - truth, truth)], NAMES)
    assert worst_slices(found)[0].name == "with a handle, with a question"


def test_equal_slices_are_not_called_worse():
    found = sliced(TEXTS * 50, np.tile(TRUTH, 50), np.tile(TRUTH, 50))
    assert worst_slices(found) == []
    assert "slices of 30 rows or more looked at is clearly worse" in searched(found, [])


def test_the_search_says_how_many_were_looked_at():
    found = planted()
    count = sum(not s.small and s.difference is not None for s in found)
    assert searched(found, worst_slices(found)).startswith(
        f"The lowest of {count} slices of 30 rows or more looked at; of so many"
    )
    assert searched(sliced(), []) == "No slice has the 30 rows it takes to be compared."


def test_a_search_is_a_slice():
    found, rows = search_slice(TEXTS, TRUTH, np.eye(2)[GUESSES], "THIS ONE")
    assert (found.kind, found.n, rows.tolist(), found.value) == ("search", 1, [2], 0.0)
    expression, rows = search_slice(TEXTS, TRUTH, np.eye(2)[GUESSES], "^[st]|^n", regular_expression=True)
    assert (expression.n, rows.tolist()) == (4, [0, 1, 4, 5])


def test_a_search_that_finds_nothing_is_an_empty_slice():
    found, rows = search_slice(TEXTS, TRUTH, np.eye(2)[GUESSES], "zebra")
    assert (found.value, found.note, len(rows)) == (None, "No row is in this slice.", 0)


def test_a_bad_expression_is_refused():
    with pytest.raises(SettingsError, match="missing"):
        search_slice(TEXTS, TRUTH, np.eye(2)[GUESSES], "(", regular_expression=True)


def test_slices_survive_json():
    for found in sliced(columns={"c": [1, 2, 3, None, 1, 1]}):
        assert Slice.model_validate_json(found.model_dump_json()) == found


def test_seventy_labels_make_a_few_hundred_candidates():
    random = np.random.default_rng(0)
    n = 5_000
    texts = [TEXTS[i] for i in random.integers(len(TEXTS), size=n)]
    found = slices(texts, random.integers(77, size=n), random.dirichlet(np.ones(77), n), [f"l{i}" for i in range(77)])
    assert len(found) < 450


def test_a_hundred_thousand_rows_take_less_than_a_second():
    """0.2 s of one core."""
    random = np.random.default_rng(0)
    texts = [TEXTS[i % 4] + " and so it goes on for a while as tweets do, day after day" for i in range(100_000)]
    truth, probabilities = random.integers(3, size=100_000), random.dirichlet(np.ones(3), 100_000)
    began = time.process_time()
    slices(texts, truth, probabilities, ("a", "b", "c"), {"age": random.integers(90, size=100_000).tolist()})
    assert time.process_time() - began < 1
