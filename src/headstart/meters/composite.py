"""Several backends read as one: all measured or all estimated, never both."""

from __future__ import annotations

from collections.abc import Sequence

from headstart.meters.backend import Backend


class Joined(Backend):
    """The devices of all its parts, which are open already."""

    def __init__(self, parts: Sequence[Backend]) -> None:
        super().__init__()
        self.parts = parts
        methods = {part.method for part in parts}
        if "estimated" in methods and len(methods) > 1:
            raise ValueError("measured and estimated joules are never added up")
        self.name = "+".join(part.name for part in parts)
        self.method = "sampled" if "sampled" in methods else parts[0].method
        self.boundary = " + ".join(part.boundary or part.name for part in parts)
        self.guard = min((part.guard for part in parts if part.guard), default=None)
        self.resolution = max(part.resolution for part in parts)
        self.claims = tuple(claim for part in parts for claim in part.claims)
        self.doubts = [doubt for part in parts for doubt in part.doubts]

    def open(self) -> None:
        """Its parts are open."""

    def read(self) -> dict[str, float]:
        """Joules of every part."""
        return {device: joules for part in self.parts for device, joules in part.read().items()}

    def others(self, own: set[int]) -> dict[str, list[int]]:
        """Foreign processes on the GPUs of its parts."""
        return {key: pids for part in self.parts for key, pids in part.others(own).items()}

    def close(self) -> None:
        """Close the parts, and hear what they found out at the end."""
        for part in self.parts:
            part.close()
        self.doubts = list(dict.fromkeys([*self.doubts, *(d for part in self.parts for d in part.doubts)]))
