"""The energy counters of a processor: which powercap zones exist, and which of them may be summed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.meters.backend import Unreadable

POWERCAP = Path("/sys/class/powercap")
PACKAGE_WATTS = 1000.0  # no processor package draws more; a counter that says so jumped
LOOKS = 5  # how often two counters are compared before they are taken for one


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
        """The counter as it stands. Raises Unreadable, with the fix where rights are missing."""
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
    folders = sorted({path.parent.resolve() for path in counters})
    found: dict[str, Zone] = {}
    for folder in sorted(folders, key=lambda path: "mmio" in str(path)):  # mmio last: a twin of another
        name = _name(folder)
        kind = "cpu" if name.startswith("package") else "dram" if name == "dram" else None
        if kind is None:
            continue
        key = f"{kind}:{name if kind == 'cpu' else _name(folder.parent)}"
        is_mmio = "mmio" in str(folder)
        if key in found and not is_mmio:
            key = f"{key}@{folder.name}"  # two packages of one name
        if key not in found:
            found[key] = Zone(key, folder, int(_text(folder / "max_energy_range_uj")))
    if not any(zone.kind == "cpu" for zone in found.values()):
        raise Unreadable(f"{root} has no counter of a processor package")
    return list(found.values())


def mirrors(found: Sequence[Zone]) -> dict[str, str]:
    """Zones that show another zone's counter (dies of some AMD processors): {mirror: original}."""
    twins: dict[str, str] = {}
    for number, zone in enumerate(found):
        for first in found[:number]:
            if first.key not in twins and first.kind == zone.kind and shows_the_same(first, zone):
                twins[zone.key] = first.key
                break
    return twins


def shows_the_same(first: Zone, second: Zone) -> bool:
    """Whether every reading of `second` lies between two readings of `first` around it."""
    after = 0
    for _ in range(LOOKS):
        before, between, after = first.microjoules(), second.microjoules(), first.microjoules()
        wrapped = after < before
        if not (before <= between or wrapped) or not (between <= after or wrapped):
            return False
    return first.range == second.range and after > 0


def _name(folder: Path) -> str:
    try:
        return _text(folder / "name")
    except OSError:
        return ""


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()
