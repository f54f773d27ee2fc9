"""Verdicts: the gain, its interval, one of four words, and the sentence that says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from headstart.compare import phrases, ranges
from headstart.compare.findings import Comparison, Gain, Interval, Ratio, Resource, ToTarget, Word
from headstart.compare.statistics.bootstrap import Spread, half_width
from headstart.compare.statistics.exact import exact_tests
from headstart.compare.values.claims import NO_WORD
from headstart.metrics import higher_is_better, is_proportion, metric_name, orient

LEVEL = 0.95
MOST = 4  # reasons that a sentence gives
_MOST_PAIRS = 1000  # beyond this, "more pairs" is no advice


@dataclass(frozen=True)
class Evidence:
    """What a verdict on one metric rests on."""

    metric: str
    scores: np.ndarray  # (2, pairs): baseline, arm
    spread: Spread | None
    examples: int | None  # None: predictions missing
    identical: bool  # both sides answer the same to the last bit
    notes: tuple[str, ...] = ()
    right: np.ndarray | None = None  # (2, pairs, examples), where the metric is a share of right answers


def judge(evidence: Evidence, margin: float | None) -> Gain:
    """Turn evidence into a gain and its word; gains within ±`margin` do not matter, as named beforehand."""
    metric, pairs = evidence.metric, evidence.scores.shape[1]
    baseline, arm = (float(side.mean()) for side in evidence.scores)
    gain = float((orient(metric) * (evidence.scores[1] - evidence.scores[0])).mean())
    interval, notes = _interval(evidence, gain)
    word = verdict(interval, margin, pairs)
    spread = evidence.spread
    sure = spread is not None and interval is not None and (evidence.identical or np.ptp(spread.draws) > 0)
    return Gain(
        metric=metric,
        higher_is_better=higher_is_better(metric),
        baseline_score=baseline,
        arm_score=arm,
        gain=gain,
        interval=interval,
        probability_better=spread.probability_better if spread and pairs > 1 else None,
        word=word,
        margin=margin,
        pairs=pairs,
        examples=evidence.examples,
        seed_sd=spread.seed_sd if spread else None,
        example_se=_root(spread.example_variance) if spread else None,
        smallest_p=smallest_p(pairs),
        decide=what_would_decide(evidence, gain, margin) if word in ("undecided", NO_WORD) else None,
        notes=(*evidence.notes, *notes),
        p=spread.p() if spread and sure else None,
        p_margin=spread.p_margin(margin) if spread and sure and margin is not None else None,
        tests=exact_tests(orient(metric) * (evidence.scores[1] - evidence.scores[0]), evidence.right),
    )


def verdict(interval: Interval | None, margin: float | None, pairs: int) -> Word:
    """The word for an interval over so many pairs. Inside the margin is equivalent, even if 0 is outside."""
    if pairs < 2:
        return NO_WORD
    if interval is None:
        return "undecided"
    if margin is not None and -margin <= interval.low and interval.high <= margin:
        return "equivalent"
    if interval.low > 0:
        return "better"
    return "worse" if interval.high < 0 else "undecided"


def smallest_p(pairs: int) -> float:
    """Smallest two-sided p of an exact sign or Wilcoxon signed-rank test: all pairs point one way."""
    return min(1.0, 2.0 / 2**pairs)


def what_would_decide(evidence: Evidence, gain: float, margin: float | None) -> str:
    """Roughly how many pairs, or test examples, would bring an undecided gain to a decision."""
    spread, pairs = evidence.spread, evidence.scores.shape[1]
    if spread is None or spread.seed_variance is None:
        return "more pairs, with other seeds"
    needed = _pairs_needed(spread, gain, margin, pairs)
    if needed:
        more = max(needed - pairs, 1)
        return f"about {more} more pair{'s' * (more > 1)}, if the gain stays near {phrases.number(gain, '+')}"
    told = phrases.number(gain, "+")
    if evidence.examples and spread.pure_example_variance > 0:
        return f"a larger test set: {evidence.examples} examples do not resolve a gain of {told}"
    return f"far more pairs than {_MOST_PAIRS}: the gain of {told} is small against the spread of the seeds"


def sentence(comparison: Comparison) -> str:
    """The whole answer, in the words of the report's first line."""
    gain = comparison.gain
    where = _where(comparison)
    if gain is None:
        return f"{where}, {_no_pair(comparison)}"
    costs = [part for part in (_reached(comparison), _flops(comparison.ratios)) if part]
    told = _one_pair(comparison, gain) if gain.word == NO_WORD else _scores(comparison, gain)
    first = f"{where}, {told}"
    return " ".join([f"{'; '.join([first, *costs])}.", *_remarks(comparison, gain)])


def _interval(evidence: Evidence, gain: float) -> tuple[Interval | None, list[str]]:
    """The interval, cut at what the metric allows, and the notes that go with it.

    One pair has none: what its test examples tell of the two runs, it does not tell of other seeds.
    """
    spread, pairs = evidence.spread, evidence.scores.shape[1]
    if spread is None or pairs == 1:
        return None, ["one pair: no interval, since nothing is known about other seeds"]
    notes = []
    if evidence.examples is None:
        notes.append("the interval covers seeds only, not test examples")
    interval = ranges.of_gain(spread.interval(LEVEL), evidence.metric)
    if interval.high > interval.low:
        return interval, notes
    if evidence.identical:
        return interval, [*notes, "both sides answer the same, example by example"]
    return _rule_of_three(interval, evidence, notes)


def _rule_of_three(
    interval: Interval, evidence: Evidence, notes: list[str]
) -> tuple[Interval | None, list[str]]:
    """Widen an interval without width: an event not seen among N examples may still have a rate of 3 / N.

    Hanley and Lippman-Hand (1983), "If nothing goes wrong, is everything all right?".
    """
    if not is_proportion(evidence.metric) or not evidence.examples:
        return None, [*notes, "all gains are exactly equal, so their spread is unknown: no interval"]
    slack = 3 / evidence.examples
    wide = Interval(interval.low - slack, interval.high + slack, interval.level)
    return ranges.of_gain(wide, evidence.metric), [
        *notes,
        "no spread was seen: the interval allows for 3 in N examples",
    ]


def _pairs_needed(spread: Spread, gain: float, margin: float | None, pairs: int) -> int | None:
    """Smallest number of pairs whose interval, around the same gain, would decide; None when out of reach."""
    per_pair = (spread.seed_variance or 0.0) * pairs
    for number in range(pairs + 1, _MOST_PAIRS + 1):
        width = half_width(per_pair / number, spread.pure_example_variance, number, LEVEL)
        if width < abs(gain) or (margin is not None and abs(gain) + width <= margin):
            return number
    return None


def _root(variance: float | None) -> float | None:
    return None if variance is None else float(np.sqrt(variance))


def _where(comparison: Comparison) -> str:
    """ "With 512 training rows of docs_library", with the other settings that vary."""
    condition = comparison.condition
    others = [f"{k} {v}" for k, v in condition.settings.items() if k not in ("size", "task")]
    inside = f" ({', '.join(others)})" if others else ""
    return f"With {condition.train_rows:,} training rows of {comparison.task}{inside}"


def _no_pair(comparison: Comparison) -> str:
    """What happened to each run instead, and what to do."""
    reasons = list(dict.fromkeys(one.reason for one in comparison.excluded))
    more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
    why = f": {'; '.join(reasons[:MOST])}{more}" if reasons else ""
    told = f"{comparison.arm} and {comparison.baseline} cannot be compared, no pair is left{why}."
    if not comparison.survivors_only:
        return told
    return (
        f"{told} Runs that diverged need other settings, such as a lower optim.lr; others are trained again."
    )


def _one_pair(comparison: Comparison, gain: Gain) -> str:
    """What two runs scored, and no word for it."""
    scores = f"{comparison.arm} {phrases.number(gain.arm_score)}, {comparison.baseline}"
    return (
        f"one pair cannot say: these two runs differ by {phrases.number(abs(gain.gain))} in {_metric(gain)} "
        f"({scores} {phrases.number(gain.baseline_score)})"
    )


def _metric(gain: Gain) -> str:
    return metric_name(gain.metric) + ("" if gain.higher_is_better else ", where lower is better")


def _scores(comparison: Comparison, gain: Gain) -> str:
    """Both scores, the gain, its interval, the number of pairs, and the word for it."""
    word = f"{gain.word} within ±{gain.margin:g}" if gain.word == "equivalent" else gain.word
    digits = _digits(gain)
    return (
        f"{comparison.arm} scores {phrases.number(gain.arm_score)} against "
        f"{phrases.number(gain.baseline_score)} from {comparison.baseline} in {_metric(gain)} "
        f"(gain {phrases.number(gain.gain, digits=digits)}, {_span(gain, digits)}, "
        f"{phrases.plural(gain.pairs, 'pair')}: {word})"
    )


def _digits(gain: Gain) -> int:
    """Three decimals; more where an interval that leaves 0 out would look as if it did not."""
    if gain.interval is None or gain.word not in ("better", "worse"):
        return 3
    return phrases.digits_for(gain.interval.low, gain.interval.high)


def _span(gain: Gain, digits: int) -> str:
    if gain.interval is None:
        return "no interval"
    low, high = (phrases.number(end, digits=digits) for end in (gain.interval.low, gain.interval.high))
    return f"{gain.interval.level * 100:g} % interval {low} to {high}"


def _reached(comparison: Comparison) -> str | None:
    """Whether the worse side got to the better side's validation score within the budget."""
    gain = comparison.gain
    worse = comparison.baseline_to_arm if gain and gain.gain >= 0 else comparison.arm_to_baseline
    return worse.sentence if worse and gain and gain.word in ("better", "worse") else None


def to_target_sentence(found: ToTarget) -> str:
    """ "scratch did not reach pretrained's validation accuracy (0.553) within this budget"."""
    if found.target is None:
        return f"{found.runner}: no curve tells whether it reached {found.target_of}"
    metric, score = metric_name(found.metric), phrases.number(found.target)
    goal = f"{found.target_of}'s final validation {metric} ({score})"
    if not found.reached:
        return f"{found.runner} did not reach {goal} within this budget"
    part = found.flops_share
    share = "" if part is None else _share_words(part, found.target_of)
    if found.reached == found.pairs:
        return f"{found.runner} reached {goal}{share}"
    scope = f"in {found.reached} of {found.pairs} pairs{share}"
    return f"{found.runner} reached {goal} {scope}, and did not reach it within this budget in the others"


def _share_words(part: float, other: str) -> str:
    """What part of the other's training it took; nothing at all is said in other words than a little."""
    if part == 0:
        return " before any training"
    told = "less than 0.01" if part < 0.005 else f"{part:.2f}"
    return f", with {told} of the FLOPs that {other} was trained with"


def _flops(ratios: Mapping[Resource, Ratio]) -> str | None:
    """The ratio of the training FLOPs."""
    ratio = ratios.get("flops")
    if ratio is None or ratio.value is None:
        return None
    bound = ", as far as operations have a formula" if ratio.lower_bound else ""
    if abs(ratio.value - 1) < 0.005:
        return f"training cost the same FLOPs (ratio {ratio.value:.2f}){bound}"
    return f"training cost {ratio.value:.2f} times the FLOPs{bound}"


def _remarks(comparison: Comparison, gain: Gain) -> list[str]:
    """What a reader must know with the numbers: few pairs, what is odd in them, tuning, energy."""
    few = ["The interval rests on two pairs."] if gain.pairs == 2 and gain.interval else []
    remarks = [*few, *comparison.remarks, comparison.settings]
    if comparison.corrected and comparison.corrected.survives is False:
        remarks.append(comparison.corrected.sentence)
    if gain.decide:
        remarks.append(f"What would decide it: {gain.decide}.")
    return [*remarks, _energy(comparison)]


def _energy(comparison: Comparison) -> str:
    """Only a measured ratio is told here; a refused one names what differs or is not known."""
    ratio = comparison.ratios.get("joules")
    if comparison.energy == "measured":
        value = f" (ratio {ratio.value:.2f})" if ratio and ratio.value is not None else ""
        return f"Energy was measured{value}."
    if comparison.energy == "estimated":
        return "Energy on this machine is estimated, not measured."
    if comparison.energy == "not measured":
        return "Energy was not measured."
    how = f"{comparison.energy_method}, and not" if comparison.energy_method else "not"
    why = f": {ratio.reason}" if ratio and ratio.reason else ""
    return f"Energy is {how} compared{why}."
