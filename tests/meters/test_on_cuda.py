"""Meters on a CUDA device: the driver's counters, who else is there, and queued work in its own phase."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from headstart.meters.device_lock import DeviceLock
from headstart.meters.matmul_peak import measure
from headstart.meters.memory import PeakMemory
from headstart.meters.meter import Meter
from headstart.meters.nvml import Nvml

pytestmark = pytest.mark.gpu
STRANGER = "import torch; a = torch.ones(1024, 1024, device='cuda') @ torch.ones(1024, 1024, device='cuda')"
HOLDER = """
import sys
from pathlib import Path
from headstart.meters.device_lock import DeviceLock
lock = DeviceLock(sys.argv[2:], wait=0, folder=Path(sys.argv[1]))
print(lock.acquire(), flush=True)
input()
"""


def work(seconds: float) -> None:
    """Queue products that take the GPU about so many seconds; returns at once."""
    a = torch.randn(8192, 8192, device="cuda")
    torch.mm(a, a)
    torch.cuda.synchronize()
    start = time.perf_counter()
    torch.mm(a, a)
    torch.cuda.synchronize()
    for _ in range(max(1, round(seconds / (time.perf_counter() - start)))):
        torch.mm(a, a)


@contextmanager
def beside(program: str, *arguments: str) -> Iterator[str]:
    """Another process, which has printed its first line and waits; yields that line."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        try:
            yield other.stdout.readline().strip()
        finally:
            other.communicate("\n", timeout=60)


def test_the_counter_counts_what_a_phase_queued(tmp_path: Path) -> None:
    backend = Nvml(kind="nvml").backend()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with Meter(
        backend, torch.cuda.synchronize, lambda opened: DeviceLock(opened.claims, folder=tmp_path)
    ) as meter:
        with meter.phase("train"):
            start.record()
            work(1.5)
            end.record()
        with meter.phase("eval"):
            pass
    account, seconds = meter.account(), meter.seconds_by_phase()
    assert seconds["train"] * 1000 >= start.elapsed_time(end) > 500
    joules = account["joules"]
    assert joules["train"] > joules["eval"] and joules["train"] > 20  # a busy GPU draws more than 20 W
    assert joules["total"] == pytest.approx(sum(account["devices"].values()))
    assert account["evidence"]["device_lock"]["held"]


def test_another_process_on_the_gpu_is_seen() -> None:
    torch.ones(1, device="cuda")
    backend = Nvml(kind="nvml").backend()
    backend.open()
    with beside(f"{STRANGER}; torch.cuda.synchronize(); print('computes', flush=True); input()") as said:
        assert said == "computes"
        strangers = backend.foreign_processes({os.getpid()})
    backend.close()
    assert any(strangers.values())


def test_one_gpu_is_locked_once(tmp_path: Path) -> None:
    backend = Nvml(kind="nvml").backend()
    backend.open()
    claims = backend.claims
    backend.close()
    with beside(HOLDER, str(tmp_path), *claims) as held:
        assert held == "True"
        mine = DeviceLock(claims, wait=0, folder=tmp_path)
        assert not mine.acquire() and "is in use by process" in mine.reason
    assert mine.acquire(), "the other one is gone"
    mine.release()


def test_the_peak_is_that_of_the_gpu() -> None:
    assert measure("cuda", "bf16", 0.2).flops_per_second > measure("cpu", "fp32", 0.2).flops_per_second


def test_memory_of_the_device_by_phase() -> None:
    memory = PeakMemory()
    large = torch.empty(64 * 2**20, dtype=torch.uint8, device="cuda")
    memory.note("train")
    del large
    torch.cuda.empty_cache()
    memory.note("eval")
    peaks = memory.peaks()
    assert peaks["device"] == peaks["by_phase"]["device"]["train"] >= 64 * 2**20
    assert peaks["by_phase"]["device"]["eval"] <= peaks["device"]
    assert memory.take()["device"] == peaks["device"], "of both phases, since nobody looked before"
