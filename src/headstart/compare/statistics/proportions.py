"""Proportions: how often something happens, with an interval that few cases do not break."""

from __future__ import annotations

from math import sqrt

from scipy.special import ndtri  # pyright: ignore[reportMissingTypeStubs] - scipy has none

from headstart.compare.bounds import Interval


def wilson(happened: int, number: int) -> Interval:
    """Wilson's (1927) score interval of a share, at 95 %: never outside 0..1, and never of no width.

    Newcombe (1998), "Two-sided confidence intervals for the single proportion", finds it close to its level
    also for few cases. `number` is at least 1.
    """
    z = float(ndtri(0.975))
    share = happened / number
    centre = (share + z * z / (2 * number)) / (1 + z * z / number)
    half = z / (1 + z * z / number) * sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    low, high = max(0.0, centre - half), min(1.0, centre + half)
    return Interval(0.0 if happened == 0 else low, 1.0 if happened == number else high)
