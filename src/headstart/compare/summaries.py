"""Summaries: what each arm's runs scored, consumed and started from, whether or not they entered a pair."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.compare.bounds import Interval
from headstart.compare.contamination import MetBefore, met_before
from headstart.compare.costs import mean, mean_cost
from headstart.compare.factors import pretraining_seed
from headstart.compare.quantity import NO_ROWS, Quantity, Rows
from headstart.compare.statistics.proportions import wilson
from headstart.compare.usage import Usage, carbon_rows, money_rows, usage
from headstart.records.fingerprint import as_mapping
from headstart.records.record import Record
from headstart.records.sections import Energy

_SURROUNDINGS = (
    "python", "platform", "machine", "cpu", "threads", "device", "precision", "versions", "code",
)  # fmt: skip
_USAGE = {
    "real": "usage.tokens_per_second",
    "padded": "usage.padded_tokens_per_second",
    "padding": "usage.padding",
    "waiting": "usage.waiting",
    "share": "usage.flops_share",
}


@dataclass(frozen=True)
class MeterNotes:
    """What the meters of an arm's runs left beside their training joules."""

    joules: float | None  # all phases, mean per run
    dynamic: float | None  # above idle, all phases, mean per run
    idle_watts: float | None  # all devices, mean per run
    evidence: tuple[str, ...]  # whether the runs were alone, in words
    doubts: tuple[str, ...]
    unavailable: tuple[str, ...]  # "rapl: no permission to read ..."
    lost_segments: int


@dataclass(frozen=True)
class ArmSummary:
    """One arm under one condition: every run that started counts here, also the ones left out of the mean."""

    condition: str  # Condition.name
    arm: str
    is_baseline: bool
    runs: int
    finished: int
    metric: str
    score_mean: float | None  # headline test score, finished runs
    score_sd: float | None
    score_low: float | None
    score_high: float | None
    flops: float | None  # means per run
    seconds: float | None
    joules: float | None
    energy_method: str  # "measured" | "sampled" | "estimated" | "none" | "mixed"
    energy_reason: str | None
    tokens: float | None = None
    diverged: int = 0
    failed: int = 0
    interrupted: int = 0
    samples_per_second: float | None = None
    peak_memory_bytes: int | None = None  # largest, device where there is one, else host
    survivors_only: bool = False  # the mean leaves out diverged, failed or interrupted runs
    flops_lower_bound: bool = False  # an operation had no formula
    meter: MeterNotes | None = None  # what the meter left beside its joules; None when it left nothing
    usage: Usage | None = None  # None: no record says how well the machine was used
    consequences: Rows = NO_ROWS  # carbon and money, which cover all phases
    diverged_share: Interval | None = None  # Wilson's, of the runs that diverge; None: no run counts


@dataclass(frozen=True)
class Attestation:
    """What an arm's runs held at step 0: numbers of the first run.

    `same`: whether runs agree that should, those of one condition and one pretraining.
    """

    arm: str
    poured_tensors: int
    poured_parameters: int
    all_parameters: int
    trainable_parameters: int
    fresh_tensors: int
    fresh_parameters: int
    fresh_names: tuple[str, ...]
    checkpoint: str | None  # source
    checkpoint_sha256: str | None
    same: bool
    drawn_again: bool = False  # its weights are other random ones
    checkpoints: int = 1  # different ones that the runs loaded, such as those of several pretrainings
    met_before: MetBefore | None = None  # evaluation rows in its pretraining text; None: it loaded nothing


def arm_summary(
    condition: str, arm: str, records: Sequence[Record], baseline: str, metric: str
) -> ArmSummary:
    """Status counts, test scores of the finished runs and mean costs of one arm under one condition."""
    status = Counter(record.status for record in records)
    finished = [record for record in records if record.finished]
    scores = [test[metric] for r in finished if metric in (test := r.scores.test or {})]
    methods = {record.cost.energy.method for record in records}
    reasons = [r.cost.energy.reason for r in records if r.cost.energy.reason]
    memory = [record.cost.peak_memory_bytes for record in records]
    peaks = [each.host if each.device is None else each.device for each in memory]
    template = Quantity("", condition, arm, n=status["finished"])
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
        score_mean=mean(scores),
        score_sd=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        score_low=min(scores, default=None),
        score_high=max(scores, default=None),
        flops=mean_cost(finished, "flops"),
        seconds=mean_cost(finished, "seconds"),
        tokens=mean_cost(finished, "tokens"),
        joules=mean_cost(finished, "joules") if len(methods) == 1 else None,
        energy_method=methods.pop() if len(methods) == 1 else "mixed",
        energy_reason=reasons[0] if reasons else None,
        samples_per_second=mean([r.cost.samples_per_second for r in finished]),
        peak_memory_bytes=max((peak for peak in peaks if peak is not None), default=None),
        survivors_only=len(finished) < len(records),
        flops_lower_bound=any(record.cost.flops.lower_bound for record in records),
        meter=meter_notes(records),
        usage=usage(finished),
        consequences=Rows([*carbon_rows(template, records), *money_rows(template, records)]),
        diverged_share=_diverged(records)[2],
    )


def rows(summary: ArmSummary, provenance: tuple[str, ...]) -> Rows:
    """What the runs of one arm under one condition scored, spent and emitted, pairs or not."""
    template = Quantity("", summary.condition, summary.arm, n=summary.finished, provenance=provenance)
    ends = "the ends are the range over runs" if summary.finished > 1 else ""
    survivors = "over survivors only" if summary.survivors_only else ""
    score = replace(template, metric=summary.metric)
    mean_score = score.named("mean_score").at(summary.score_mean)
    bound = ("lower bound", "an operation had no formula") if summary.flops_lower_bound else ("", "")
    joules = template.named("train.joules", verdict=summary.energy_method).at(summary.joules)
    counts = replace(template, n=summary.runs)
    statuses = ("finished", "diverged", "failed", "interrupted")
    counted = summary.runs - summary.interrupted
    share = counts.named("runs.diverged_share", n=counted).at(
        summary.diverged / counted if counted else None, summary.diverged_share
    )
    return Rows([
        mean_score.between(summary.score_low, summary.score_high).because(ends, survivors),
        score.named("mean_score.sd").at(summary.score_sd),
        template.named("train.flops", verdict=bound[0]).at(summary.flops).because(bound[1]),
        template.named("train.seconds").at(summary.seconds),
        joules.because(summary.energy_reason),
        template.named("train.tokens").at(summary.tokens),
        template.named("samples_per_second").at(summary.samples_per_second),
        template.named("peak_memory").at(summary.peak_memory_bytes),
        *(template.named(key).at(getattr(summary.usage, name, None)) for name, key in _USAGE.items()),
        *(replace(row, provenance=provenance) for row in summary.consequences),
        counts.named("runs.started").at(summary.runs),
        *(counts.named(f"runs.{status}").at(getattr(summary, status)) for status in statuses),
        *([share.because("Wilson's interval")] if summary.diverged_share else []),
    ])  # fmt: skip


def stability(arm: str, records: Sequence[Record]) -> Rows:
    """How often the runs of an arm diverged or failed, over all conditions, interrupted ones left out."""
    runs, diverged, interval = _diverged(records)
    if not runs:
        return Rows()
    template = Quantity("", arm=arm, n=runs)
    share = template.named("stability.diverged_share").at(diverged / runs, interval)
    return Rows([
        template.named("stability.diverged").at(diverged),
        template.named("stability.failed").at(sum(record.status == "failed" for record in records)),
        share.because("over all conditions; Wilson's interval"),
    ])  # fmt: skip


def attestation(arm: str, records: Sequence[Record]) -> Attestation:
    """What the runs of one arm held at step 0: the numbers of the first, and whether they agree."""
    starts: dict[tuple[str, int | None], dict[Attestation, None]] = {}  # those that should be alike
    for record in records:
        init, parameters = record.init, record.cost.parameters
        start = Attestation(
            arm=arm,
            poured_tensors=init.loaded.tensors,
            poured_parameters=init.loaded.parameters,
            all_parameters=parameters.all,
            trainable_parameters=parameters.trainable,
            fresh_tensors=init.newly_initialised.tensors,
            fresh_parameters=init.newly_initialised.parameters,
            fresh_names=init.newly_initialised.names,
            checkpoint=init.checkpoint.source if init.checkpoint else None,
            checkpoint_sha256=init.checkpoint.sha256 if init.checkpoint else None,
            same=True,
            drawn_again=bool(init.drawn_again),
        )
        starts.setdefault((record.condition_id, pretraining_seed(record)), {})[start] = None
    every = [start for alike in starts.values() for start in alike]
    return replace(
        every[0],
        same=all(len(alike) == 1 for alike in starts.values()),
        checkpoints=len({start.checkpoint_sha256 for start in every}),
        met_before=met_before(records),
    )


def contamination_rows(attestations: Iterable[Attestation]) -> Rows:
    """How many evaluation rows occur in the text that each arm was pretrained on."""
    return Rows(
        Quantity("", arm=each.arm, n=met.of or None).named("met_before", note=met.sentence).at(met.found)
        for each in attestations
        if (met := each.met_before)
    )


def environments(records: Sequence[Record]) -> tuple[Mapping[str, Any], ...]:
    """The distinct surroundings of the runs, most frequent first, each with the number of its `runs`."""
    seen: Counter[str] = Counter()
    for record in records:
        several = {"devices"} if record.environment.devices > 1 else set[str]()
        surroundings = record.environment.model_dump(include={*_SURROUNDINGS, *several})
        seen[json.dumps(surroundings, sort_keys=True)] += 1
    ordered = sorted(seen.items(), key=lambda item: (-item[1], item[0]))
    return tuple({**json.loads(text), "runs": runs} for text, runs in ordered)


def meter_notes(records: Sequence[Record]) -> MeterNotes | None:
    """What the meters left beside the joules; None when no record has any of it (they are optional)."""
    energies = [record.cost.energy for record in records]
    if not any(energy.model_fields_set & {"doubts", "evidence", "dynamic_joules"} for energy in energies):
        return None
    watts = [energy.idle_watts for energy in energies]
    shares = [share for share in map(_crowding, energies) if share is not None]
    ends = dict.fromkeys(f"{share * 100:.1f} %" for share in (min(shares), max(shares))) if shares else ()
    crowd = [f"others used {' to '.join(ends)} of the processor"] if ends else []
    doubts = (line for energy in energies for line in energy.doubts)
    unavailable = (f"{name}: {why}" for energy in energies for name, why in energy.unavailable.items())
    return MeterNotes(
        joules=mean([(energy.joules or {}).get("total") for energy in energies]),
        dynamic=mean([energy.dynamic_joules for energy in energies]),
        idle_watts=mean([None if each is None else float(sum(each.values())) for each in watts]),
        evidence=tuple(dict.fromkeys([*crowd, *(line for each in energies for line in _alone(each))])),
        doubts=tuple(dict.fromkeys(doubts)),
        unavailable=tuple(dict.fromkeys(unavailable)),
        lost_segments=sum(energy.lost_segments for energy in energies),
    )


def _diverged(records: Sequence[Record]) -> tuple[int, int, Interval | None]:
    """Runs that were not interrupted from outside, those of them that diverged, Wilson's interval."""
    statuses = [record.status for record in records if record.status != "interrupted"]
    diverged = statuses.count("diverged")
    return len(statuses), diverged, wilson(diverged, len(statuses)) if statuses else None


def _alone(energy: Energy) -> list[str]:
    """Why the run counts as alone or not, in words; parts that the meter left out are left out."""
    evidence = as_mapping(energy.evidence)
    lock, contention = as_mapping(evidence.get("device_lock")), as_mapping(evidence.get("contention"))
    reasons: list[str] = []
    if lock.get("held") not in (None, True):
        reasons.append(f"the devices were not locked: {lock.get('reason') or 'no lock'}")
    if processes := sum(as_mapping(contention.get("foreign_gpu_processes")).values()):
        reasons.append(f"{processes} foreign GPU processes")
    if contention.get("reason"):
        reasons.append(f"the load of others could not be read: {contention['reason']}")
    if not reasons and _crowding(energy) is None and energy.exclusive:
        return ["the devices were locked, and other processes used little of them"]
    return reasons


def _crowding(energy: Energy) -> float | None:
    """The share of the processor that others used, where that was too much to be alone."""
    contention = as_mapping(as_mapping(energy.evidence).get("contention"))
    share = contention.get("foreign_cpu_share")
    return None if share is None or share < contention.get("limit", 1.0) else float(share)
