"""Backend: the interface of an energy meter: cumulative joules per device."""

from __future__ import annotations

from typing import Literal

Method = Literal["measured", "sampled", "estimated", "none"]
DeviceKind = Literal["cpu", "cuda"]
JOULES_PER_KWH = 3.6e6


class Unreadable(Exception):  # noqa: N818 - a sentence for the record, not a failure of the run
    """A source of joules cannot be read or trusted; the message is one sentence."""


class Backend:
    """A source of joules. The attributes are final once `open` has returned."""

    name: str = "none"
    method: Method = "none"
    boundary: str | None = None  # what the joules cover: "cpu packages + dram"
    read_every: float | None = None  # seconds: it must be read at least this often
    resolution: float = 0.0  # seconds: readings that are closer than this may be equal
    claims: tuple[str, ...] = ()  # devices that no other run may use: the joules are then of this run

    def __init__(self) -> None:
        self.doubts: list[str] = []  # sentences about the quality of the joules
        self.unavailable: dict[str, str] = {}  # other sources that were tried, and why they cannot be read

    def open(self) -> None:
        """Start counting. Raises Unreadable."""
        raise NotImplementedError

    def read(self) -> dict[str, float]:
        """Cumulative joules by device, since `open` or earlier. Raises Unreadable, from then on always."""
        raise NotImplementedError

    def foreign_processes(self, own: set[int]) -> dict[str, list[int]]:
        """Processes on each measured GPU that are not in `own`; empty without a GPU."""
        return {}

    def close(self) -> None:
        """Stop and release everything; a second call does nothing."""
