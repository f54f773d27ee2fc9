"""Tuning: the trials beside a study, what they chose and what they cost, and whether the arms were equal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compare.quantity import Quantity, Rows
from headstart.compare.sentences import tuning as sentences
from headstart.compare.settings import own_settings, word
from headstart.compare.settings import told as words
from headstart.compare.statistics.expected_best import expected, order_band, sure_band
from headstart.compare.totals import Total, total
from headstart.compare.trusted import read_trusted
from headstart.errors import RecordError
from headstart.metrics import orient
from headstart.records.fingerprint import as_mapping
from headstart.records.record import Record
from headstart.records.store import StoredStudy

SPENT = ("seconds", "joules_measured", "joules_estimated")  # beside FLOPs
SUFFIX = "-tuning"  # of the sibling folder, and of the study that its records name


@dataclass(frozen=True)
class Trial:
    """One candidate of one arm under one condition: its settings and its mean score over the tuning seeds."""

    arm: str
    condition: str
    settings: Mapping[str, str]  # {"optim.lr": "0.001"}: what was tuned
    runs: int  # one per tuning seed
    score: float | None  # None: a run of it diverged, failed or has no such score
    flops: float  # all phases of its runs, summed
    chosen: bool  # the arm's runs of the study use these settings


@dataclass(frozen=True)
class TuningCost:
    """What the trials of one arm consumed, beside what its runs of the study did; all phases."""

    arm: str
    total: Total
    study: Total  # the arm's runs that are compared
    times: float | None  # FLOPs of the trials over FLOPs of the study's runs


@dataclass(frozen=True)
class Tuning:
    """How a study tuned its arms: the trials, the winners, what they cost, and whether it was fair."""

    metric: str
    sampler: str  # "grid", "random", "tpe"
    space: Mapping[str, str]  # {"optim.lr": "0.0001, 0.001"}
    seeds: tuple[int, ...]  # of the trials
    equal: bool  # every arm had the same number of trials under every condition
    same_candidates: bool  # and tried the same settings (never so with sampler "tpe")
    counts: Mapping[str, int]  # trials per arm, the smallest number of any condition
    trials: tuple[Trial, ...]
    best: Rows  # the best score to expect of the first n trials, per arm and condition
    costs: tuple[TuningCost, ...]  # per arm, the baseline first
    total: Total  # all trials, also diverged ones and those of an earlier space
    notes: tuple[str, ...]

    @property
    def winners(self) -> tuple[Trial, ...]:
        """The trial that each arm went on with, per condition."""
        return tuple(trial for trial in self.trials if trial.chosen)

    @property
    def sentence(self) -> str:
        """How many trials, of what, and what they cost against the study's runs."""
        own = sum(cost.study.flops for cost in self.costs)
        times = self.total.flops / own if own else None
        return sentences.tuning(self.counts, list(self.space), self.equal, times)


def rows(tuning: Tuning) -> Rows:
    """Trials per arm, the winners, the expected best of the first n trials, and what all that cost."""

    def bound(spent: Total) -> str:
        return "lower bound" if spent.flops_lower_bound else ""

    numbers = [
        Quantity("", arm=arm).named("tuning.trials", note=tuning.sentence).at(count)
        for arm, count in tuning.counts.items()
    ]
    arms = [cost.arm for cost in tuning.costs]
    conditions = [trial.condition for trial in tuning.trials]
    for winner in sorted(tuning.winners, key=lambda t: (conditions.index(t.condition), arms.index(t.arm))):
        template = Quantity("", winner.condition, winner.arm, metric=tuning.metric)
        row = template.named("tuning.winner", note=words(winner.settings), n=winner.runs)
        own = [t.score for t in tuning.trials if (t.arm, t.condition) == (winner.arm, winner.condition)]
        scores = [score for score in own if score is not None]
        note = "" if scores else "no trial has a score"
        spread = template.named("tuning.scores", n=len(own), note=note)
        numbers += [
            row.at(winner.score),
            spread.between(min(scores, default=None), max(scores, default=None)),
            template.named("tuning.without_score").at(len(own) - len(scores)),
        ]
    numbers += tuning.best
    for cost in tuning.costs:
        template = Quantity("", arm=cost.arm, n=cost.total.runs)
        flops = template.named("tuning.study_flops", n=cost.study.runs, verdict=bound(cost.study))
        ratio = template.named("tuning.flops_ratio").at(cost.times)
        numbers += [
            template.named("tuning.flops", verdict=bound(cost.total)).at(cost.total.flops),
            *(template.named(f"tuning.{part}").at(getattr(cost.total, part)) for part in SPENT),
            flops.at(cost.study.flops),
            ratio.because("FLOPs of the trials over those of the arm's runs of the study"),
        ]
    return Rows(numbers)


def stored_trials(folder: Path, runs: Sequence[Record]) -> StoredStudy | None:
    """The trials beside the folder of the study of these runs; None when there are none."""
    study = runs[0].study
    resolved = folder.resolve()
    for name in dict.fromkeys((resolved.name, study)):
        sibling = resolved.parent / f"{name}{SUFFIX}"
        with suppress(RecordError):
            stored = read_trusted(sibling, beside=runs) if sibling.is_dir() else None
            if stored and any(record.study == f"{study}{SUFFIX}" for record in stored.records):
                return stored
    return None


def tuning(
    trials: Sequence[Record],
    runs: Sequence[Record],
    every: Sequence[Record],
    names: Mapping[str, str],
    baseline: str,
) -> Tuning | None:
    """What the trials say; None when there are none, or the study's runs were not tuned.

    `runs` are those that the study compares, `every` also those that a newer one replaced, for the costs;
    `names` has the name of every condition by its id. Trials from another space than that of the runs are a
    cost and nothing else.
    """
    tune = tune_of(runs[0])
    if not trials or tune is None:
        return None
    kept = [
        record
        for record in trials
        if (tune_of(record) or {}).get("space") == tune["space"] and record.condition_id in names
    ]
    metric, sampler = str(tune.get("metric") or runs[0].config["task"]["headline"]), str(tune.get("sampler"))
    candidates = _trials(kept, runs, names, metric)
    arms = sorted({record.arm for record in runs}, key=lambda arm: (arm != baseline, arm))
    tried = {arm: [each for each in candidates if each.arm == arm] for arm in arms}
    counted: dict[str, list[tuple[int, int]]] = {}  # candidates and their runs, condition by condition
    for arm, own in tried.items():
        runs_of = [[each.runs for each in own if each.condition == name] for name in names.values()]
        counted[arm] = [(len(numbers), sum(numbers)) for numbers in runs_of]
    settings = {repr(sorted((t.condition, repr(t.settings)) for t in own)) for own in tried.values()}
    costs: list[TuningCost] = []
    for arm in arms:
        spent, own = (total([record for record in group if record.arm == arm]) for group in (trials, every))
        costs.append(TuningCost(arm, spent, own, spent.flops / own.flops if own.flops else None))
    strays = len(trials) - len(kept)
    return Tuning(
        metric=metric,
        sampler=sampler,
        space={name: _range(values) for name, values in tune["space"].items()},
        seeds=tuple(sorted({record.seed for record in kept})),
        equal=len({repr(counts) for counts in counted.values()}) == 1,
        same_candidates=len(settings) == 1,
        counts={arm: min(number for number, _ in counts) for arm, counts in counted.items()},
        trials=tuple(candidates),
        best=Rows(_expected_best(candidates, sampler, metric)),
        costs=tuple(costs),
        total=total(trials),
        notes=(*_notes(candidates, metric), *([sentences.strays(strays)] if strays else [])),
    )


def tune_of(record: Record) -> Mapping[str, Any] | None:
    """What the study of this run tunes; None for nothing."""
    tune = as_mapping(record.config["study"].get("tune"))  # absent from records of earlier versions
    return tune if isinstance(tune.get("space"), Mapping) else None


def _trials(
    kept: Sequence[Record], runs: Sequence[Record], names: Mapping[str, str], metric: str
) -> list[Trial]:
    """One trial per arm, condition and candidate, in the order of their conditions, arms and settings."""
    groups: dict[tuple[str, str, str], list[Record]] = defaultdict(list)
    for record in kept:
        groups[record.condition_id, record.arm, repr(own_settings(record))].append(record)
    used = {(record.condition_id, record.arm, repr(own_settings(record))) for record in runs}
    position = {condition: number for number, condition in enumerate(names)}
    order = sorted(groups, key=lambda key: (position[key[0]], *key[1:]))
    return [_trial(groups[key], names[key[0]], metric, key in used) for key in order]


def _trial(members: Sequence[Record], condition: str, metric: str, chosen: bool) -> Trial:
    scores = [(record.scores.validation or {}).get(metric) for record in members]
    well = all(record.status == "finished" for record in members) and None not in scores
    return Trial(
        arm=members[0].arm,
        condition=condition,
        settings=own_settings(members[0]),
        runs=len(members),
        score=float(np.mean([score for score in scores if score is not None])) if well else None,
        flops=float(sum(record.cost.flops.total for record in members)),
        chosen=chosen,
    )


def _expected_best(every: Sequence[Trial], sampler: str, metric: str) -> Iterator[Quantity]:
    """The best validation score to expect of the first n trials, against n (Dodge et al. 2019).

    The mean over every choice of n of the trials, without replacement; `tuning.orders.n` holds the best of
    such a choice in 95 of 100: the luck of the order. The interval is about trials that were never run:
    exact, of the median best of n new random trials. Its ends are None where as few trials cannot bound
    them, and everywhere unless the trials were drawn at random. Trials without a score are drawn at the
    worst seen.
    """
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in every:
        groups[trial.arm, trial.condition].append(trial)
    sign, random = orient(metric), sampler == "random"
    for (arm, condition), trials in groups.items():
        known = [sign * trial.score for trial in trials if trial.score is not None]
        if not known:
            continue
        number = len(trials)
        scores = [*known, *[min(known)] * (number - len(known))]
        best, orders = expected(scores), order_band(scores)
        bands = sure_band(scores) if random else ([None] * number, [None] * number)
        low, high = ([None if end is None else float(sign * end) for end in ends] for ends in bands)
        if sign < 0:  # lower is better: the ends change places
            low, high = high, low
        flops = float(np.mean([trial.flops for trial in trials]))
        template = Quantity("", condition, arm, metric=metric)
        covers = sentences.ORDERS + (sentences.SURE if random else sentences.NOT_RANDOM)
        for i in range(number):
            at = replace(template, n=i + 1)
            row = at.named(f"tuning.expected_best.{i + 1}", note=covers).at(float(sign * best[i]))
            level = None if low[i] is None and high[i] is None else 0.95
            yield replace(row, low=low[i], high=high[i], level=level)
            span = [float(sign * end[i]) for end in orders]
            yield at.named(f"tuning.orders.{i + 1}").between(min(span), max(span))
            yield at.named(f"tuning.spent.{i + 1}").at((i + 1) * flops)


def _notes(trials: Sequence[Trial], metric: str) -> Iterator[str]:
    """Arms whose runs do not use the settings that scored best."""
    sign = orient(metric)
    for chosen in (trial for trial in trials if trial.chosen and trial.score is not None):
        own = [t for t in trials if (t.arm, t.condition) == (chosen.arm, chosen.condition)]
        best = max((t for t in own if t.score is not None), key=lambda t: sign * (t.score or 0.0))
        if sign * ((best.score or 0.0) - (chosen.score or 0.0)) > 1e-12:
            used, better = (words(trial.settings) for trial in (chosen, best))
            yield sentences.not_the_best(chosen.arm, chosen.condition, used, better)


def _range(values: Any) -> str:
    """'0.0001, 0.001', or '1e-05 to 0.01, log'."""
    if ends := as_mapping(values):
        return f"{ends['low']:g} to {ends['high']:g}" + (", log" if ends.get("log") else "")
    return ", ".join(map(word, values))
