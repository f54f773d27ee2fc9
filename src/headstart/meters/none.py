"""No energy meter: joules are unknown, and the record says why."""

from __future__ import annotations

from typing import Literal

from headstart.meters.backend import Backend
from headstart.node import Node


class NoMeter(Node):
    """Seconds and operations are still counted; energy is not."""

    kind: Literal["none"]

    def backend(self) -> Backend:
        """A backend that reads nothing."""
        return Unmeasured("no energy meter was asked for (meter=none)")


class Unmeasured:
    """A backend without a reading."""

    name = "none"
    method = "none"
    boundary = None

    def __init__(self, reason: str) -> None:
        self.reason: str | None = reason

    def open(self) -> None:
        """Nothing to open."""

    def read(self) -> dict[str, float]:
        """No device, no joules."""
        return {}

    def close(self) -> None:
        """Nothing to close."""
