"""Carbon of a run: its energy times the carbon intensity of the region."""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from headstart.config import Config
from headstart.meters.carbon_intensity import intensity

KWH = 3.6e6  # joules


class Carbon(Config):
    """Where the electricity comes from; without a region the record has no carbon."""

    region: str | None = None  # FRA, France, USA/California
    pue: float | None = Field(default=None, ge=1)  # of the data centre: multiplies carbon, never energy

    @field_validator("region")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            intensity(value)
        return value

    def of(self, joules: float | None) -> dict[str, Any] | None:
        """Grams of CO2e with their inputs; grams are null when the joules are unknown."""
        if self.region is None:
            return None
        grid = intensity(self.region)
        return {
            "grams": joules / KWH * (self.pue or 1.0) * grid.grams_per_kwh if joules is not None else None,
            "region": self.region,
            "place": grid.place,
            "grams_per_kwh": grid.grams_per_kwh,
            "year": grid.year,
            "source": grid.source,
            "pue": self.pue,
        }
