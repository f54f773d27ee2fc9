"""What measuring costs: CPU time of the same work with all meters and without, interleaved."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tests.meters.fakes import Nvml, Powercap

from headstart.meters.backend import Backend
from headstart.meters.codecarbon import Estimate
from headstart.meters.joined import Joined
from headstart.meters.lease import Lease
from headstart.meters.meter import Meter
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter

SLICE, ROUNDS = 1.0, 10  # seconds of work between two evaluations: a dense cadence for a real run


def work() -> int:
    """A fixed amount of work."""
    return sum(number * number for number in range(round(SLICE * 1.4e7)))


def measured(meter: Meter) -> float:
    """CPU seconds of one slice with an evaluation and a curve point around it."""
    start = time.thread_time()
    with meter.phase("eval"):
        work()
    meter.snapshot()
    return time.thread_time() - start


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
    return Joined(parts)


@pytest.mark.bench
@pytest.mark.parametrize("name", ["counters", "codecarbon"])
def test_meters_cost_under_one_percent(name: str, tmp_path: Path) -> None:
    """Slices in turn, the least of each (what others do only adds), and what the meter's threads use."""
    make: Callable[[], Backend] = partial(counters, tmp_path) if name == "counters" else Estimate
    full, plain = [], []
    with Meter(make(), None, lambda backend: Lease(backend.claims, folder=tmp_path)) as meter:
        all_threads, this_thread = time.process_time(), time.thread_time()
        for number in range(ROUNDS):
            for measure in (True, False) if number % 2 else (False, True):
                (full if measure else plain).append(measured(meter) if measure else bare())
        all_threads, this_thread = time.process_time() - all_threads, time.thread_time() - this_thread
    threads = all_threads / this_thread - 1
    ratio = min(full) / min(plain) + threads
    print(f"\nCPU time with all meters / without ({name}): {ratio:.4f}, of which threads {threads:.4f}")
    assert ratio < 1.01
