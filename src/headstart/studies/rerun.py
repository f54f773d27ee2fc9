"""Again: one run trained a second time from its stored configuration, number by number against the first."""

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

LASTING = ("status", "scores", "init", "data")  # what the configuration and the code decide
COUNTED = ("flops", "tokens", "samples", "steps", "parameters")  # the part of `cost` that they decide


@dataclass(frozen=True)
class Difference:
    """One value that came out otherwise."""

    path: str
    before: Any
    now: Any


@dataclass(frozen=True)
class Again:
    """What became of a run that was trained again."""

    title: str
    compared: int  # values
    differences: tuple[Difference, ...]
    surroundings: tuple[Difference, ...]  # of the environment: what may explain the others


def train_again(folder: Path) -> Again:
    """Train the run of `folder` once more, keep nothing, and say what differs; the first one is untouched."""
    first = read_record(folder)
    run = Run.read(_current(first.config))
    names = identify(run)
    if not same_run(first, names):
        raise RecordError(
            f"{folder}: its data or weights are not what they were (run {first.run_id}, now {names.run_id}); "
            f"bring the old ones back, or train it as a new run"
        )
    from headstart.training.train import train

    with tempfile.TemporaryDirectory() as place, showing(1) as progress:
        train(run, Path(place) / "run", names, sys.argv, progress)
        second = read_record(Path(place) / "run")
    before, now = dict(_values(first)), dict(_values(second))
    paths = sorted({*before} | {*now})
    found = [Difference(p, before.get(p), now.get(p)) for p in paths if before.get(p) != now.get(p)]
    return Again(run.title, len(paths), tuple(found), tuple(_surroundings(first, second)))


def _current(config: Mapping[str, Any]) -> dict[str, Any]:
    """The stored configuration without W&B: a repetition is not another run there."""
    return {
        **config,
        "tracker": {**config["tracker"], "mode": "none"},
        "keep_weights": False,
        "checkpoint_steps": [],
    }


def _values(record: Record) -> Iterator[tuple[str, Any]]:
    stored = record.model_dump(include={*LASTING, "cost"})
    for name in LASTING:
        yield from _leaves(stored[name], name)
    for name in COUNTED:
        yield from _leaves(stored["cost"][name], f"cost.{name}")


def _surroundings(first: Record, second: Record) -> Iterator[Difference]:
    silent = ("environment.started", "environment.finished", "environment.state", "environment.order_index")
    before, now = (
        dict(_leaves(record.environment.model_dump(), "environment")) for record in (first, second)
    )
    for path in sorted({*before} | {*now}):
        if before.get(path) != now.get(path) and not path.startswith(silent):
            yield Difference(path, before.get(path), now.get(path))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _leaves(item, f"{path}.{name}")
    else:
        yield path, value
