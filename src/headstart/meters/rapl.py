"""RAPL: energy of the processor and its memory, from the counters that Linux shows under powercap."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from headstart.meters.backend import Backend, DeviceKind, Method, Unreadable
from headstart.meters.settings import MeterSettings

POWERCAP = Path("/sys/class/powercap")
PACKAGE_WATTS = 1000.0  # no processor package draws more; a faster counter has jumped
COMPARISONS = 5  # comparisons of two counters before they are treated as one
STEP = 0.1  # seconds of full power that one update of a counter may hold


class Rapl(MeterSettings):
    """Energy of processor packages and memory, measured by the processor."""

    kind: Literal["rapl"]

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """A reader of the counters."""
        return PackageCounter()


def awake_clock() -> float:
    """Monotonic seconds; they include suspended time where the system counts it."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class PackageCounter(Backend):
    """Cumulative joules of each package and its memory; overflows of a counter between readings are added."""

    name = "rapl"
    method: Method = "measured"
    resolution = 0.001
    claims = ("cpu",)

    def __init__(self, root: Path = POWERCAP, clock: Callable[[], float] = awake_clock) -> None:
        super().__init__()
        self._root, self._clock = root, clock
        self._zones: list[Zone] = []
        self._mirrors: list[tuple[Zone, Zone]] = []  # original and mirror
        self._last: dict[str, tuple[float, int]] = {}  # time and counter
        self._microjoules: dict[str, int] = {}

    def open(self) -> None:
        """Find the counters and read each once."""
        self._zones = zones(self._root)
        for zone in self._zones:
            zone.microjoules()  # raises if any cannot be read: all counters or none
        self._mirrors = mirrors(self._zones)
        for original, mirror in self._mirrors:
            self._zones.remove(mirror)
            self.doubts.append(f"{mirror.key} shows the counter of {original.key}: counted once")
        has_memory = any(zone.kind == "dram" for zone in self._zones)
        self.boundary = "cpu packages + dram" if has_memory else "cpu packages"
        shortest = min(zone.range for zone in self._zones) / 1e6 / PACKAGE_WATTS
        self.read_every = min(1.0, shortest / 2)
        for zone in self._zones:
            self._last[zone.key] = self._clock(), zone.microjoules()
            self._microjoules[zone.key] = 0

    def read(self) -> dict[str, float]:
        """Joules of each counter since `open`."""
        for zone in self._zones:
            self._microjoules[zone.key] += self._moved(zone)
        return {key: value / 1e6 for key, value in self._microjoules.items()}

    def _moved(self, zone: Zone) -> int:
        """Microjoules since the last reading; Unreadable after an unseen overflow or a reset."""
        (before, last), now, counter = self._last[zone.key], self._clock(), zone.microjoules()
        self._last[zone.key] = now, counter
        gap = now - before
        if PACKAGE_WATTS * gap * 1e6 >= zone.range:
            raise Unreadable(
                f"the counter of {zone.key} may have wrapped unseen: it was not read for {gap:.0f} s "
                "(the machine slept, or the process was stopped)"
            )
        moved = (counter - last) % (zone.range + 1)
        if moved > PACKAGE_WATTS * (gap + STEP) * 1e6:
            jump = f"{moved / 1e6:.0f} J in {gap:.1f} s"
            raise Unreadable(f"the counter of {zone.key} jumped by {jump}: it was reset")
        return moved

    def close(self) -> None:
        """Check again that each mirror shows the same counter."""
        for original, mirror in self._mirrors:
            if not shows_the_same(original, mirror):
                self.doubts.append(f"{mirror.key} is no mirror of {original.key}: its energy is missing")
        self._mirrors = []


@dataclass(frozen=True)
class Zone:
    """One counter of microjoules, which starts again at 0 after `range`."""

    key: str  # cpu:package-0, dram:package-0
    folder: Path
    range: int

    @property
    def kind(self) -> str:
        """cpu or dram."""
        return self.key.partition(":")[0]

    def microjoules(self) -> int:
        """The counter now. Raises Unreadable, with the fix where rights are missing."""
        path = self.folder / "energy_uj"
        try:
            return int(path.read_text(encoding="ascii"))
        except PermissionError:
            raise Unreadable(
                f"{path} may be read by root only; after every boot: "
                "sudo chmod a+r /sys/class/powercap/*/energy_uj"
            ) from None
        except (OSError, ValueError) as error:
            raise Unreadable(f"{path} cannot be read: {error}") from None


def zones(root: Path = POWERCAP) -> list[Zone]:
    """Packages and their memory. Never core or uncore (inside a package) nor psys (overlaps it).

    The same counter is often listed twice, by links and by a second interface (mmio): it is kept once.
    Raises Unreadable when there is no package.
    """
    if not root.is_dir():
        raise Unreadable(f"there is no {root}: no processor energy counter (a virtual machine?)")
    counters = [*root.glob("*/energy_uj"), *root.glob("*/*/energy_uj")]
    folders = {path.parent.resolve() for path in counters}
    by_key: dict[str, Zone] = {}
    for is_mmio, folder in sorted(("mmio" in str(folder), folder) for folder in folders):
        name = _text(folder / "name")
        if name.startswith("package"):
            key = f"cpu:{name}"
        elif name == "dram":
            key = f"dram:{_text(folder.parent / 'name')}"
        else:
            continue
        if key in by_key and not is_mmio:
            key = f"{key}@{folder.name}"  # two packages of one name
        if key not in by_key:
            by_key[key] = Zone(key, folder, int(_text(folder / "max_energy_range_uj")))
    if not any(zone.kind == "cpu" for zone in by_key.values()):
        raise Unreadable(f"{root} has no counter of a processor package")
    return list(by_key.values())


def mirrors(zones: Sequence[Zone]) -> list[tuple[Zone, Zone]]:
    """Pairs of an original and a zone that shows its counter again (dies of some AMD processors)."""
    originals: list[Zone] = []
    pairs: list[tuple[Zone, Zone]] = []
    for zone in zones:
        alike = (first for first in originals if first.kind == zone.kind and shows_the_same(first, zone))
        if original := next(alike, None):
            pairs.append((original, zone))
        else:
            originals.append(zone)
    return pairs


def shows_the_same(first: Zone, second: Zone) -> bool:
    """Whether every reading of `second` lies between two readings of `first` around it."""
    after = 0
    for _ in range(COMPARISONS):
        before, between, after = first.microjoules(), second.microjoules(), first.microjoules()
        if not before <= between <= after and before <= after:  # else the counter has wrapped
            return False
    return first.range == second.range and after > 0


def _text(path: Path) -> str:
    """The text of a file; "" without one."""
    return path.read_text(encoding="ascii").strip() if path.exists() else ""
