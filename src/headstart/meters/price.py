"""What a run costs in money, at stated prices."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from headstart.config import Config

KWH = 3.6e6  # joules


class Price(Config):
    """Prices; null where none is stated, and then the record has no money."""

    per_kwh: float | None = Field(default=None, ge=0)
    per_device_hour: float | None = Field(default=None, ge=0)
    currency: str = Field(default="EUR", min_length=1)

    def of(self, joules: float | None, seconds: float) -> dict[str, Any] | None:
        """Money for electricity and for the device: two views of one run, never added up.

        A rented hour has its electricity in it. Null for a price or joules that are unknown.
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
