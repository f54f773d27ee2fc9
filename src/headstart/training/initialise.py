"""Start: the seeded random model, the same for both arms, and then the one difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from headstart.arms.attest import Attestation, dtypes
from headstart.arms.load import head_names
from headstart.errors import WeightsError
from headstart.models.model import architecture_digest
from headstart.records.attestation import contradictions
from headstart.run import Run
from headstart.tasks.family import Prepared
from headstart.training.contamination import met_before

STREAMS = ("weights", "order", "noise", "arm")


@dataclass(frozen=True)
class Start:
    """What training begins with; `attest` gives the record's `init` of the model as it is then."""

    model: torch.nn.Module
    config: Any  # of transformers
    stages: list[tuple[int, frozenset[str]]]  # from which step on which parameters train
    attest: Callable[[], dict[str, Any]]


def start_of(run: Run, prepared: Prepared, steps: int) -> Start:
    """The model of `run` before the first of its `steps`, with what attests it."""
    config = run.model.transformers_config(**prepared.head)
    seeds = {name: run.stream(name) for name in STREAMS}
    model = run.model.seeded(run.task.auto_class_for(run.model), config, seeds["weights"])
    attestation = Attestation(model)
    head = head_names(model)
    poured = run.arm.pour(model, run.model, seeds["arm"])
    checkpoint = poured.checkpoint and {**poured.checkpoint, "met_before": met_before(run, prepared)}
    run.arm.adapt(model, seeds["arm"])
    stages = [(round(stage.share * steps), stage.trainable) for stage in run.arm.stages(model)]
    attestation.follow()
    known = {
        "streams": seeds | {"subset": getattr(run.size, "seed", 0)},
        "architecture": architecture_digest(config),
        "built_from": run.model.built_from(),
    }

    def attest() -> dict[str, Any]:
        return attestation.at_step_zero(head, poured.names, checkpoint) | known | dtypes(model)

    return Start(model, config, stages, attest)


def refuse_dishonest(arm: str, init: Mapping[str, Any]) -> None:
    """WeightsError when a model at step 0 is not what its arm says: seeded, loaded, or added."""
    if faults := list(contradictions(init)):
        more = f" (and {len(faults) - 1} more like this)" if faults[1:] else ""
        raise WeightsError(
            f"arm={arm}: at step 0 {faults[0]}{more}; an arm loads weights in pour(), which says so, "
            f"and adds parameters in adapt()"
        )
