"""Of two studies side by side: how their gains changed, what else differs, what the intervals rest on."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.compare import phrases
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name

MOST = 4  # facts that a sentence names
SAME_RECORDS = "Both folders hold the same records: nothing differs."
NONE_IN_BOTH = "No comparison is in both: their conditions, arms, baselines or metrics have other names."
INDEPENDENT = (
    "The interval of a difference takes the two studies to be independent and adds their distances from "
    "the estimate to the ends in squares (Zou and Donner 2008); of a ratio, on logarithms."
)
REPETITIONS = (
    "Both studies hold the same pairs (settings, data and seed), so that they are repetitions and "
    "not independent: differences have no interval."
)


def shared(names: Sequence[str]) -> str:
    return f"They share {phrases.joined([*names])}: what is common cancels, so it is usually too wide."


def gain(first: Quantity, second: Quantity, studies: tuple[str, str], change: str) -> str:
    """'Gain of pretrained over scratch in accuracy: +0.388 in a (better), +0.412 in b (better); ...'."""
    where = f" with {first.condition}" if first.condition else ""
    lead = f"Gain of {first.arm} over {first.baseline} in {metric_name(first.metric)}{where}"
    sides = [
        f"{'unknown' if row.value is None else phrases.number(row.value, '+')} in {name} ({row.verdict})"
        for row, name in zip((first, second), studies, strict=True)
    ]
    return f"{lead}: {sides[0]}, {sides[1]}; {change}."


def change(
    value: float, ends: tuple[float | None, float | None], relative: bool, verdict: str, reason: str
) -> str:
    """'the second minus the first is +0.024 (95 % interval −0.010 to +0.058): not told apart'."""

    def form(number: float) -> str:
        return phrases.short(number) if relative else phrases.number(number, "+")

    kind = "the second over the first" if relative else "the second minus the first"
    low, high = ends
    if low is None or high is None:
        return f"{kind} is {form(value)} (no interval: {reason})"
    where = f"{verdict} in the second" if verdict in ("larger", "smaller") else verdict
    return f"{kind} is {form(value)} (95 % interval {form(low)} to {form(high)}): {where}"


def differing(noun: str, about: str, facts: Sequence[tuple[str, str, str]]) -> str:
    """'They differ in 2 settings ...: optim.lr (0.001; 0.0003), ...'; facts: name, first, second."""
    if not facts:
        return f"They differ in no {noun} {about}."
    shown = ", ".join(f"{name} ({first}; {second})" for name, first, second in facts[:MOST])
    more = f" and {len(facts) - MOST} more" if len(facts) > MOST else ""
    return f"They differ in {phrases.plural(len(facts), noun)} {about}: {shown}{more}."
