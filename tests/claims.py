"""What a study of a test says, as its page would claim it."""

from __future__ import annotations

from typing import Any

from headstart.compare.claims import side_of
from headstart.compare.quantity import Quantity


def as_expectation(found: Quantity, than: float, tolerance: float) -> dict[str, Any]:
    """A quantity of a finished study as a line of claim.json."""
    return {
        "quantity": found.key,
        "condition": found.condition,
        "arm": found.arm,
        "direction": side_of(found, than),
        "than": than,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "tolerance": tolerance,
    }
