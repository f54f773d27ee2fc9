"""Evidence that a run was alone on its machine: what others did while it was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

LIMIT = 0.05  # share of all cores that others may have used
SHORTEST = 0.5  # seconds: below, the kernel's 10 ms ticks say too little


class Alone:
    """Two readings of the processor's books, and a look at the GPU's processes in between.

    CPU time outside our process tree = busy time of the machine - time of this process, of its living
    descendants and of its dead ones. Steal is time that a hypervisor gave to others.
    """

    def __init__(self, others: Callable[[set[int]], dict[str, list[int]]] | None = None) -> None:
        self._others = others or (lambda own: {})
        self._before: dict[str, float] = {}
        self._after: dict[str, float] = {}
        self._strangers: dict[str, set[int]] = {}
        self._family = {os.getpid()}
        self._why = ""
        self._looked = 0.0
        self.load = 0.0

    def open(self) -> None:
        """The first reading."""
        self._before = self._after = books()
        self.look()

    def look(self, at_most_every: float = 0.0) -> None:
        """Who computes on the GPU now, and how long the queue for the processor is."""
        if time.monotonic() - self._looked < at_most_every:
            return
        self._looked = time.monotonic()
        self.load = max(self.load, os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)
        try:
            found = self._others(self._family)
            if any(found.values()):  # perhaps children that are younger than our list of them
                self._family |= family()
                found = self._others(self._family)
            for gpu, pids in found.items():
                self._strangers.setdefault(gpu, set()).update(pids)
        except Exception as error:  # noqa: BLE001 - a driver that does not answer is no evidence of being alone
            self._why = f"the processes on the GPU cannot be listed: {error}"

    def close(self) -> None:
        """The last reading."""
        self.look()
        self._after = books()

    def foreign_share(self) -> float | None:
        """Share of all cores used outside our process tree; null over too short a time."""
        span = {name: self._after[name] - self._before[name] for name in self._after}
        if not span or span["seconds"] < SHORTEST:
            return None
        return max(0.0, span["busy"] - span["own"]) / (span["seconds"] * self._after["cores"])

    def verdict(self, held: bool) -> bool | None:
        """Whether the joules are this run's alone; null when that cannot be told."""
        share = self.foreign_share()
        if not held or any(self._strangers.values()) or (share is not None and share >= LIMIT):
            return False
        return None if share is None or self._why else True

    def evidence(self) -> dict[str, Any]:
        """The numbers behind the verdict."""
        share = self.foreign_share()
        capacity = (self._after["seconds"] - self._before["seconds"]) * self._after["cores"]
        stolen = (self._after["steal"] - self._before["steal"]) / capacity if capacity else 0.0
        return {
            "foreign_cpu_share": None if share is None else round(share, 4),
            "limit": LIMIT,
            "steal_share": round(stolen, 4),
            "load_average_1min_max": round(self.load, 2),
            "cores": int(self._after["cores"]),
            "foreign_gpu_processes": {gpu: len(pids) for gpu, pids in self._strangers.items()},
            "reason": self._why or None,
        }


def books() -> dict[str, float]:
    """CPU seconds of the whole machine and of this process tree, and the time of reading."""
    import psutil

    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)  # counted in user already
    steal = getattr(machine, "steal", 0.0)
    return {
        "seconds": time.monotonic(),
        "busy": sum(machine) - idle - guests - steal,
        "own": _own(),
        "steal": steal,
        "cores": float(psutil.cpu_count() or 1),
    }


def family() -> set[int]:
    """This process and its descendants."""
    import psutil

    return {os.getpid(), *(child.pid for child in psutil.Process().children(recursive=True))}


def _own() -> float:
    """CPU seconds of this process, its dead children, and its living descendants with their dead children."""
    import psutil

    me = psutil.Process()
    total = 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:  # it ended while we looked: its time is its parent's now
            continue
        dead = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        total += times.user + times.system + dead
    return total
