"""Skewed costs: the interval of a difference of two mean costs, where a few runs may need many times more.

Costs to a target are positive and have a long tail: Student's interval for their mean is too narrow (77 to
92 % of intervals hold the truth when the logarithms have an sd of 0.8 or 1.2). Their logarithms are close
to normal, and the mean of a lognormal variable, exp(mu + sigma^2 / 2), has a generalised interval
(Krishnamoorthy and Mathew 2003, "Inferences on the means of lognormal distributions"): sigma^2 is drawn as
SS / chi2(n - 1), mu as the mean of the logarithms plus normal noise of variance sigma^2 / n. Both costs of a
pair share the noise as far as their logarithms are correlated. tests/compare/test_skewed.py prints the
coverage.
"""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit  # pyright: ignore[reportMissingTypeStubs] - scipy has none

from headstart.compare.bounds import Interval

DRAWS = 5000
_LARGEST = 300.0  # logarithm of a mean over the geometric one, so that it stays finite


def mean_difference(costs: np.ndarray, level: float = 0.95, draws: int = DRAWS) -> Interval:
    """Of the mean of the first column minus that of the second; (pairs, 2), not negative, two or more pairs.

    It holds the difference of the two sample means.
    """
    rng = np.random.default_rng(len(costs))
    noise = rng.standard_normal((2, draws))
    logs = np.log(costs) if costs.min() > 0 else np.zeros_like(costs)
    if (logs.std(axis=0) > 0).all() and len(costs) > 2:
        shared = float(np.corrcoef(logs.T)[0, 1])
        noise[1] = shared * noise[0] + np.sqrt(max(1 - shared**2, 0.0)) * noise[1]
    first, second = (_means(costs[:, side], noise[side], rng) for side in (0, 1))
    low, high = np.quantile(first - second, [(1 - level) / 2, (1 + level) / 2])
    seen = costs[:, 0].mean() - costs[:, 1].mean()
    return Interval(float(min(low, seen)), float(max(high, seen)), level)


def _means(costs: np.ndarray, noise: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draws of a mean cost; costs of which some are 0 are not lognormal, and get Student's."""
    pairs = len(costs)
    if np.ptp(costs) == 0:
        return np.full(len(noise), costs[0])
    if costs.min() <= 0:
        error = costs.std(ddof=1) / np.sqrt(pairs)
        return costs.mean() + error * stdtrit(pairs - 1, rng.random(len(noise)))
    logs = np.log(costs)
    variance = logs.var(ddof=1) * (pairs - 1) / rng.chisquare(pairs - 1, len(noise))
    above = np.minimum(noise * np.sqrt(variance / pairs) + variance / 2, _LARGEST)
    return np.exp(logs.mean()) * np.exp(above)
