"""Gauges: what measures a run, and the record's `cost`, which they are read into."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from headstart.meters.hardware_state import hardware_state
from headstart.meters.matmul_peak import peak, utilisation
from headstart.meters.memory import PeakMemory
from headstart.meters.meter import Meter
from headstart.run import Run
from headstart.training.module import Learner
from headstart.training.plan import Plan
from headstart.training.progress import Watch
from headstart.training.recorder import Journal


@dataclass(frozen=True)
class Gauges:
    """The meter and the memory of a run, and what its hardware could do and was doing before it."""

    meter: Meter
    memory: PeakMemory
    peak: dict[str, Any]
    state: dict[str, Any]


def gauges_of(run: Run, watch: Watch) -> Gauges:
    """New ones for `run`; the hardware shows its peak first, so that no phase pays for that."""
    device = run.hardware.device()
    fastest = peak(device, run.precision, seconds=0.5)  # pyright: ignore[reportArgumentType]
    state = hardware_state()
    synchronize = torch.cuda.synchronize if device == "cuda" else None
    meter, memory = run.meter.meter(device, synchronize, say=watch.say), PeakMemory()
    meter.on_phase_end = memory.note
    return Gauges(meter, memory, fastest, state)


def cost_of(run: Run, plan: Plan, journal: Journal, learner: Learner, gauges: Gauges) -> dict[str, Any]:
    """The record's `cost`: what was counted, what was timed, what was metered, and what follows from it."""
    cost = plan.cost(journal.done, journal.evaluations, journal.test is not None, journal.generated)
    seconds, energy = gauges.meter.seconds_by_phase(), gauges.meter.account()
    ever = frozenset().union(*(names for _, names in learner.stages))
    sizes = [(p.numel(), name in ever) for name, p in learner.model.named_parameters()]
    train, tokens = seconds["train"], cost["tokens"]["train"]
    share = utilisation(cost["flops"]["train"], train, gauges.peak["flops_per_second"])
    return {
        **cost,
        "seconds": seconds,
        "samples_per_second": cost["samples"]["train"] / train if journal.done else None,
        "tokens_per_second": {kind: n / train for kind, n in tokens.items()} if journal.done else None,
        "data_wait_share": min(1.0, journal.waited / train) if journal.done else None,
        "utilisation": {"share": share if journal.done else None, "peak": gauges.peak},
        "parameters": {"all": sum(n for n, _ in sizes), "trainable": sum(n for n, free in sizes if free)},
        "peak_memory_bytes": gauges.memory.peaks(),
        "energy": energy,
        **run.meter.consequences(energy, seconds["total"]),
    }
