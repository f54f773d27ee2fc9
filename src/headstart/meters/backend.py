"""Backend: the one thing an energy meter must do, return cumulative joules per device."""

from __future__ import annotations

from typing import Literal

Method = Literal["measured", "sampled", "estimated", "none"]
DeviceKind = Literal["cpu", "cuda"]


class Unreadable(Exception):  # noqa: N818 - the sentence of a record, not a failure of the run
    """A source of joules cannot be read or no longer be trusted; the message says why, in one sentence."""


class Backend:
    """A source of joules. Everything but `open`, `read` and `close` is settled once `open` has returned."""

    name: str = "none"
    method: Method = "none"
    boundary: str | None = None  # what the joules cover: "cpu packages + dram"
    guard: float | None = None  # seconds: it must be read at least this often
    resolution: float = 0.0  # seconds: readings that are closer than this may be equal
    claims: tuple[str, ...] = ()  # the devices that a run must have to itself for its joules to be its own

    def __init__(self) -> None:
        self.doubts: list[str] = []  # sentences: what a reader of the joules should know
        self.unavailable: dict[str, str] = {}  # what else was looked for, and why it is not there

    def open(self) -> None:
        """Start; afterwards `read` counts. Raises Unreadable."""
        raise NotImplementedError

    def read(self) -> dict[str, float]:
        """Cumulative joules by device, since `open` or earlier. Raises Unreadable, and then for ever."""
        raise NotImplementedError

    def others(self, own: set[int]) -> dict[str, list[int]]:
        """Processes that are not in `own` and use a measured GPU, by GPU; empty without a GPU."""
        return {}

    def close(self) -> None:
        """Stop and release everything; closing twice is closing once."""
