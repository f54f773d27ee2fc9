"""The best meter of this machine: energy counters if there are any, else an estimate, else none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.nvml import GpuCounter
from headstart.meters.rapl import PackageCounter
from headstart.meters.settings import MeterSettings


class Auto(MeterSettings):
    """Measure every device that can be measured; the record says why others cannot."""

    kind: Literal["auto"]

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """A backend that chooses when it is opened."""
        return BestOf(device, lambda: GpuCounter(first=devices))


class Composite(Backend):
    """The devices of several open backends: all measured or all estimated, never both."""

    def __init__(self, backends: Sequence[Backend] = ()) -> None:
        super().__init__()
        self.backends: Sequence[Backend] = ()
        if backends:
            self._combine(backends)

    def _combine(self, backends: Sequence[Backend]) -> None:
        methods = {backend.method for backend in backends}
        if "estimated" in methods and len(methods) > 1:
            raise ValueError("measured and estimated joules are never added up")
        self.backends = backends
        self.name = "+".join(backend.name for backend in backends)
        self.method = "sampled" if "sampled" in methods else backends[0].method
        self.boundary = " + ".join(backend.boundary or backend.name for backend in backends)
        self.read_every = min(
            (backend.read_every for backend in backends if backend.read_every), default=None
        )
        self.resolution = max(backend.resolution for backend in backends)
        self.claims = tuple(claim for backend in backends for claim in backend.claims)
        self.doubts = [doubt for backend in backends for doubt in backend.doubts]

    def open(self) -> None:
        """The backends are open already."""

    def read(self) -> dict[str, float]:
        """Joules of every backend's devices."""
        return {device: joules for backend in self.backends for device, joules in backend.read().items()}

    def foreign_processes(self, own: set[int]) -> dict[str, list[int]]:
        """Foreign processes on the GPUs of the backends."""
        return {
            gpu: pids for backend in self.backends for gpu, pids in backend.foreign_processes(own).items()
        }

    def close(self) -> None:
        """Close the backends, and add doubts that arose since they were opened."""
        for backend in self.backends:
            backend.close()
            self.doubts += [doubt for doubt in backend.doubts if doubt not in self.doubts]


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
        """Counters of the devices that compute, together; else the estimate. Raises Unreadable."""
        gpu = None
        if self._device == "cuda":
            gpu = self._opened("nvml", self._gpu)
        else:
            self.unavailable["nvml"] = "the run does not compute on a GPU"
        cpu = self._opened("rapl", self._cpu)
        if self._device == "cuda" and cpu and not gpu:
            cpu.close()
            cpu = None
            self.unavailable["rapl"] = "the processor can be read, but the GPU does the work and cannot"
        backends = [backend for backend in (gpu, cpu) if backend]
        if not backends and (estimate := self._opened("codecarbon", self._estimate)):
            backends = [estimate]
        if not backends:
            raise Unreadable("; ".join(f"{name}: {why}" for name, why in self.unavailable.items()))
        self._combine(backends)

    def _opened(self, name: str, make: Callable[[], Backend]) -> Backend | None:
        backend = make()
        try:
            backend.open()
        except (Unreadable, ImportError) as why:
            self.unavailable[name] = str(why)
            return None
        return backend
