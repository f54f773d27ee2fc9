"""Hardware: the device of a run, and the number formats that it supports."""

from __future__ import annotations

import os
import platform
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from headstart.config import Config
from headstart.errors import ConfigError

Precision = Literal["auto", "bf16", "fp32"]
LEAST_REPLAYS = 8  # that pay for capturing and checking a graph: about two eager steps and the capture


class Hardware(Config):
    """Where a run computes. What it computes is the same, but for rounding and the draws of dropout.

    With several `devices` each is a process that trains on its share of every batch. `threads` are those of
    one process; null: torch's own number, divided among them.
    """

    accelerator: Literal["auto", "cpu", "cuda"] = "auto"
    devices: int = Field(default=1, ge=1)
    threads: int | None = Field(default=None, ge=1)
    save_every: float = Field(default=60, ge=0)  # seconds between states to resume from, at evaluations
    capture: Literal["auto", "on", "off"] = "off"  # steps that a CUDA graph replays, with the same bits

    @model_validator(mode="after")
    def _capture_needs_a_gpu(self) -> Self:
        if self.capture == "on" and self.device() != "cuda":
            raise ValueError("capture=on needs a CUDA device: use capture=auto or capture=off")
        if self.capture == "on" and self.devices > 1:
            raise ValueError(
                f"capture=on is for one device, and devices={self.devices}: a captured step cannot wait for "
                "other devices; use capture=off"
            )
        return self

    def least_replays(self) -> int | None:
        """From how many replays on a step is captured; None: never."""
        if self.capture == "off" or self.devices > 1 or self.device() != "cuda":
            return None
        return 1 if self.capture == "on" else LEAST_REPLAYS

    def device(self) -> Literal["cpu", "cuda"]:
        """The device of the run; `auto` is the GPU if there is one."""
        if self.accelerator != "auto":
            return self.accelerator
        return "cuda" if gpu_capability() else "cpu"

    def check_devices(self) -> None:
        """ConfigError when this machine has fewer devices: GPUs that are visible here, or processors."""
        gpu = self.device() == "cuda"
        there = len(gpu_names()) if gpu else processors()
        if self.devices > max(1, there):
            kind = "GPU" if gpu else "processor"
            raise ConfigError(
                f"hardware.devices={self.devices}: this machine has {there} {kind}{'s' * (there != 1)}; "
                f"use hardware.devices={max(1, there)}"
            )

    def set_threads(self) -> None:
        import torch

        if self.threads or self.devices > 1:
            torch.set_num_threads(self.threads or max(1, _usual_threads() // self.devices))

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


def gpu_names() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    import pynvml

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip() not in ("", "-1")]
    try:
        pynvml.nvmlInit()
        return [str(index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _usual_threads() -> int:
    """The threads that torch takes in a new process."""
    import torch

    return torch.get_num_threads()
