"""Planned: what gain a study can find, before it ran."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headstart.compare.factors import ENOUGH, Factor
from headstart.compare.sentences import power as sentences
from headstart.compare.sentences.remarks import of_these
from headstart.compare.statistics import power
from headstart.compare.statistics.crossed import Table
from headstart.metrics import is_proportion


def scope_before(seeds: int | None, draws: int | None) -> str:
    """Of which weights and rows a study would speak alone; nothing where they are drawn often enough."""
    few = [None if number is None or number >= ENOUGH else number for number in (seeds, draws)]
    told = of_these(few[0], few[1])
    return f"Scope: {told[:1].lower()}{told[1:]}" if told else ""


def power_before(levels: Mapping[Factor, Sequence[int]], headline: str, rows: int, groups: int | None) -> str:
    """In whole words, with what is assumed: of a share of right answers; else in standard deviations.

    `levels` is by factor the level of every pair.
    """
    pairs, table = len(levels["seed"]), Table.of({name: np.array(each) for name, each in levels.items()})
    if pairs < 2:
        return sentences.ONE_PAIR
    factors = dict(zip(table.names, table.shape, strict=True))
    if not is_proportion(headline):
        alone = power.detectable(power.Design(table.shape, 1.0))
        return sentences.before(pairs, factors, None, alone, sentences.SEEDS_ALONE)
    gain = power.detectable(power.assumed(table.shape, rows, groups))
    within = power.WITHIN if groups else None
    assumed = sentences.assumptions(power.SPREAD, factors, power.DIFFER, within)
    return sentences.before(pairs, factors, (rows, groups), gain, assumed)
