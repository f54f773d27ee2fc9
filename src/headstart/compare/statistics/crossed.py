"""Crossed factors: how far a mean over pretraining seeds, draws of the rows and seeds may be from the truth.

Gains of every pretraining seed p, draw of the rows d and seed s are a table with random factors:
g[p, d, s] = mean + P[p] + D[d] + S[s] + their interactions. A mean square of the table has the variances of
the factors that it is about, and of all interactions with these. With N gains, added for one factor and for
three, taken away for two,

    V = (MS_p + MS_d + MS_s - MS_pd - MS_ps - MS_ds + MS_pds) / N

is the unbiased variance of the mean (Searle, Casella and McCulloch 1992, "Variance Components",
section 4.4). With three levels of each it is itself hardly known, and may fall below 0. So it is never taken
below the largest MS_f / N of one factor alone, and gets Student's t with the degrees of freedom of
Satterthwaite (1946),

    (MS_p + MS_d + MS_s)^2 / (MS_p^2 / (P-1) + MS_d^2 / (D-1) + MS_s^2 / (S-1))

Where one factor makes all of the spread, this is Student's interval over the means of its levels: three
levels have two degrees of freedom, a factor of 4.3, and no better interval can be had from them.

A factor whose levels each lie inside one level of another (seeds of their own under every pretraining) adds
nothing of its own. A table with gaps has no mean squares: there the sum over single factors is taken, each
from the sums of its levels (Cameron, Gelbach and Miller 2011), which is too wide rather than too narrow.

tests/compare/test_nested.py holds the coverage in simulation; its docstring has the table.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Effect = tuple[int, ...]  # the factors that a mean square is about


@dataclass(frozen=True)
class Table:
    """How values are arranged: by factor the number of each value's level, factors that vary alone."""

    names: tuple[str, ...]
    levels: np.ndarray  # (factors, values)

    @classmethod
    def of(cls, levels: Mapping[str, np.ndarray]) -> Table:
        """Numbered from 0; without factors of one level, and those that lie inside another one."""
        numbered = {name: np.unique(each, return_inverse=True)[1] for name, each in levels.items()}
        kept = {name: each for name, each in numbered.items() if len(each) and each.max() > 0}
        for name in reversed(list(kept)):
            if any(_inside(kept[name], other) for key, other in kept.items() if key != name):
                del kept[name]
        count = len(next(iter(numbered.values()), ()))
        return cls(tuple(kept), np.array(list(kept.values()), dtype=int).reshape(len(kept), count))

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of levels of each factor."""
        return tuple(int(each.max()) + 1 for each in self.levels)

    @property
    def nested(self) -> bool:
        """Whether values share levels, so that they are no independent draws."""
        return len(self.names) > 1 or any(size < self.levels.shape[1] for size in self.shape)

    @property
    def complete(self) -> bool:
        """Whether there is one value, and only one, at every combination of the levels."""
        values = self.levels.shape[1]
        return int(np.prod(self.shape)) == values == len({*map(tuple, self.levels.T.tolist())})

    def fewest(self) -> list[list[int]]:
        """The places of the values at each level of the factor with the fewest levels."""
        levels = self.levels[int(np.argmin(self.shape))]
        return [np.flatnonzero(levels == level).tolist() for level in range(int(levels.max()) + 1)]


@dataclass(frozen=True)
class MeanVariance:
    """The variance of a mean, its degrees of freedom, and the factor that makes most of it."""

    variance: float
    freedom: float
    most: str


def mean_variance(values: np.ndarray, table: Table) -> MeanVariance:
    """Of the mean of the values, (values,)."""
    alone = _of_factors(values, table)
    freedoms = np.array(table.shape) - 1
    squares = float((alone**2 / freedoms).sum())
    freedom = float(alone.sum() ** 2 / squares) if squares > 0 else float(freedoms.min())
    variance = max(float(unbiased(values, table)), float(alone.max()))
    return MeanVariance(variance, freedom, table.names[int(alone.argmax())])


def unbiased(values: np.ndarray, table: Table) -> np.ndarray:
    """The variance of the mean, (...), of values (..., values); it may be below 0."""
    if not table.complete:
        return _of_factors(values, table).sum(axis=-1)
    squares = mean_squares(values, table)
    signed = [(-1) ** (len(effect) + 1) * square for effect, (square, _) in squares.items()]
    return np.sum(signed, axis=0) / values.shape[-1]


def mean_squares(values: np.ndarray, table: Table) -> dict[Effect, tuple[np.ndarray, int]]:
    """Of a complete table: every effect with its mean square, (...), and its degrees of freedom."""
    shape, factors = table.shape, range(len(table.names))
    order = np.ravel_multi_index(tuple(table.levels), shape)
    cells = np.empty_like(values, dtype=float)
    cells[..., order] = values
    cells = cells.reshape(*values.shape[:-1], *shape)
    axes = [place - len(shape) for place in factors]
    parts: dict[Effect, np.ndarray] = {}
    squares: dict[Effect, tuple[np.ndarray, int]] = {}
    for number in range(len(shape) + 1):
        for effect in itertools.combinations(factors, number):
            part = cells.mean(axis=tuple(axes[f] for f in factors if f not in effect), keepdims=True)
            for smaller in parts:
                if {*smaller} < {*effect}:
                    part = part - parts[smaller]
            parts[effect] = part
            if effect:
                freedom = int(np.prod([shape[f] - 1 for f in effect]))
                repeated = int(np.prod([shape[f] for f in factors if f not in effect]))
                squares[effect] = repeated * (part**2).sum(axis=tuple(axes)) / freedom, freedom
    return squares


def _of_factors(values: np.ndarray, table: Table) -> np.ndarray:
    """What each factor alone says of the variance of the mean: (..., factors); MS_f / N if complete."""
    apart, found = values - values.mean(axis=-1, keepdims=True), list[np.ndarray]()
    for levels, size in zip(table.levels, table.shape, strict=True):
        sums = apart @ np.eye(size)[levels]
        found.append((sums**2).sum(axis=-1) * size / (size - 1) / values.shape[-1] ** 2)
    return np.stack(found, axis=-1)


def _inside(levels: np.ndarray, other: np.ndarray) -> bool:
    """Whether each level lies inside one level of the other factor."""
    return len({*zip(levels.tolist(), other.tolist(), strict=True)}) == int(levels.max()) + 1
