"""codecarbon's estimate of the whole machine's energy; always labelled `estimated`.

Where no counter can be read it assumes a constant power per component, so that ratios of its joules are
nearly ratios of seconds. One `flush` per phase boundary: its tasks lose energy between tasks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import model_validator

from headstart.extras import missing
from headstart.meters.backend import JOULES_PER_KWH, Backend, DeviceKind, Method, Unreadable
from headstart.meters.settings import MeterSettings

if TYPE_CHECKING:
    from codecarbon import OfflineEmissionsTracker

NEVER = 1e6  # seconds between its own readings: we trigger them, since two threads would count time twice


class CodeCarbon(MeterSettings):
    """Energy estimated by codecarbon."""

    kind: Literal["codecarbon"]

    @model_validator(mode="after")
    def _needs_codecarbon(self) -> Self:
        if sentence := missing("codecarbon", "estimate"):
            raise ValueError(sentence)
        return self

    def backend(self, device: DeviceKind = "cpu", devices: int = 1) -> Backend:
        """A tracker."""
        return Estimate()


class Estimate(Backend):
    """Cumulative joules of CPU, memory and GPU as codecarbon estimates them."""

    name = "codecarbon"
    method: Method = "estimated"
    boundary = "whole machine"
    read_every = 15.0
    resolution = 0.05  # a second flush within 50 ms measures nothing
    claims = ("machine",)

    def __init__(self) -> None:
        super().__init__()
        self._tracker: OfflineEmissionsTracker | None = None
        self._joules: dict[str, float] = {}

    def open(self) -> None:
        """Start the tracker: no network, no file, no lock, no log, no setting from elsewhere."""
        if sentence := missing("codecarbon", "estimate"):
            raise Unreadable(f"an estimate {sentence}")
        from codecarbon import OfflineEmissionsTracker
        from codecarbon.output_methods.base_output import BaseOutput

        joules = self._joules

        class Receiver(BaseOutput):
            """Receives the totals of each flush, in kWh."""

            def out(self, total: Any, delta: Any) -> None:
                for name in ("cpu", "gpu", "ram"):
                    kwh = getattr(total, f"{name}_energy")
                    if kwh or name in joules:
                        joules[name] = kwh * JOULES_PER_KWH

        logging.getLogger("codecarbon").disabled = True  # it logs before it reads its own log_level
        self._tracker = OfflineEmissionsTracker(
            country_iso_code="FRA",  # not used, but required
            force_carbon_intensity_g_co2e_kwh=1.0,  # so that it asks no server for emissions
            electricitymaps_api_token=None,
            emissions_endpoint=None,
            cloud_provider=None,
            cloud_region=None,
            region=None,
            country_2letter_iso_code=None,
            output_methods=[],
            output_handlers=[Receiver()],
            measure_power_secs=NEVER,
            api_call_interval=-1,
            allow_multiple_runs=True,
            tracking_mode="machine",
            pue=1.0,  # of carbon, never of energy
            force_cpu_power=None,
            force_ram_power=None,
            log_level=logging.CRITICAL,
        )
        self._tracker.start()
        if not self.read():
            self.close()
            raise Unreadable("codecarbon delivered no estimate on this machine")

    def read(self) -> dict[str, float]:
        """Joules since the start, by part."""
        if self._tracker is not None:
            self._tracker.flush()
        return dict(self._joules)

    def close(self) -> None:
        """Stop the tracker."""
        if self._tracker is not None:
            self._tracker.stop()
            self._tracker = None
