"""Forecast: what a study would run, what is done already, and what the rest will cost."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.records.environment import machine
from headstart.run import Run
from headstart.studies.identity import identify, run_folder, settled

SHARE_OF_PEAK = 0.3  # of the matmul peak, evaluation and loading included, for small models on a CPU


@dataclass(frozen=True)
class Forecast:
    """One run: is it done, how many FLOPs (exact) and about how many seconds does it take."""

    title: str
    done: bool
    flops: int
    seconds: float


def forecast(runs: Sequence[Run]) -> tuple[list[Forecast], str]:
    """One forecast per run, and the sentence that says where the seconds come from."""
    counts: dict[str, int] = {}
    rate, basis = _rate(runs[0])
    found = []
    for run in runs:
        names = identify(run)
        key = names.run_id
        counts[key] = counts.get(key) or _flops(run)
        done = settled(run_folder(run, names), names)
        found.append(Forecast(run.title, done, counts[key], counts[key] / rate))
    return found, basis


def _flops(run: Run) -> int:
    """Training, every evaluation and the test, from the planned batches; generation is not foreseen."""
    from headstart.training.plan import counters_of, plan_of

    prepared = run.task.prepare(run.model, run.size)
    plan = plan_of(run, prepared)
    config = run.model.transformers_config(**prepared.head)
    plan.count(counters_of(run, plan, config))
    done = plan.cost(plan.steps, plan.evaluations, tested=True, generated={"validation": 0, "test": 0})
    return done["flops"]["total"]


def _rate(run: Run) -> tuple[float, str]:
    """FLOPs per second: of finished runs on this machine, else a share of its matmul peak."""
    records = [_speed(path, run) for path in sorted(Path(run.runs).glob("*/*/record.json"))]
    known = [speed for speed in records if speed]
    if known:
        return sum(known) / len(known), f"scaled from {len(known)} finished runs on this machine"
    from headstart.meters.peak import matmul_peak

    device, precision = run.hardware.device(), run.precision
    peak = matmul_peak(device, precision, seconds=0.5)  # pyright: ignore[reportArgumentType]
    return SHARE_OF_PEAK * peak, f"a guess: {SHARE_OF_PEAK:.0%} of this machine's matmul peak in {precision}"


def _speed(path: Path, run: Run) -> float | None:
    try:
        record = json.loads(path.read_text("utf8"))
        alike = (
            record["environment"]["machine"] == machine()
            and record["environment"]["precision"] == run.precision
        )
        return record["cost"]["flops"]["total"] / record["cost"]["seconds"]["total"] if alike else None
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None
