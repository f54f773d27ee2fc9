"""Expected best: how good the best of n trials is to be expected, from the N trials that were run.

Dodge et al. (2019), "Show Your Work", report this curve instead of the best score alone. Theirs draws with
replacement, which is biased downwards; drawing without replacement is not (Dodge et al. 2021, "Expected
Validation Performance and Estimation of a Random Variable's Maximum"), and is what stands here:

    P(best of n is at most the i-th smallest of N) = C(i, n) / C(N, n)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import bdtr  # pyright: ignore[reportMissingTypeStubs] - scipy has none

LEVEL = 0.95


def best_of(scores: Sequence[float]) -> np.ndarray:
    """P(the best of n is the i-th smallest of N scores), (N, N): rows n = 1..N, columns i = 1..N."""
    number = len(scores)
    at_most = np.array(
        [[math.comb(i, n) / math.comb(number, n) for i in range(number + 1)] for n in range(1, number + 1)]
    )
    return np.diff(at_most, axis=1)


def expected(scores: Sequence[float]) -> np.ndarray:
    """Expected best of n = 1..N, larger is better: (N,)."""
    return best_of(scores) @ np.sort(np.asarray(scores, dtype=float))


def order_band(scores: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The best of n lies between these in LEVEL of all choices of n trials: (N,) each, exact."""
    ranked = np.sort(np.asarray(scores, dtype=float))
    reached = np.cumsum(best_of(scores), axis=1) + 1e-12  # sums of probabilities fall short of 1 by rounding
    low = (reached >= (1 - LEVEL) / 2).argmax(axis=1)
    high = (reached >= (1 + LEVEL) / 2).argmax(axis=1)
    return ranked[low], ranked[high]


def sure_band(scores: Sequence[float]) -> tuple[list[float | None], list[float | None]]:
    """For n = 1..N, an interval of the median best of n new random trials; None where N do not bound it.

    That median is the quantile q = 0.5**(1/n) of one trial, and an interval between two order statistics
    holds a quantile with a binomial probability, whatever the distribution (David and Nagaraja 2003,
    "Order Statistics", section 7.1). Each end is allowed to miss with (1 - LEVEL) / 2.
    """
    ranked = sorted(float(score) for score in scores)
    number, miss = len(ranked), (1 - LEVEL) / 2
    lows: list[float | None] = []
    highs: list[float | None] = []
    for n in range(1, number + 1):
        below = bdtr(np.arange(number + 1), number, 0.5 ** (1 / n))  # P(at most k of N are below it)
        # the k-th smallest is above the quantile with P(fewer than k are below it)
        fits = [k for k in range(1, number + 1) if below[k - 1] <= miss]
        lows.append(ranked[fits[-1] - 1] if fits else None)
        fits = [k for k in range(1, number + 1) if 1 - below[k - 1] <= miss]
        highs.append(ranked[fits[0] - 1] if fits else None)
    return lows, highs
