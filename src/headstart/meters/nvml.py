"""NVML: energy of NVIDIA GPUs from the driver's own counter, or its power integrated ten times a second."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.settings import MeterSettings

LONGEST_GAP = 2.0  # seconds between two power samples that still describe the time between them


class Nvml(MeterSettings):
    """Energy of the GPU, measured by the driver."""

    kind: Literal["nvml"]
    gpus: Literal["used", "visible"] = "used"  # used: those that a run trains on

    def backend(self, device: DeviceKind = "cuda", devices: int = 1) -> Backend:
        """A reader of the counter of each GPU."""
        return GpuCounter(first=devices if self.gpus == "used" else None)


class GpuCounter(Backend):
    """Cumulative joules of the `first` visible GPUs (None: of all).

    `method` becomes `sampled` where a GPU has no energy counter.
    """

    name = "nvml"
    boundary = "gpu"
    resolution = 0.1  # the counter changes about ten times a second

    def __init__(
        self,
        nvml: Any = None,
        environ: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.perf_counter,
        first: int | None = 1,
    ) -> None:
        super().__init__()
        self._nvml, self._environ, self._clock, self._first = nvml, environ, clock, first
        self._started = False
        self._gpus: list[Gpu] = []
        self._joules: dict[str, float] = {}
        self._counter: dict[str, int] = {}  # millijoules, of GPUs with a counter
        self._power: dict[str, tuple[float, float]] = {}  # time and watts, of the others

    def open(self) -> None:
        """Find the GPUs and how each can be read."""
        if self._nvml is None:
            import pynvml

            self._nvml = pynvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise Unreadable(f"there is no NVIDIA driver to ask ({error})") from None
        self._started = True
        try:
            self._gpus = self._find()
            for gpu in self._gpus:
                self._first_reading(gpu)
        except (self._nvml.NVMLError, Unreadable) as error:
            self.close()
            why = error if isinstance(error, Unreadable) else f"the NVIDIA driver answers {error}"
            raise Unreadable(str(why)) from None
        self.method = "sampled" if self._power else "measured"
        self.read_every = 0.1 if self._power else None
        self.claims = tuple(gpu.key for gpu in self._gpus)

    def _find(self) -> list[Gpu]:
        gpus = visible_gpus(self._nvml, self._environ)
        if not gpus:
            raise Unreadable("no GPU is visible to this process (CUDA_VISIBLE_DEVICES)")
        if self._first and not order_is_certain(gpus, self._environ):
            self.doubts.append(
                "GPUs of different kinds are visible and CUDA may number them differently from the driver: "
                "set CUDA_DEVICE_ORDER=PCI_BUS_ID"
            )
        return gpus[: self._first]

    def _first_reading(self, gpu: Gpu) -> None:
        try:
            split = bool(self._nvml.nvmlDeviceGetMigMode(gpu.handle)[0])
        except self._nvml.NVMLError:  # a GPU that cannot be split
            split = False
        if split:
            raise Unreadable(
                f"{gpu.key} is split into instances (MIG): its counter covers all of them, "
                "so the share of one run is unknown"
            )
        self._joules[gpu.key] = 0.0
        try:
            self._counter[gpu.key] = self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
        except self._nvml.NVMLError:
            self._power[gpu.key] = self._sample(gpu)

    def _sample(self, gpu: Gpu) -> tuple[float, float]:
        """The time, and the watts."""
        return self._clock(), self._nvml.nvmlDeviceGetPowerUsage(gpu.handle) / 1e3

    def read(self) -> dict[str, float]:
        """Joules of each GPU since `open`."""
        try:
            for gpu in self._gpus:
                spent = self._integrated if gpu.key in self._power else self._counted
                self._joules[gpu.key] += spent(gpu)
        except self._nvml.NVMLError as error:
            raise Unreadable(f"the NVIDIA driver stopped answering during the run: {error}") from None
        return dict(self._joules)

    def _counted(self, gpu: Gpu) -> float:
        last, now = self._counter[gpu.key], self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
        if now < last:
            raise Unreadable(f"the counter of {gpu.key} started again during the run (driver reset)")
        self._counter[gpu.key] = now
        return (now - last) / 1e3

    def _integrated(self, gpu: Gpu) -> float:
        (last, last_watts), (now, watts) = self._power[gpu.key], self._sample(gpu)
        self._power[gpu.key] = now, watts
        if now - last > LONGEST_GAP:
            raise Unreadable(
                f"the power of {gpu.key} was not sampled for {now - last:.1f} s: what it drew is unknown"
            )
        return (now - last) * (last_watts + watts) / 2

    def foreign_processes(self, own: set[int]) -> dict[str, list[int]]:
        """Processes that compute on each GPU and are not in `own`.

        In a container the driver may report process ids of the host: then none of ours is listed though this
        process uses the GPU, and one unknown process is taken to be it.
        """
        torch = sys.modules.get("torch")  # nothing is imported or started to ask this
        uses_cuda = torch is not None and torch.cuda.is_initialized()
        foreign: dict[str, list[int]] = {}
        for gpu in self._gpus:
            pids = [entry.pid for entry in self._nvml.nvmlDeviceGetComputeRunningProcesses(gpu.handle)]
            unknown = [pid for pid in pids if pid not in own]
            ours_is_hidden = unknown == pids and uses_cuda
            foreign[gpu.key] = unknown[1:] if ours_is_hidden else unknown
        return foreign

    def close(self) -> None:
        """Release the driver."""
        if self._started:
            self._started = False
            self._nvml.nvmlShutdown()


@dataclass(frozen=True)
class Gpu:
    """One GPU, as NVML knows it."""

    index: int
    uuid: str
    name: str
    handle: Any

    @property
    def key(self) -> str:
        """A short name for records: the first eight digits of the UUID, else the index."""
        digits = self.uuid.removeprefix("GPU-")
        return f"gpu:{digits[:8] if digits else self.index}"


def visible_gpus(nvml: Any, environ: Mapping[str, str] = os.environ) -> list[Gpu]:
    """The GPUs that CUDA_VISIBLE_DEVICES leaves visible, in CUDA's order, read as the CUDA driver reads it.

    Empty when all are hidden. Raises Unreadable on a MIG instance.
    """
    handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    gpus = [
        Gpu(index, nvml.nvmlDeviceGetUUID(handle), nvml.nvmlDeviceGetName(handle), handle)
        for index, handle in enumerate(handles)
    ]
    visible = environ.get("CUDA_VISIBLE_DEVICES")
    if visible is None:
        return gpus
    chosen: list[Gpu] = []
    for name in (part.strip() for part in visible.split(",")):
        if name.startswith("MIG-"):
            raise Unreadable(
                f"CUDA_VISIBLE_DEVICES names the MIG instance {name[:12]}…: only the whole GPU has a counter"
            )
        if name.isdigit():
            matches = [gpu for gpu in gpus if gpu.index == int(name)]
        else:
            matches = [gpu for gpu in gpus if name.startswith("GPU-") and gpu.uuid.startswith(name)]
        if len(matches) != 1:
            break  # the driver hides everything from the first name that it does not know
        if matches[0] not in chosen:
            chosen.append(matches[0])
    return chosen


def order_is_certain(gpus: list[Gpu], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether index n of CUDA is index n here: by default CUDA puts the fastest first."""
    by_uuid = environ.get("CUDA_VISIBLE_DEVICES", "").startswith("GPU-")
    alike = len({gpu.name for gpu in gpus}) <= 1
    return alike or by_uuid or environ.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
