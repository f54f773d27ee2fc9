"""The kinds of energy meter; here are those without a counter: a stated power, and none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import Field

from headstart.meters.auto import Auto
from headstart.meters.backend import Backend, DeviceKind, Method, Unreadable
from headstart.meters.codecarbon import CodeCarbon
from headstart.meters.nvml import Nvml
from headstart.meters.rapl import Rapl
from headstart.meters.settings import MeterSettings


class Constant(MeterSettings):
    """The machine is assumed to draw this many watts: an estimate whose ratios are ratios of seconds."""

    kind: Literal["constant"]
    watts: float = Field(gt=0)

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """Watts times seconds."""
        return Steady(self.watts)


class NoMeter(MeterSettings):
    """Energy is not measured; seconds and FLOPs still are."""

    kind: Literal["none"]

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """A backend that reads nothing."""
        return Unmeasured("no energy meter was asked for (meter=none)")


MeterKind = Annotated[Auto | CodeCarbon | Constant | NoMeter | Nvml | Rapl, Field(discriminator="kind")]


class Steady(Backend):
    """Joules that grow with the clock."""

    name = "constant"
    method: Method = "estimated"
    boundary = "whole machine, constant power"
    claims = ("machine",)

    def __init__(self, watts: float, clock: Callable[[], float] = time.perf_counter) -> None:
        super().__init__()
        self._watts, self._clock, self._start = watts, clock, 0.0
        self.doubts.append(
            f"a constant {watts:g} W was stated, not measured: a ratio of energies is a ratio of times"
        )

    def open(self) -> None:
        """Start the clock."""
        self._start = self._clock()

    def read(self) -> dict[str, float]:
        """Watts times the seconds since then."""
        return {"machine": self._watts * (self._clock() - self._start)}


class Unmeasured(Backend):
    """A backend without joules; `why` is the reason in the record."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def open(self) -> None:
        """There is nothing to open."""
        raise Unreadable(self.why)
