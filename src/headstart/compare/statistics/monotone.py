"""Monotone curves over sizes: smoothed so that more rows never hurt, and read backwards.

Curves are oriented (higher is better) and stand on the logarithm of the rows, straight between sizes. The
leading axis is that of the resamples: all of them are done at once.
"""

from __future__ import annotations

import numpy as np


def isotonic(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The nearest curve that never falls, by weighted squares: (resamples, sizes) -> the same.

    By the min-max formula (Robertson, Wright and Dykstra 1988, "Order Restricted Statistical Inference",
    theorem 1.4.4): f[i] = max over j <= i of min over k >= i of the weighted mean of values j..k.
    """
    sizes: int = values.shape[1]
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values * weights, axis=1)], axis=1)
    mass = np.concatenate([[0.0], np.cumsum(weights)])
    smooth = np.empty_like(values, dtype=float)
    for i in range(sizes):
        ends = np.arange(i, sizes) + 1
        means = [(sums[:, ends] - sums[:, [j]]) / (mass[ends] - mass[j]) for j in range(i + 1)]
        smooth[:, i] = np.max([mean.min(axis=1) for mean in means], axis=0)
    return smooth


def rows_at(target: np.ndarray, curve: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The smallest number of rows at which a curve that never falls is at its target: (resamples,).

    target: (resamples,); curve: (resamples, sizes); rows: (sizes,). Infinite where the target is above the
    largest size, 0 where it is below the smallest: there is nothing to read beyond the data.
    """
    places, logs = np.arange(len(curve)), np.log(rows)
    above = curve >= target[:, None]
    first = above.argmax(axis=1)
    before = np.maximum(first - 1, 0)
    low, high = curve[places, before], curve[places, first]
    part = np.divide(target - low, high - low, out=np.ones_like(target), where=high > low)
    found = np.exp(logs[before] + part * (logs[first] - logs[before]))
    found = np.where(first == 0, np.where(target < curve[:, 0], 0.0, rows[0]), found)
    return np.where(above.any(axis=1), found, np.inf)


def last_above(gains: np.ndarray, margin: float, rows: np.ndarray) -> np.ndarray:
    """The number of rows from which on a gain is never above the margin again: (resamples,).

    gains: (resamples, sizes). Infinite where the gain at the largest size is above it, 0 where none is.
    """
    places, logs, size = np.arange(len(gains)), np.log(rows), len(rows)
    above = gains > margin
    last = size - 1 - above[:, ::-1].argmax(axis=1)
    after = np.minimum(last + 1, size - 1)
    high, low = gains[places, last], gains[places, after]
    part = np.divide(high - margin, high - low, out=np.ones(len(gains)), where=high > low)
    found = np.exp(logs[last] + part * (logs[after] - logs[last]))
    found = np.where(above[:, -1], np.inf, found)
    return np.where(above.any(axis=1), found, 0.0)
