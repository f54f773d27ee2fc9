"""Usage: how well the runs used the machine, what their electricity emitted and cost, and their order.

Everything here is optional in a record: what a run does not say stays out, or None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from headstart.compare.findings import Carbon, Money, Trained, Usage
from headstart.records.record import Cost, Padding, Record

_CARBON = ("region", "year", "source", "grams_per_kwh", "pue")
_MONEY = ("currency", "per_kwh", "per_device_hour")
_SIDES = ("host", "device")


def usage(records: Sequence[Record]) -> Usage | None:
    """Means over the runs of one arm; None when no record says anything about it."""
    costs = [record.cost for record in records]
    peaks = [_peak(cost) for cost in costs]
    speeds = [cost.tokens_per_second or {} for cost in costs]
    waits = [cost.data_wait_share for cost in costs]
    phases = _memory(costs)
    if not any([*peaks, *speeds, phases, *(wait is not None for wait in waits)]):
        return None
    rates = [float(peak["flops_per_second"]) for peak in peaks if peak]
    return Usage(
        real=_mean([speed.get("real") for speed in speeds]),
        padded=_mean([speed.get("padded") for speed in speeds]),
        padding=_mean([_padding(cost.tokens.train) for cost in costs]),
        waiting=_mean(waits),
        share=_share(costs, peaks),
        peak_low=min(rates, default=None),
        peak_high=max(rates, default=None),
        peak_of=tuple(dict.fromkeys(_kind(peak) for peak in peaks if peak)),
        memory=phases,
        memory_peaks=_memory_peaks(costs),
    )


def emissions(records: Sequence[Record]) -> tuple[Carbon, ...]:
    """Mean grams of the runs that have a figure, one mean per basis: unlike figures share no mean."""
    found: dict[tuple[Any, ...], list[float]] = defaultdict(list)
    for record in records:
        each = record.cost.carbon or {}
        if each.get("grams") is not None:
            found[(_method(record), *(each.get(name) for name in _CARBON))].append(float(each["grams"]))
    return tuple(
        Carbon(float(np.mean(grams)), len(grams), str(region), year, str(source), float(rate), pue, method)
        for (method, region, year, source, rate, pue), grams in found.items()
    )


def money(records: Sequence[Record]) -> tuple[Money, ...]:
    """Mean money of the runs at stated prices, one per currency, prices and energy method."""
    found: dict[tuple[Any, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        each = record.cost.money or {}
        if each.get("electricity") is not None or each.get("device") is not None:
            known = each.get("electricity") is not None
            found[(_method(record), known, *(each.get(name) for name in _MONEY))].append(each)
    return tuple(
        Money(
            currency=str(currency),
            electricity=_mean([each.get("electricity") for each in group]),
            device=_mean([each.get("device") for each in group]),
            per_kwh=per_kwh,
            per_device_hour=per_device_hour,
            runs=len(group),
            method=method,
        )
        for (method, _, currency, per_kwh, per_device_hour), group in found.items()
    )


def trained(records: Sequence[Record], names: Mapping[int, str]) -> tuple[Trained, ...]:
    """The runs in the order of training; `names`: condition by id(record). Empty when no record says it."""
    runs = [_trained(record, names.get(id(record), "")) for record in records]
    if not any(one.place is not None or one.celsius or one.megahertz or one.governor for one in runs):
        return ()
    return tuple(sorted(runs, key=lambda one: (one.started, one.place or 0, one.arm, one.seed)))


def _trained(record: Record, condition: str) -> Trained:
    environment = record.environment
    state = environment.state or {}
    processor = state.get("cpu") or {}
    gpus = [(_gpu(number, gpu), gpu) for number, gpu in enumerate(state.get("gpus") or ())]
    parts = {"processor": processor, **dict(gpus)}
    return Trained(
        condition=condition,
        arm=record.arm,
        seed=record.seed,
        place=environment.order_index,
        started=environment.started,
        celsius=_told(parts, "celsius"),
        megahertz=_told(parts, "megahertz"),
        governor=processor.get("governor"),
    )


def _gpu(number: int, gpu: Mapping[str, Any]) -> str:
    return str(gpu.get("device") or f"gpu {number}")


def _told(parts: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, float]:
    return {part: float(told[name]) for part, told in parts.items() if told.get(name) is not None}


def _peak(cost: Cost) -> Mapping[str, Any]:
    peak = (cost.utilisation or {}).get("peak") or {}
    return peak if peak.get("flops_per_second") is not None else {}


def _kind(peak: Mapping[str, Any]) -> str:
    threads = peak.get("threads")
    told = (peak.get("dtype"), None if threads is None else f"{threads} threads", peak.get("blas"))
    return ", ".join(str(each) for each in told if each is not None)


def _share(costs: Sequence[Cost], peaks: Sequence[Mapping[str, Any]]) -> float | None:
    """A mean only over shares of the same kind of peak: a share of another dtype is another number."""
    if not all(peaks) or len({_kind(peak) for peak in peaks}) != 1:
        return None
    return _mean([(cost.utilisation or {}).get("share") for cost in costs])


def _padding(tokens: Padding) -> float | None:
    return 1 - tokens.real / tokens.padded if tokens.padded else None


def _memory(costs: Iterable[Cost]) -> dict[str, dict[str, int]]:
    """{"host": {phase: bytes}}, the largest of all runs; only what was told."""
    found: dict[str, dict[str, int]] = {}
    for cost in costs:
        sides = cost.peak_memory_bytes.by_phase
        for side in _SIDES:
            for phase, peak in (sides.get(side) or {}).items():
                kept = found.setdefault(side, {})
                kept[phase] = max(int(peak), kept.get(phase, 0))
    return found


def _memory_peaks(costs: Sequence[Cost]) -> dict[str, int]:
    peaks = {side: [getattr(cost.peak_memory_bytes, side) for cost in costs] for side in _SIDES}
    told = {side: [each for each in values if each is not None] for side, values in peaks.items()}
    return {side: int(max(values)) for side, values in told.items() if values}


def _method(record: Record) -> str:
    return str(record.cost.energy.method)


def _mean(values: Sequence[float | None]) -> float | None:
    """The mean, or None when there are none or one is unknown."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known and len(known) == len(values) else None
