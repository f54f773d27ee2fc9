"""Initialise: the seeded random model, the same for both arms, then the changes of the arm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from headstart.arms.attest import Attestation, dtypes
from headstart.arms.load import head_names
from headstart.errors import WeightsError
from headstart.models.architecture import architecture_digest
from headstart.records.attestation import contradictions
from headstart.records.sections import Init
from headstart.run import Run
from headstart.tasks.family import Prepared
from headstart.training.contamination import contamination
from headstart.training.noise import prepare_attention

STREAMS = ("weights", "order", "noise", "arm")


@dataclass(frozen=True)
class InitialModel:
    """The model before training; `attest` returns the record's `init` section for its current weights."""

    model: torch.nn.Module
    config: Any  # of transformers
    stages: list[tuple[int, frozenset[str]]]  # from which step on which parameters train
    attest: Callable[[], dict[str, Any]]


def initialise(run: Run, prepared: Prepared, steps: int) -> InitialModel:
    """The model of `run` before the first of its `steps`."""
    config = run.model.transformers_config(**prepared.head)
    seeds = {name: run.stream(name) for name in STREAMS}
    model = run.model.seeded(run.task.auto_class_for(run.model), config, seeds["weights"])
    prepare_attention(run, model)
    attestation = Attestation(model)
    head = head_names(model)
    loaded = run.arm.load_weights(model, run.model, seeds["arm"])
    checkpoint = loaded.checkpoint and {**loaded.checkpoint, "contamination": contamination(run, prepared)}
    run.arm.adapt(model, seeds["arm"])
    stages = [(round(stage.share * steps), stage.trainable) for stage in run.arm.stages(model)]
    attestation.follow()
    fixed = {
        "streams": seeds | {"subset": getattr(run.size, "seed", 0)},
        "architecture": architecture_digest(config),
        "built_from": run.model.built_from(),
    }

    def attest() -> dict[str, Any]:
        return (
            attestation.at_step_zero(head, loaded.names, checkpoint, loaded.drawn_again)
            | fixed
            | dtypes(model)
        )

    return InitialModel(model, config, stages, attest)


def check_attestation(arm: str, init: Mapping[str, Any]) -> None:
    """WeightsError when a tensor at step 0 is not seeded, loaded or added as the arm claims."""
    if faults := list(contradictions(Init.model_validate(init))):
        more = f" (and {len(faults) - 1} more like this)" if faults[1:] else ""
        raise WeightsError(
            f"arm={arm}: at step 0 {faults[0]}{more}; an arm loads weights in load_weights(), which says so, "
            f"and adds parameters in adapt()"
        )
