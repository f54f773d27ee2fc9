"""Hardware: the device of a run, and the number formats that it supports."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from headstart.config import Config

Precision = Literal["auto", "bf16", "fp32"]
LEAST_REPLAYS = 8  # that pay for capturing and checking a graph: about two eager steps and the capture


class Hardware(Config):
    """The device and threads of a run: they change its speed, not its result."""

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = Field(default=None, ge=1)
    save_every: float = Field(default=60, ge=0)  # seconds between states to resume from, at evaluations
    capture: Literal["auto", "on", "off"] = "off"  # steps that a CUDA graph replays, with the same bits

    @model_validator(mode="after")
    def _capture_needs_a_gpu(self) -> Self:
        if self.capture == "on" and self.device() != "cuda":
            raise ValueError("capture=on needs a CUDA device: use capture=auto or capture=off")
        return self

    def least_replays(self) -> int | None:
        """From how many replays on a step is captured; None: never."""
        if self.capture == "off" or self.device() != "cuda":
            return None
        return 1 if self.capture == "on" else LEAST_REPLAYS

    def device(self) -> Literal["cpu", "cuda"]:
        """The device of the run; `auto` is the GPU if there is one."""
        if self.accelerator != "auto":
            return self.accelerator
        return "cuda" if gpu_capability() else "cpu"

    def device_name(self) -> str:
        """The name of the device in the record."""
        if self.device() == "cpu":
            return "cpu"
        import torch

        return f"cuda:{torch.cuda.get_device_name()}"

    def precision(self, setting: Precision) -> Literal["bf16", "fp32"]:
        """`auto` becomes bf16 if the device computes in bf16 natively, else fp32."""
        if setting != "auto":
            return setting
        if self.device() == "cuda":
            native = (gpu_capability() or (0, 0)) >= (8, 0)
        else:
            flags = cpu_info("flags", "Features").split()  # with the names of Linux
            native = not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)
        return "bf16" if native else "fp32"


@cache
def cpu_info(*names: str) -> str:
    """The first line of /proc/cpuinfo that begins with one of `names`, without its name; "" if unknown."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf8")
    except OSError:
        return ""
    lines = (line for line in text.splitlines() if line.startswith(names))
    return next(lines, "").partition(":")[2].strip()


def cpu_name() -> str:
    """Model name of the processor."""
    return cpu_info("model name") or platform.processor() or platform.machine()


@cache
def gpu_capability() -> tuple[int, int] | None:
    """CUDA compute capability of the first GPU, from the driver, without importing torch."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCudaComputeCapability(pynvml.nvmlDeviceGetHandleByIndex(0))
    except pynvml.NVMLError:
        return None


def gpu_count() -> int:
    """How many GPUs the driver knows; 0 without one."""
    import pynvml

    try:
        pynvml.nvmlInit()
        return pynvml.nvmlDeviceGetCount()
    except pynvml.NVMLError:
        return 0
