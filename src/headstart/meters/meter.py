"""Meter: seconds and joules by phase, one reading per phase boundary, so that phases add up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from headstart.meters.backend import Backend, Unreadable
from headstart.meters.contention import Contention
from headstart.meters.device_lock import DeviceLock
from headstart.meters.idle import idle_watts

Phase = Literal["prepare", "count", "train", "eval", "test", "other"]
PHASES: tuple[Phase, ...] = ("prepare", "count", "train", "eval", "test", "other")
WINDOWS = 4096  # only so many phase boundaries are kept
LOOK = 1.0  # seconds between two looks at the processes on the GPU


class Meter:
    """Assigns every second and joule between `open` and `close` to exactly one phase.

    The time of a nested phase is not part of the outer phase; an exception closes its open phases.
    `synchronize` is called before each reading, so that queued GPU work counts for the phase that queued it.
    `lock(backend)` makes the device lock that is acquired before anything is counted; without one the record
    does not say whether other runs used the machine.
    """

    def __init__(
        self,
        backend: Backend,
        synchronize: Callable[[], Any] | None = None,
        lock: Callable[[Backend], DeviceLock] | None = None,
        idle_seconds: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.backend = backend
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.joules: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.devices: dict[str, float] = {}
        self.windows: list[tuple[str, float, float]] = []  # phase, start and end in unix seconds
        self.on_phase_end: Callable[[str], Any] = lambda phase: None  # called at every boundary
        self._synchronize, self._make_lock = synchronize or (lambda: None), lock
        self._idle_seconds, self._clock = idle_seconds, clock
        self._stack: list[Phase] = ["other"]
        self._reading_lock = threading.RLock()  # one reading at a time: the sampler's or ours
        self._open = False
        self._failure: str | None = None  # why the backend cannot be read
        self._time = self._unix = 0.0
        self._reading: dict[str, float] = {}
        self._sampler: Sampler | None = None
        self._device_lock: DeviceLock | None = None
        self._contention: Contention | None = None
        self._idle: dict[str, float] | None = None
        self._doubts: list[str] = []
        self._own_seconds = 0.0  # of this segment
        self._earlier: list[Mapping[str, Any] | None] = []  # `cost` of earlier segments; None: lost

    def __enter__(self) -> Meter:
        try:
            self._prepare()
        except BaseException:
            self._release()
            raise
        self._time, self._unix = self._clock(), time.time() - self._clock()
        self._reading = self._read()
        self._open = True
        return self

    def _prepare(self) -> None:
        """Open the counters, wait for the devices and measure idle watts, outside of all phases."""
        try:
            self.backend.open()
        except Unreadable as why:
            self._failure = str(why)
            return
        if self.backend.read_every:
            self._sampler = Sampler(self._sample, self.backend.read_every)
        if self._make_lock is None:
            return
        self._device_lock = self._make_lock(self.backend)
        self._device_lock.acquire()
        self._idle, doubt = idle_watts(self.backend, self._idle_seconds, self._read, clock=self._clock)
        self._doubts += [doubt] if doubt else []
        self._contention = Contention(self.backend.foreign_processes)
        self._contention.open()
        if self._sampler is None and any(claim.startswith("gpu") for claim in self.backend.claims):
            self._sampler = Sampler(self._sample, LOOK)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Count up to now and stop; a second call does nothing."""
        if self._open:
            self._count()
            self._open = False
            self._release()

    def _release(self) -> None:
        if self._sampler:
            self._sampler.stop()
        if self._contention:
            self._contention.close()
        self.backend.close()
        if self._device_lock:
            self._device_lock.release()

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Assign the block to phase `name`; phases left open in it end with it."""
        depth = len(self._stack)
        self.begin(name)
        try:
            yield
        finally:
            self._count()
            del self._stack[depth:]

    def begin(self, name: Phase) -> None:
        """Enter a phase; `end` leaves it."""
        self._count()
        self._stack.append(name)

    def end(self) -> None:
        """Leave the phase entered last."""
        self._count()
        if len(self._stack) > 1:
            self._stack.pop()

    def snapshot(self) -> tuple[float, float | None]:
        """Seconds and joules of the train phase so far; null joules without a meter."""
        self._count()
        return self.seconds["train"], self.joules["train"] if self._known() else None

    def _count(self) -> None:
        """Assign seconds and joules since the last boundary to the current phase."""
        if not self._open:
            return
        try:
            self._synchronize()
        except RuntimeError as error:  # the record must be written also after a GPU failure
            self._synchronize = lambda: None
            self._doubts.append(f"the GPU stopped answering: {str(error).splitlines()[0]}")
        with self._reading_lock:
            reading, now = self._read(), self._clock()
            start, self._time = self._time, now
            reading_before, self._reading = self._reading, reading
            phase = self._stack[-1]
            self.seconds[phase] += now - start
            self._own_seconds += now - start
            if self.windows and self.windows[-1][0] == phase:
                _, unix_start, _ = self.windows.pop()
            else:
                unix_start = self._unix + start
            if self._unix + now > unix_start and len(self.windows) < WINDOWS:
                self.windows.append((phase, unix_start, self._unix + now))
            for device, joules in reading.items():
                spent = joules - reading_before.get(device, 0.0)
                self.joules[phase] += spent
                self.devices[device] = self.devices.get(device, 0.0) + spent
            self.on_phase_end(phase)

    def _read(self) -> dict[str, float]:
        """Joules by device; empty after the first failure."""
        with self._reading_lock:
            if self._failure is not None:
                return {}
            try:
                return self.backend.read()
            except Unreadable as why:
                self._failure = str(why)
                return {}

    def _sample(self) -> None:
        """One call of the sampler: read the backend, and look for foreign processes."""
        self._read()
        if self._contention:
            self._contention.look(at_most_every=LOOK)

    def resumed(self, cost: Mapping[str, Any] | None) -> None:
        """Add an earlier segment of this run: its `cost` section, or None if that is lost."""
        self._earlier.append(cost)
        if cost is None:
            return
        for phase in PHASES:
            self.seconds[phase] += cost["seconds"][phase]
            self.joules[phase] += (cost["energy"]["joules"] or {}).get(phase, 0.0)
        for device, joules in (cost["energy"]["devices"] or {}).items():
            self.devices[device] = self.devices.get(device, 0.0) + joules

    def seconds_by_phase(self) -> dict[str, float]:
        """Seconds by phase, and their sum as `total`."""
        return {**self.seconds, "total": sum(self.seconds.values())}

    def account(self) -> dict[str, Any]:
        """The `cost.energy` section of the record; complete once the meter is closed."""
        known, backend = self._known(), self.backend
        return {
            "method": backend.method if known else "none",
            "backend": backend.name,
            "boundary": backend.boundary,
            "exclusive": self._exclusive() if known else None,
            "joules": {**self.joules, "total": sum(self.joules.values())} if known else None,
            "devices": dict(self.devices) if known else None,
            "reason": None if known else self._why_unknown(),
            "idle_watts": self._idle if known else None,
            "dynamic_joules": self._dynamic() if known else None,
            "doubts": self._all_doubts() if known else [],
            "unavailable": dict(backend.unavailable),
            "lost_segments": sum(cost is None for cost in self._earlier),
            "evidence": {
                "device_lock": self._device_lock.evidence() if self._device_lock else None,
                "contention": self._contention.evidence() if self._contention else None,
                "resolution_seconds": backend.resolution,
                # Start and end of each phase, for `headstart energy`.
                "windows": [[phase, round(start, 3), round(end, 3)] for phase, start, end in self.windows],
            },
        }

    def _known(self) -> bool:
        return bool(self._reading) and self._why_unknown() is None

    def _why_unknown(self) -> str | None:
        """Why the joules are unknown, in one sentence; None when they are known."""
        if self._failure:
            return self._failure
        counted = self.backend.method in ("measured", "sampled")
        if counted and self._own_seconds > 1 and not any(self._reading.values()):
            return f"the counters did not move in {self._own_seconds:.0f} s"
        for cost in filter(None, self._earlier):
            energy = cost["energy"]
            if energy["joules"] is None:
                return f"an earlier segment of this run was not measured: {energy['reason']}"
            if any(energy[name] != getattr(self.backend, name) for name in ("method", "boundary")):
                return (
                    f"an earlier segment of this run was {energy['method']} ({energy['boundary']}), "
                    f"this one {self.backend.method} ({self.backend.boundary})"
                )
        return None

    def _exclusive(self) -> bool | None:
        if self._device_lock is None or self._contention is None:
            return None
        verdicts = [self._contention.verdict(self._device_lock.held)]
        verdicts += [cost["energy"]["exclusive"] for cost in self._earlier if cost]
        return False if False in verdicts else None if None in verdicts else True

    def _dynamic(self) -> float | None:
        """Joules above idle; None if the idle watts of any segment are unknown."""
        earlier = [cost["energy"]["dynamic_joules"] if cost else 0.0 for cost in self._earlier]
        if self._idle is None or None in earlier:
            return None
        earlier_total = sum(cost["energy"]["joules"]["total"] for cost in self._earlier if cost)
        own = sum(self.joules.values()) - earlier_total
        return own - sum(self._idle.values()) * self._own_seconds + sum(earlier)

    def _all_doubts(self) -> list[str]:
        doubts = [*self.backend.doubts, *self._doubts]
        doubts += [doubt for cost in self._earlier if cost for doubt in cost["energy"]["doubts"]]
        if lost := sum(cost is None for cost in self._earlier):
            doubts.append(f"{lost} interrupted segment(s) left no record: the total is a lower bound")
        if 0 < self._own_seconds < 20 * self.backend.resolution:
            step = f"{self.backend.resolution:g} s"
            doubts.append(f"{self._own_seconds:.1f} s is short for readings that change every {step}")
        return list(dict.fromkeys(doubts))


class Sampler(threading.Thread):
    """Calls `sample` every `seconds` until it is stopped; never keeps the process alive."""

    def __init__(self, sample: Callable[[], None], seconds: float) -> None:
        super().__init__(name="headstart-meter", daemon=True)
        self._sample, self._seconds, self._end = sample, seconds, threading.Event()
        self.start()

    def run(self) -> None:
        """Sample until the end."""
        while not self._end.wait(self._seconds):
            self._sample()

    def stop(self) -> None:
        """Stop; no calls follow."""
        self._end.set()
        self.join(timeout=5)
