"""Progress: the interface between training and the display."""

from __future__ import annotations


class RunProgress:
    """Receives the progress of one run and shows nothing; subclasses do. Methods must return at once."""

    def begin(self, title: str, steps: int) -> None:
        """Training starts and will take `steps` steps."""

    def step(self, done: int, note: str = "") -> None:
        """`done` steps are finished; `note` is a short state such as the latest score."""

    def say(self, phase: str) -> None:
        """A phase without a step count begins: loading, counting, testing."""
