"""Resources: what training spends, with the words and the unit of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ResourceKey = Literal["steps", "samples", "tokens", "flops", "seconds", "joules"]


@dataclass(frozen=True)
class Resource:
    """One thing that training spends."""

    key: ResourceKey
    name: str  # in a sentence or a list: "FLOPs", "time"
    title: str  # of a row or a chart: "Training FLOPs"
    axis: str  # of a chart: "Training FLOPs per run"
    kind: str  # what it is a measure of: "compute"
    unit: str


RESOURCES: Mapping[ResourceKey, Resource] = {
    resource.key: resource
    for resource in (
        Resource("flops", "FLOPs", "Training FLOPs", "Training FLOPs per run", "compute", "FLOPs"),
        Resource("seconds", "time", "Training time", "Training seconds per run", "time", "s"),
        Resource("joules", "energy", "Energy", "Training joules per run", "energy", "J"),
        Resource("tokens", "tokens", "Tokens, padding included", "Tokens per run", "data", "tokens"),
        Resource("samples", "samples", "Samples", "Samples per run", "data", "samples"),
        Resource("steps", "steps", "Steps", "Steps per run", "steps", "steps"),
    )
}
COUNTERS = ("measured", "sampled")  # methods of joules that come from a counter; all others are estimates
