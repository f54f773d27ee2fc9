"""Quantities: everything that a study says as a number, in one flat table with stable names.

What is no single number stays in the findings: learning curves, confusion matrices and test examples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from headstart.compare.findings import Findings
from headstart.compare.quantities.across import (
    of_aggregate,
    of_data_curve,
    of_front,
    of_law,
    of_model,
    of_ranking,
    of_variance,
)
from headstart.compare.quantities.arms import of_arms, of_totals, of_tuning
from headstart.compare.quantities.pairs import of_comparison
from headstart.compare.quantity import Quantity, Rows


def quantities(findings: Findings) -> Rows:
    """Every number of a study, comparisons first; one without a value is kept where it says why."""
    made = [one for one in _all(findings) if one.known or one.note or one.verdict]
    return Rows(dict.fromkeys(_with_provenance(made, findings)))


def _all(findings: Findings) -> Iterator[Quantity]:
    for comparison in findings.comparisons:
        yield from of_comparison(comparison)
    for curve in findings.data_curves:
        yield from of_data_curve(curve)
    for law in findings.laws:
        yield from of_law(Quantity(key="law_over_models", baseline=findings.baseline), law)
    for aggregate in findings.aggregates:
        yield from of_aggregate(aggregate)
    for ranking in findings.rankings:
        yield from of_ranking(ranking)
    for model in findings.models:
        yield from of_model(model, findings.headline)
    for front in findings.fronts:
        yield from of_front(front)
    for split in findings.variances:
        yield from of_variance(split)
    if findings.tuning:
        yield from of_tuning(findings.tuning)
    yield from of_arms(findings)
    yield from of_totals(findings)


def _with_provenance(made: Iterable[Quantity], findings: Findings) -> Iterator[Quantity]:
    """What is said across comparisons rests on the runs of those that it names, or on all of them."""
    for one in made:
        known = one.provenance or one.key.startswith(("tuning.", "total."))
        yield one if known else replace(one, provenance=_runs_of(one, findings))


def _runs_of(one: Quantity, findings: Findings) -> tuple[str, ...]:
    """The paired runs of its condition, or of all that it joins; one arm's alone where it has no baseline."""
    named = [each for each in findings.comparisons if one.arm in ("", each.arm, each.baseline)]
    here = [each for each in named if each.condition.name == one.condition] or named
    found = [
        folder
        for each in here
        for pair in each.pairs
        for arm, folder in ((each.baseline, pair.baseline_folder), (each.arm, pair.arm_folder))
        if one.baseline or one.arm in ("", arm)
    ]
    return tuple(dict.fromkeys(found))
