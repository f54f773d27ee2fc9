"""Variance: how much of the spread is due to the rows that were drawn, or their order, and to the seed.

Runs with every draw of the subset (or every order) under every seed are a two-way table with random rows
and columns: x[d, s] = mean + draw[d] + seed[s] + rest[d, s]. Variances by the method of moments (Searle,
Casella and McCulloch 1992, "Variance Components", section 4.4), cut at 0; intervals are generalised ones
(Weerahandi 1993), from draws of the chi-squared variables that the mean squares are. A seed decides weights
and noise at once, and the order unless that has a seed of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from headstart.compare.bounds import Interval
from headstart.compare.conditions import size_name
from headstart.compare.pairs import scores_of
from headstart.compare.pairwise import Compared
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import sizes as sentences
from headstart.compare.series import context_id
from headstart.metrics import orient
from headstart.records.fingerprint import digest, is_set
from headstart.records.record import Record

DRAWS = 20_000
Source = Literal["subset", "order", "seed", "rest"]
Table = Mapping[tuple[int, int], float]  # by draw or order of the rows, and by seed


class Component(NamedTuple):
    """One source of the spread: its variance, and its share of the whole."""

    source: Source
    variance: float  # cut at 0
    interval: Interval  # 95 %
    share: float | None  # of the sum; None when all are 0
    levels: int  # draws of the subset, orders, seeds; 0 for the rest


def variances(compared: Sequence[Compared]) -> Rows:
    """Per size and arm, of both scores and the gain, where several draws of the rows were run.

    Where there is no split, a row `variance` says why.
    """
    groups: dict[tuple[str, str, str], list[Compared]] = defaultdict(list)
    for each in compared:
        if each.gain:
            record = each.matches[0].arm
            context, size = context_id(record, "order_seed"), size_name(record.config["size"])
            groups[each.arm, context, size].append(each)
    several = [group for group in groups.values() if len(group) > 1]
    if not several:
        return Rows([Quantity("variance", note=sentences.ONE_DRAW)] if groups else [])
    return Rows(row for group in several for row in _splits(group))


def split(table: np.ndarray, seed: int, crossed: Source = "subset") -> tuple[Component, ...]:
    """The components of a table (draws or orders, seeds), at least 2 x 2; `crossed`: what its rows are."""
    draws, seeds = table.shape
    freedom = np.array([draws - 1, seeds - 1, (draws - 1) * (seeds - 1)])
    squares = _mean_squares(table)
    variances = _components(squares, draws, seeds)
    chi = np.random.default_rng(seed).chisquare(freedom, size=(DRAWS, 3))
    drawn = _components(freedom * squares / chi, draws, seeds)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    whole = float(variances.sum())
    levels: dict[Source, int] = {crossed: draws, "seed": seeds, "rest": 0}
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


def _mean_squares(table: np.ndarray) -> np.ndarray:
    """Of draws, seeds and the rest: (3,)."""
    draws, seeds = table.shape
    rows, columns, mean = table.mean(axis=1), table.mean(axis=0), table.mean()
    rest = table - rows[:, None] - columns + mean
    return np.array([
        seeds * ((rows - mean) ** 2).sum() / (draws - 1),
        draws * ((columns - mean) ** 2).sum() / (seeds - 1),
        (rest**2).sum() / (draws - 1) / (seeds - 1),
    ])  # fmt: skip


def _components(squares: np.ndarray, draws: int, seeds: int) -> np.ndarray:
    """Variances of draws, seeds and the rest, from their mean squares: (..., 3), cut at 0."""
    of_draws, of_seeds, rest = np.moveaxis(squares, -1, 0)
    variances = np.stack([(of_draws - rest) / seeds, (of_seeds - rest) / draws, rest], axis=-1)
    return np.maximum(variances, 0.0)


def _splits(group: Sequence[Compared]) -> Iterator[Quantity]:
    """Of the baseline's score, the arm's, and the gain."""
    first = group[0]
    metric, sign = first.headline, orient(first.headline)
    records = [pair.arm for each in group for pair in each.matches]
    crossed: Source = "subset" if len({_level(record, "subset") for record in records}) > 1 else "order"
    orders = {record.config["order_seed"] for record in records if is_set(record.config, "order_seed")}
    tables: dict[str, dict[tuple[int, int], float]] = {
        first.baseline: {},
        first.arm: {},
        f"gain of {first.arm}": {},
    }
    for each in group:
        for pair in each.matches:
            key = _level(pair.arm, crossed), pair.arm.seed
            baseline, arm = (float(scores_of(record)[metric]) for record in pair.sides)
            values = (baseline, arm, sign * (arm - baseline))
            for table, value in zip(tables.values(), values, strict=True):
                table[key] = value
    size = size_name(first.matches[0].arm.config["size"])
    for name, table in tables.items():
        template = Quantity("variance", condition=size, arm=name, metric=metric)
        if crossed == "subset" and len(orders) > 1:
            yield template.because(sentences.BOTH)
        else:
            yield from _split(template, table, crossed)


def _level(record: Record, crossed: Source) -> int:
    """Which draw of the rows a run had, or which order."""
    config = record.config
    if crossed == "subset":
        return int(config["size"].get("seed") or 0)
    return int(config["order_seed"]) if is_set(config, "order_seed") else record.seed


def _split(template: Quantity, table: Table, crossed: Source) -> Iterator[Quantity]:
    """Over the seeds that all draws, or all orders, share."""
    draws = sorted({draw for draw, _ in table})
    seeds = sorted(seed for seed in {s for _, s in table} if all((d, seed) in table for d in draws))
    if len(seeds) < 2:
        what = "draws" if crossed == "subset" else "orders"
        shared = f"{len(draws)} {what} of the rows share {len(seeds)} seeds"
        yield template.because(f"{shared}: two are needed to tell them apart")
        return
    values = np.array([[table[draw, seed] for seed in seeds] for draw in draws])
    for part in split(values, int(digest([template.arm, template.condition]), 16), crossed):
        component = template.named(f"variance.{part.source}", n=part.levels or None)
        yield component.at(part.variance, part.interval)
        yield component.named(f"variance.{part.source}.sd").at(part.variance**0.5)
        yield component.named(f"variance.{part.source}.share").at(part.share)
