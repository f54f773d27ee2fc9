"""Of what a study can find: before it runs, after it ran, and how many more pairs it may need."""

from __future__ import annotations

from collections.abc import Mapping

from headstart.compare import phrases

OFTEN = "4 of 5 studies"


def found(pairs: int, examples: int | None, groups: int | None, gain: float | None) -> str:
    """'4 of 5 studies like this (3 pairs, 1,020 test examples, its own spread) find a gain of 0.08'."""
    of = _tested(examples, groups)
    what = "no gain that the metric allows" if gain is None else f"a gain of {phrases.number(gain)}"
    return f"{OFTEN} like this ({phrases.plural(pairs, 'pair')}{of}, its own spread) find {what}"


def smaller_gains(told: str, pairs: int, unseen: float) -> str:
    few = phrases.plural(pairs, "pair")
    return (
        f"{told}; smaller ones are often missed. Seeds of a kind that makes up to {phrases.percent(unseen)} "
        f"of all may not be among {few}: if such seeds collapse, the mean gain is another."
    )


def before(
    pairs: int, factors: Mapping[str, int], tested: tuple[int, int | None] | None, gain: float, assumed: str
) -> str:
    """'Power: 4 of 5 studies with 3 pairs on 1,020 test rows find a gain of 0.08 (assumed: ...)'.

    `factors`: levels of what the pairs are drawn over. Without `tested`, rows and their groups, the gain is
    in standard deviations.
    """
    unit = "" if tested else f" standard deviations of a pair's gain {_between(factors)}"
    drawn = " and ".join(phrases.plural(size, phrases.FACTORS[name][0]) for name, size in factors.items())
    of = f" of {drawn}" if [*factors.values()] != [pairs] else ""
    of += _tested(*tested) if tested else ""
    return (
        f"Power: {OFTEN} with {phrases.plural(pairs, 'pair')}{of} find a gain of {phrases.number(gain)}"
        f"{unit}; smaller ones are often missed ({assumed})."
    )


ONE_PAIR = "Power: none, one pair cannot say which arm is better."
SEEDS_ALONE = "whatever the spread is; test rows, which add to it, are left out"


def assumptions(spread: float, factors: Mapping[str, int], differ: float, within: float | None) -> str:
    groups = "" if within is None else f", a correlation of {within:g} within groups"
    return (
        f"assumed: a spread of {spread:g} {_between(factors)}, {phrases.percent(differ)} of the test rows "
        f"right in one arm alone{groups}"
    )


def _between(factors: Mapping[str, int]) -> str:
    """'between seeds', 'between pretrainings and as much between seeds'."""
    return " and as much ".join(f"between {phrases.FACTORS[name][0]}s" for name in factors)


def enough_pairs(half: int, most: int | None) -> str:
    """'8 to 60 more pairs: half of the studies like this are decided after the first number, ...'."""
    few = phrases.plural(half, "more pair")
    if most is None:
        return f"{few} or many more: half of the studies like this are decided after these"
    if half == most:
        return f"about {few}: {OFTEN} like this are decided after these"
    return (
        f"{half:,} to {phrases.plural(most, 'more pair')}: half of the studies like this are decided after "
        "the first number, 4 of 5 after the second"
    )


def _tested(examples: int | None, groups: int | None) -> str:
    """', 1,020 test examples in 618 groups'."""
    if not examples:
        return ""
    return f", {phrases.whole(examples)} test examples" + (
        f" in {phrases.whole(groups)} groups" if groups else ""
    )
