"""The interval of a share."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tuner.evaluation.wilson import share_interval, wilson


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_it_is_that_of_scipy(counts):
    good, n = counts
    expected = binomtest(good, n).proportion_ci(method="wilson")
    assert share_interval(good, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_many_shares_at_once_are_those_of_each():
    lower, upper = wilson(np.array([1, 5]), np.array([2, 5]))
    assert [(lower[0], upper[0]), (lower[1], upper[1])] == [share_interval(1, 2), share_interval(5, 5)]


def test_no_trials_have_no_interval():
    assert share_interval(0, 0) is None
