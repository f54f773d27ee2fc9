"""Ages: the weights of a run after so many steps, kept beside its final ones, each with what it had cost."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from torch import nn

from headstart.arms.from_run import keep, weights_folder, write_ledger
from headstart.errors import ConfigError
from headstart.run import Run
from headstart.tasks.family import Prepared
from headstart.training.contamination import leave_fingerprints
from headstart.training.plan import Plan


def check_ages(run: Run, plan: Plan) -> None:
    """ConfigError when weights are asked for between two evaluations: nothing is known of them."""
    seen = sorted({*range(0, plan.steps, plan.every), plan.steps})
    if strange := sorted(set(run.keep_at) - set(seen)):
        shown = ", ".join(map(str, seen[:12])) + (", ..." if len(seen) > 12 else "")
        raise ConfigError(
            f"keep_at: step {strange[0]} is no evaluation of this run; choose among {shown}, "
            f"or change budget.evaluations ({run.budget.evaluations})"
        )


def keep_age(run: Run, model: nn.Module, folder: Path, step: int) -> None:
    """Save the weights of now; the model itself goes on untouched."""
    place = weights_folder(folder, step)
    keep(place, run.arm.settle(copy.deepcopy(model)), run.task.processor(run.model))


def settle_ages(
    run: Run, prepared: Prepared, folder: Path, record: dict[str, Any], spent: dict[int, Any]
) -> None:
    """Beside each age: the text that it may have read, and what it had cost until then."""
    for step in run.keep_at:
        place = weights_folder(folder, step)
        leave_fingerprints(run, prepared, place)
        write_ledger(place, record, run.model.name, spent[step])
