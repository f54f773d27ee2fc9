"""Usage: how well the runs used the machine, what their electricity emitted and cost, and their order.

Everything here is optional in a record: what a run does not say stays out, or None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headstart.compare.costs import mean
from headstart.compare.quantity import Quantity
from headstart.records.fingerprint import as_mapping
from headstart.records.record import Record

_CARBON = ("region", "year", "source", "grams_per_kwh", "pue")
_MONEY = ("currency", "per_kwh", "per_device_hour")
_SIDES = ("host", "device")


@dataclass(frozen=True)
class Usage:
    """How well an arm's finished runs used the machine while they trained: means per run."""

    real: float | None  # tokens per second, padding left out
    padded: float | None  # tokens per second, padding counted
    padding: float | None  # share of the tokens that were padding
    waiting: float | None  # share of the time spent waiting for data
    share: float | None  # model FLOPs over the measured peak; None: unknown, or peaks of different kinds
    peak_low: float | None  # FLOPs per second: the peaks that were measured, lowest and highest
    peak_high: float | None
    peak_of: tuple[str, ...]  # what the peak was measured with: "bf16, 2 threads, mkl"
    memory: Mapping[str, Mapping[str, int]]  # {"host": {"train": bytes}}: largest of all runs
    memory_peaks: Mapping[str, int]  # {"host": bytes}: over all phases


@dataclass(frozen=True)
class Trained:
    """One run in the order of training, with the state of the hardware when it started."""

    condition: str
    arm: str
    seed: int
    place: int | None  # in the order of the command that trained it, from 0
    started: str
    celsius: Mapping[str, float]  # {"processor": 61.0}; only what is known
    megahertz: Mapping[str, float]
    governor: str | None


def usage(records: Sequence[Record]) -> Usage | None:
    """Means over the runs of one arm; None when no record says anything about it."""
    costs = [record.cost for record in records]
    peaks = [as_mapping((cost.utilisation or {}).get("peak")) for cost in costs]
    known = [peak for peak in peaks if peak.get("flops_per_second") is not None]
    speeds = [cost.tokens_per_second or {} for cost in costs]
    waits = [cost.data_wait_share for cost in costs]
    phases: dict[str, dict[str, int]] = {}  # the largest of all runs; only what is known
    memory_peaks: dict[str, int] = {}
    for side in _SIDES:
        memories = [cost.peak_memory_bytes for cost in costs]
        if held := [peak for memory in memories if (peak := getattr(memory, side)) is not None]:
            memory_peaks[side] = int(max(held))
        for memory in memories:
            for phase, peak in as_mapping(memory.by_phase.get(side)).items():
                kept = phases.setdefault(side, {})
                kept[phase] = max(int(peak), kept.get(phase, 0))
    if not any([*known, *speeds, phases, *(wait is not None for wait in waits)]):
        return None
    rates = [float(peak["flops_per_second"]) for peak in known]
    kinds: dict[str, None] = {}  # 'bf16, 2 threads, mkl'
    for peak in known:
        threads = None if peak.get("threads") is None else f"{peak['threads']} threads"
        parts = (peak.get("dtype"), threads, peak.get("blas"))
        kinds[", ".join(str(part) for part in parts if part is not None)] = None
    tokens = [cost.tokens.train for cost in costs]
    # A share of another dtype's peak is another number: no mean over several kinds.
    shares = [(cost.utilisation or {}).get("share") for cost in costs]
    return Usage(
        real=mean([speed.get("real") for speed in speeds]),
        padded=mean([speed.get("padded") for speed in speeds]),
        padding=mean([1 - each.real / each.padded if each.padded else None for each in tokens]),
        waiting=mean(waits),
        share=mean(shares) if len(known) == len(costs) and len(kinds) == 1 else None,
        peak_low=min(rates, default=None),
        peak_high=max(rates, default=None),
        peak_of=tuple(kinds),
        memory=phases,
        memory_peaks=memory_peaks,
    )


def carbon_rows(template: Quantity, records: Sequence[Record]) -> Iterator[Quantity]:
    """Mean grams of the runs that have a figure, one mean per basis: unlike figures share no mean.

    The key `carbon` is there where one basis covers every run; `carbon.<number>.grams` names the place in its
    note, and its intensity the source.
    """
    groups: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for record in records:
        carbon = record.cost.carbon or {}
        if carbon.get("grams") is not None:
            basis = (record.cost.energy.method, *(carbon.get(name) for name in _CARBON))
            groups[basis].append(float(carbon["grams"]))
    for number, (basis, grams) in enumerate(groups.items(), start=1):
        method, region, year, source, intensity, pue = basis
        rate, row = float(intensity), replace(template, verdict=method, n=len(grams)).at(mean(grams))
        if len(grams) == len(records):
            yield row.named("carbon").because(f"{region}, {rate:g} g/kWh ({source})")
        yield row.named(f"carbon.{number}.grams", note=str(region))
        yield template.named(f"carbon.{number}.intensity", note=str(source)).at(rate)
        yield template.named(f"carbon.{number}.year").at(year)
        yield template.named(f"carbon.{number}.pue").at(pue)


def money_rows(template: Quantity, records: Sequence[Record]) -> Iterator[Quantity]:
    """Mean money of the runs at stated prices, one per currency, prices and energy method.

    Electricity and the hours of the device are two views of the same run, never added up.
    """
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        paid = record.cost.money or {}
        known = paid.get("electricity") is not None
        if known or paid.get("device") is not None:
            groups[(record.cost.energy.method, known, *(paid.get(name) for name in _MONEY))].append(paid)
    for number, (basis, group) in enumerate(groups.items(), start=1):
        method, _, currency, per_kwh, per_device_hour = basis
        lead = "money" if len(groups) == 1 else f"money.{number}"
        for name, price, per in (("electricity", per_kwh, "kWh"), ("device", per_device_hour, "device-hour")):
            value = mean([paid.get(name) for paid in group])
            row = template.named(f"{lead}.{name}", unit=str(currency), n=len(group)).at(value)
            if name == "electricity" and value is not None:
                row = replace(row, verdict=method)
            yield row.because("no price is stated" if price is None else f"at {price:g} per {per}")
            price_key = f"{lead}.per_{per.lower().replace('-', '_')}"
            yield template.named(price_key, unit=str(currency)).at(price)


def trained(records: Sequence[Record], names: Mapping[int, str]) -> tuple[Trained, ...]:
    """The runs in the order of training; `names`: condition by id(record). Empty when no record says it."""
    runs = [_trained(record, names.get(id(record), "")) for record in records]
    if not any(run.place is not None or run.celsius or run.megahertz or run.governor for run in runs):
        return ()
    return tuple(sorted(runs, key=lambda run: (run.started, run.place or 0, run.arm, run.seed)))


def _trained(record: Record, condition: str) -> Trained:
    environment = record.environment
    state = environment.state or {}
    parts = {"processor": as_mapping(state.get("cpu"))}
    for number, gpu in enumerate(map(as_mapping, state.get("gpus") or ())):
        parts[str(gpu.get("device") or f"gpu {number}")] = gpu

    def known(name: str) -> dict[str, float]:
        return {part: float(has[name]) for part, has in parts.items() if has.get(name) is not None}

    return Trained(
        condition=condition,
        arm=record.arm,
        seed=record.seed,
        place=environment.order_index,
        started=environment.started,
        celsius=known("celsius"),
        megahertz=known("megahertz"),
        governor=parts["processor"].get("governor"),
    )
