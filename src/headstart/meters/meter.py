"""Meter: seconds and joules by phase, from one snapshot per phase boundary, so that phases add up to the total."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from headstart.meters.backend import Backend

Phase = Literal["prepare", "count", "train", "eval", "test", "other"]
PHASES: tuple[Phase, ...] = ("prepare", "count", "train", "eval", "test", "other")


class Meter:
    """Attributes every second and joule between `open` and `close` to exactly one phase.

    A nested phase takes its share out of the phase around it; an exception closes the phases it
    passes. `synchronize` is called before each snapshot, so that queued GPU work is counted where it began.
    """

    def __init__(self, backend: Backend, synchronize: Any = None) -> None:
        self.backend = backend
        self.seconds: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.joules: dict[str, float] = dict.fromkeys(PHASES, 0.0)
        self.devices: dict[str, float] = {}
        self._synchronize = synchronize or (lambda: None)
        self._stack: list[Phase] = ["other"]
        self._open = False
        self._time = 0.0
        self._reading: dict[str, float] = {}

    def __enter__(self) -> Meter:
        self.backend.open()
        self._time, self._reading = time.perf_counter(), self.backend.read()
        self._open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Count up to now and stop; closing twice is closing once."""
        if self._open:
            self._snapshot()
            self._open = False
            self.backend.close()

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Everything inside belongs to `name`."""
        self.begin(name)
        try:
            yield
        finally:
            self.end()

    def begin(self, name: Phase) -> None:
        """Enter a phase; `end` leaves it."""
        self._snapshot()
        self._stack.append(name)

    def end(self) -> None:
        """Leave the phase entered last."""
        self._snapshot()
        self._stack.pop()

    def snapshot(self) -> tuple[float, float | None]:
        """Seconds and joules of the train phase so far; null joules without a meter."""
        self._snapshot()
        return self.seconds["train"], self.joules["train"] if self.devices else None

    def _snapshot(self) -> None:
        if not self._open:
            return
        self._synchronize()
        now, reading = time.perf_counter(), self.backend.read()
        phase = self._stack[-1]
        self.seconds[phase] += now - self._time
        for device, joules in reading.items():
            spent = joules - self._reading.get(device, 0.0)
            self.joules[phase] += spent
            self.devices[device] = self.devices.get(device, 0.0) + spent
        self._time, self._reading = now, reading

    def seconds_by_phase(self) -> dict[str, float]:
        """Seconds by phase, and their sum as `total`."""
        return {**self.seconds, "total": sum(self.seconds.values())}

    def energy(self) -> dict[str, Any]:
        """The `cost.energy` section of the record."""
        known = bool(self.devices)
        return {
            "method": self.backend.method,
            "backend": self.backend.name,
            "boundary": self.backend.boundary,
            "exclusive": None,
            "joules": {**self.joules, "total": sum(self.joules.values())} if known else None,
            "devices": dict(self.devices) if known else None,
            "reason": None if known else self.backend.reason,
        }
