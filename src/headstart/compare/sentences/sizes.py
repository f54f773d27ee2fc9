"""Of sizes of the training set: rows saved, the crossing point, ossification, the power law."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from headstart.compare import phrases
from headstart.compare.bounds import Bounded, Interval
from headstart.compare.quantity import Quantity, Rows

SEEDS_DIFFER = "The seeds differ between sizes."
STRAIGHT = "Between two sizes the curve is taken to be straight on the logarithm of the rows."
ONE_DRAW = (
    "One draw of the rows, and one seed for weights, order and noise: their parts in the spread cannot be "
    "told apart. Several size.seed under the same seeds would tell the rows from the rest, several "
    "order_seed the order."
)
BOTH = "The rows and their order both vary: one of them under the same seeds can be told from the rest"
MOST = 2  # curves that an answer tells
ONE_PAIR_EACH = "Every size rests on one pair: other seeds may say otherwise."


def answer(curves: Rows) -> str:
    """What a study over sizes says: the sentences of its first curves, and how many others there are."""
    told = [of_curve(curve, curves) for curve in curves[:MOST]]
    rest = len(curves) - MOST
    return " ".join([*told, *([f"{phrases.plural(rest, 'other curve')} below."] if rest > 0 else [])])


def of_curve(curve: Quantity, curves: Rows) -> str:
    return f"{curve.condition}: {curve.note}" if len(curves.by("condition")) > 1 else curve.note


def rows_saved(
    arm: str, baseline: str, rows: int, needed: Bounded, multiplier: Bounded, has_interval: bool
) -> str:
    """'With 64 rows, pretrained scores what scratch needs about 410 rows for (95 % interval ...): ...'."""
    if needed.value is not None:
        text = f"what {baseline} needs about {phrases.rows(needed.value)} for{_sure(needed, has_interval)}"
    elif needed.low is not None:
        text = f"more than {baseline} does with {phrases.rows(needed.low)}, the most that were run"
    else:
        text = f"less than {baseline} does with {phrases.rows(needed.high or 0)}, the fewest that were run"
    factor = phrases.bounded(multiplier)
    return f"With {phrases.rows(rows)}, {arm} scores {text}: a data multiplier of {factor}."


def _sure(rows: Bounded, has_interval: bool) -> str:
    """The interval of a number of rows in brackets; an interval without ends is none."""
    if (sure := phrases.interval(rows, phrases.whole)) or not has_interval:
        return sure
    return " (the 95 % interval reaches beyond the sizes that were run, on both sides)"


def crossing(
    arm: str, baseline: str, rows: Bounded, beyond: float, margin: float, largest: int, has_interval: bool
) -> str:
    """Where the baseline has caught up; "not within the data" where it has not."""
    if rows.value is not None:
        where = f"about {phrases.rows(rows.value)} on{_sure(rows, has_interval)}"
        return f"From {where}, {baseline} is within {margin:g} of {arm}."
    if rows.high is not None:
        return f"At no size is {arm} more than {margin:g} ahead."
    does = phrases.percent(1 - beyond)
    unsure = "" if beyond > 0.975 else f"; in {does} of the resamples it does"
    ahead = f"{arm} is still more than {margin:g} ahead with {phrases.rows(largest)}"
    return f"Within the data, {baseline} does not catch up: {ahead}{unsure}."


def open_crossing(baseline: str, largest: int) -> str:
    at = f"with {phrases.rows(largest)} the gain is undecided"
    return f"Whether {baseline} catches up within the data is not shown: {at}."


def no_difference(arm: str, baseline: str, least: float, most: float) -> str:
    ends = f"{phrases.number(least, '+')} to {phrases.number(most, '+')}"
    return f"At no size is a difference between {arm} and {baseline} shown: the gains are {ends}."


def behind(arm: str, baseline: str, ossified: Sequence[int], everywhere: bool) -> list[str]:
    """Where the arm is worse although it was better with fewer rows, and that it is worse everywhere."""
    lines: list[str] = []
    if ossified:
        sizes = phrases.joined([phrases.rows(size) for size in ossified])
        lines.append(f"With {sizes}, {arm} is worse than {baseline}: ossification.")
    if everywhere:
        lines.append(f"{arm} is worse than {baseline} at every size.")
    return lines


def draws(number: int) -> str:
    """What so few draws of the rows leave open; nothing for three or more."""
    if number > 2:
        return ""
    if number == 2:
        return "Two draws of the rows at each size: too few to say much of other draws."
    return "One draw of the rows at each size: the intervals do not cover other draws."


def shared_seeds(levels: Mapping[Any, int], seeds: int) -> str:
    what = phrases.joined([f"{number} {phrases.FACTORS[source][1]}" for source, number in levels.items()])
    return f"{what} share {phrases.plural(seeds, 'seed')}: two are needed to tell them apart"


def same_epochs(epochs: float) -> str:
    return f"Every size trains for {epochs:g} epochs: more rows are more updates as well."


def same_updates(steps: int, best: bool, rising: Sequence[str], margin: float) -> str:
    """That the budget does not grow with the rows, what is scored, and whether it was long enough."""
    scored = ", and its best weights on validation are scored" if best else ""
    late = f"by more than {margin:g} in the last quarter of it"
    if rising:
        level = f"Validation still improved {late}: {phrases.joined([*rising])}."
    else:
        level = f"At no size validation still improved {late}."
    return f"Every size trains for {steps} updates{scored}. {level}"


def power_law(
    coefficients: Mapping[str, tuple[float | None, Interval | None]],
    points: int,
    residual: float | None,
    reason: str,
    notes: Sequence[str],
) -> str:
    """The law with its coefficients and their intervals, or why there is none."""
    if coefficients["k"][0] is None:
        return f"No power law: {reason}."
    model = "" if coefficients["beta"][0] is None else " · N^beta"
    terms = "; ".join(
        f"{name} = {phrases.short(value)} ({_ends(interval)})"
        for name, (value, interval) in coefficients.items()
        if value is not None
    )
    off = f"; the points lie {phrases.short(residual)} (log) off it" if residual else ""
    law = f"Power law over {phrases.plural(points, 'point')}: rows transferred = k · rows^alpha{model}"
    return " ".join([f"{law}, with {terms}{off}.", *notes])


def _ends(interval: Interval | None) -> str:
    if interval is None:
        return "no interval"
    return f"{phrases.short(interval.low)} to {phrases.short(interval.high)}"
