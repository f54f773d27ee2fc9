"""Of one comparison: both scores with the verdict, what training cost, what would decide it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headstart.compare import phrases
from headstart.compare.quantity import Quantity
from headstart.metrics import metric_name

MOST = 4  # reasons that a sentence lists
MORE_PAIRS = "more pairs, with other seeds"
ONE_PAIR = "one pair: no interval, since nothing is known about other seeds"
SEEDS_ONLY = "the interval covers seeds only, not test examples"
SAME_ANSWERS = "both sides answer the same, example by example"
ALL_EQUAL = "all gains are exactly equal, so their spread is unknown: no interval"
THREE_IN_N = "no spread was seen: the interval allows for 3 in N examples"
TWO_PAIRS = "The interval rests on two pairs."


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


def would_decide(how: str) -> str:
    return f"What would decide it: {how}."


def more_levels(factor: str, levels: int) -> str:
    """'more pretraining seeds: the spread between these 3 is the largest part of the interval'."""
    more = phrases.FACTORS[factor][1]
    return f"more {more}: the spread between these {levels} is the largest part of the interval"


def larger_test_set(examples: int, groups: int | None, gain: float) -> str:
    """That more seeds would not help, and more test examples (of other groups) would."""
    of = "" if groups is None else f" of {groups:,} groups"
    value = phrases.number(gain, "+")
    return f"a larger test set: {examples} examples{of} do not resolve a gain of {value}"


def by_groups(examples: int, groups: int) -> str:
    return f"{examples:,} test examples in {groups:,} groups, drawn as whole groups"


def few_groups(examples: int, groups: int, fewest: int) -> str:
    return (
        f"the {examples:,} test examples come from {phrases.plural(groups, 'group')}, fewer than {fewest}: "
        "too few for an interval over test examples"
    )


def too_many_pairs(most: int, gain: float) -> str:
    value = phrases.number(gain, "+")
    return f"far more pairs than {most}: the gain of {value} is small against the spread of the seeds"
