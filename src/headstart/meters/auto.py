"""The best that this machine offers: counters where there are any, else an estimate, else nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter
from headstart.meters.settings import MeterSettings


class Auto(MeterSettings):
    """Measure what can be measured, and say why the rest cannot."""

    kind: Literal["auto"]

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """A backend that chooses when it is opened."""
        return BestOf(device)


class Composite(Backend):
    """The devices of several backends, which are open already: all measured or all estimated, never both."""

    def __init__(self, parts: Sequence[Backend] = ()) -> None:
        super().__init__()
        self.parts: Sequence[Backend] = ()
        if parts:
            self._combine(parts)

    def _combine(self, parts: Sequence[Backend]) -> None:
        methods = {part.method for part in parts}
        if "estimated" in methods and len(methods) > 1:
            raise ValueError("measured and estimated joules are never added up")
        self.parts = parts
        self.name = "+".join(part.name for part in parts)
        self.method = "sampled" if "sampled" in methods else parts[0].method
        self.boundary = " + ".join(part.boundary or part.name for part in parts)
        self.read_every = min((part.read_every for part in parts if part.read_every), default=None)
        self.resolution = max(part.resolution for part in parts)
        self.claims = tuple(claim for part in parts for claim in part.claims)
        self.doubts = [doubt for part in parts for doubt in part.doubts]

    def open(self) -> None:
        """Its parts are open."""

    def read(self) -> dict[str, float]:
        """Joules of every part."""
        return {device: joules for part in self.parts for device, joules in part.read().items()}

    def foreign_processes(self, own: set[int]) -> dict[str, list[int]]:
        """Foreign processes on the GPUs of its parts."""
        return {key: pids for part in self.parts for key, pids in part.foreign_processes(own).items()}

    def close(self) -> None:
        """Close the parts, and add the doubts that they have at the end."""
        for part in self.parts:
            part.close()
        self.doubts = list(dict.fromkeys([*self.doubts, *(d for part in self.parts for d in part.doubts)]))


class BestOf(Composite):
    """The best backends for a run on `device`, chosen when it is opened."""

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

    def open(self) -> None:
        """Counters of the devices that do the work, together; else the estimate. Raises Unreadable."""
        if self._device == "cuda":
            gpu = self._opened("nvml", self._gpu)
            cpu = self._opened("rapl", self._cpu)
            if cpu and not gpu:
                cpu.close()
                cpu = None
                self.unavailable["rapl"] = "the processor can be read, but the GPU does the work and cannot"
        else:
            self.unavailable["nvml"] = "the run does not compute on a GPU"
            gpu, cpu = None, self._opened("rapl", self._cpu)
        parts = [part for part in (gpu, cpu) if part]
        if not parts and (estimate := self._opened("codecarbon", self._estimate)):
            parts = [estimate]
        if not parts:
            raise Unreadable("; ".join(f"{name}: {why}" for name, why in self.unavailable.items()))
        self._combine(parts)

    def _opened(self, name: str, make: Callable[[], Backend]) -> Backend | None:
        backend = make()
        try:
            backend.open()
        except (Unreadable, ImportError) as why:
            self.unavailable[name] = str(why)
            return None
        return backend
