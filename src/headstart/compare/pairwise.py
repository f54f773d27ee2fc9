"""Pairwise: one arm against the baseline under one condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.compare.aligned_predictions import Answers, align
from headstart.compare.cost_to_target import targets
from headstart.compare.costs import RESOURCES, energy_method, energy_word, ratio, to_target
from headstart.compare.curves import curves
from headstart.compare.equal_budget import matchings
from headstart.compare.examples import class_gains, confusions, telling
from headstart.compare.findings import Comparison, Condition, Gain, Pair, Ratio, Resource
from headstart.compare.ledger import ledger
from headstart.compare.pairs import Match, Matching
from headstart.compare.remarks import remarks
from headstart.compare.statistics.bootstrap import resampled_gains, spread
from headstart.compare.tuning_parity import settings_of
from headstart.compare.values.trials import Tuning
from headstart.compare.verdicts import Evidence, judge
from headstart.metrics import is_proportion, metric_name, orient
from headstart.records.fingerprint import digest
from headstart.records.record import Record


@dataclass(frozen=True)
class Question:
    """What a study asks, as the configuration of its runs says it."""

    baseline: str
    headline: str
    metrics: tuple[str, ...]  # headline first
    margin: float
    task: str

    @classmethod
    def of(cls, record: Record) -> Question:
        """Read from one run; KeyError when its configuration has no such thing."""
        task, study = record.config["task"], record.config["study"]
        metrics = dict.fromkeys([task["headline"], *task["metrics"]])
        return cls(study["baseline"], task["headline"], tuple(metrics), float(study["margin"]), task["name"])


@dataclass(frozen=True)
class Compared:
    """A comparison, and what it was made of: what is said across comparisons needs both."""

    comparison: Comparison
    matches: tuple[Match, ...]
    answers: Answers | None  # None: predictions are missing, or differ in their examples


def compare_arm(
    condition: Condition, arm: str, matching: Matching, question: Question, tuning: Tuning | None
) -> Compared:
    """One arm against the baseline; its sentence is still to be written, since it reads all the rest."""
    matches = matching.matches
    answers, missing = align([pair.sides for pair in matches]) if matches else (None, None)
    ratios: dict[Resource, Ratio] = {resource: ratio(matches, resource) for resource in RESOURCES}
    only_arm, only_arm_count = telling(answers, 1) if answers else ((), 0)
    only_baseline, only_baseline_count = telling(answers, 0) if answers else ((), 0)
    goals = targets(matches, question.headline)
    tuned, told = settings_of(matches, condition.name, tuning)
    pairs = _pairs(matches, question.headline)
    comparison = Comparison(
        sentence="",
        condition=condition,
        baseline=question.baseline,
        arm=arm,
        task=condition.settings.get("task", question.task),
        headline=question.headline,
        pairs=pairs,
        gains=_gains(matches, answers, missing, question),
        ratios=ratios,
        arm_to_baseline=to_target(matches, question.headline, 1),
        baseline_to_arm=to_target(matches, question.headline, 0),
        curves=_curves(matches, question),
        classes=class_gains(answers) if answers else (),
        confusions=confusions(answers, (question.baseline, arm)) if answers else (),
        only_arm=only_arm,
        only_baseline=only_baseline,
        only_arm_count=only_arm_count,
        only_baseline_count=only_baseline_count,
        differences=matching.differences,
        survivors_only=matching.survivors_only,
        energy=energy_word(ratios["joules"], matches),
        excluded=matching.excluded,
        energy_method=energy_method(matches),
        ledger=ledger(matches, question.headline, tuning),
        nearer=answers is not None and answers.distance is not None,
        targets=goals,
        matchings=matchings(matches, question.headline, question.margin, goals),
        tuned=tuned,
        settings=told,
        remarks=remarks(matching, answers, np.array([pair.gain for pair in pairs]), question.margin),
    )
    return Compared(comparison, matches, answers)


def scores_of(record: Record) -> Mapping[str, float]:
    """The test scores of a run; empty when it has none."""
    return record.scores.test or {}


def _gains(
    matches: Sequence[Match], answers: Answers | None, missing: str | None, question: Question
) -> dict[str, Gain]:
    """The gain on every metric that all runs have; metrics that we cannot recompute get seeds only."""
    scored = [scores_of(record) for pair in matches for record in pair.sides]
    shown = [metric for metric in question.metrics if scored and all(metric in one for one in scored)]
    seed = int(digest([[r.run_id, r.arm] for pair in matches for r in pair.sides]), 16)
    ours = [metric for metric in shown if answers and answers.recomputes(metric)]
    resampled = resampled_gains(answers, ours, seed) if answers and ours else {}
    return {
        metric: judge(
            _evidence(metric, matches, answers, resampled.get(metric), missing, seed),
            question.margin if metric == question.headline else None,
        )
        for metric in shown
    }


def _evidence(
    metric: str,
    matches: Sequence[Match],
    answers: Answers | None,
    resampled: np.ndarray | None,
    missing: str | None,
    seed: int,
) -> Evidence:
    scores = np.array([[scores_of(pair.sides[side])[metric] for pair in matches] for side in (0, 1)])
    notes = [missing] if missing else []
    if answers is not None and not answers.recomputes(metric):
        notes.append(f"{metric_name(metric)} cannot be recomputed from the predictions")
    oriented = orient(metric) * (scores[1] - scores[0])
    return Evidence(
        metric=metric,
        scores=scores,
        spread=spread(oriented, resampled, seed),
        examples=len(answers.ids) if answers is not None and resampled is not None else None,
        identical=answers is not None and answers.identical,
        notes=tuple(notes),
        right=answers.right if answers is not None and is_proportion(metric) else None,
    )


def _pairs(matches: Sequence[Match], headline: str) -> tuple[Pair, ...]:
    """The pairs with their headline scores; none when a run lacks the headline."""
    return tuple(
        Pair(
            pair_id=pair.arm.pair_id,
            seed=pair.arm.seed,
            baseline_score=scores_of(pair.baseline)[headline],
            arm_score=scores_of(pair.arm)[headline],
            gain=orient(headline) * (scores_of(pair.arm)[headline] - scores_of(pair.baseline)[headline]),
            baseline_folder=pair.baseline.folder.name,
            arm_folder=pair.arm.folder.name,
            head=pair.arm.init.head[:8],
            order=pair.arm.data.order[:8],
        )
        for pair in matches
        if all(headline in scores_of(record) for record in pair.sides)
    )


def _curves(matches: Sequence[Match], question: Question) -> tuple[Any, ...]:
    metrics = (question.headline, "loss")
    sides = [[pair.sides[side] for pair in matches] for side in (0, 1)]
    return tuple(curve for side in sides if side for curve in curves(side, metrics))
