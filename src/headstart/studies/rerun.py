"""Rerun: trains one run again from its stored configuration, and compares the records value by value."""

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

REPRODUCIBLE = ("status", "scores", "init", "data")  # determined by configuration and code
COUNTED = ("flops", "tokens", "samples", "steps", "parameters")  # the part of `cost` that is determined, too
MOMENTARY = ("environment.started", "environment.finished", "environment.state", "environment.order_index")


@dataclass(frozen=True)
class Difference:
    """A value that differs in the second run."""

    path: str
    before: Any
    now: Any


@dataclass(frozen=True)
class Again:
    """A run that was trained again, compared with its first record."""

    title: str
    compared: int  # values
    differences: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]  # of the environment; they may explain the others


def train_again(folder: Path) -> Again:
    """Train the run of `folder` once more, without keeping it, and compare; its record is not changed."""
    record = read_record(folder)
    # Without W&B, where it would be another run, and without saving weights.
    tracker = {**record.config["tracker"], "mode": "none"}
    run = Run.read({**record.config, "tracker": tracker, "keep_weights": False, "checkpoint_steps": []})
    names = identify(run)
    if not same_run(record, names):
        raise RecordError(
            f"{folder}: its data or weights have changed (run {record.run_id}, now {names.run_id}); "
            f"bring the old ones back, or train it as a new run"
        )
    from headstart.training.train import train

    with tempfile.TemporaryDirectory() as temporary, showing(1) as progress:
        train(run, Path(temporary) / "run", names, sys.argv, progress)
        new_record = read_record(Path(temporary) / "run")
    before, now = _results(record), _results(new_record)
    environments = [dict(_leaves(r.environment.model_dump(), "environment")) for r in (record, new_record)]
    surroundings = [item for item in _differences(*environments) if not item.path.startswith(MOMENTARY)]
    return Again(run.title, len({*before, *now}), tuple(_differences(before, now)), tuple(surroundings))


def _results(record: Record) -> dict[str, Any]:
    """Every value of a record that must be reproduced, by its path."""
    stored = record.model_dump(include={*REPRODUCIBLE, "cost"})
    sections = {name: stored[name] for name in REPRODUCIBLE}
    sections |= {f"cost.{name}": stored["cost"][name] for name in COUNTED}
    return {path: value for name, section in sections.items() for path, value in _leaves(section, name)}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    paths = sorted({*before, *now})
    return [Difference(p, before.get(p), now.get(p)) for p in paths if before.get(p) != now.get(p)]


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, value
