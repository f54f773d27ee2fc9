"""Verdicts: the gain on a metric, its interval, one of five words for it, and its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compare import ranges
from headstart.compare.bounds import Interval
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import comparison as sentences
from headstart.compare.sentences import power as power_sentences
from headstart.compare.statistics.bootstrap import Spread
from headstart.compare.statistics.crossed import Table
from headstart.compare.statistics.exact import ExactTest, exact_tests
from headstart.compare.statistics.holm import ALPHA, holm
from headstart.compare.statistics.power import MOST_PAIRS, Plan, detectable, more_pairs
from headstart.metrics import higher_is_better, is_proportion, orient

LEVEL = 0.95
NO_VERDICT = "cannot say"  # one pair: whatever it shows may be the luck of its seed
Verdict = Literal["better", "worse", "equivalent", "undecided", "cannot say"]


@dataclass(frozen=True)
class Evidence:
    """What a verdict on one metric rests on."""

    metric: str
    scores: np.ndarray  # (2, pairs): baseline, arm
    spread: Spread | None
    examples: int | None  # None: predictions missing
    identical: bool  # both sides answer the same to the last bit
    notes: tuple[str, ...] = ()
    right: np.ndarray | None = None  # (2, pairs, examples or groups), of a metric that is a share of these
    groups: int | None = None  # in which the examples belong together; None: each is on its own
    table: Table | None = None  # how pairs share pretrainings or rows; None: each is on its own

    @property
    def units(self) -> int:
        """Independent draws: pairs, or levels of the factor with the fewest."""
        return self.scores.shape[1] if self.table is None else min(self.table.shape)


@dataclass(frozen=True)
class Gain:
    """What the arm gains over the baseline on one metric, with its interval and the verdict."""

    metric: str
    higher_is_better: bool
    baseline_score: float  # mean over pairs, as the metric is defined
    arm_score: float
    gain: float  # positive = the arm is better
    interval: Interval | None  # None: one pair, or it cannot be given; notes say why
    probability_better: float | None  # P(arm better than baseline) for the expected score, 0..1
    verdict: Verdict
    margin: float | None  # equivalence margin; only the headline metric has one named beforehand
    pairs: int
    examples: int | None  # test examples under the interval; None: predictions missing, seeds only
    seed_sd: float | None  # between-pair standard deviation of the gain that is due to seeds
    example_se: float | None  # standard error of the gain that is due to the finite test set
    smallest_p: float  # smallest two-sided p that an exact sign or Wilcoxon test can reach: 2 / 2**pairs
    decide: str | None  # what would decide it, when undecided or with one pair
    notes: tuple[str, ...]
    p: float | None = None  # of no difference: the interval at level 1 - p has an end at 0
    p_margin: float | None = None  # of a gain beyond the margin: below 0.05 where the verdict is equivalent
    tests: tuple[ExactTest, ...] = ()  # exact, over pairs or (one pair) examples; not under the verdict
    groups: int | None = None  # of test examples that belong together; None: each is on its own
    test_variance: float | None = None  # of the gain, due to the test examples alone, whatever the runs
    detectable: float | None = None  # gain that 80 % of such studies find; the headline's, two pairs or more

    @property
    def shown(self) -> bool:
        """Whether the arm is shown to be better: without that, nothing is said to pay."""
        return self.verdict == "better"


def evaluate(evidence: Evidence, margin: float | None) -> Gain:
    """Turn evidence into a gain and its verdict; gains within ±`margin` do not matter."""
    metric, pairs, spread = evidence.metric, evidence.scores.shape[1], evidence.spread
    baseline, arm = (float(side.mean()) for side in evidence.scores)
    gains = orient(metric) * (evidence.scores[1] - evidence.scores[0])
    gain = float(gains.mean())
    apart = gains
    if evidence.table is not None:  # pairs that share a level are no independent ones
        apart = np.array([gains[unit].mean() for unit in evidence.table.fewest()])
    interval, notes = _interval(evidence)
    verdict = verdict_of(interval, margin, pairs)
    varies = spread is not None and (evidence.identical or np.ptp(spread.draws) > 0)
    tested = spread if interval is not None and varies else None
    example_variance = spread.example_variance if spread else None
    # Unknown where no spread was seen, or where it is beyond what the metric allows.
    plan, widest, found = _plan(evidence), ranges.span(metric), None
    if plan is not None and plan.variance and interval is not None and margin is not None:
        found = detectable(plan)
        found = None if widest is not None and found > widest else found
    return Gain(
        metric=metric,
        higher_is_better=higher_is_better(metric),
        baseline_score=baseline,
        arm_score=arm,
        gain=gain,
        interval=interval,
        probability_better=spread.probability_better if spread and pairs > 1 else None,
        verdict=verdict,
        margin=margin,
        pairs=pairs,
        examples=evidence.examples,
        seed_sd=spread.seed_sd if spread else None,
        example_se=None if example_variance is None else float(np.sqrt(example_variance)),
        smallest_p=smallest_p(evidence.units),
        decide=what_would_decide(evidence, gain, margin) if verdict in ("undecided", NO_VERDICT) else None,
        notes=(*evidence.notes, *notes),
        p=tested.p() if tested else None,
        p_margin=tested.p_margin(margin) if tested and margin is not None else None,
        tests=exact_tests(apart, evidence.right),
        groups=evidence.groups,
        test_variance=spread.pure_example_variance if spread and example_variance else None,
        detectable=found,
    )


def rows(template: Quantity, gain: Gain) -> Rows:
    """The gain with its verdict, both scores, what the interval is made of, and the tests."""
    template = replace(template, metric=gain.metric, n=gain.pairs)
    direction = "" if gain.higher_is_better else "lower is better; a positive gain is better all the same"
    decide = f"to decide: {gain.decide}" if gain.decide else ""
    parts = ("probability_better", "seed_sd", "margin", "p", "p_margin", "smallest_p")
    unknown = gain.notes if gain.example_se is None else ()
    more: list[Quantity] = []
    if gain.groups is not None:
        more.append(template.named("gain.groups").at(gain.groups))
    if gain.margin is not None and gain.pairs >= 2:  # what studies like this one find, of the headline
        found = power_sentences.found(gain.pairs, gain.examples, gain.groups, gain.detectable)
        more.append(template.named("gain.detectable", note=found).at(gain.detectable))
    return Rows([
        template.named("gain", verdict=gain.verdict)
        .at(gain.gain, gain.interval)
        .because(*gain.notes, direction, decide),
        template.named("score").at(gain.arm_score),
        template.named("baseline_score").at(gain.baseline_score),
        *(template.named(f"gain.{name}").at(getattr(gain, name)) for name in parts),
        template.named("gain.example_se").at(gain.example_se).because(*unknown),
        *more,
        *(
            template.named(f"gain.test.{test.key}", n=test.number).at(test.p).because(test.meaning)
            for test in gain.tests
        ),
    ])  # fmt: skip


def corrected(places: Sequence[tuple[Quantity, Gain]]) -> list[Quantity]:
    """What Holm's correction leaves of each claim of a study; a single comparison is no family.

    The claim is that of the verdict: a difference (better, worse, undecided), or no difference beyond the
    margin (equivalent). Each kind is corrected over all comparisons.
    """
    if len(places) < 2:
        return []
    of_zero = holm([gain.p for _, gain in places])
    of_margin = holm([gain.p_margin for _, gain in places])
    numbers: list[Quantity] = []
    for (template, gain), zero, margin in zip(places, of_zero, of_margin, strict=True):
        p, value = (gain.p_margin, margin) if gain.verdict == "equivalent" else (gain.p, zero)
        survives: bool | None = None
        if gain.verdict not in ("undecided", NO_VERDICT) and value is not None:
            survives = value < ALPHA
        word = {True: "survives", False: "does not survive", None: ""}[survives]
        row = template.named("gain.corrected_p", metric=gain.metric, verdict=word).at(value)
        numbers.append(row.because(sentences.corrected(gain.verdict, p, value, len(places), survives)))
    return numbers


def verdict_of(interval: Interval | None, margin: float | None, pairs: int) -> Verdict:
    """The word for an interval over so many pairs. Inside the margin is equivalent, even if 0 is outside."""
    if pairs < 2:
        return NO_VERDICT
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
    plan = _plan(evidence)
    if plan is None:
        return sentences.MORE_PAIRS
    if evidence.table is not None and evidence.spread is not None:
        most = evidence.spread.most
        return sentences.more_levels(most, evidence.table.shape[evidence.table.names.index(most)])
    half, most = more_pairs(plan, gain, margin)
    if half is not None:
        return power_sentences.enough_pairs(half, most)
    if evidence.examples and plan.example_variance > 0:
        return sentences.larger_test_set(evidence.examples, evidence.groups, gain)
    return sentences.too_many_pairs(MOST_PAIRS, gain)


def _plan(evidence: Evidence) -> Plan | None:
    """The study as its own measurement has it; None below two pairs."""
    spread = evidence.spread
    if spread is None or spread.seed_variance is None:
        return None
    groups = evidence.groups if evidence.examples else None
    variance = spread.seed_variance * spread.units
    return Plan(spread.units, variance, spread.pure_example_variance, groups, measured=True)


def _interval(evidence: Evidence) -> tuple[Interval | None, list[str]]:
    """The interval, cut at what the metric allows, and the notes that go with it.

    One pair has none: its test examples say nothing of other seeds. An interval without width is widened by
    the rule of three: an event not seen among N examples may still have a rate of 3 / N (Hanley and
    Lippman-Hand 1983, "If nothing goes wrong, is everything all right?").
    """
    spread, metric = evidence.spread, evidence.metric
    if spread is None or evidence.scores.shape[1] == 1:
        return None, [sentences.ONE_PAIR]
    notes: list[str] = []
    if evidence.examples is None:
        notes.append(sentences.SEEDS_ONLY)
    elif evidence.groups is not None:
        notes.append(sentences.by_groups(evidence.examples, evidence.groups))
    interval = ranges.of_gain(spread.interval(LEVEL), metric)
    if interval.high > interval.low:
        return interval, notes
    if evidence.identical:
        return interval, [*notes, sentences.SAME_ANSWERS]
    if not is_proportion(metric) or not evidence.examples:
        return None, [*notes, sentences.ALL_EQUAL]
    slack = 3 / (evidence.groups or evidence.examples)
    wide = Interval(interval.low - slack, interval.high + slack, interval.level)
    notes.append(sentences.THREE_IN_N)
    return ranges.of_gain(wide, metric), notes
