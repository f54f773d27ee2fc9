"""What measuring costs: CPU time of the same work with all meters and without, interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import pytest
from tests.meters.fakes import Nvml, Powercap

from headstart.meters.auto import Composite
from headstart.meters.backend import Backend
from headstart.meters.codecarbon import Estimate
from headstart.meters.device_lock import DeviceLock
from headstart.meters.meter import Meter
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter

SLICE, ROUNDS = 0.6, 15  # seconds of work between two evaluations: denser than any real run


def work() -> int:
    """A fixed amount of work."""
    return sum(number * number for number in range(round(SLICE * 1.4e7)))


def measured(meter: Meter) -> tuple[float, float]:
    """CPU seconds of one slice with an evaluation and a curve point around it, and the meter's own part."""
    start = time.thread_time()
    meter.begin("eval")
    working = time.thread_time()
    work()
    worked = time.thread_time()
    meter.end()
    meter.snapshot()
    whole = time.thread_time() - start
    return whole, whole - (worked - working)


def bare() -> float:
    """CPU seconds of the same slice alone."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def counters(folder: Path) -> Backend:
    """Fake hardware, read as the real one: files for the processor, calls for the GPU."""
    cap = Powercap(folder)
    cap.laptop()
    parts = [GpuCounter(Nvml(time.perf_counter), {}), PackageCounter(cap.root)]  # pyright: ignore[reportArgumentType]
    for part in parts:
        part.open()
    return Composite(parts)


@pytest.mark.bench
@pytest.mark.parametrize("name", ["counters", "codecarbon"])
def test_meters_cost_under_one_percent(name: str, tmp_path: Path) -> None:
    """Slices in turn; what the meter's calls and its threads use is under one percent of the work."""
    make: Callable[[], Backend] = partial(counters, tmp_path) if name == "counters" else Estimate
    full, plain, own = [], [], []
    with Meter(make(), None, lambda backend: DeviceLock(backend.claims, folder=tmp_path)) as meter:
        all_threads, this_thread = time.process_time(), time.thread_time()
        for number in range(ROUNDS):
            for measure in (True, False) if number % 2 else (False, True):
                if measure:
                    whole, part = measured(meter)
                    full.append(whole)
                    own.append(part)
                else:
                    plain.append(bare())
        all_threads, this_thread = time.process_time() - all_threads, time.thread_time() - this_thread
    threads = all_threads / this_thread - 1
    ratio = median(a / b for a, b in zip(full, plain, strict=True))
    share = sum(own) / sum(full) + threads
    print(f"\nCPU time with all meters / without ({name}): {ratio:.4f}; the meters' own share: {share:.4f}")
    assert share < 0.01
