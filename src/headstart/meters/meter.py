"""Meter: seconds and joules by phase, one snapshot per phase boundary, so that phases add up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from headstart.meters.backend import Backend, Unreadable
from headstart.meters.contention import Alone
from headstart.meters.device_lock import Lease
from headstart.meters.idle import idle_watts
from headstart.meters.sampler import Guard

Phase = Literal["prepare", "count", "train", "eval", "test", "other"]
PHASES: tuple[Phase, ...] = ("prepare", "count", "train", "eval", "test", "other")
WINDOWS = 4096  # a run with more phase boundaries keeps the first ones only
LOOK = 1.0  # seconds between two looks for strangers on the GPU


class Meter:
    """Attributes every second and joule between `open` and `close` to exactly one phase.

    A nested phase takes its share out of the phase around it; an exception closes the phases it
    passes. `synchronize` is called before each snapshot, so that queued GPU work is counted where it began.
    `lease(backend)` makes the lease that is asked for before anything is counted; without one nothing
    is said about whether the run was alone.
    """

    def __init__(
        self,
        backend: Backend,
        synchronize: Callable[[], Any] | None = None,
        lease: Callable[[Backend], Lease] | None = None,
        idle_seconds: float = 0.0,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.backend = backend
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.joules: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.devices: dict[str, float] = {}
        self.windows: list[tuple[str, float, float]] = []  # phase, start and end in unix seconds
        self._synchronize, self._make_lease = synchronize or (lambda: None), lease
        self._idle_seconds, self._clock = idle_seconds, clock
        self._stack: list[Phase] = ["other"]
        self._lock = threading.RLock()  # one reading at a time: the guard's or ours
        self._open = False
        self._unread: str | None = None  # why there are no joules
        self._time = self._unix = 0.0
        self._reading: dict[str, float] = {}
        self._guard: Guard | None = None
        self._lease: Lease | None = None
        self._alone: Alone | None = None
        self._idle: dict[str, float] | None = None
        self._doubts: list[str] = []
        self._own_seconds = 0.0
        self._former: list[Mapping[str, Any] | None] = []
        self.on_phase_end: Callable[[str], Any] = lambda phase: None  # told at every boundary

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
        """What costs time and belongs to no phase: find counters, wait for our turn, measure idle."""
        try:
            self.backend.open()
        except Unreadable as why:
            self._unread = str(why)
            return
        if self.backend.guard:
            self._guard = Guard(self._look, self.backend.guard)
        if self._make_lease is None:
            return
        self._lease = self._make_lease(self.backend)
        self._lease.acquire()
        self._idle, doubt = idle_watts(self.backend, self._idle_seconds, self._read, clock=self._clock)
        self._doubts += [doubt] if doubt else []
        self._alone = Alone(self.backend.others)
        self._alone.open()
        if self._guard is None and any(claim.startswith("gpu") for claim in self.backend.claims):
            self._guard = Guard(self._look, LOOK)

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Count up to now and stop; closing twice is closing once."""
        if self._open:
            self._snapshot()
            self._open = False
            self._release()

    def _release(self) -> None:
        if self._guard:
            self._guard.stop()
            self._guard = None
        if self._alone:
            self._alone.close()
        self.backend.close()
        if self._lease:
            self._lease.release()

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Everything inside belongs to `name`; phases that were left open inside end with it."""
        depth = len(self._stack)
        self.begin(name)
        try:
            yield
        finally:
            self._snapshot()
            del self._stack[depth:]

    def begin(self, name: Phase) -> None:
        """Enter a phase; `end` leaves it."""
        self._snapshot()
        self._stack.append(name)

    def end(self) -> None:
        """Leave the phase entered last."""
        self._snapshot()
        if len(self._stack) > 1:
            self._stack.pop()

    def snapshot(self) -> tuple[float, float | None]:
        """Seconds and joules of the train phase so far; null joules without a meter."""
        self._snapshot()
        return self.seconds["train"], self.joules["train"] if self._known() else None

    def _snapshot(self) -> None:
        if not self._open:
            return
        self._settle()
        with self._lock:
            reading, now = self._read(), self._clock()
            before, self._time = self._time, now
            last, self._reading = self._reading, reading
            phase = self._stack[-1]
            self.seconds[phase] += now - before
            self._own_seconds += now - before
            self._window(phase, before, now)
            for device, joules in reading.items():
                spent = joules - last.get(device, 0.0)
                self.joules[phase] += spent
                self.devices[device] = self.devices.get(device, 0.0) + spent
            self.on_phase_end(phase)

    def _settle(self) -> None:
        """Wait for queued GPU work; a GPU that has failed must not keep the record from being written."""
        try:
            self._synchronize()
        except RuntimeError as error:
            self._synchronize = lambda: None
            self._doubts.append(f"the GPU stopped answering: {str(error).splitlines()[0]}")

    def _read(self) -> dict[str, float]:
        """Joules by device; once a source has failed, none for ever."""
        with self._lock:
            if self._unread is not None:
                return {}
            try:
                return self.backend.read()
            except Unreadable as why:
                self._unread = str(why)
                return {}

    def _look(self) -> None:
        """What the guard does."""
        self._read()
        if self._alone:
            self._alone.look(at_most_every=LOOK)

    def _window(self, phase: str, start: float, end: float) -> None:
        start, end = self._unix + start, self._unix + end
        if self.windows and self.windows[-1][0] == phase:
            start = self.windows.pop()[1]
        if end > start and len(self.windows) < WINDOWS:
            self.windows.append((phase, start, end))

    def resumed(self, cost: Mapping[str, Any] | None) -> None:
        """Add a former segment of this run: the `cost` section that it left, or None when that is lost."""
        self._former.append(cost)
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
        reason = None if known else self._why_unknown()
        return {
            "method": backend.method if known else "none",
            "backend": backend.name,
            "boundary": backend.boundary,
            "exclusive": self._exclusive() if known else None,
            "joules": {**self.joules, "total": sum(self.joules.values())} if known else None,
            "devices": dict(self.devices) if known else None,
            "reason": reason,
            "idle_watts": self._idle if known else None,
            "dynamic_joules": self._dynamic() if known else None,
            "doubts": self._all_doubts() if known else [],
            "unavailable": dict(backend.unavailable),
            "lost_segments": sum(cost is None for cost in self._former),
            "evidence": self._evidence(),
        }

    def _known(self) -> bool:
        return bool(self._reading) and self._why_unknown() is None

    def _why_unknown(self) -> str | None:
        """One sentence, or null when there are joules."""
        return self._unread or self._standing_still() or self._other_segment()

    def _standing_still(self) -> str | None:
        counted = self.backend.method in ("measured", "sampled")
        if counted and self._own_seconds > 1 and not any(self._reading.values()):
            return f"the counters did not move in {self._own_seconds:.0f} s"
        return None

    def _other_segment(self) -> str | None:
        """Why a former segment cannot be added to this one."""
        for cost in filter(None, self._former):
            energy = cost["energy"]
            if energy["joules"] is None:
                return f"a former segment of this run was not measured: {energy['reason']}"
            if any(energy[name] != getattr(self.backend, name) for name in ("method", "boundary")):
                return (
                    f"a former segment of this run was {energy['method']} ({energy['boundary']}), "
                    f"this one {self.backend.method} ({self.backend.boundary})"
                )
        return None

    def _exclusive(self) -> bool | None:
        if self._lease is None or self._alone is None:
            return None
        verdicts = [self._alone.verdict(self._lease.held)]
        verdicts += [cost["energy"]["exclusive"] for cost in self._former if cost]
        return False if False in verdicts else None if None in verdicts else True

    def _dynamic(self) -> float | None:
        """Joules above idle; null when idle is unknown for any segment."""
        former = [cost["energy"]["dynamic_joules"] if cost else 0.0 for cost in self._former]
        if self._idle is None or None in former:
            return None
        earlier = sum(cost["energy"]["joules"]["total"] for cost in self._former if cost)
        own = sum(self.joules.values()) - earlier
        return own - sum(self._idle.values()) * self._own_seconds + sum(former)

    def _all_doubts(self) -> list[str]:
        lost = sum(cost is None for cost in self._former)
        found = [*self.backend.doubts, *self._doubts]
        found += [doubt for cost in self._former if cost for doubt in cost["energy"]["doubts"]]
        if lost:
            found.append(f"{lost} interrupted segment(s) left no record: the total is a lower bound")
        if 0 < self._own_seconds < 20 * self.backend.resolution:
            step = f"{self.backend.resolution:g} s"
            found.append(f"{self._own_seconds:.1f} s is short for readings that move every {step}")
        return list(dict.fromkeys(found))

    def _evidence(self) -> dict[str, Any]:
        """What the verdicts stand on, and when each phase was, for a meter that is read afterwards."""
        return {
            "lease": self._lease.evidence() if self._lease else None,
            "alone": self._alone.evidence() if self._alone else None,
            "resolution_seconds": self.backend.resolution,
            "windows": [[phase, round(start, 3), round(end, 3)] for phase, start, end in self.windows],
        }
