"""The settings of every kind of energy meter: waiting, idle, carbon and prices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import Field

from headstart.config import Config
from headstart.meters.backend import Backend, DeviceKind
from headstart.meters.carbon import Carbon
from headstart.meters.device_lock import DeviceLock
from headstart.meters.meter import Meter
from headstart.meters.price import Price


class MeterSettings(Config):
    """The settings that all kinds share."""

    wait: float | None = Field(default=3600, ge=0)  # seconds for other runs to end; null: without limit
    idle: float = Field(default=2, ge=0)  # seconds in which idle watts are measured; 0: not at all
    carbon: Carbon = Carbon()
    price: Price = Price()

    def backend(self, device: DeviceKind = "cpu") -> Backend:
        """Where the joules come from."""
        raise NotImplementedError

    def meter(
        self,
        device: DeviceKind,
        synchronize: Callable[[], Any] | None = None,
        say: Callable[[str], Any] = lambda sentence: None,
    ) -> Meter:
        """The meter of one run on `device`; `say` reports that it waits for another run."""

        def lock(backend: Backend) -> DeviceLock:
            """A measurement waits for its devices; an estimate does not: the record says if others ran."""
            return DeviceLock(backend.claims, 0.0 if backend.method == "estimated" else self.wait, say)

        return Meter(self.backend(device), synchronize, lock, self.idle)

    def consequences(self, energy: dict[str, Any], seconds: float) -> dict[str, Any]:
        """`cost.carbon` and `cost.money` of the record, from its energy section."""
        joules = energy["joules"]["total"] if energy["joules"] else None
        return {"carbon": self.carbon.of(joules), "money": self.price.of(joules, seconds)}
