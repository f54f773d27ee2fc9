"""The matmul peak of this machine, measured: the fastest of many products in a bounded time."""

from __future__ import annotations

import time
from functools import cache
from typing import Literal


@cache
def matmul_peak(device: str, precision: Literal["bf16", "fp32"], seconds: float = 2.0, size: int = 1024) -> float:
    """Best floating-point operations per second of a square product, within about `seconds`."""
    import torch

    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    size = size if device == "cpu" else 8 * size
    a = torch.randn(size, size).to(device, dtype)
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    best, end = float("inf"), time.perf_counter() + seconds
    a @ a
    wait()
    while (start := time.perf_counter()) < end:
        a @ a
        wait()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
