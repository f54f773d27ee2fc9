"""Planned: what gain a study can find, before it ran."""

from __future__ import annotations

from headstart.compare.factors import ENOUGH
from headstart.compare.sentences import power as sentences
from headstart.compare.sentences.remarks import of_these
from headstart.compare.statistics import power
from headstart.metrics import is_proportion


def scope_before(seeds: int | None, draws: int | None) -> str:
    """Of which weights and rows a study would speak alone; nothing where they are drawn often enough."""
    few = [None if number is None or number >= ENOUGH else number for number in (seeds, draws)]
    told = of_these(few[0], few[1])
    return f"Scope: {told[:1].lower()}{told[1:]}" if told else ""


def power_before(pairs: int, headline: str, rows: int, groups: int | None) -> str:
    """In whole words, with what is assumed: of a share of right answers; else in standard deviations."""
    if pairs < 2:
        return sentences.ONE_PAIR
    if not is_proportion(headline):
        alone = power.detectable(power.Plan(pairs, 1.0))
        return sentences.before(pairs, None, alone, sentences.SEEDS_ALONE)
    gain = power.detectable(power.assumed(pairs, rows, groups))
    within = power.WITHIN if groups else None
    assumed = sentences.assumptions(power.SPREAD, power.DIFFER, within)
    return sentences.before(pairs, (rows, groups), gain, assumed)
