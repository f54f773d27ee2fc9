"""Backend: the one thing an energy meter must do, return cumulative joules per device."""

from __future__ import annotations

from typing import Literal, Protocol

Method = Literal["measured", "sampled", "estimated", "none"]


class Backend(Protocol):
    """A source of joules; `reason` says why it has none."""

    name: str
    method: Method
    boundary: str | None  # what the joules cover: "cpu+dram packages", "whole machine, estimated", ...
    reason: str | None

    def open(self) -> None:
        """Start; afterwards `read` counts from 0."""
        ...

    def read(self) -> dict[str, float]:
        """Cumulative joules since `open`, by device; empty when nothing can be read."""
        ...

    def close(self) -> None:
        """Stop and release everything."""
        ...
