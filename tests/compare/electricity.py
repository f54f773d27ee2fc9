"""Electricity of a place that does not exist, in round numbers."""

from __future__ import annotations

from typing import Any


def emits(record: dict[str, Any]) -> None:
    """The carbon of one kWh in Atlantis, where the energy is known."""
    if record["cost"]["energy"]["joules"]:
        place = {"region": "ATL", "place": "Atlantis", "grams_per_kwh": 360.0, "source": "a table"}
        record["cost"]["carbon"] = {"grams": 360.0, "year": 2023, "pue": None} | place
