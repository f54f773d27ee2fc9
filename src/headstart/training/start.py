"""Start: the seeded random model, the same for both arms, and then the one difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from headstart.arms.attest import added, attest, dtypes
from headstart.arms.pour import head_names
from headstart.models.model import architecture_digest
from headstart.run import Run
from headstart.tasks.family import Prepared
from headstart.training.met_before import met_before

STREAMS = ("weights", "order", "noise", "arm")


@dataclass(frozen=True)
class Start:
    """What training begins with, and the record's `init`, which says how it came about."""

    model: torch.nn.Module
    config: Any  # of transformers
    stages: list[tuple[int, frozenset[str]]]  # from which step on which parameters train
    init: dict[str, Any]


def start_of(run: Run, prepared: Prepared, steps: int) -> Start:
    """The model of `run` before the first of its `steps`, and what attests it."""
    config = run.model.transformers_config(**prepared.head)
    seeds = {name: run.stream(name) for name in STREAMS}
    model = run.model.seeded(run.task.auto_class_for(run.model), config, seeds["weights"])
    poured = run.arm.pour(model, run.model, seeds["arm"])
    checkpoint = poured.checkpoint and {**poured.checkpoint, "met_before": met_before(run, prepared)}
    init = attest(model, head_names(model), poured.names, checkpoint)
    init |= {"streams": seeds | {"subset": getattr(run.size, "seed", 0)}}
    init |= {"architecture": architecture_digest(config)}
    init |= {"added": added(model, run.arm.adapt(model, seeds["arm"]))}
    init |= {"built_from": run.model.built_from(), **dtypes(model)}
    stages = [(round(stage.share * steps), stage.trainable) for stage in run.arm.stages(model)]
    return Start(model, config, stages, init)
