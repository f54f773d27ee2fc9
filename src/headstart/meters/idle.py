"""Idle watts: the power of each device while the run waits, measured once in a short window."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from headstart.meters.backend import Backend
from headstart.meters.contention import cpu_times

BUSY = 0.05  # share of all cores above which a machine is not idle
_KNOWN: dict[tuple[int, str, tuple[str, ...]], dict[str, float]] = {}  # of this process


def idle_watts(
    backend: Backend,
    seconds: float,
    read: Callable[[], dict[str, float]] | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[dict[str, float] | None, str | None]:
    """Watts by device over `seconds` of waiting, or None and the reason; (None, None) without a counter."""
    if seconds <= 0 or backend.method not in ("measured", "sampled"):
        return None, None
    key = (os.getpid(), backend.name, backend.claims)
    if key in _KNOWN:
        return _KNOWN[key], None
    read = read or backend.read
    cpu_before, start, before = cpu_times(), clock(), read()
    sleep(seconds)
    after, span, cpu_after = read(), clock() - start, cpu_times()
    busy = (cpu_after["busy"] - cpu_before["busy"]) / (span * cpu_after["cores"])
    if busy > BUSY:
        return None, f"idle watts are unknown: {busy:.0%} of the processor was busy while the run waited"
    _KNOWN[key] = {device: (joules - before[device]) / span for device, joules in after.items()}
    return _KNOWN[key], None
