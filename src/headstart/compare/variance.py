"""Variance: how much of the spread is due to the pretraining, the rows drawn or their order, and the seed.

Runs with every pretraining seed, every draw of the subset (or every order) under every seed are a table with
random factors: x[d, s] = mean + draw[d] + seed[s] + rest[d, s], or with three of them; what several do
together is in the rest. Variances by the method of moments (Searle, Casella and McCulloch 1992, "Variance
Components", section 4.4), cut at 0; intervals are generalised ones (Weerahandi 1993), from draws of the
chi-squared variables that the mean squares are. A seed decides weights and noise at once, and the order
unless that has a seed of its own; where every draw has its own seed, both are one part. The variance that
other test examples would add to a gain stands beside them where pretrainings or draws vary; what they add to
each run on its own is in the rest.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from headstart.compare import factors
from headstart.compare.bounds import Interval
from headstart.compare.conditions import size_name
from headstart.compare.factors import pretraining_seed
from headstart.compare.pairs import Match, scores_of
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import sizes as sentences
from headstart.compare.series import context_id
from headstart.metrics import orient
from headstart.records.fingerprint import digest, is_set

DRAWS = 20_000
Source = Literal["pretraining", "subset", "order", "seed", "rest", "test"]
CROSSED: tuple[Source, ...] = ("pretraining", "subset", "order")  # with the seed
Table = Mapping[tuple[int, ...], float]  # by the levels of what varies, the seed last


class Component(NamedTuple):
    """One source of the spread: its variance, and its share of the whole."""

    source: Source
    variance: float  # cut at 0
    interval: Interval | None  # 95 %
    share: float | None  # of the sum; None when all are 0
    levels: int  # pretrainings, draws of the subset, orders, seeds, test groups; 0 for the rest


def variances(compared: Sequence[Compared]) -> Rows:
    """Per size and arm, of both scores and the gain, where several pretrainings or draws were run.

    Where there is no split, a row `variance` says why.
    """
    groups: dict[tuple[str, str, str], list[Compared]] = defaultdict(list)
    for each in compared:
        if each.gain:
            record = each.matches[0].arm
            context, size = context_id(record, "order_seed"), size_name(record.config["size"])
            groups[each.arm, context, size].append(each)
    several = [group for group in groups.values() if _varying(group)]
    if not several:
        return Rows([Quantity("variance", note=sentences.ONE_DRAW)] if groups else [])
    return Rows(row for group in several for row in _splits(group))


def split(
    table: np.ndarray, seed: int, sources: Sequence[Source] = ("subset", "seed")
) -> tuple[Component, ...]:
    """The components of a table, at least 2 x 2; `sources`: what its axes are."""
    freedom, squares = _mean_squares(table)
    variances = _components(squares, table)
    chi = np.random.default_rng(seed).chisquare(freedom, size=(DRAWS, len(freedom)))
    drawn = _components(freedom * squares / chi, table)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    whole = float(variances.sum())
    levels: dict[Source, int] = {**dict(zip(sources, table.shape, strict=True)), "rest": 0}
    return tuple(
        Component(
            source=source,
            variance=float(variances[i]),
            interval=Interval(float(low[i]), float(high[i])),
            share=float(variances[i]) / whole if whole else None,
            levels=levels[source],
        )
        for i, source in enumerate(levels)
    )


def _mean_squares(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Degrees of freedom and mean squares of each axis and of the rest: (axes + 1,) each."""
    axes, mean = range(table.ndim), table.mean()
    rest, squares = table - mean, list[float]()
    for axis in axes:
        apart = table.mean(axis=tuple(other for other in axes if other != axis), keepdims=True) - mean
        rest = rest - apart
        squares.append(table.size / table.shape[axis] * float((apart**2).sum()) / (table.shape[axis] - 1))
    freedom = [size - 1 for size in table.shape]
    freedom.append(table.size - 1 - sum(freedom))
    return np.array(freedom), np.array([*squares, (rest**2).sum() / freedom[-1]])


def _components(squares: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Variances of each axis and of the rest, from their mean squares: (..., axes + 1), cut at 0."""
    rest = squares[..., -1:]
    repeated = table.size / np.array(table.shape)
    return np.maximum(np.concatenate([(squares[..., :-1] - rest) / repeated, rest], axis=-1), 0.0)


def _varying(group: Sequence[Compared]) -> list[Source]:
    """What has several levels among these runs, beside the seed."""
    levels = {_levels(pair) for each in group for pair in each.matches}
    return [source for place, source in enumerate(CROSSED) if len({each[place] for each in levels}) > 1]


def _levels(pair: Match) -> tuple[int, ...]:
    """Of a pair: its pretraining, its draw of the rows, their order."""
    found = factors.of_pair(pair.sides)
    config = pair.arm.config
    order = int(config["order_seed"]) if is_set(config, "order_seed") else -1
    return found["pretraining"] or 0, found["subset"] or 0, order


def _splits(group: Sequence[Compared]) -> Iterator[Quantity]:
    """Of the baseline's score, the arm's, and the gain."""
    first, varying = group[0], _varying(group)
    metric, sign = first.headline, orient(first.headline)
    places = [CROSSED.index(source) for source in varying]
    tables: dict[str, dict[tuple[int, ...], float]] = {
        first.baseline: {},
        first.arm: {},
        f"gain of {first.arm}": {},
    }
    for each in group:
        for pair in each.matches:
            levels = _levels(pair)
            key = (*(levels[place] for place in places), pair.arm.seed)
            baseline, arm = (float(scores_of(record)[metric]) for record in pair.sides)
            values = (baseline, arm, sign * (arm - baseline))
            for table, value in zip(tables.values(), values, strict=True):
                table[key] = value
    tied = len({key[:-1] for key in tables[first.arm]}) == len(tables[first.arm])
    if tied:  # every draw has a seed of its own: their parts are one
        tables = {name: {(*key[:-1], 0): value for key, value in own.items()} for name, own in tables.items()}
    size = size_name(first.matches[0].arm.config["size"])
    for side, (name, table) in enumerate(tables.items()):
        template = Quantity("variance", condition=size, arm=name, metric=metric)
        if {"subset", "order"} <= {*varying}:
            yield template.because(sentences.BOTH)
            continue
        one_pretraining = side == 0 and all(pretraining_seed(p.baseline) is None for p in first.matches)
        sources: list[Source] = [each for each in varying if each != "pretraining" or not one_pretraining]
        if sources != varying:  # its run is the same beside every pretraining
            table = {key[1:]: value for key, value in table.items()}
        test, gain = None, first.gain  # what other test examples would add to every gain
        crossed = factors.table([pair.sides for pair in first.matches])
        if side == 2 and gain and gain.test_variance is not None and crossed:
            test = Component("test", gain.test_variance, None, None, gain.groups or gain.examples or 0)
        if len(sources) > tied:
            yield from _split(template, table, sources, test)


def _split(
    template: Quantity, table: Table, sources: Sequence[Source], test: Component | None
) -> Iterator[Quantity]:
    """Over the seeds that all draws, orders or pretrainings share."""
    axes = [sorted({key[place] for key in table}) for place in range(len(sources))]
    cells = list(itertools.product(*axes))
    every = sorted({key[-1] for key in table})
    seeds = [seed for seed in every if all((*cell, seed) in table for cell in cells)]
    if len(seeds) < (2 if len(sources) < 2 else 1):
        numbers = dict(zip(sources, map(len, axes), strict=True))
        yield template.because(sentences.shared_seeds(numbers, len(seeds)))
        return
    shape = [*map(len, axes), len(seeds)]
    values = np.array([table[*cell, seed] for cell in cells for seed in seeds]).reshape(shape)
    named: tuple[Source, ...] = (*sources, "seed")
    if len(seeds) == 1:
        values, named = values[..., 0], tuple(sources)
    parts = split(values, int(digest([template.arm, template.condition]), 16), named)
    if test is not None:
        whole = sum(part.variance for part in parts) + test.variance
        if whole:
            parts = tuple(part._replace(share=part.variance / whole) for part in (*parts, test))
    for part in parts:
        component = template.named(f"variance.{part.source}", n=part.levels or None)
        yield component.at(part.variance, part.interval)
        yield component.named(f"variance.{part.source}.sd").at(part.variance**0.5)
        yield component.named(f"variance.{part.source}.share").at(part.share)
