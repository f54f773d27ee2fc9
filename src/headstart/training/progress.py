"""Watch: what training tells whoever shows its progress."""

from __future__ import annotations

from typing import Protocol


class Watch(Protocol):
    """Follows one run; every call must return at once."""

    def begin(self, title: str, steps: int) -> None:
        """Training starts and will take `steps` steps."""
        ...

    def step(self, done: int, note: str = "") -> None:
        """`done` steps are behind us; `note` is a short state such as the last score."""
        ...

    def say(self, what: str) -> None:
        """A phase without a step count begins: loading, counting, testing."""
        ...


class Unwatched:
    """Nobody is looking."""

    def begin(self, title: str, steps: int) -> None:
        """Show nothing."""

    def step(self, done: int, note: str = "") -> None:
        """Show nothing."""

    def say(self, what: str) -> None:
        """Show nothing."""
