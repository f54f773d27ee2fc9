"""Electricity of a place that does not exist, in round numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Grid:
    """Electricity of a made-up place."""

    place: str = "Atlantis"
    grams_per_kwh: float = 360.0


def joules(record: dict[str, Any]) -> None:
    """One kWh, so that grams are those of a kWh."""
    energy = record["cost"]["energy"]
    if energy["joules"]:
        energy["joules"] = {**dict.fromkeys(energy["joules"], 0.0), "train": 3.6e6, "total": 3.6e6}
