"""Tuning: the same number of trials for every arm, from one space; each arm then uses its best candidate.

Trials are runs of a sibling study, `<study>-tuning`, with their own seeds and validation scores only. The
report reads them. The runs that are compared have other seeds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.errors import ConfigError
from headstart.extras import install
from headstart.randomness import stream
from headstart.records.fingerprint import leaves
from headstart.run import Run
from headstart.studies.outcome import Outcome
from headstart.studies.overrides import parsed
from headstart.studies.sweep_points import SweepPoint, shared_settings
from headstart.study import Range, Tune

if TYPE_CHECKING:
    from headstart.studies.compose import StudyPlan

SUFFIX = "-tuning"  # of the sibling study's name
Candidate = dict[str, Any]  # dotted setting -> value


@dataclass
class Group:
    """One arm under one condition: its points of the study, and what its trials scored."""

    run: Run
    points: list[int]
    scores: list[tuple[Candidate, float]] = field(default_factory=list[tuple[Candidate, float]])


def trials_of(study: str) -> str:
    """The name of the sibling study that holds the trials."""
    return f"{study}{SUFFIX}"


def tuned(
    points: Sequence[SweepPoint],
    tune: Tune,
    choices: Mapping[str, Any],
    launch: Callable[[Sequence[SweepPoint]], list[Outcome]],
) -> list[SweepPoint]:
    """The points with the best settings of their arm's trials.

    `choices`: those of `choices_of`, as they were when the study was frozen; no yaml is read any more.
    `launch` trains one round of trials: a point per group, candidate and tuning seed.
    """
    as_trial: Candidate = {"study.name": trials_of(points[0].run.study.name), "study.trial": True}
    groups = groups_of([point.run for point in points])
    for candidates in _rounds(tune, groups):  # (groups, candidates)
        trials = [
            _changed(points[group.points[0]], {**candidate, "seed": seed, **as_trial}, choices)
            for group, chosen in zip(groups, candidates, strict=True)
            for candidate, seed in itertools.product(chosen, tune.seeds)
        ]
        outcomes = iter(launch(trials))
        for group, chosen in zip(groups, candidates, strict=True):
            for candidate in chosen:
                scores = [_score(group.run, tune, next(outcomes)) for _ in tune.seeds]
                group.scores.append((candidate, float(np.mean(scores))))
    winners = {i: _winner(group, tune) for group in groups for i in group.points}
    return [_changed(point, winners[i], choices) for i, point in enumerate(points)]


def choices_of(plan: StudyPlan) -> dict[str, Any]:
    """What the groups in the space of a tuned study choose: {"budget=long": its settings}.

    ConfigError where a setting follows a tuned one by a ${...}: trials get their own values alone.
    """
    tune = plan.points[0].run.study.tune
    if tune is None:
        return {}
    starts = [plan.points[group.points[0]] for group in groups_of([point.run for point in plan.points])]
    choices: dict[str, Any] = {}
    following: dict[str, None] = {}
    for name, values in tune.space.items():
        for value in [values.low] if isinstance(values, Range) else values:
            composed = plan.composer.points([_with(start, {name: value}) for start in starts])
            if "." not in name:
                choices[_override(name, value)] = composed[0].run.config()[name]
            for start, point in zip(starts, composed, strict=True):
                put = dict(leaves(_changed(start, {name: value}, choices).run.config()))
                paths = [path for path, there in leaves(point.run.config()) if put.get(path) != there]
                following |= {
                    f"{path}: follows {name}, which is tuned: write its value": None for path in paths
                }
    if following:
        raise ConfigError(following)
    return choices


def groups_of(runs: Sequence[Run]) -> list[Group]:
    """One group per arm and condition: runs that share everything but the seed."""
    groups: dict[tuple[str, str], Group] = {}
    for i, run in enumerate(runs):
        key = (shared_settings(run, "seed"), repr(run.arm))
        groups.setdefault(key, Group(run, [])).points.append(i)
    return list(groups.values())


def _rounds(tune: Tune, groups: Sequence[Group]) -> Iterator[list[list[Candidate]]]:
    """Candidates per group, round by round: all at once, or one per round when earlier scores guide."""
    if tune.sampler == "tpe":
        yield from _guided(tune, groups)
        return
    candidates = _grid(tune) if tune.sampler == "grid" else _random(tune)
    yield [candidates] * len(groups)


def _grid(tune: Tune) -> list[Candidate]:
    """Every combination; there must be as many as trials."""
    ranges = [name for name, values in tune.space.items() if isinstance(values, Range)]
    if ranges:
        raise ConfigError(f"study.tune.space.{ranges[0]}: a grid needs listed values; or sampler=random")
    combinations = list(itertools.product(*tune.space.values()))  # pyright: ignore[reportArgumentType]
    if len(combinations) != tune.trials:
        raise ConfigError(
            f"study.tune.trials={tune.trials}: the grid has {len(combinations)} points; set trials to that"
        )
    return [dict(zip(tune.space, values, strict=True)) for values in combinations]


def _random(tune: Tune) -> list[Candidate]:
    """Independent draws, the same for every arm: (trials,)."""
    rng = np.random.default_rng(stream(tune.sampler_seed, "trials"))

    def draw(values: Any) -> Any:
        if isinstance(values, Range):
            return values.at(float(rng.random()))
        return values[int(rng.integers(len(values)))]

    return [{name: draw(values) for name, values in tune.space.items()} for _ in range(tune.trials)]


def _guided(tune: Tune, groups: Sequence[Group]) -> Iterator[list[list[Candidate]]]:
    """Optuna's tree-structured Parzen estimator, one study per group, each with the same seed."""
    optuna = _optuna()
    spaces = {
        name: optuna.distributions.FloatDistribution(values.low, values.high, log=values.log)
        if isinstance(values, Range)
        else optuna.distributions.CategoricalDistribution(values)
        for name, values in tune.space.items()
    }
    studies = [
        optuna.create_study(
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=tune.sampler_seed, n_startup_trials=3),
        )
        for _ in groups
    ]
    for _ in range(tune.trials):
        trials = [study.ask(spaces) for study in studies]
        yield [
            [{k: float(f"{v:.4g}") if isinstance(v, float) else v for k, v in trial.params.items()}]
            for trial in trials
        ]
        for study, trial, group in zip(studies, trials, groups, strict=True):
            score = group.scores[-1][1]
            failed = not math.isfinite(score)
            study.tell(trial, None if failed else score, optuna.trial.TrialState.FAIL if failed else None)


def _optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError:
        raise ConfigError(
            f"study.tune.sampler=tpe needs optuna: {install('tune')}, or sampler=random"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _with(point: SweepPoint, settings: Candidate) -> list[str]:
    """The overrides of a point with these settings in place of its own."""
    overrides = [override for override in point.overrides if override.partition("=")[0] not in settings]
    return [*overrides, *(_override(name, value) for name, value in settings.items())]


def _override(name: str, value: Any) -> str:
    plain = str(value).lower() if isinstance(value, bool) else "null" if value is None else value
    return f"{name}={plain}"


def _changed(point: SweepPoint, settings: Candidate, choices: Mapping[str, Any]) -> SweepPoint:
    """The point with these settings in place of its own, put into its configuration."""
    config = point.run.config()
    for name, value in settings.items():
        text = _override(name, value)
        *groups, leaf = name.split(".")
        below = config
        for group in groups:
            below = below[group]
        below[leaf] = choices[text] if text in choices else parsed(text).value()
    return SweepPoint(tuple(_with(point, settings)), Run.read(config))


def _score(run: Run, tune: Tune, outcome: Outcome) -> float:
    """The validation score of a trial, larger is better; -inf when it failed or diverged."""
    from headstart.metrics import orient
    from headstart.records.store import read_record

    metric = tune.metric or run.task.headline
    if not outcome.well:
        return -math.inf
    validation = read_record(Path(outcome.folder)).scores.validation or {}
    if metric not in validation:
        raise ConfigError(
            f"study.tune.metric={metric}: the task scores {', '.join(validation)}; choose one of these"
        )
    return orient(metric) * validation[metric]


def _winner(group: Group, tune: Tune) -> Candidate:
    """The settings that scored best on validation; the first of equals."""
    candidate, score = max(group.scores, key=lambda scored: scored[1])
    if not math.isfinite(score):
        raise ConfigError(
            f"study.tune: none of the {tune.trials} trials of {group.run.arm.name} ended with a score; "
            f"widen study.tune.space"
        )
    return candidate
