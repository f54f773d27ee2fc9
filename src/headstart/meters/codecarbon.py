"""codecarbon's estimate of the whole machine's energy; always labelled `estimated`.

Where no counter can be read it charges a constant power per part, so that a ratio of its joules
is a ratio of seconds. One `flush` per phase boundary: its tasks lose energy between tasks.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from headstart.meters.backend import Backend, Method
from headstart.node import Node

if TYPE_CHECKING:
    from codecarbon import OfflineEmissionsTracker

JOULES = 3.6e6  # per kWh


class CodeCarbon(Node):
    """Energy estimated by codecarbon."""

    kind: Literal["codecarbon"]

    def backend(self) -> Backend:
        """A fresh tracker."""
        return Estimate()


class Estimate:
    """Cumulative joules of CPU, memory and GPU as codecarbon estimates them."""

    name = "codecarbon"
    method: Method = "estimated"
    boundary: str | None = "whole machine"
    reason: str | None = None

    def __init__(self) -> None:
        self._tracker: OfflineEmissionsTracker | None = None
        self._joules: dict[str, float] = {}

    def open(self) -> None:
        """Start the tracker; no network, no file, no lock, no log."""
        from codecarbon import OfflineEmissionsTracker

        logging.getLogger("codecarbon").disabled = True  # it speaks before it reads its own log_level
        self._tracker = OfflineEmissionsTracker(
            country_iso_code="FRA",  # energy does not depend on it, and its emissions are not used
            output_methods=[],
            output_handlers=[_Receiver(self._joules)],
            save_to_file=False,
            allow_multiple_runs=True,
            log_level=logging.CRITICAL,
        )
        self._tracker.start()

    def read(self) -> dict[str, float]:
        """Joules since the start, by part."""
        if self._tracker is not None:
            self._tracker.flush()
        if not self._joules:
            self.method, self.reason = "none", "codecarbon delivered no estimate on this machine"
        return dict(self._joules)

    def close(self) -> None:
        """Stop the tracker."""
        if self._tracker is not None:
            self._tracker.stop()
            self._tracker = None


class _Receiver:
    """Takes what the tracker puts out."""

    def __init__(self, joules: dict[str, float]) -> None:
        self.joules = joules

    def out(self, total: Any, delta: Any) -> None:
        parts = {"cpu": total.cpu_energy, "gpu": total.gpu_energy, "ram": total.ram_energy}
        self.joules.update({part: kwh * JOULES for part, kwh in parts.items() if kwh or part in self.joules})

    def live_out(self, total: Any, delta: Any) -> None:
        pass

    def task_out(self, data: Any, experiment_name: str) -> None:
        pass

    def exit(self) -> None:
        pass
