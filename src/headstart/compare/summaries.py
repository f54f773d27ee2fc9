"""Summaries: what each arm's runs scored, consumed and started from, whether or not they entered a pair."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from headstart.compare.contamination import met_before
from headstart.compare.costs import train_cost
from headstart.compare.findings import ArmSummary, Attestation, Carbon, Interval, MeterNotes, Total
from headstart.compare.statistics.proportions import wilson
from headstart.compare.usage import emissions, money, usage
from headstart.compare.values.claims import Stability
from headstart.records.record import Energy, Record

_SURROUNDINGS = (
    "python",
    "platform",
    "machine",
    "cpu",
    "threads",
    "device",
    "precision",
    "versions",
    "code",
)


def arm_summary(
    condition: str, arm: str, records: Sequence[Record], baseline: str, metric: str
) -> ArmSummary:
    """Status counts, test scores of the finished runs and mean costs of one arm under one condition."""
    status = Counter(record.status for record in records)
    finished = [record for record in records if record.finished]
    scores = [test[metric] for r in finished if metric in (test := r.scores.test or {})]
    methods = {record.cost.energy.method for record in records}
    reasons = [r.cost.energy.reason for r in records if r.cost.energy.reason]
    peaks = [_peak(record) for record in records]
    return ArmSummary(
        condition=condition,
        arm=arm,
        is_baseline=arm == baseline,
        runs=len(records),
        finished=status["finished"],
        diverged=status["diverged"],
        failed=status["failed"],
        interrupted=status["interrupted"],
        metric=metric,
        score_mean=_mean(scores),
        score_sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        score_low=min(scores, default=None),
        score_high=max(scores, default=None),
        flops=_mean([train_cost(r, "flops") for r in finished]),
        seconds=_mean([train_cost(r, "seconds") for r in finished]),
        tokens=_mean([train_cost(r, "tokens") for r in finished]),
        joules=_mean([train_cost(r, "joules") for r in finished]) if len(methods) == 1 else None,
        energy_method=methods.pop() if len(methods) == 1 else "mixed",
        energy_reason=reasons[0] if reasons else None,
        samples_per_second=_mean([r.cost.samples_per_second for r in finished]),
        peak_memory_bytes=max((p for p in peaks if p is not None), default=None),
        survivors_only=len(finished) < len(records),
        flops_lower_bound=any(record.cost.flops.lower_bound for record in records),
        carbon=carbon(records),
        meter=meter_notes(records),
        usage=usage(finished),
        emissions=emissions(records),
        money=money(records),
        diverged_share=diverged_share(records),
    )


def stability(arm: str, records: Sequence[Record]) -> Stability | None:
    """How often the runs of an arm diverged, interrupted ones left out; None when there are no others."""
    known = Counter(record.status for record in records if record.status != "interrupted")
    runs, diverged, share = sum(known.values()), known["diverged"], diverged_share(records)
    if share is None:
        return None
    return Stability(arm, runs, diverged, known["failed"], diverged / runs, share)


def diverged_share(records: Sequence[Record]) -> Interval | None:
    """Wilson's interval for the share of runs that diverge."""
    known = [record.status for record in records if record.status != "interrupted"]
    return wilson(known.count("diverged"), len(known)) if known else None


def attestation(arm: str, records: Sequence[Record]) -> Attestation:
    """What the runs of one arm held at step 0: the numbers of the first, and whether all agree."""
    every = [_start(record) for record in records]
    alike = all(one == every[0] for one in every)
    return Attestation(arm=arm, **every[0], same=alike, met_before=met_before(records))


def environments(records: Sequence[Record]) -> tuple[Mapping[str, Any], ...]:
    """The distinct surroundings of the runs, most frequent first, each with the number of its `runs`."""
    seen: Counter[str] = Counter()
    for record in records:
        one = record.environment.model_dump(include=set(_SURROUNDINGS))
        seen[json.dumps(one, sort_keys=True)] += 1
    ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return tuple({**json.loads(text), "runs": runs} for text, runs in ordered)


def total(records: Sequence[Record]) -> Total:
    """Everything the runs consumed, in all phases; measured and estimated joules apart."""
    energies = [record.cost.energy for record in records]
    estimated = [e.joules["total"] for e in energies if e.joules and e.method == "estimated"]
    measured = [e.joules["total"] for e in energies if e.joules and e.method != "estimated"]
    return Total(
        runs=len(records),
        flops=sum(record.cost.flops.total for record in records),
        seconds=float(sum(record.cost.seconds.total for record in records)),
        joules_measured=float(sum(measured)) if measured else None,
        joules_estimated=float(sum(estimated)) if estimated else None,
        runs_without_energy=len(records) - len(measured) - len(estimated),
        flops_lower_bound=any(record.cost.flops.lower_bound for record in records),
    )


def carbon(records: Sequence[Record]) -> Carbon | None:
    """Mean grams per run; None unless every run has a figure, and all rest on the same."""
    found = emissions(records)
    return found[0] if len(found) == 1 and found[0].runs == len(records) else None


def meter_notes(records: Sequence[Record]) -> MeterNotes | None:
    """What the meters left beside the joules; None when no record has any of it (they are optional)."""
    energies = [record.cost.energy for record in records]
    if not any(energy.model_fields_set & {"doubts", "evidence", "dynamic_joules"} for energy in energies):
        return None
    idle = [energy.idle_watts for energy in energies]
    return MeterNotes(
        joules=_mean([(energy.joules or {}).get("total") for energy in energies]),
        dynamic=_mean([energy.dynamic_joules for energy in energies]),
        idle_watts=_mean([None if watts is None else float(sum(watts.values())) for watts in idle]),
        evidence=_each_once([*_crowd(energies), *(line for energy in energies for line in _alone(energy))]),
        doubts=_each_once(line for energy in energies for line in energy.doubts),
        unavailable=_each_once(
            f"{name}: {why}" for energy in energies for name, why in energy.unavailable.items()
        ),
        lost_segments=sum(energy.lost_segments for energy in energies),
    )


def _alone(energy: Energy) -> list[str]:
    """Why the run counts as alone or not, in words; parts that the meter left out are left out."""
    evidence = energy.evidence or {}
    lock, contention = evidence.get("device_lock") or {}, evidence.get("contention") or {}
    reasons: list[str] = []
    if lock.get("held") not in (None, True):
        reasons.append(f"the devices were not locked: {lock.get('reason') or 'no lock'}")
    if processes := sum((contention.get("foreign_gpu_processes") or {}).values()):
        reasons.append(f"{processes} foreign GPU processes")
    if contention.get("reason"):
        reasons.append(f"the load of others could not be read: {contention['reason']}")
    if not reasons and _crowding(energy) is None and energy.exclusive:
        return ["the devices were locked, and other processes used little of them"]
    return reasons


def _crowd(energies: Iterable[Energy]) -> list[str]:
    """'others used 8.1 % to 22.5 % of the processor', over the runs of which that is known."""
    shares = [share for share in map(_crowding, energies) if share is not None]
    ends = dict.fromkeys(f"{share * 100:.1f} %" for share in (min(shares), max(shares))) if shares else ()
    return [f"others used {' to '.join(ends)} of the processor"] if ends else []


def _crowding(energy: Energy) -> float | None:
    """The share of the processor that others used, where that was too much to be alone."""
    alone = (energy.evidence or {}).get("contention") or {}
    share = alone.get("foreign_cpu_share")
    return None if share is None or share < alone.get("limit", 1.0) else float(share)


def _each_once(lines: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


def _start(record: Record) -> dict[str, Any]:
    init, parameters = record.init, record.cost.parameters
    checkpoint = init.checkpoint
    return {
        "poured_tensors": init.loaded.tensors,
        "poured_parameters": init.loaded.parameters,
        "all_parameters": parameters.all,
        "trainable_parameters": parameters.trainable,
        "fresh_tensors": init.newly_initialised.tensors,
        "fresh_parameters": init.newly_initialised.parameters,
        "fresh_names": init.newly_initialised.names,
        "checkpoint": checkpoint.source if checkpoint else None,
        "checkpoint_sha256": checkpoint.sha256 if checkpoint else None,
    }


def _peak(record: Record) -> int | None:
    peak = record.cost.peak_memory_bytes
    return peak.host if peak.device is None else peak.device


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None when there are none or one is unknown."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
