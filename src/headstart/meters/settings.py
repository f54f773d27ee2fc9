"""The settings of every kind of energy meter: waiting, idle watts, carbon and money."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field, field_validator

from headstart.config import Config
from headstart.meters.backend import JOULES_PER_KWH, Backend, DeviceKind
from headstart.meters.carbon_intensity import intensity
from headstart.meters.device_lock import DeviceLock
from headstart.meters.meter import Meter


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
        grams = None
        if joules is not None:
            grams = joules / JOULES_PER_KWH * (self.pue or 1.0) * grid.grams_per_kwh
        return {"grams": grams, "region": self.region, **vars(grid), "pue": self.pue}


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
        electricity = device = None
        if self.per_kwh is not None and joules is not None:
            electricity = joules / JOULES_PER_KWH * self.per_kwh
        if self.per_device_hour is not None:
            device = seconds / 3600 * self.per_device_hour
        return {
            "currency": self.currency,
            "electricity": electricity,
            "device": device,
            "per_kwh": self.per_kwh,
            "per_device_hour": self.per_device_hour,
        }


class MeterSettings(Config):
    """The settings that all kinds share."""

    wait: float | None = Field(default=3600, ge=0)  # seconds for other runs to end; null: without limit
    idle: float = Field(default=2, ge=0)  # seconds in which idle watts are measured; 0: not at all
    carbon: Carbon = Carbon()
    price: Price = Price()

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """Where the joules come from, of a run on so many devices of this machine."""
        raise NotImplementedError

    def meter(
        self,
        device: DeviceKind,
        synchronize: Callable[[], Any] | None = None,
        say: Callable[[str], Any] = lambda sentence: None,
        devices: int = 1,
    ) -> Meter:
        """The meter of one run on so many devices; `say` reports that it waits for another run."""

        def lock(backend: Backend) -> DeviceLock:
            """A measurement waits for its devices; an estimate does not: the record says if others ran."""
            return DeviceLock(backend.claims, 0.0 if backend.method == "estimated" else self.wait, say)

        return Meter(self.backend(device, devices), synchronize, lock, self.idle)

    def consequences(self, energy: dict[str, Any], seconds: float) -> dict[str, Any]:
        """`cost.carbon` and `cost.money` of the record, from its energy section and its device-seconds."""
        joules = energy["joules"]["total"] if energy["joules"] else None
        return {"carbon": self.carbon.of(joules), "money": self.price.of(joules, seconds)}
