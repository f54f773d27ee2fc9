"""Costs: what training an arm consumed relative to the baseline, and when that may be compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from headstart.compare import factors, phrases
from headstart.compare.bounds import Interval
from headstart.compare.pairs import Match
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.statistics.crossed import Table
from headstart.records.record import Record
from headstart.resources import COUNTERS, RESOURCES

CostKey = Literal["flops", "tokens", "seconds", "joules"]
COSTS: tuple[CostKey, ...] = ("flops", "tokens", "seconds", "joules")
MACHINE = ("machine", "device", "threads")
METER = ("method", "backend", "boundary")
TIME_RATIO = "estimated energy: on a machine without counters an energy ratio is a time ratio"


def train_cost(record: Record, resource: CostKey) -> float | None:
    """What the train phase consumed: FLOPs, tokens with padding, seconds, joules; None when unknown."""
    cost = record.cost
    if resource == "tokens":
        return cost.tokens.train.padded
    if resource == "joules":
        return (cost.energy.joules or {}).get("train")
    return getattr(cost, resource).train


def mean_cost(records: Sequence[Record], resource: CostKey) -> float | None:
    """Mean per run of the train phase; None without runs, or where one is unknown."""
    return mean([train_cost(record, resource) for record in records])


def mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None when there are none or one is unknown."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None


def is_counted(record: Record) -> bool:
    """Whether a counter measured its joules; all others are estimates."""
    return record.cost.energy.method in COUNTERS


def ratios(here: Quantity, matches: Sequence[Match]) -> Rows:
    """For each resource the ratio of arm / baseline, and the mean of each side where there is a ratio."""
    return Rows(row for resource in COSTS for row in ratio(here, matches, resource))


def ratio(here: Quantity, matches: Sequence[Match], resource: CostKey) -> list[Quantity]:
    """Geometric mean over pairs of arm / baseline, with Student's interval on the logarithms, and both means.

    Where it is refused there is no value, and its note says why.
    """
    usable, reasons = _usable(matches, resource)
    sides = [[float(train_cost(r, resource) or 0) for r in pair.sides] for pair in usable]
    kept = [pair for pair in sides if min(pair) > 0]
    reasons += ["a run consumed none"] * (len(sides) - len(kept))
    row = here.named(f"{resource}_ratio", n=len(kept))
    if not kept:
        return [row.because(reasons[0] if reasons else "no pair is left")]

    values = [arm / baseline for baseline, arm in kept]
    estimated = resource == "joules" and not all(is_counted(pair.arm) for pair in usable)
    records = [record for pair in matches for record in pair.sides] if resource == "flops" else []
    without_formula = sorted({name for record in records for name in record.cost.flops.lower_bound})
    verdict = "estimated" if estimated else "lower bound" if without_formula else ""
    table = factors.table([pair.sides for pair, costs in zip(usable, sides, strict=True) if min(costs) > 0])
    name, left_out = RESOURCES[resource].name, f"{len(kept)} of {len(matches)} pairs can be compared"
    notes = [f"{name}: only {left_out}; left out: {reasons[0]}"] if reasons else []
    notes += [f"a lower bound: no formula for {', '.join(without_formula)}"] if without_formula else []
    notes += [TIME_RATIO] if estimated else []
    row = here.named(row.key, n=len(kept), verdict=verdict).at(*geometric_mean(values, table)).because(*notes)

    baseline, arm = np.mean(kept, axis=0)
    bound = "lower bound" if without_formula else ""
    each = f"ratio of each pair: {', '.join(map(phrases.short, values))}"
    return [
        row,
        here.named(f"{resource}_ratio.baseline", n=len(kept), verdict=bound).at(baseline),
        here.named(f"{resource}_ratio.arm", n=len(kept), verdict=bound).at(arm).because(each),
    ]


def geometric_mean(ratios: Sequence[float], table: Table | None = None) -> tuple[float, Interval | None]:
    """Geometric mean and its interval; exactly 1 when every ratio is. `table`: how pairs share factors."""
    if all(ratio == 1 for ratio in ratios):
        return 1.0, Interval(1.0, 1.0) if len(ratios) > 1 else None
    logs = np.log(ratios)
    interval = student_interval(logs, table=table)
    if interval is not None:
        interval = Interval(float(np.exp(interval.low)), float(np.exp(interval.high)))
    return float(np.exp(logs.mean())), interval


def energy_word(joules: Quantity, matches: Sequence[Match]) -> str:
    """How a sentence calls the energy of these pairs."""
    if joules.value is not None:
        return "estimated" if joules.verdict == "estimated" else "measured"
    return "not comparable" if _with_joules(matches) else "not measured"


def energy_method(matches: Sequence[Match]) -> str | None:
    """ "measured" or "estimated" when that holds for all joules of these pairs, refused ratio or not."""
    known = _with_joules(matches)
    words = {"measured" if is_counted(record) else "estimated" for record in known}
    return words.pop() if len(words) == 1 and len(known) == 2 * len(matches) else None


def refusal(pair: Match, resource: str) -> str | None:
    """Why seconds or joules of this pair may not be compared; None when they, or anything else, may."""
    if resource == "seconds":
        return _other_machine(pair) or _not_alone(pair)
    return _energy_refusal(pair) if resource == "joules" else None


def _usable(matches: Sequence[Match], resource: CostKey) -> tuple[list[Match], list[str]]:
    """The pairs whose ratio means something, and the reasons of the others."""
    refusals = [(pair, refusal(pair, resource)) for pair in matches]
    usable = [pair for pair, reason in refusals if reason is None]
    if resource == "joules" and len({is_counted(pair.arm) for pair in usable}) > 1:
        return [], ["some pairs are measured, others estimated"]
    return usable, [reason for _, reason in refusals if reason is not None]


def _energy_refusal(pair: Match) -> str | None:
    """Joules compare only with one method, backend, boundary and machine, both runs alone on it."""
    left, right = (record.cost.energy for record in pair.sides)
    for record, energy in zip(pair.sides, (left, right), strict=True):
        if train_cost(record, "joules") is None:
            return f"not measured in {record.label}: {energy.reason or 'no joules for the train phase'}"
    reasons: list[str | None] = [
        f"the energy {name} differs: {getattr(left, name)} against {getattr(right, name)}"
        for name in METER
        if getattr(left, name) != getattr(right, name)
    ]
    if shared := _not_alone(pair):
        reasons.append(shared)
    elif any(record.cost.energy.exclusive is None for record in pair.sides):
        reasons.append("it is not known that the runs were alone on the machine")
    return "; ".join(reason for reason in (*reasons, _other_machine(pair)) if reason) or None


def _not_alone(pair: Match) -> str | None:
    """Where other processes were seen on the machine; a run without a meter does not know."""
    shared = [record.label for record in pair.sides if record.cost.energy.exclusive is False]
    return f"{shared[0]} was not alone on the machine" if shared else None


def _other_machine(pair: Match) -> str | None:
    left, right = (record.environment for record in pair.sides)
    for name in MACHINE:
        if getattr(left, name) != getattr(right, name):
            return f"the {name} differs: {getattr(left, name)} against {getattr(right, name)}"
    return None


def _with_joules(matches: Sequence[Match]) -> list[Record]:
    return [r for pair in matches for r in pair.sides if r.cost.energy.joules is not None]
