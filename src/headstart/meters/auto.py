"""The best that this machine offers: counters where there are any, else an estimate, else nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.composite import Joined
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter
from headstart.meters.settings import MeterSettings


class Auto(MeterSettings):
    """Measure what can be measured, and say why the rest cannot."""

    kind: Literal["auto"]

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """A backend that chooses when it is opened."""
        return BestOf(device)


class BestOf(Backend):
    """What a run on `device` can be measured by; becomes that backend when it is opened."""

    name = "auto"

    def __init__(
        self,
        device: DeviceKind,
        gpu: Callable[[], Backend] = GpuCounter,
        cpu: Callable[[], Backend] = PackageCounter,
        estimate: Callable[[], Backend] = Estimate,
    ) -> None:
        super().__init__()
        self._device, self._gpu, self._cpu, self._estimate = device, gpu, cpu, estimate
        self._chosen: Backend | None = None

    def open(self) -> None:
        """Counters of the devices that do the work, together; else the estimate. Raises Unreadable."""
        if self._device == "cuda":
            gpu = self._tried("nvml", self._gpu)
            cpu = self._tried("rapl", self._cpu)
            if cpu and not gpu:
                cpu.close()
                cpu = None
                self.unavailable["rapl"] = "the processor can be read, but the GPU does the work and cannot"
        else:
            self.unavailable["nvml"] = "the run does not compute on a GPU"
            gpu, cpu = None, self._tried("rapl", self._cpu)
        counters = [part for part in (gpu, cpu) if part]
        chosen = Joined(counters) if counters else self._tried("codecarbon", self._estimate)
        if chosen is None:
            raise Unreadable("; ".join(f"{name}: {why}" for name, why in self.unavailable.items()))
        self._become(chosen)

    def _tried(self, name: str, make: Callable[[], Backend]) -> Backend | None:
        backend = make()
        try:
            backend.open()
        except (Unreadable, ImportError) as why:
            self.unavailable[name] = str(why)
            return None
        return backend

    def _become(self, chosen: Backend) -> None:
        self._chosen, self.name, self.method = chosen, chosen.name, chosen.method
        self.boundary, self.guard, self.resolution = chosen.boundary, chosen.guard, chosen.resolution
        self.claims, self.doubts = chosen.claims, chosen.doubts

    def read(self) -> dict[str, float]:
        """Joules by device."""
        return self._chosen.read() if self._chosen else {}

    def others(self, own: set[int]) -> dict[str, list[int]]:
        """Foreign processes on the GPUs that are measured."""
        return self._chosen.others(own) if self._chosen else {}

    def close(self) -> None:
        """Release what was chosen."""
        if self._chosen:
            self._chosen.close()
            self.doubts = self._chosen.doubts
