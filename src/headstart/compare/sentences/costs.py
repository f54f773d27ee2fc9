"""Of costs: what a score cost, what the pretraining cost, and after how many uses that is paid for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from headstart.compare import phrases
from headstart.compare.bounds import Bounded
from headstart.compare.break_even import BreakEven
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name

WHOLE_RUNS = (
    "The cost of the pretraining includes its evaluations and its test, that of its uses does not: its "
    "ledger is from before both were kept."
)


NO_GAIN = "no gain is shown"
NOT_SAID = f"{NO_GAIN} that could pay it back"


def unreadable(error: str) -> str:
    return f"The cost that the record carries cannot be read ({error})."


def on_trust(model: str) -> str:
    return f"The weights were read from a folder: that they are those of {model} is taken on trust."


def tokenizer(seconds: float) -> str:
    return (
        f"Training the tokenizer took {phrases.short(seconds)} s beside that: it needs no FLOPs, and its "
        "energy was not measured. All arms use the same tokenizer."
    )


def to_target(place: Quantity, score: float, reached: int, flops_share: float | None) -> str:
    """'scratch did not reach pretrained's final validation accuracy (0.553) within this budget'."""
    pairs, other = place.n or 0, place.baseline
    goal = f"{other}'s final validation {metric_name(place.metric)} ({phrases.number(score)})"
    if not reached:
        return f"{place.arm} did not reach {goal} within this budget"
    share = ""
    if flops_share == 0:
        share = " before any training"
    elif flops_share is not None:
        part = "less than 0.01" if flops_share < 0.005 else f"{flops_share:.2f}"
        share = f", with {part} of the FLOPs that {other} was trained with"
    if reached == pairs:
        return f"{place.arm} reached {goal}{share}"
    scope = f"in {reached} of {pairs} pairs{share}"
    return f"{place.arm} reached {goal} {scope}, and did not reach it within this budget in the others"


def target_name(key: str, baseline: str, arm: str) -> str:
    """'the final score of pretrained', '75 % of the way', by the middle part of its rows' keys."""
    finals = {"arm_final": arm, "baseline_final": baseline}
    if key in finals:
        return f"the final score of {finals[key]}"
    return f"{key.removesuffix('_percent')} % of the way"


def target(
    name: str,
    score: float,
    arms: tuple[str, str],
    reached: Sequence[int],
    pairs: int,
    flops_ratio: Bounded | None,
) -> str:
    """'To the final score of scratch (0.170), pretrained needs 0.13 times the FLOPs of scratch.'."""
    missed = "; ".join(
        f"{arm} did not reach it in {pairs - number} of {phrases.plural(pairs, 'pair')}"
        for arm, number in zip(arms, reached, strict=True)
        if number < pairs
    )
    start = f"To {name} ({phrases.number(score)})"
    if flops_ratio is None or not flops_ratio.known:
        return f"{start}: {missed or 'both arms were there before any training in some pair'}."
    why = f" ({missed})" if missed else ""
    times = phrases.bounded(flops_ratio)
    plain = {"1": "as many FLOPs as", "at most 1": "no more FLOPs than", "at least 1": "no fewer FLOPs than"}
    return f"{start}, {arms[1]} needs {plain.get(times, f'{times} times the FLOPs of')} {arms[0]}{why}."


def pretraining(
    arm: str, covers: str, flops: Bounded, origin: str, per_run: float | None, break_even: str
) -> str:
    """The cost of the pretraining against one run here, and when it has paid for itself."""
    if not flops.known:
        return f"What it cost to pretrain the weights of {arm} is unknown."
    part = f" ({covers} alone)" if covers else ""
    how = {"measured": "measured here", "published": "published, not measured here"}[origin]
    cost = f"the pretraining behind {arm}{part}"
    if per_run:
        times = phrases.bounded(flops.scaled(1 / per_run))
        cost = f"{cost} cost {times} times the training FLOPs of one run here ({how})"
    else:
        cost = f"the cost of {cost} is {how}"
    return f"{phrases.capitalised(cost)}{f'; {break_even}' if break_even else ''}."


def break_even(result: BreakEven, baseline: str, covers: str) -> str:
    """'it has paid for itself after at most 12 uses on the way to ...', 'it never pays for itself ...'."""
    goal = f"{result.target_of}'s final validation score"
    what = "that stage" if covers else "it"
    unit = "compute" if result.resource == "flops" else "energy"
    if result.payback == "unknown":
        return f"whether {what} pays for itself in {unit} is unknown: {result.reason}"
    if result.payback == "never":
        start, rest = f"{what} {{}} for itself in {unit}", f"nothing is saved on the way to {goal}"
        if result.interval is None:
            where = "in the one pair" if result.pairs == 1 else "on average"
            return f"{start.format('does not pay')}: nothing is saved {where} on the way to {goal}"
        if not result.may_pay:
            return f"{start.format('never pays')}: {rest}, and the 95 % interval holds no saving"
        rest = f"nothing is saved on average on the way to {goal}"
        return f"{start.format('does not pay')}: {rest} (95 % interval: {uses_or_never(result.interval.low)})"
    bound = "at most " if result.payback == "at most" else ""
    missed = ""
    if result.censored:
        missed = f" ({baseline} did not reach it in {result.censored} of {result.pairs} pairs)"
    whole = uses(result.uses.low if result.payback == "number" else None, result.uses.high)
    if result.interval and covers_both(result):
        start = f"on average {what} has paid for itself in {unit} after {bound}{whole} on the way to {goal}"
        return f"{start}{missed} (95 % interval: {uses_or_never(result.interval.low)})"
    number = f"{bound}{whole}{uses_interval(result)}"
    return f"{what} has paid for itself in {unit} after {number} on the way to {goal}{missed}"


def break_even_word(result: BreakEven) -> str:
    """'number', 'at most', 'unknown'; 'never' only where the interval leaves nothing else."""
    if result.payback != "never" or not result.may_pay:
        return result.payback
    return "not in its one pair" if result.pairs == 1 else "not on average"


def covers_both(result: BreakEven) -> bool:
    return result.interval is not None and result.may_pay and result.may_never


def uses_or_never(fewest: float | None) -> str:
    """'from 12 uses to never': the interval where it does not exclude that nothing is saved."""
    return f"from {uses(1.0 if fewest is None else fewest)} to never"


def uses_interval(result: BreakEven) -> str:
    """' (95 % interval 12 to 30 uses)', ' (95 % interval: at most 12 uses)'; nothing without one."""
    ends = result.interval
    if ends is None or not ends.known:
        return ""
    if ends.low is not None and ends.high is not None:
        return f" (95 % interval {uses(ends.low, ends.high)})"
    side = "most" if ends.low is None else "least"
    return f" (95 % interval: at {side} {uses(ends.low, ends.high)})"


def uses(*ends: float | None) -> str:
    """'1 use', '12 to 30 uses': whole uses, rounded up."""
    whole = [max(1, math.ceil(end)) for end in ends if end is not None]
    low, high = phrases.short(min(whole)), phrases.short(max(whole))
    return f"{low} use{'s' * (low != '1')}" if low == high else f"{low} to {high} uses"
