"""Contention: whether other processes used the machine while a run was measured."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

LIMIT = 0.05  # share of all cores that other processes may use
SHORTEST = 0.5  # seconds: over less, the kernel's 10 ms ticks are too coarse


class Contention:
    """Compares the machine's CPU time with this process tree's, and lists the processes on the GPU.

    CPU time of others = busy time of the machine - time of this process, of its living descendants and of its
    dead ones. Steal is time that a hypervisor gave to other virtual machines.
    """

    def __init__(
        self, foreign_processes: Callable[[set[int]], dict[str, list[int]]] = lambda own: {}
    ) -> None:
        self._foreign_processes = foreign_processes
        self._start: dict[str, float] = {}
        self._end: dict[str, float] = {}
        self._foreign: dict[str, set[int]] = {}  # process ids by GPU
        self._own = {os.getpid()}
        self._reason = ""  # why the processes on the GPU are not known
        self._looked = 0.0
        self.load = 0.0

    def open(self) -> None:
        """Start the comparison."""
        self._start = self._end = cpu_times()
        self.look()

    def look(self, at_most_every: float = 0.0) -> None:
        """Note the processes on the GPU and the load average now."""
        if time.monotonic() - self._looked < at_most_every:
            return
        self._looked = time.monotonic()
        self.load = max(self.load, os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0)
        try:
            foreign = self._foreign_processes(self._own)
            if any(foreign.values()):  # perhaps our own new child processes
                self._own |= {process.pid for process in process_tree()}
                foreign = self._foreign_processes(self._own)
            for gpu, pids in foreign.items():
                self._foreign.setdefault(gpu, set()).update(pids)
        except Exception as error:  # noqa: BLE001 - the verdict is then unknown
            self._reason = f"the processes on the GPU cannot be listed: {error}"

    def close(self) -> None:
        """End the comparison."""
        self.look()
        self._end = cpu_times()

    def foreign_share(self) -> float | None:
        """Share of all cores used outside this process tree; None over less than SHORTEST seconds."""
        span = {name: self._end[name] - self._start[name] for name in self._end}
        if not span or span["seconds"] < SHORTEST:
            return None
        return max(0.0, span["busy"] - span["own"]) / (span["seconds"] * self._end["cores"])

    def verdict(self, locked: bool) -> bool | None:
        """True if the joules are only of this run, False if not; None if unknown."""
        share = self.foreign_share()
        if not locked or any(self._foreign.values()) or (share is not None and share >= LIMIT):
            return False
        return None if share is None or self._reason else True

    def evidence(self) -> dict[str, Any]:
        """The numbers behind the verdict."""
        share = self.foreign_share()
        capacity = (self._end["seconds"] - self._start["seconds"]) * self._end["cores"]
        stolen = (self._end["steal"] - self._start["steal"]) / capacity if capacity else 0.0
        return {
            "foreign_cpu_share": None if share is None else round(share, 4),
            "limit": LIMIT,
            "steal_share": round(stolen, 4),
            "load_average_1min_max": round(self.load, 2),
            "cores": int(self._end["cores"]),
            "foreign_gpu_processes": {gpu: len(pids) for gpu, pids in self._foreign.items()},
            "reason": self._reason or None,
        }


def cpu_times() -> dict[str, float]:
    """CPU seconds of the whole machine and of this process tree so far, and the time of reading them."""
    import psutil

    machine = psutil.cpu_times()
    idle = machine.idle + getattr(machine, "iowait", 0.0)
    guests = getattr(machine, "guest", 0.0) + getattr(machine, "guest_nice", 0.0)  # in user already
    steal = getattr(machine, "steal", 0.0)

    own = 0.0  # of this process and its living descendants, each with its dead children
    for member in process_tree():
        try:
            times = member.cpu_times()
        except psutil.Error:  # it has just ended: its time is now part of its parent's
            continue
        own += times.user + times.system
        own += getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
    return {
        "seconds": time.monotonic(),
        "busy": sum(machine) - idle - guests - steal,
        "own": own,
        "steal": steal,
        "cores": float(psutil.cpu_count() or 1),
    }


def process_tree() -> list[Any]:
    """This process and its descendants, as psutil's processes."""
    import psutil

    process = psutil.Process()
    return [process, *process.children(recursive=True)]
