"""Matmul peak of this machine: the fastest of many matrix products within a time limit."""

from __future__ import annotations

import time
from functools import cache
from typing import Any, Literal

Precision = Literal["bf16", "fp32"]


@cache
def matmul_peak(device: str, precision: Precision, seconds: float = 2.0, size: int = 1024) -> float:
    """Best floating-point operations per second of a square product, within about `seconds`.

    There is no fp16: on a processor one product of this size can take a minute.
    """
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = size if device == "cpu" else 8 * size
    a = torch.randn(size, size).to(device, dtype)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    torch.mm(a, a)
    wait()
    best, end = float("inf"), time.perf_counter() + seconds
    while (start := time.perf_counter()) < end:
        torch.mm(a, a)
        wait()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def peak(device: str, precision: Precision, seconds: float = 2.0) -> dict[str, Any]:
    """The peak with data type, threads and library, for a record."""
    import torch

    return {
        "flops_per_second": matmul_peak(device, precision, seconds),
        "dtype": precision,
        "threads": torch.get_num_threads() if device == "cpu" else None,
        "blas": blas() if device == "cpu" else "cublas",
    }


def utilisation(flops: float, seconds: float, peak: float) -> float | None:
    """Model FLOPs utilisation: FLOPs per second of the model as a share of the peak."""
    return flops / seconds / peak if seconds > 0 and peak > 0 else None


def blas() -> str:
    """The name of the BLAS library on the processor."""
    import torch

    if torch.backends.mkl.is_available():
        return "mkl"
    config = torch.__config__.show().lower()
    return next((name for name in ("openblas", "accelerate", "blis", "nvpl") if name in config), "unknown")
