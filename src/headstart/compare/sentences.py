# pyright: strict
"""Sentences: what the numbers say, in words. Every whole sentence about a number is written here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from headstart.compare import phrases
from headstart.compare.bounds import Bounded, Interval
from headstart.compare.break_even import BreakEven
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name

MOST = 4  # reasons, or names, that a sentence lists
SEEDS_DIFFER = "The seeds differ between sizes."
STRAIGHT = "Between two sizes the curve is taken to be straight on the logarithm of the rows."
ONE_PAIR_EACH = "Every size rests on one pair: other seeds may say otherwise."


def capitalised(text: str) -> str:
    """The text with its first letter as a capital one."""
    return text[:1].upper() + text[1:]


# One comparison


def lead(task: str, train_rows: int, settings: Mapping[str, str]) -> str:
    """'With 512 training rows of docs_library', with the other settings that vary."""
    others = [f"{name} {value}" for name, value in settings.items() if name not in ("size", "task")]
    inside = f" ({', '.join(others)})" if others else ""
    return f"With {train_rows:,} training rows of {task}{inside}"


def no_pair(arm: str, baseline: str, reasons: Sequence[str], survivors_only: bool) -> str:
    """What happened to each run instead, and what to do."""
    reasons = list(dict.fromkeys(reasons))
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    why = f": {'; '.join(reasons[:MOST])}{more}" if reasons else ""
    text = f"{arm} and {baseline} cannot be compared, no pair is left{why}."
    if not survivors_only:
        return text
    return (
        f"{text} Runs that diverged need other settings, such as a lower optim.lr; others are trained again."
    )


def scores(gain: Quantity, arm_score: float, baseline_score: float, margin: float | None, lower: bool) -> str:
    """Both scores, the gain, its interval, the number of pairs, and the verdict."""
    metric = metric_name(gain.metric) + (", where lower is better" if lower else "")
    arm, baseline, value = phrases.number(arm_score), phrases.number(baseline_score), gain.value or 0.0
    if gain.n == 1:
        return (
            f"one pair cannot say: these two runs differ by {phrases.number(abs(value))} in {metric} "
            f"({gain.arm} {arm}, {gain.baseline} {baseline})"
        )
    interval, digits, span = gain.interval, 3, "no interval"
    if interval:
        # More decimals where an interval that leaves 0 out would look as if it did not.
        if gain.verdict in ("better", "worse"):
            digits = phrases.digits_for(interval.low, interval.high)
        low, high = (phrases.number(end, digits=digits) for end in (interval.low, interval.high))
        span = f"{interval.level * 100:g} % interval {low} to {high}"
    word = f"equivalent within ±{margin:g}" if gain.verdict == "equivalent" else gain.verdict
    pairs = phrases.plural(gain.n or 0, "pair")
    return (
        f"{gain.arm} scores {arm} against {baseline} from {gain.baseline} in {metric} "
        f"(gain {phrases.number(value, digits=digits)}, {span}, {pairs}: {word})"
    )


def training_flops(ratio: Quantity | None) -> str:
    """The ratio of the training FLOPs; nothing where there is none."""
    if ratio is None or ratio.value is None:
        return ""
    bound = ", as far as operations have a formula" if ratio.verdict == "lower bound" else ""
    if abs(ratio.value - 1) < 0.005:
        return f"training cost the same FLOPs (ratio {ratio.value:.2f}){bound}"
    return f"training cost {ratio.value:.2f} times the FLOPs{bound}"


def energy(word: str, method: str | None, ratio: Quantity | None) -> str:
    """Only a measured ratio is stated; a refused one names what differs or is not known."""
    if word == "measured":
        value = f" (ratio {ratio.value:.2f})" if ratio and ratio.value is not None else ""
        return f"Energy was measured{value}."
    if word == "estimated":
        return "Energy on this machine is estimated, not measured."
    if word == "not measured":
        return "Energy was not measured."
    how = f"{method}, and not" if method else "not"
    why = f": {ratio.note}" if ratio and ratio.note else ""
    return f"Energy is {how} compared{why}."


def corrected(word: str, p: float | None, value: float | None, claims: int, survives: bool | None) -> str:
    """'Alone it is better, but not among the 6 comparisons of this study (p = 0.021, and = 0.13 ...).'."""

    def chance(p: float) -> str:
        return "< 0.001" if p < 0.001 else f"= {phrases.short(p)}"

    if p is None or value is None:
        return f"One of {claims} comparisons in this study; without an interval there is no p to correct."
    told = f"p {chance(p)}, and {chance(value)} when corrected for all of them, Holm 1979"
    if survives is None:
        return f"Undecided alone and among the {claims} comparisons of this study ({told})."
    if survives:
        return f"It stays {word} among the {claims} comparisons of this study ({told})."
    return f"Alone it is {word}, but not among the {claims} comparisons of this study ({told})."


# What a score costs


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
    return f"{start}, {arms[1]} needs {phrases.bounded(flops_ratio)} times the FLOPs of {arms[0]}{why}."


# What the pretraining cost, and when it pays


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
    return f"{capitalised(cost)}{f'; {break_even}' if break_even else ''}."


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
    """Whether the 95 % interval holds a saving and none."""
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


# Over sizes of the training set


def rows_saved(
    arm: str, baseline: str, rows: int, needed: Bounded, multiplier: Bounded, has_interval: bool
) -> str:
    """'With 64 rows, pretrained scores what scratch needs about 410 rows for (95 % interval ...): ...'."""
    if needed.value is not None:
        sure = phrases.interval(needed, phrases.whole)
        if not sure and has_interval:
            sure = " (the 95 % interval reaches beyond the sizes that were run, on both sides)"
        text = f"what {baseline} needs about {phrases.rows(needed.value)} for{sure}"
    elif needed.low is not None:
        text = f"more than {baseline} does with {phrases.rows(needed.low)}, the most that were run"
    else:
        text = f"less than {baseline} does with {phrases.rows(needed.high or 0)}, the fewest that were run"
    factor = phrases.bounded(multiplier)
    return f"With {phrases.rows(rows)}, {arm} scores {text}: a data multiplier of {factor}."


def crossing(arm: str, baseline: str, rows: Bounded, beyond: float, margin: float, largest: int) -> str:
    """Where the baseline has caught up; "not within the data" where it has not."""
    if rows.value is not None:
        where = f"about {phrases.rows(rows.value)} on{phrases.interval(rows, phrases.whole)}"
        return f"{baseline} is within {margin:g} of {arm} from {where}."
    if rows.high is not None:
        return f"{arm} is at no size more than {margin:g} ahead."
    does = phrases.percent(1 - beyond)
    unsure = "" if beyond > 0.975 else f"; in {does} of the resamples it does"
    ahead = f"{arm} is still more than {margin:g} ahead with {phrases.rows(largest)}"
    return f"{baseline} does not catch up within the data: {ahead}{unsure}."


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
        return "Two draws of the rows are too few to be resampled: every run counts as if drawn by itself."
    return "One draw of the rows at each size: the intervals do not cover other draws."


def same_epochs(epochs: float) -> str:
    """That more rows are more updates as well."""
    return f"Every size trains for {epochs:g} epochs: more rows are more updates as well."


def same_updates(steps: int) -> str:
    """That the budget does not grow with the rows."""
    return f"Every size trains for {steps} updates."


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


# How the arms were tuned


def tuning(counts: Mapping[str, int], space: Sequence[str], equal: bool, times: float | None) -> str:
    """How many trials, of what, and what they cost against the study's runs."""
    each = ", ".join(f"{number} for {arm}" for arm, number in counts.items())
    if len(set(counts.values())) == 1:
        each = f"{phrases.plural(next(iter(counts.values())), 'trial')} for each arm"
    cost = ""
    if times is not None:
        cost = f"; the trials cost {times:.2f} times the FLOPs of the runs that are compared"
    start = "Tuned equally" if equal else "Tuned unequally"
    return f"{start}, on validation: {each}, over {', '.join(space)}{cost}."


# The study as a whole


def question(arms: Sequence[str], baseline: str, tasks: Sequence[str]) -> str:
    """What is compared, as a question; for a study that was not given one."""
    where = phrases.joined([*tasks]) if len(tasks) <= MOST else f"{len(tasks)} tasks"
    if list(arms) == ["scratch", "pretrained"] and baseline == "scratch":
        return f"What do pretrained weights buy on {where}?"
    others = [arm for arm in arms if arm != baseline] or [baseline]
    verb = "does" if len(others) == 1 else "do"
    if baseline not in arms or others == [baseline]:
        return f"What {verb} {phrases.joined(others)} score on {where}?"
    return f"What {verb} {phrases.joined(others)} gain over {baseline} on {where}?"


def no_comparison(arms: Sequence[str], baseline: str) -> str:
    """Why a study has no answer."""
    names = ", ".join(sorted(arms))
    if names == baseline:
        return f"Nothing to compare: the only arm is {names}."
    return f"Nothing to compare: no run of the baseline {baseline}; arms with runs: {names}."


def changed(name: str, first: str, others: Sequence[str], runs: int) -> str:
    """The baseline or the margin that later runs name otherwise: it was to be named before the answer."""
    later = phrases.plural(runs, "later run")
    return (
        f"The {name} was changed after the first run: {first} was named before, {phrases.joined([*others])} "
        f"by {later}. {first} is used."
    )
