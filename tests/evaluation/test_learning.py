"""Scores over training rows, and what more rows would bring."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluation.learning import PowerLaw, curve_points, fit_power_law, outlook

SIZES = [800, 2_000, 4_000, 8_000]


def points(scores, sizes=SIZES, repeats=1):
    return curve_points(
        [
            (rows, rows / sizes[-1], {"macro_f1": score + repeat / 100})
            for rows, score in zip(sizes, scores, strict=True)
            for repeat in range(repeats)
        ]
    )


def says(scores, sizes=SIZES, **more):
    return outlook(points(scores, sizes, **more), "macro_f1", "macro F1", 2_000).says


@pytest.mark.parametrize("law", [PowerLaw(floor=0.1, scale=3, exponent=0.3), PowerLaw(floor=0, scale=2, exponent=0.5)])
def test_a_power_law_is_found_again(law):
    found = fit_power_law(SIZES, [law.score(rows) for rows in SIZES])
    assert found.score(16_000) == pytest.approx(law.score(16_000), abs=1e-3)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=6))
def test_the_curve_never_falls_and_stays_a_score(scores):
    law = fit_power_law([2**i * 100 for i in range(len(scores))], scores)
    assert law.score(100) <= law.score(10_000) + 1e-12 <= law.score(1e9) + 2e-12 <= 1 + 3e-12


def test_a_rising_curve_says_what_twice_the_rows_would_bring():
    law = PowerLaw(floor=0.15, scale=2, exponent=0.3)
    scores = [law.score(rows) for rows in SIZES]
    gain = law.score(16_000) - law.score(8_000)
    assert outlook(points(scores), "macro_f1", "macro F1").gain_by_doubling == pytest.approx(gain, abs=2e-3)
    assert says(scores).startswith(
        f"More labels would probably help: from 4,000 to 8,000 rows macro F1 rose from {scores[2]:.3f}"
    )
    assert "16,000 would bring about +0.0" in says(scores)


def test_a_flat_curve_says_so():
    assert says([0.60, 0.700, 0.702, 0.703]).startswith("More labels would hardly help: from 4,000 to 8,000 rows macro F1 rose")
    assert "less than +0.005" in says([0.60, 0.700, 0.702, 0.703])


def test_a_curve_that_falls_at_its_end_no_longer_rises():
    assert "macro F1 no longer rises; from 4,000 to 8,000 rows macro F1 fell from 0.710 to 0.700." in says(
        [0.69, 0.70, 0.71, 0.70]
    )


@pytest.mark.parametrize(("last", "moved"), [(0.748, "fell from 0.750 to 0.748"), (0.753, "rose from 0.750 to 0.753")])
def test_a_last_step_that_may_be_luck_after_a_clear_rise_is_no_end_of_the_rise(last, moved):
    found = outlook(points([0.6, 0.7, 0.75, last]), "macro_f1", "macro F1", 2_000)
    assert found.says.startswith(
        f"Whether more labels would help cannot be told: from 4,000 to 8,000 rows macro F1 {moved}, which may be luck; "
        "the step before rose by 0.050."
    )
    assert found.gain_by_doubling is None


@pytest.mark.parametrize(
    ("sizes", "said"), [([], "No part is trained yet"), ([800], "one size does not tell"), ([800, 2_000], "how the curve bends")]
)
def test_too_few_sizes_foretell_nothing(sizes, said):
    found = outlook(points([0.5, 0.6][: len(sizes)], sizes) if sizes else [], "macro_f1", "macro F1")
    assert said in found.says
    assert found.gain_by_doubling is None


def test_words_say_how_much_may_be_luck():
    assert "differences below about 0.020 may be luck" in says([0.5, 0.6, 0.65, 0.7])
    assert "differ by ± 0.010 (standard deviation)" in says([0.5, 0.6, 0.65, 0.7], repeats=3)


def test_repeats_of_one_size_are_averaged():
    first, *_ = points([0.5, 0.6, 0.7, 0.8], repeats=3)
    assert (first.rows, first.share, first.repeats) == (800, 0.1, 3)
    assert (first.scores["macro_f1"], first.std["macro_f1"]) == (pytest.approx(0.51), pytest.approx(0.01))
