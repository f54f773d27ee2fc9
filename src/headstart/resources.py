"""Resources: what training spends, with the words, the unit and the number format of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ResourceKey = Literal["steps", "samples", "tokens", "flops", "seconds", "joules"]


@dataclass(frozen=True)
class Resource:
    """One thing that training spends.

    `form` names the function of `reports.numbers` that writes an amount of it.
    """

    key: ResourceKey
    name: str  # in a sentence or a list: "FLOPs", "time"
    title: str  # of a row or a chart: "Training FLOPs"
    axis: str  # of a chart: "Training FLOPs per run"
    kind: str  # what it is a measure of: "compute"
    unit: str
    form: str


RESOURCES: Mapping[ResourceKey, Resource] = {
    resource.key: resource
    for resource in (
        Resource("flops", "FLOPs", "Training FLOPs", "Training FLOPs per run", "compute", "FLOPs", "flops"),
        Resource("seconds", "time", "Training time", "Training seconds per run", "time", "s", "seconds"),
        Resource("joules", "energy", "Energy", "Training joules per run", "energy", "J", "energy"),
        Resource("tokens", "tokens", "Tokens, padding included", "Tokens per run", "data", "tokens", "count"),
        Resource("samples", "samples", "Samples", "Samples per run", "data", "samples", "count"),
        Resource("steps", "steps", "Steps", "Steps per run", "steps", "steps", "count"),
    )
}
COUNTERS = ("measured", "sampled")  # methods of joules that come from a counter; all others are estimates
