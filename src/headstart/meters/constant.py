"""A stated constant power: an estimate whose ratios are ratios of seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from pydantic import Field

from headstart.meters.backend import Backend, DeviceKind, Method
from headstart.meters.settings import MeterSettings


class Constant(MeterSettings):
    """The machine is assumed to draw this many watts."""

    kind: Literal["constant"]
    watts: float = Field(gt=0)

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """Watts times seconds."""
        return Steady(self.watts)


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
