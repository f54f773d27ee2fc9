"""No energy meter: joules are unknown, and the record says why."""

from __future__ import annotations

from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Unreadable
from headstart.meters.settings import MeterSettings


class NoMeter(MeterSettings):
    """Energy is not measured; seconds and FLOPs still are."""

    kind: Literal["none"]

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """A backend that reads nothing."""
        return Unmeasured("no energy meter was asked for (meter=none)")


class Unmeasured(Backend):
    """A backend without joules; `why` is the reason in the record."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def open(self) -> None:
        """There is nothing to open."""
        raise Unreadable(self.why)
