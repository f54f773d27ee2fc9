"""Quantities of pairs: everything that one comparison of an arm with the baseline says as a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from headstart.compare.findings import Comparison, Gain
from headstart.compare.ledger import covers_both, first_use, payback_word
from headstart.compare.quantity import Quantity
from headstart.compare.values.consumption import ToTarget
from headstart.compare.values.economics import BreakEven, Ledger
from headstart.compare.values.efficiency import Bounded, Matched, Target

UNITS = {"flops": "FLOPs", "seconds": "s", "joules": "J", "tokens": "tokens", "steps": "steps"}


def of_comparison(found: Comparison) -> Iterator[Quantity]:
    """Gains, cost ratios, targets, matchings, classes and the ledger of one comparison."""
    here = Quantity(
        key="",
        condition=found.condition.name,
        arm=found.arm,
        baseline=found.baseline,
        n=len(found.pairs),
        provenance=folders(found),
    )
    for gain in found.gains.values():
        yield from _gain(here, gain)
    yield from _corrected(here, found)
    yield from _ratios(here, found)
    yield from _reached(here, found)
    for target in found.targets:
        yield from _target(here, target, found)
    for matched in found.matchings:
        yield from _matched(here, matched)
    yield from _examples(here, found)
    if found.ledger:
        yield from _ledger(here, found.ledger)


def folders(found: Comparison) -> tuple[str, ...]:
    """The run folders of both sides of every pair."""
    return tuple(name for pair in found.pairs for name in (pair.baseline_folder, pair.arm_folder))


def _gain(here: Quantity, gain: Gain) -> Iterator[Quantity]:
    here = replace(here, metric=gain.metric, n=gain.pairs)
    score = replace(here, unit="score")
    direction = "" if gain.higher_is_better else "lower is better; a positive gain is better all the same"
    told = replace(here, key="gain", unit="difference", verdict=gain.word).at(gain.gain, gain.interval)
    yield told.because(*gain.notes, direction, gain.decide and f"to decide: {gain.decide}")
    yield replace(score, key="score").at(gain.arm_score)
    yield replace(score, key="baseline_score").at(gain.baseline_score)
    parts = {
        "probability_better": (gain.probability_better, "share"),
        "seed_sd": (gain.seed_sd, "difference"),
        "example_se": (gain.example_se, "difference"),
        "margin": (gain.margin, "difference"),
        "p": (gain.p, "p"),
        "p_margin": (gain.p_margin, "p"),
        "smallest_p": (gain.smallest_p, "p"),
    }
    for name, (value, unit) in parts.items():
        yield replace(here, key=f"gain.{name}", unit=unit).at(value)
    for test in gain.tests:
        one = replace(here, key=f"gain.test.{slug(test.name)}", unit="p", n=test.number)
        yield one.at(test.p).because(test.meaning)


def _corrected(here: Quantity, found: Comparison) -> Iterator[Quantity]:
    claim = found.corrected
    if claim:
        word = {True: "survives", False: "does not survive", None: ""}[claim.survives]
        one = replace(here, key="gain.corrected_p", metric=found.headline, unit="p", verdict=word)
        yield one.at(claim.corrected).because(claim.sentence)


def _ratios(here: Quantity, found: Comparison) -> Iterator[Quantity]:
    for ratio in found.ratios.values():
        word = "estimated" if ratio.estimated else "lower bound" if ratio.lower_bound else ""
        one = replace(here, key=f"{ratio.resource}_ratio", unit="times", verdict=word, n=len(ratio.per_pair))
        yield one.at(ratio.value, ratio.interval).because(ratio.reason, *ratio.notes)


def _reached(here: Quantity, found: Comparison) -> Iterator[Quantity]:
    """What each arm needed to reach the other's final score, the median over pairs."""
    for reach in (found.arm_to_baseline, found.baseline_to_arm):
        if reach is None:
            continue
        place = replace(here, arm=reach.runner, baseline=reach.target_of, metric=reach.metric, n=reach.pairs)
        yield from (_median(place, reach, name) for name in ("steps", "flops", "seconds"))
        yield replace(place, key="to_target.reached", unit="runs").at(reach.reached)
        for name in ("flops", "seconds"):
            one = replace(place, key=f"to_target.{name}_share", unit="times")
            yield one.at(getattr(reach, f"{name}_share"))


def _median(place: Quantity, reach: ToTarget, name: str) -> Quantity:
    one = replace(place, key=f"to_target.{name}", unit=UNITS[name]).at(getattr(reach, f"median_{name}"))
    missed = "not reached" if one.value is None and reach.pairs else ""
    return replace(one, verdict=missed, note=reach.sentence)


def _target(here: Quantity, target: Target, found: Comparison) -> Iterator[Quantity]:
    lead = f"target.{_place(target, found)}"
    here = replace(here, metric=target.metric, n=target.pairs)
    yield replace(here, key=f"{lead}.score", unit="score", note=target.name).at(target.score)
    for side, count in (("baseline", target.baseline_reached), ("arm", target.arm_reached)):
        yield replace(here, key=f"{lead}.{side}_reached", unit="runs").at(count)
    for axis, needed in target.needed.items():
        one = replace(here, key=f"{lead}.{axis}_ratio", unit="times").bounded(needed.ratio)
        yield one.because(needed.reason)


def _place(target: Target, found: Comparison) -> str:
    """'75_percent', 'arm_final', 'baseline_final': a name that does not hold the arm's own."""
    if target.share is not None:
        return f"{target.share * 100:g}_percent"
    sides = {"arm_final": found.arm, "baseline_final": found.baseline}
    finals = {f"the final score of {name}": place for place, name in sides.items()}
    return finals.get(target.name, slug(target.name))


def _matched(here: Quantity, matched: Matched) -> Iterator[Quantity]:
    here = replace(here, metric=matched.metric, n=matched.pairs)
    one = replace(here, key=f"matched.{matched.matching}.gain", unit="difference")
    one = replace(one, verdict=matched.word if matched.gain is not None else "")
    unfair = "a curve is cut short before its learning rate had fallen" if matched.unfair else ""
    yield one.at(matched.gain, matched.interval).because(matched.reason, unfair, *matched.notes)
    if matched.ratio:
        ratio = replace(here, key=f"matched.{matched.matching}.flops_ratio", unit="times")
        yield ratio.bounded(matched.ratio)


def _examples(here: Quantity, found: Comparison) -> Iterator[Quantity]:
    for each in found.classes:
        one = replace(here, key="class.gain", metric=f"recall of {each.label}", unit="difference")
        yield one.at(each.gain).because(f"{each.examples} test examples")
    note = "nearer" if found.nearer else "right in most of its runs"
    if found.only_arm_count or found.only_baseline_count:
        for name in ("only_arm", "only_baseline"):
            count = getattr(found, f"{name}_count")
            yield replace(here, key=f"examples.{name}", unit="examples", note=note).at(count)


def _ledger(here: Quantity, found: Ledger) -> Iterator[Quantity]:
    part = f"covers {found.covers} alone" if found.covers else ""
    cost = replace(here, key="pretraining.flops", unit="FLOPs", verdict=found.origin)
    yield cost.amount(found.flops).because(part)
    energy = replace(here, key="pretraining.joules", unit="J", note=found.joules_reason)
    yield energy.at(found.joules)
    for view in found.views:
        uses = f"_{view.uses}" if view.name == "amortised" else ""
        one = replace(here, key=f"ledger.{view.name}{uses}.flops_ratio", unit="times", verdict=found.origin)
        yield one.amount(view.ratio).because(part)
    for payback in found.break_evens:
        yield _break_even(here, payback)


def _break_even(here: Quantity, found: BreakEven) -> Quantity:
    """The number of uses, or a bound; "never" and "unknown" are words and no numbers."""
    side = "arm" if found.target_of == here.arm else "baseline"
    name = f"break_even.{found.resource}.{side}_score"
    one = replace(here, key=name, unit="uses", n=found.pairs)
    if found.uses.known:
        ends = (found.interval.low, found.interval.high) if found.interval else (None, None)
        one = one.bounded(Bounded(found.uses.low, found.uses.high, *ends))
    else:
        one = replace(one, verdict=payback_word(found))
    both = f"may pay {first_use(found)} or never: the 95 % interval covers both"
    missed = f"{here.baseline} did not reach the target in {found.censored} of {found.pairs} pairs"
    return one.because(found.reason, missed if found.censored else "", both if covers_both(found) else "")


def slug(text: str) -> str:
    """Words as one part of a dotted name: 'signed-rank' -> 'signed_rank'."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
