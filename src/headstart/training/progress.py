"""Progress: what training reports to whoever displays it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Follows one run; every call must return at once."""

    def begin(self, title: str, steps: int) -> None:
        """Training starts and will take `steps` steps."""
        ...

    def step(self, done: int, note: str = "") -> None:
        """`done` steps are finished; `note` is a short state such as the latest score."""
        ...

    def say(self, what: str) -> None:
        """A phase without a step count begins: loading, counting, testing."""
        ...


class Silent:
    """Displays nothing."""

    def begin(self, title: str, steps: int) -> None:
        """Display nothing."""

    def step(self, done: int, note: str = "") -> None:
        """Display nothing."""

    def say(self, what: str) -> None:
        """Display nothing."""
