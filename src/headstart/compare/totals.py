"""Totals: what all runs of a study consumed, those that failed included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headstart.compare.quantity import Quantity, Rows
from headstart.records.record import Record


@dataclass(frozen=True)
class Total:
    """Everything that some runs consumed in all phases, also diverged and failed ones: they are costs too."""

    runs: int
    flops: int
    seconds: float
    joules_measured: float | None  # counters (measured, sampled); never added to estimates
    joules_estimated: float | None
    runs_without_energy: int
    flops_lower_bound: bool = False
    tuning: Total | None = None  # of all this, what the trials consumed; None: there were none


def total(records: Sequence[Record]) -> Total:
    """Everything the runs consumed, in all phases; measured and estimated joules apart."""
    energies = [record.cost.energy for record in records]
    estimated = [e.joules["total"] for e in energies if e.joules and e.method == "estimated"]
    measured = [e.joules["total"] for e in energies if e.joules and e.method != "estimated"]
    return Total(
        runs=len(records),
        flops=sum(record.cost.flops.total for record in records),
        seconds=float(sum(record.cost.seconds.total for record in records)),
        joules_measured=float(sum(measured)) if measured else None,
        joules_estimated=float(sum(estimated)) if estimated else None,
        runs_without_energy=len(records) - len(measured) - len(estimated),
        flops_lower_bound=any(record.cost.flops.lower_bound for record in records),
    )


def rows(spent: Total) -> Rows:
    """The total of the study; of it, that of the trials."""
    names = ("seconds", "joules_measured", "joules_estimated", "runs", "runs_without_energy")
    numbers: list[Quantity] = []
    for lead, part in (("total", spent), ("tuning.total", spent.tuning)):
        if part:
            template, bound = Quantity("", n=part.runs), "lower bound" if part.flops_lower_bound else ""
            numbers.append(template.named(f"{lead}.flops", verdict=bound).at(part.flops))
            numbers += [template.named(f"{lead}.{name}").at(getattr(part, name)) for name in names]
    return Rows(numbers)
