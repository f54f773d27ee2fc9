"""Energy of NVIDIA GPUs: the driver's own counter, or its power integrated ten times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.cuda_visible import Gpu, order_is_certain, visible_gpus
from headstart.meters.settings import MeterSettings

LONGEST_GAP = 2.0  # seconds between two power samples that still describe what lies between them


class Nvml(MeterSettings):
    """Energy of the GPU, measured by the driver."""

    kind: Literal["nvml"]
    gpus: Literal["used", "visible"] = "used"  # used: the one that a run trains on

    def backend(self, device: DeviceKind = "cuda") -> Backend:
        """A reader of the counter of each GPU."""
        return GpuCounter(first_only=self.gpus == "used")


class GpuCounter(Backend):
    """Cumulative joules of each GPU; `method` becomes `sampled` where a GPU has no energy counter."""

    name = "nvml"
    boundary = "gpu"
    resolution = 0.1  # the counter moves about ten times a second

    def __init__(
        self,
        nvml: Any = None,
        environ: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.perf_counter,
        first_only: bool = True,
    ) -> None:
        super().__init__()
        self._nvml, self._environ, self._clock, self._first_only = nvml, environ, clock, first_only
        self._started = False
        self._gpus: list[Gpu] = []
        self._joules: dict[str, float] = {}
        self._counter: dict[str, int] = {}  # millijoules, of GPUs with a counter
        self._power: dict[str, tuple[float, float]] = {}  # time and watts, of the others

    def open(self) -> None:
        """Find the GPUs and how each can be read."""
        self._start()
        try:
            self._gpus = self._find()
            for gpu in self._gpus:
                self._first_reading(gpu)
        except self._nvml.NVMLError as error:
            self.close()
            raise Unreadable(f"the NVIDIA driver answers {error}") from None
        except Unreadable:
            self.close()
            raise
        self.method = "sampled" if self._power else "measured"
        self.guard = 0.1 if self._power else None
        self.claims = tuple(gpu.key for gpu in self._gpus)

    def _start(self) -> None:
        if self._nvml is None:
            import pynvml

            self._nvml = pynvml
        try:
            self._nvml.nvmlInit()
        except self._nvml.NVMLError as error:
            raise Unreadable(f"there is no NVIDIA driver to ask ({error})") from None
        self._started = True

    def _find(self) -> list[Gpu]:
        gpus = visible_gpus(self._nvml, self._environ)
        if not gpus:
            raise Unreadable("no GPU is visible to this process (CUDA_VISIBLE_DEVICES)")
        if self._first_only and not order_is_certain(gpus, self._environ):
            self.doubts.append(
                "GPUs of different kinds are visible and CUDA may number them differently from the driver: "
                "set CUDA_DEVICE_ORDER=PCI_BUS_ID"
            )
        return gpus[:1] if self._first_only else gpus

    def _first_reading(self, gpu: Gpu) -> None:
        if self._is_split(gpu):
            raise Unreadable(
                f"{gpu.key} is split into instances (MIG): its counter covers all of them, "
                "so one run's share cannot be told"
            )
        self._joules[gpu.key] = 0.0
        try:
            self._counter[gpu.key] = self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
        except self._nvml.NVMLError:
            self._power[gpu.key] = self._sample(gpu)

    def _is_split(self, gpu: Gpu) -> bool:
        try:
            return bool(self._nvml.nvmlDeviceGetMigMode(gpu.handle)[0])
        except self._nvml.NVMLError:  # a GPU that cannot be split
            return False

    def _sample(self, gpu: Gpu) -> tuple[float, float]:
        return self._clock(), self._nvml.nvmlDeviceGetPowerUsage(gpu.handle) / 1e3

    def read(self) -> dict[str, float]:
        """Joules of each GPU since `open`."""
        try:
            for gpu in self._gpus:
                self._joules[gpu.key] += self._spent(gpu)
        except self._nvml.NVMLError as error:
            raise Unreadable(f"the NVIDIA driver stopped answering during the run: {error}") from None
        return dict(self._joules)

    def _spent(self, gpu: Gpu) -> float:
        if gpu.key in self._power:
            return self._integrated(gpu)
        before, now = self._counter[gpu.key], self._nvml.nvmlDeviceGetTotalEnergyConsumption(gpu.handle)
        if now < before:
            raise Unreadable(f"the counter of {gpu.key} started again during the run (driver reset)")
        self._counter[gpu.key] = now
        return (now - before) / 1e3

    def _integrated(self, gpu: Gpu) -> float:
        (before, watts), (now, next_watts) = self._power[gpu.key], self._sample(gpu)
        self._power[gpu.key] = now, next_watts
        if now - before > LONGEST_GAP:
            raise Unreadable(
                f"the power of {gpu.key} was not sampled for {now - before:.1f} s: what it drew is unknown"
            )
        return (now - before) * (watts + next_watts) / 2

    def others(self, own: set[int]) -> dict[str, list[int]]:
        """Processes that compute on each GPU and are not in `own`.

        In a container the driver may report process ids of the host: then none of ours is found though we
        are on the GPU. One unknown process is taken to be us if no known one is there.
        """
        found = {}
        for gpu in self._gpus:
            pids = [entry.pid for entry in self._nvml.nvmlDeviceGetComputeRunningProcesses(gpu.handle)]
            foreign = [pid for pid in pids if pid not in own]
            ours_is_hidden = bool(foreign) and len(foreign) == len(pids) and _computes_on_gpu()
            found[gpu.key] = foreign[1:] if ours_is_hidden else foreign
        return found

    def close(self) -> None:
        """Let the driver go."""
        if self._started:
            self._started = False
            self._nvml.nvmlShutdown()


def _computes_on_gpu() -> bool:
    """Whether this process has started CUDA, asked without importing or starting anything."""
    import sys

    torch = sys.modules.get("torch")
    return bool(torch and torch.cuda.is_initialized())
