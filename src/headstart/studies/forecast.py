"""Forecast: what a study would run, what is done already, and what the rest will cost."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.records.environment import machine
from headstart.run import Run
from headstart.studies.pretraining import pretraining, pretrainings, with_weights
from headstart.studies.run_folder import identify, run_folder, settled
from headstart.studies.tuning import groups_of, trials_of
from headstart.studies.weights import try_arms

SHARE_OF_PEAK = 0.3  # of the matmul peak, evaluation and loading included, for small models on a CPU


@dataclass(frozen=True)
class Forecast:
    """One run: is it done, how many FLOPs and about how many seconds does it take.

    FLOPs are exact, but for a run that writes texts: they are foreseen as if all had their longest form.
    """

    title: str
    done: bool
    flops: int
    seconds: float
    writes: bool


def forecast(runs: Sequence[Run]) -> tuple[list[Forecast], str]:
    """One forecast per run, after what it waits for; and the sentence that says whence the seconds."""
    try_arms(runs)
    rate, basis = _rate(runs[0])
    whole = [
        (f"pretraining: {run.title}", _done(run), _flops(run), _writes(run)) for run in pretrainings(runs)
    ]
    whole += [*_trials(runs), *((run.title, _done(run), _flops(run), _writes(run)) for run in runs)]
    found = [Forecast(title, done, flops, flops / rate, writes) for title, done, flops, writes in whole]
    return found, basis


def _writes(run: Run) -> bool:
    return run.task.longest() > 0


def _done(run: Run) -> bool:
    """Is its record there? Not while the weights that name it are still to be trained."""
    first = pretraining(run)
    if first is not None:
        if not _done(first):
            return False
        run = with_weights(run)
    names = identify(run)
    return settled(run_folder(run, names), names)


def _trials(runs: Sequence[Run]) -> Iterator[tuple[str, bool, int, bool]]:
    """The trials of each arm, which train like its runs and skip the test; done when all have a record."""
    tune = runs[0].study.tune
    if tune is None:
        return
    for group in groups_of(runs):
        run, each = group.run, tune.trials * len(tune.seeds)
        ended = list(Path(run.runs, trials_of(run.study.name)).glob(f"*-{run.arm.name}-seed*/record.json"))
        flops = each * _flops(run, tested=False)
        yield f"{each} trials of {run.title}", len(ended) >= each, flops, _writes(run)


def _flops(run: Run, tested: bool = True) -> int:
    """Training, every evaluation and the test, from the planned batches; texts at their longest."""
    from headstart.training.plan import counters_of, plan_of

    prepared = run.task.prepare(run.model, run.size)
    plan = plan_of(run, prepared)
    config = run.model.transformers_config(**prepared.head)
    counters = counters_of(run, plan, config)
    plan.count(counters)
    written = {"validation": 0, "test": 0}
    if longest := run.task.longest():
        steps = {split: [longest] * len(plan.orders[split]) for split in written}
        written = {split: plan.generation(split, steps[split], counters[0][1]) for split in written}
    times = {"validation": plan.evaluations, "test": int(tested)}
    generated = {split: flops * times[split] for split, flops in written.items()}
    return plan.cost(plan.steps, plan.evaluations, tested, generated)["flops"]["total"]


def _rate(run: Run) -> tuple[float, str]:
    """FLOPs per second: of finished runs on this machine, else a share of its matmul peak."""
    records = [_speed(path, run) for path in sorted(Path(run.runs).glob("*/*/record.json"))]
    known = [speed for speed in records if speed]
    if known:
        return sum(known) / len(known), f"scaled from {len(known)} finished runs on this machine"
    from headstart.meters.matmul_peak import matmul_peak

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
