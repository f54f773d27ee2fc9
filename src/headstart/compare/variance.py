"""Variance: how much of the spread is due to the rows that were drawn, or their order, and to the seed.

Runs with every draw of the subset (or every order) under every seed are a two-way table with random rows
and columns: x[d, s] = mean + draw[d] + seed[s] + rest[d, s]. Variances by the method of moments (Searle,
Casella and McCulloch 1992, "Variance Components", section 4.4), cut at 0; intervals are generalised ones
(Weerahandi 1993), from draws of the chi-squared variables that the mean squares are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from headstart.compare.conditions import size_name
from headstart.compare.interval import Interval
from headstart.compare.pairwise import Compared, scores_of
from headstart.compare.series import context_id
from headstart.compare.values.scales import Component, Source, VarianceSplit
from headstart.metrics import orient
from headstart.records.fingerprint import digest, is_set
from headstart.records.record import Record

DRAWS = 20_000
ONE_DRAW = (
    "One draw of the rows, and one seed for weights, order and noise: their parts in the spread cannot be "
    "told apart. Several size.seed under the same seeds would tell the rows from the rest, several "
    "order_seed the order."
)
BOTH = "The rows and their order both vary: one of them under the same seeds can be told from the rest"
Table = Mapping[tuple[int, int], float]  # by draw or order of the rows, and by seed


def variances(compared: Sequence[Compared]) -> tuple[VarianceSplit, ...]:
    """A split per size, arm and gain where several draws of the rows were run; else one that says why not."""
    groups: dict[tuple[str, str, str], list[Compared]] = defaultdict(list)
    for one in compared:
        if one.matches and one.comparison.gain:
            record = one.matches[0].arm
            context, size = context_id(record, "order_seed"), size_name(record.config["size"])
            groups[one.comparison.arm, context, size].append(one)
    several = [found for found in groups.values() if len(found) > 1]
    if not several:
        return (VarianceSplit("", "", "", (), ONE_DRAW),) if groups else ()
    return tuple(split for found in several for split in _splits(found))


def split(table: np.ndarray, seed: int, crossed: Source = "subset") -> tuple[Component, ...]:
    """The components of a table (draws or orders, seeds), at least 2 x 2; `crossed`: what its rows are."""
    draws, seeds = table.shape
    freedom = np.array([draws - 1, seeds - 1, (draws - 1) * (seeds - 1)])
    squares = _mean_squares(table)
    found = _components(squares, draws, seeds)
    chi = np.random.default_rng(seed).chisquare(freedom, size=(DRAWS, 3))
    drawn = _components(freedom * squares / chi, draws, seeds)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    whole = float(found.sum())
    levels: dict[Source, int] = {crossed: draws, "seed": seeds, "rest": 0}
    return tuple(
        Component(
            source=source,
            variance=float(found[i]),
            interval=Interval(float(low[i]), float(high[i])),
            share=float(found[i]) / whole if whole else None,
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
    found = np.stack([(of_draws - rest) / seeds, (of_seeds - rest) / draws, rest], axis=-1)
    return np.maximum(found, 0.0)


def _splits(found: Sequence[Compared]) -> Iterator[VarianceSplit]:
    """Of the baseline's score, the arm's, and the gain."""
    first = found[0].comparison
    metric, sign = first.headline, orient(first.headline)
    records = [pair.arm for one in found for pair in one.matches]
    crossed: Source = "subset" if len({_level(record, "subset") for record in records}) > 1 else "order"
    orders = {record.config["order_seed"] for record in records if is_set(record.config, "order_seed")}
    tables: tuple[dict[tuple[int, int], float], ...] = ({}, {}, {})
    for one in found:
        for pair in one.matches:
            key = _level(pair.arm, crossed), pair.arm.seed
            baseline, arm = (float(scores_of(record)[metric]) for record in pair.sides)
            for table, value in zip(tables, (baseline, arm, sign * (arm - baseline)), strict=True):
                table[key] = value
    names = (first.baseline, first.arm, f"gain of {first.arm}")
    size = size_name(found[0].matches[0].arm.config["size"])
    for name, table in zip(names, tables, strict=True):
        if crossed == "subset" and len(orders) > 1:
            yield VarianceSplit(name, size, metric, (), BOTH)
        else:
            yield _split(name, size, metric, table, crossed)


def _level(record: Record, crossed: Source) -> int:
    """Which draw of the rows a run had, or which order."""
    config = record.config
    if crossed == "subset":
        return int(config["size"].get("seed") or 0)
    return int(config["order_seed"]) if is_set(config, "order_seed") else record.seed


def _split(name: str, condition: str, metric: str, table: Table, crossed: Source) -> VarianceSplit:
    """Over the seeds that all draws, or all orders, share."""
    draws = sorted({draw for draw, _ in table})
    seeds = sorted(seed for seed in {s for _, s in table} if all((d, seed) in table for d in draws))
    if len(seeds) < 2:
        what = "draws" if crossed == "subset" else "orders"
        reason = (
            f"{len(draws)} {what} of the rows share {len(seeds)} seeds: two are needed to tell them apart"
        )
        return VarianceSplit(name, condition, metric, (), reason)
    values = np.array([[table[draw, seed] for seed in seeds] for draw in draws])
    parts = split(values, int(digest([name, condition]), 16), crossed)
    return VarianceSplit(name, condition, metric, parts, "")
