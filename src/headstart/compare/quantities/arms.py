"""Quantities of arms: what the runs of one arm scored and used up, what its tuning cost, and all totals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity
from headstart.compare.settings import told
from headstart.compare.values.consumption import ArmSummary, Total
from headstart.compare.values.trials import Tuning

COSTS = {"flops": "FLOPs", "seconds": "s", "joules": "J", "tokens": "tokens"}
PRICED = {"electricity": "kWh", "device": "device-hour"}
USAGE = {
    "real": ("tokens_per_second", "tokens/s"),
    "padded": ("padded_tokens_per_second", "tokens/s"),
    "padding": ("padding", "share"),
    "waiting": ("waiting", "share"),
    "share": ("flops_share", "share"),
}


def of_arms(findings: Findings) -> Iterator[Quantity]:
    """Every arm under every condition, over all its finished runs, pairs or not."""
    for found in findings.arms:
        here = Quantity(key="", condition=found.condition, arm=found.arm, n=found.finished)
        here = replace(here, provenance=_folders(findings, found))
        yield from _score(here, found)
        yield from _costs(here, found)
        yield from _usage(here, found)
        yield from _consequences(here, found)
        yield from _counts(here, found)
    for share in findings.stability:
        one = Quantity(key="stability.diverged_share", arm=share.arm, n=share.runs, unit="share")
        yield one.at(share.share, share.interval).because("over all conditions; Wilson's interval")
    for held in findings.attestations:
        if met := held.met_before:
            one = Quantity(key="met_before", arm=held.arm, n=met.of or None, unit="rows", note=met.sentence)
            yield one.at(met.found)


def of_totals(findings: Findings) -> Iterator[Quantity]:
    """What the whole study consumed, runs that failed included; of it, what tuning did."""
    yield from _total("total", findings.total)
    if findings.total.tuning:
        yield from _total("tuning.total", findings.total.tuning)


def of_tuning(found: Tuning) -> Iterator[Quantity]:
    """Trials per arm, the winners, the expected best of the first n trials, and what all that cost."""
    for arm, count in found.counts.items():
        yield Quantity(key="tuning.trials", arm=arm, value=float(count), unit="trials", note=found.sentence)
    for trial in found.winners:
        place = Quantity(key="tuning.winner", condition=trial.condition, arm=trial.arm, metric=found.metric)
        yield replace(place, n=trial.runs, unit="score", note=told(trial.settings)).at(trial.score)
    for best in found.best:
        place = Quantity(key="", condition=best.condition, arm=best.arm, metric=best.metric, unit="score")
        for row in zip(best.trials, best.expected, best.sure_low, best.sure_high, strict=True):
            number, expected, low, high = row
            level = None if low is None and high is None else 0.95
            one = replace(place, key=f"tuning.expected_best.{number}", n=number, note=best.covers)
            yield replace(one.at(expected), low=low, high=high, level=level)
    for cost in found.costs:
        own = Quantity(key="tuning.flops", arm=cost.arm, n=cost.total.runs, unit="FLOPs")
        yield own.at(cost.total.flops)
        yield replace(own, key="tuning.seconds", unit="s").at(cost.total.seconds)
        times = replace(own, key="tuning.flops_ratio", unit="times")
        yield times.at(cost.times).because("FLOPs of the trials over those of the arm's runs of the study")


def _score(here: Quantity, found: ArmSummary) -> Iterator[Quantity]:
    here = replace(here, metric=found.metric)
    survivors = "over survivors only" if found.survivors_only else ""
    mean = replace(here, key="mean_score", unit="score").at(found.score_mean)
    mean = mean.between(found.score_low, found.score_high)
    yield mean.because("the ends are the range over runs" if found.finished > 1 else "", survivors)
    yield replace(here, key="mean_score.sd", unit="difference").at(found.score_sd)


def _costs(here: Quantity, found: ArmSummary) -> Iterator[Quantity]:
    """Of training alone, means per run."""
    for name, unit in COSTS.items():
        one = replace(here, key=f"train.{name}", unit=unit).at(getattr(found, name))
        if name == "joules":
            one = replace(one, verdict=found.energy_method).because(found.energy_reason)
        if name == "flops" and found.flops_lower_bound:
            one = replace(one, verdict="lower bound").because("an operation had no formula")
        yield one
    yield replace(here, key="samples_per_second", unit="samples/s").at(found.samples_per_second)
    yield replace(here, key="peak_memory", unit="B").at(found.peak_memory_bytes)


def _usage(here: Quantity, found: ArmSummary) -> Iterator[Quantity]:
    if found.usage:
        for field, (name, unit) in USAGE.items():
            yield replace(here, key=f"usage.{name}", unit=unit).at(getattr(found.usage, field))


def _consequences(here: Quantity, found: ArmSummary) -> Iterator[Quantity]:
    """Carbon and money, which cover all phases."""
    if found.carbon:
        place = f"{found.carbon.region}, {found.carbon.g_per_kwh:g} g/kWh ({found.carbon.source})"
        one = replace(here, key="carbon", unit="g CO2e", verdict=found.carbon.method, n=found.carbon.runs)
        yield one.at(found.carbon.grams).because(place)
    for number, money in enumerate(found.money, start=1):
        lead = "money" if len(found.money) == 1 else f"money.{number}"
        here = replace(here, unit=money.currency, n=money.runs)
        for name, price in (("electricity", money.per_kwh), ("device", money.per_device_hour)):
            basis = "no price is stated" if price is None else f"at {price:g} per {PRICED[name]}"
            yield replace(here, key=f"{lead}.{name}").at(getattr(money, name)).because(basis)


def _counts(here: Quantity, found: ArmSummary) -> Iterator[Quantity]:
    for name in ("runs", "finished", "diverged", "failed", "interrupted"):
        lead = "runs.started" if name == "runs" else f"runs.{name}"
        yield replace(here, key=lead, unit="runs", n=found.runs).at(getattr(found, name))
    if found.diverged_share and found.runs:
        counted = found.runs - found.interrupted
        one = replace(here, key="runs.diverged_share", unit="share", n=counted)
        share = found.diverged / counted if counted else None
        yield one.at(share, found.diverged_share).because("Wilson's interval")


def _total(lead: str, found: Total) -> Iterator[Quantity]:
    here = Quantity(key="", n=found.runs)
    counted = {"flops": "FLOPs", "seconds": "s", "joules_measured": "J", "joules_estimated": "J"}
    for name, unit in counted.items():
        word = "lower bound" if name == "flops" and found.flops_lower_bound else ""
        yield replace(here, key=f"{lead}.{name}", unit=unit, verdict=word).at(getattr(found, name))
    for name in ("runs", "runs_without_energy"):
        yield replace(here, key=f"{lead}.{name}", unit="runs").at(getattr(found, name))


def _folders(findings: Findings, found: ArmSummary) -> tuple[str, ...]:
    """The arm's runs under this condition, those of its pairs."""
    sides = [
        (pair.baseline_folder if found.is_baseline else pair.arm_folder)
        for one in findings.comparisons
        if one.condition.name == found.condition and (found.is_baseline or one.arm == found.arm)
        for pair in one.pairs
    ]
    return tuple(dict.fromkeys(sides))
