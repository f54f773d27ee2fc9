"""Instruments: the meters of a run, and the record's `cost` from their readings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from headstart.meters.hardware_state import hardware_state
from headstart.meters.matmul_peak import peak, utilisation
from headstart.meters.memory import PeakMemory
from headstart.run import Run
from headstart.training.module import Learner

WINDOW = 0.2  # seconds of measuring the peak


class Instruments:
    """The energy meter and the memory peaks of a run; the matmul peak and the state of its hardware.

    Of a run on several devices rank 0 measures: the joules of all devices, the memory of its own.

    The peak is measured before the meter starts and after it has stopped, the state before: no phase
    includes them.
    """

    def __init__(self, run: Run, say: Callable[[str], Any]) -> None:
        device = run.hardware.device()
        self.run = run
        self._peak()
        self.state = hardware_state()
        self.memory = PeakMemory()
        wait = torch.cuda.synchronize if device == "cuda" else None
        self.meter = run.meter.meter(device, wait, say, run.hardware.devices)
        self.meter.on_phase_end = self.memory.note

    def _peak(self) -> dict[str, Any]:
        return peak(self.run.hardware.device(), self.run.precision, WINDOW)  # pyright: ignore[reportArgumentType]

    def readings(self) -> dict[str, Any]:
        """The measured part of `cost`: seconds, memory, energy, carbon and money."""
        seconds, energy = self.meter.seconds_by_phase(), self.meter.account()
        return {
            "seconds": seconds,
            "peak_memory_bytes": self.memory.peaks(),
            "energy": energy,
            **self.run.meter.consequences(energy, seconds["total"] * self.run.hardware.devices),
        }

    def cost(self, counted: dict[str, Any], waited: float, learner: Learner) -> dict[str, Any]:
        """The record's `cost`, from what the plan counted; rates are null before the first step.

        `waited`: seconds of the train phase spent waiting for batches.
        """
        best, readings = self._peak(), self.readings()
        train, trained = readings["seconds"]["train"], counted["steps"] > 0
        sizes = [(p.numel(), name in learner.trained) for name, p in learner.model.named_parameters()]
        flops = counted["flops"]["train"] / self.run.hardware.devices  # the peak is that of one device
        share = utilisation(flops, train, best["flops_per_second"])
        return {
            **counted,
            **readings,
            "samples_per_second": counted["samples"]["train"] / train if trained else None,
            "tokens_per_second": (
                {kind: n / train for kind, n in counted["tokens"]["train"].items()} if trained else None
            ),
            "data_wait_share": min(1.0, waited / train) if trained else None,
            "utilisation": {"share": share if trained else None, "peak": best},
            "parameters": {"all": sum(n for n, _ in sizes), "trainable": sum(n for n, free in sizes if free)},
        }
