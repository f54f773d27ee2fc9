"""Energy of the processor and its memory: the RAPL counters that Linux shows under powercap."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Method, Unreadable
from headstart.meters.rapl_zones import PACKAGE_WATTS, POWERCAP, Zone, mirrors, shows_the_same, zones
from headstart.meters.settings import MeterSettings

STEP = 0.1  # seconds of full power that one update of a counter may hold


class Rapl(MeterSettings):
    """Energy of processor packages and memory, measured by the processor."""

    kind: Literal["rapl"]

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """A reader of the counters."""
        return PackageCounter()


def awake_clock() -> float:
    """Seconds that also pass while the machine is suspended, where the system counts them."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class PackageCounter(Backend):
    """Cumulative joules of each package and its memory, across wraps that its readings can see."""

    name = "rapl"
    method: Method = "measured"
    resolution = 0.001
    claims = ("cpu",)

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = awake_clock) -> None:
        super().__init__()
        self._root, self._clock = root, clock
        self._zones: list[Zone] = []
        self._twins: list[tuple[Zone, Zone]] = []
        self._last: dict[str, tuple[float, int]] = {}  # time and counter
        self._microjoules: dict[str, int] = {}

    def open(self) -> None:
        """Find the counters and read each once."""
        found = zones(self._root)
        for zone in found:
            zone.microjoules()  # all of them or none: part of a machine is no boundary
        twins = mirrors(found)
        by_key = {zone.key: zone for zone in found}
        self._twins = [(by_key[original], by_key[mirror]) for mirror, original in twins.items()]
        self._zones = [zone for zone in found if zone.key not in twins]
        self.doubts += [f"{twin} shows the counter of {first}: counted once" for twin, first in twins.items()]
        has_memory = any(zone.kind == "dram" for zone in self._zones)
        self.boundary = "cpu packages + dram" if has_memory else "cpu packages"
        shortest = min(zone.range for zone in self._zones) / 1e6 / PACKAGE_WATTS
        self.guard = min(1.0, shortest / 2)
        for zone in self._zones:
            self._last[zone.key] = self._clock(), zone.microjoules()
            self._microjoules[zone.key] = 0

    def read(self) -> dict[str, float]:
        """Joules of each counter since `open`."""
        for zone in self._zones:
            self._microjoules[zone.key] += self._spent(zone)
        return {key: value / 1e6 for key, value in self._microjoules.items()}

    def _spent(self, zone: Zone) -> int:
        """What the counter moved since the last reading; refused where a wrap or a jump may hide in it."""
        (before, last), now, counter = self._last[zone.key], self._clock(), zone.microjoules()
        self._last[zone.key] = now, counter
        gap = now - before
        most = PACKAGE_WATTS * (gap + STEP) * 1e6
        if PACKAGE_WATTS * gap * 1e6 >= zone.range:
            raise Unreadable(
                f"the counter of {zone.key} may have wrapped unseen: it was not read for {gap:.0f} s "
                "(the machine slept, or the process was stopped)"
            )
        spent = (counter - last) % (zone.range + 1)
        if spent > most:
            jump = f"{spent / 1e6:.0f} J in {gap:.1f} s"
            raise Unreadable(f"the counter of {zone.key} jumped by {jump}: it was reset")
        return spent

    def close(self) -> None:
        """Look once more whether a mirror was one."""
        for original, mirror in self._twins:
            if not shows_the_same(original, mirror):
                self.doubts.append(f"{mirror.key} is no mirror of {original.key} after all: it is missing")
        self._twins = []
