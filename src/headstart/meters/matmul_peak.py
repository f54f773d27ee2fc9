"""Matmul peak of this machine: the fastest of many matrix products, in windows without other load."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from headstart.meters.backend import Unreadable
from headstart.meters.contention import LIMIT, cpu_times, process_tree
from headstart.meters.nvml import Nvml

Device = Literal["cpu", "cuda"]
Precision = Literal["bf16", "fp32"]
ENOUGH = 4  # undisturbed windows; each run of a process adds two until there are so many
FULL = 0.9  # share of its threads' time that a process gets when it does not have to share the processor


@dataclass(frozen=True)
class Window:
    """The fastest product of a short time, and whether other processes took part of the machine from it."""

    flops_per_second: float
    disturbed: bool


_windows: dict[
    tuple[Device, Precision, int], list[Window]
] = {}  # of this process, by device, type and threads


def matmul_peak(device: Device, precision: Precision, seconds: float) -> float:
    """Best floating-point operations per second so far, disturbed or not: for forecasts."""
    peak(device, precision, seconds)
    return max(window.flops_per_second for window in _of(device, precision))


def peak(device: Device, precision: Precision, seconds: float) -> dict[str, Any]:
    """The best undisturbed window of this process, with data type, threads and library, for a record.

    Measures one more window of `seconds` unless there are enough. `flops_per_second` is null while every
    window was disturbed: half of a peak would make twice the utilisation.
    """
    import torch

    windows = _of(device, precision)
    if sum(not window.disturbed for window in windows) < ENOUGH:
        windows.append(measure(device, precision, seconds))
    quiet = [window.flops_per_second for window in windows if not window.disturbed]
    return {
        "flops_per_second": max(quiet, default=None),
        "dtype": precision,
        "threads": torch.get_num_threads() if device == "cpu" else None,
        "blas": blas() if device == "cpu" else "cublas",
        "windows": len(windows),
        "disturbed": len(windows) - len(quiet),
        "reason": None if quiet else "other processes used the machine whenever the peak was measured",
    }


def measure(device: Device, precision: Precision, seconds: float, size: int = 1024) -> Window:
    """The fastest square product within about `seconds`.

    There is no fp16: on a processor one product of this size can take a minute.
    """
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = size if device == "cpu" else 8 * size
    a = torch.randn(size, size).to(device, dtype)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    torch.mm(a, a)
    wait()
    before = cpu_times()
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        torch.mm(a, a)
        wait()
        best = min(best, time.perf_counter() - start)
    shared = _gpu_is_shared() if device == "cuda" else processor_is_shared(before, torch.get_num_threads())
    return Window(2 * size**3 / best, shared)


def processor_is_shared(before: dict[str, float], threads: int) -> bool:
    """Did others compute since `before`, and did this process get less than its threads could use?

    One condition alone proves nothing: other cores may be busy, and a container may be limited.
    """
    after = cpu_times()
    span = {name: after[name] - before[name] for name in after}
    others = max(0.0, span["busy"] - span["own"]) + span["steal"]
    return (
        others >= LIMIT * span["seconds"] * after["cores"] and span["own"] < FULL * span["seconds"] * threads
    )


def _gpu_is_shared() -> bool:
    """Does another process compute on the GPU? False when the driver does not say."""
    backend = Nvml(kind="nvml").backend()
    try:
        backend.open()
        return any(backend.foreign_processes({process.pid for process in process_tree()}).values())
    except Unreadable:
        return False
    finally:
        backend.close()


def _of(device: Device, precision: Precision) -> list[Window]:
    import torch

    return _windows.setdefault((device, precision, torch.get_num_threads() if device == "cpu" else 0), [])


def utilisation(flops: float, seconds: float, peak: float | None) -> float | None:
    """Model FLOPs utilisation: FLOPs per second of the model as a share of the peak; None without a peak."""
    return flops / seconds / peak if seconds > 0 and peak else None


def blas() -> str:
    """The name of the BLAS library on the processor."""
    import torch

    if torch.backends.mkl.is_available():
        return "mkl"
    config = torch.__config__.show().lower()
    return next((name for name in ("openblas", "accelerate", "blis", "nvpl") if name in config), "unknown")
