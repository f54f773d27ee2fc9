"""Kept plans: what a run will cost, cached, so that planning it again imports no torch and reads no rows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cache

from headstart.arms.transfer import Transfer
from headstart.cache import cached, is_cached, key_of
from headstart.errors import DataError
from headstart.records.environment import PACKAGE, training_digest, versions
from headstart.run import Run
from headstart.studies.run_folder import identify


@dataclass(frozen=True)
class PlannedCost:
    """FLOPs of a run, or of all trials of an arm, notes on its rows, and what it is tested on."""

    flops: int
    notes: tuple[str, ...]
    tested: tuple[int, int | None]  # rows, and the groups that they are in


def planned_cost(run: Run, trials: int, count: Callable[[], PlannedCost]) -> PlannedCost:
    """The cost that was kept, else what `count` says."""
    name = _name(run, trials)
    if name is None:
        return count()
    path = cached(name, lambda path: path.write_text(json.dumps(asdict(count())), "utf8"))
    kept = json.loads(path.read_text("utf8"))
    return PlannedCost(kept["flops"], tuple(kept["notes"]), tuple(kept["tested"]))


def is_planned(run: Run) -> bool:
    """Was this very run planned before? Then its weights fit its model."""
    try:
        name = _name(run)
    except DataError:  # the run itself reports it
        return False
    return name is not None and is_cached(name)


def _name(run: Run, trials: int = 0) -> str | None:
    """The file of a plan: of the run's content, of the libraries and of our own code.

    None while the run's weights have not been pretrained, which are part of its content.
    """
    if isinstance(run.arm, Transfer) and run.arm.pretraining and run.arm.run is None:
        return None
    names = identify(run)
    kept = [field.name for field in fields(PlannedCost)]
    content = [names.run_id, names.config, names.defaults, trials, versions(), _code(), kept]
    return f"plans/{key_of(content)}.json"


@cache
def _code() -> str:
    return training_digest(PACKAGE)
