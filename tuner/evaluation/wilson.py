"""The 95 % interval of a share."""

import numpy as np

Interval = tuple[float, float]
# The 97.5th percentile of the normal distribution.
_Z = 1.959963984540054


def wilson(successes: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper bounds of shares (Wilson 1927, without continuity correction), for arrays of counts; every n above 0.

    The same numbers as scipy's `binomtest(successes, n).proportion_ci(method="wilson")`, which takes 0.8 ms each where
    n = 100,000, since it works out a p-value first: 0.12 s for the 150 slices of a report.
    """
    share = successes / n
    middle = share + _Z**2 / (2 * n)
    half = _Z * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    scale = 1 + _Z**2 / n
    # At the ends exactly 0 and 1: rounding would leave 1e-17.
    lower = np.where(successes == 0, 0.0, (middle - half) / scale)
    return lower, np.where(successes == n, 1.0, (middle + half) / scale)


def share_interval(successes: int, n: int) -> Interval | None:
    """The 95 % interval of one share; None of no trials."""
    if not n:
        return None
    lower, upper = wilson(np.array([successes]), np.array([n]))
    return float(lower[0]), float(upper[0])
