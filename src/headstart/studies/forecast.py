"""Forecast: what a study would run, what is done already, and the expected cost of the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.arms.transfer import Transfer
from headstart.compare.factors import Factor
from headstart.errors import RecordError
from headstart.records.environment import machine
from headstart.records.store import read_contents
from headstart.run import Run
from headstart.studies.kept_plans import PlannedCost, planned_cost
from headstart.studies.pretraining import pretraining, pretrainings, with_weights
from headstart.studies.run_folder import Known, finished_record, identify
from headstart.studies.tuning import groups_of, trials_of
from headstart.studies.weights import try_arms

Spent = tuple[int, float, tuple[str, ...]]  # FLOPs and seconds of a finished run, notes on its rows
TIMED = 200  # finished runs that tell how fast this machine is
SHARE_OF_PEAK = 0.3  # of the matmul peak, evaluation and loading included, for small models on a CPU


@dataclass(frozen=True)
class Forecast:
    """One run, or all trials of an arm: done or not, its FLOPs, and the expected seconds.

    FLOPs and seconds are those of the record if the run is done. Else FLOPs are exact, except for runs that
    generate text: every text is counted at its maximum length. `notes` say what was done to the rows, and
    which files were found beside the named ones.
    """

    title: str
    done: bool
    flops: int
    seconds: float
    writes: bool
    notes: tuple[str, ...] = ()
    tested: tuple[int, int | None] | None = None  # rows of the test, and their groups; None: it is done


def forecast(runs: Sequence[Run]) -> tuple[list[Forecast], str]:
    """One forecast per run, after its pretraining and tuning; and a sentence on the basis of the seconds."""
    spent: dict[int, Spent | None] = {}  # by place: each record is read once
    known = Known()

    def done(place: int) -> bool:
        spent[place] = _spent(runs[place], known)
        return spent[place] is not None

    try_arms(runs, done)
    rate, basis = _rate(runs[0])
    sources = pretrainings(runs)
    expected = [_expected(f"pretraining: {run.title}", run, _spent(run, known), rate) for run in sources]
    if (tune := runs[0].study.tune) is not None:
        number = tune.trials * len(tune.seeds)
        for run in (group.run for group in groups_of(runs)):
            folder = Path(run.runs, trials_of(run.study.name))
            ended = list(folder.glob(f"*-{run.arm.name}-seed*/record.json"))
            title = f"{number} trials of {run.title}"
            expected.append(_planned(title, run, len(ended) >= number, rate, trials=number))
    for place, run in enumerate(runs):
        own = spent[place] if place in spent else _spent(run, known)
        expected.append(_expected(run.title, run, own, rate))
    return expected, basis


def levels_of(runs: Sequence[Run]) -> Mapping[Factor, Sequence[int]]:
    """By factor the level of every pair, -1 where there is none: of the arm that has most pairs, and of the
    seeds that all arms have. Every pair counts once, under whatever conditions."""
    ran = {(run.arm.name, run.seed) for run in runs}
    arms, of_arm = {arm for arm, _ in ran}, dict[str, dict[tuple[int, int, int], None]]()
    for run in runs:
        if all((arm, run.seed) in ran for arm in arms):
            own = run.arm.pretraining_seed if isinstance(run.arm, Transfer) and run.arm.pretraining else -1
            of_pair = own, getattr(run.size, "seed", -1), run.seed
            of_arm.setdefault(run.arm.name, {})[of_pair] = None
    most = max(of_arm.values(), key=len, default=dict[tuple[int, int, int], None]())
    names: tuple[Factor, ...] = ("pretraining", "subset", "seed")
    return {name: [pair[place] for pair in most] for place, name in enumerate(names)}


def drawn(runs: Sequence[Run]) -> tuple[int | None, int | None]:
    """Pretraining seeds and draws of the rows; None where nothing is pretrained here, or nothing is drawn."""
    arms = [run.arm for run in runs if isinstance(run.arm, Transfer) and run.arm.pretraining]
    if not arms:
        return None, None
    draws = {getattr(run.size, "seed", None) for run in runs} - {None}
    return len({arm.pretraining_seed for arm in arms}), len(draws) or None


def _expected(title: str, run: Run, spent: Spent | None, rate: float) -> Forecast:
    """What the record says of a finished run; else what is planned."""
    if spent is None:
        return _planned(title, run, False, rate)
    flops, seconds, notes = spent
    return Forecast(title, True, flops, seconds, run.task.longest() > 0, notes)


def _planned(title: str, run: Run, done: bool, rate: float, trials: int = 0) -> Forecast:
    cost = planned_cost(run, trials, lambda: _counted(run, trials))
    return Forecast(
        title, done, cost.flops, cost.flops / rate, run.task.longest() > 0, cost.notes, cost.tested
    )


def _counted(run: Run, trials: int) -> PlannedCost:
    """Training, every evaluation and the test, from the planned batches; trials skip the test."""
    from headstart.training.plan import counters_of, plan_of

    prepared = run.prepare()
    plan = plan_of(run, prepared)
    counters = counters_of(run, plan, run.model.transformers_config(**prepared.head))
    plan.count(counters)
    times = {"validation": plan.evaluations, "test": 0 if trials else 1}
    generated = dict.fromkeys(times, 0)
    if longest := run.task.longest():
        for split in times:
            steps = [longest] * len(plan.orders[split])
            generated[split] = plan.generation(split, steps, counters[0][1]) * times[split]
    flops = plan.cost(plan.steps, plan.evaluations, not trials, generated)["flops"]["total"]
    rows, groups = prepared.facts["counts"]["test"], len({*prepared.groups.values()})
    tested = (rows, groups if 0 < groups < rows else None)
    return PlannedCost(flops * (trials or 1), tuple(prepared.facts["notes"]), tested)


def _spent(run: Run, known: Known) -> Spent | None:
    """What a finished run spent. None while its pretraining is missing: its weights are part of its id."""
    pretraining_run = pretraining(run)
    if pretraining_run is not None:
        if _spent(pretraining_run, known) is None:
            return None
        run = with_weights(run)
    record = finished_record(run, identify(run, known=known))
    if record is None:
        return None
    cost = record["cost"]
    return cost["flops"]["total"], cost["seconds"]["total"], tuple(record["data"]["notes"])


def _rate(run: Run) -> tuple[float, str]:
    """FLOPs per second: of finished runs on this machine, else a share of its matmul peak."""
    paths = sorted(Path(run.runs).glob("*/*/record.json"), key=str)  # paths compare slowly
    records = [_speed(path, run) for path in paths[:: 1 + len(paths) // TIMED]]  # some of every study
    speeds = [speed for speed in records if speed]
    devices = run.hardware.devices
    on = f", on {devices} devices" if devices > 1 else ""
    if speeds:
        return sum(speeds) / len(speeds), f"scaled from {len(speeds)} finished runs on this machine{on}"
    from headstart.meters.matmul_peak import matmul_peak

    peak = matmul_peak(run.hardware.device(), run.precision, seconds=0.2)  # pyright: ignore[reportArgumentType]
    return SHARE_OF_PEAK * peak * devices, (
        f"a guess: {SHARE_OF_PEAK:.0%} of this machine's matmul peak in {run.precision}{on}"
    )


def _speed(path: Path, run: Run) -> float | None:
    """The FLOPs per second of a finished run; None if another machine, precision or number of devices did."""
    try:
        record = read_contents(path.parent)
        environment, cost = record["environment"], record["cost"]
        ran = environment["machine"], environment["precision"], environment.get("devices", 1)
        if ran != (machine(), run.precision, run.hardware.devices):
            return None
        return cost["flops"]["total"] / cost["seconds"]["total"]
    except (RecordError, KeyError, TypeError, ZeroDivisionError):
        return None
