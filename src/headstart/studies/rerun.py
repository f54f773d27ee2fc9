"""Rerun: one run is trained a second time from its stored configuration, and compared value by value."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.errors import RecordError
from headstart.records.record import Record
from headstart.records.store import read_record, same_run
from headstart.run import Run
from headstart.studies.progress import showing
from headstart.studies.run_folder import identify

REPRODUCIBLE = ("status", "scores", "init", "data")  # what the configuration and the code determine
COUNTED = ("flops", "tokens", "samples", "steps", "parameters")  # the part of `cost` that they determine
MOMENTARY = ("environment.started", "environment.finished", "environment.state", "environment.order_index")


@dataclass(frozen=True)
class Difference:
    """One value that is not the same in the second run."""

    path: str
    before: Any
    now: Any


@dataclass(frozen=True)
class Again:
    """A run that was trained again, against its first record."""

    title: str
    compared: int  # values
    differences: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]  # of the environment: what may explain the others


def train_again(folder: Path) -> Again:
    """Train the run of `folder` once more, without keeping it, and compare; its record is not changed."""
    first = read_record(folder)
    # Without W&B, where it would be another run, and without saving weights.
    tracker = {**first.config["tracker"], "mode": "none"}
    run = Run.read({**first.config, "tracker": tracker, "keep_weights": False, "checkpoint_steps": []})
    names = identify(run)
    if not same_run(first, names):
        raise RecordError(
            f"{folder}: its data or weights are not what they were (run {first.run_id}, now {names.run_id}); "
            f"bring the old ones back, or train it as a new run"
        )
    from headstart.training.train import train

    with tempfile.TemporaryDirectory() as temporary, showing(1) as progress:
        train(run, Path(temporary) / "run", names, sys.argv, progress)
        second = read_record(Path(temporary) / "run")
    before, now = _results(first), _results(second)
    environments = [dict(_leaves(r.environment.model_dump(), "environment")) for r in (first, second)]
    surroundings = [item for item in _differences(*environments) if not item.path.startswith(MOMENTARY)]
    return Again(run.title, len({*before, *now}), tuple(_differences(before, now)), tuple(surroundings))


def _results(record: Record) -> dict[str, Any]:
    """Every value of a record that must be the same again, by its path."""
    stored = record.model_dump(include={*REPRODUCIBLE, "cost"})
    parts = {name: stored[name] for name in REPRODUCIBLE}
    parts |= {f"cost.{name}": stored["cost"][name] for name in COUNTED}
    return {path: value for name, part in parts.items() for path, value in _leaves(part, name)}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    paths = sorted({*before, *now})
    return [Difference(p, before.get(p), now.get(p)) for p in paths if before.get(p) != now.get(p)]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, value
