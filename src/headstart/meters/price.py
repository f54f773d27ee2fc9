"""Price: the cost of a run in money, at the prices in the settings."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from headstart.config import Config

KWH = 3.6e6  # joules


class Price(Config):
    """Prices; without any, the record has no money."""

    per_kwh: float | None = Field(default=None, ge=0)
    per_device_hour: float | None = Field(default=None, ge=0)
    currency: str = Field(default="EUR", min_length=1)

    def of(self, joules: float | None, seconds: float) -> dict[str, Any] | None:
        """Money for electricity, and for the device: two alternatives, never added.

        The price of a rented hour includes electricity. None for an unknown price or unknown joules.
        """
        if self.per_kwh is None and self.per_device_hour is None:
            return None
        electricity = None
        if self.per_kwh is not None and joules is not None:
            electricity = joules / KWH * self.per_kwh
        return {
            "currency": self.currency,
            "electricity": electricity,
            "device": None if self.per_device_hour is None else seconds / 3600 * self.per_device_hour,
            "per_kwh": self.per_kwh,
            "per_device_hour": self.per_device_hour,
        }
