"""Backend: the one thing an energy meter must do, return cumulative joules per device."""

from __future__ import annotations

from typing import Literal

Method = Literal["measured", "sampled", "estimated", "none"]
DeviceKind = Literal["cpu", "cuda"]


class Unreadable(Exception):  # noqa: N818 - a sentence for the record, not a failure of the run
    """A source of joules cannot be read, or can no longer be trusted; the message is one sentence."""


class Backend:
    """A source of joules. Everything but `open`, `read` and `close` is fixed once `open` has returned."""

    name: str = "none"
    method: Method = "none"
    boundary: str | None = None  # what the joules cover: "cpu packages + dram"
    read_every: float | None = None  # seconds: it must be read at least this often
    resolution: float = 0.0  # seconds: readings that are closer than this may be equal
    claims: tuple[str, ...] = ()  # the devices that must serve this run only, for its joules to be its own

    def __init__(self) -> None:
        self.doubts: list[str] = []  # sentences: what a reader of the joules should know
        self.unavailable: dict[str, str] = {}  # other sources that were tried, and why they cannot be read

    def open(self) -> None:
        """Start; afterwards `read` counts. Raises Unreadable."""
        raise NotImplementedError

    def read(self) -> dict[str, float]:
        """Cumulative joules by device, since `open` or earlier. Raises Unreadable, and then always."""
        raise NotImplementedError

    def foreign_processes(self, own: set[int]) -> dict[str, list[int]]:
        """Processes on each measured GPU that are not in `own`; empty without a GPU."""
        return {}

    def close(self) -> None:
        """Stop and release everything; closing twice is closing once."""
