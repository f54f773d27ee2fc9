"""Pairwise: one arm against the baseline under one condition, its gains first and then all the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.compare import factors, verdicts
from headstart.compare.aligned_predictions import FEWEST_GROUPS, Answers, align
from headstart.compare.conditions import Condition
from headstart.compare.pairs import Excluded, Match, Matching, Pair, match, scores_by_side, scores_of
from headstart.compare.quantity import Quantity
from headstart.compare.sentences import comparison as sentences
from headstart.compare.statistics.bootstrap import resampled_gains, spread
from headstart.compare.verdicts import Evidence, Gain
from headstart.errors import RecordError
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
    text: str = ""  # in words; "" where nobody wrote it down

    @classmethod
    def of(cls, record: Record) -> Question:
        """Read from one run; RecordError when its configuration has no such thing."""
        try:
            task, study = record.config["task"], record.config["study"]
            metrics = tuple(dict.fromkeys([task["headline"], *task["metrics"]]))
            margin = float(study["margin"])
            text = str(study.get("question") or "")
            return cls(study["baseline"], task["headline"], metrics, margin, task["name"], text)
        except KeyError as error:
            folder = record.folder
            raise RecordError(f"{folder.parent}: the config in {folder.name} has no {error}") from None


@dataclass(frozen=True)
class Compared:
    """The pairs of one arm under one condition, their predictions and their gains."""

    condition: Condition
    baseline: str
    arm: str
    headline: str
    task: str
    margin: float
    matching: Matching
    answers: Answers | None  # None: predictions are missing, or differ in their examples
    pairs: tuple[Pair, ...]
    gains: Mapping[str, Gain]  # by metric, headline first; empty when no pair is left

    @property
    def matches(self) -> tuple[Match, ...]:
        """The pairs that are compared."""
        return self.matching.matches

    @property
    def gain(self) -> Gain | None:
        """The gain on the headline metric."""
        return self.gains.get(self.headline)

    @property
    def here(self) -> Quantity:
        """The place of its rows: condition, arm, baseline, number of pairs and their run folders."""
        folders = [name for pair in self.pairs for name in (pair.baseline_folder, pair.arm_folder)]
        return Quantity(
            "", self.condition.name, self.arm, self.baseline, n=len(self.pairs), provenance=tuple(folders)
        )


Groups = Sequence[tuple[Condition, list[Record]]]
Compare = Callable[[Condition, str, Matching, Question], Compared]


def asked(records: Sequence[Record]) -> Question:
    """What the run that began first asked: it was named before any answer was known."""
    return Question.of(min(records, key=lambda r: (str(r.environment.started), r.folder.name)))


def compare_groups(
    groups: Groups, question: Question, compare: Compare | None = None
) -> tuple[list[Compared], list[Excluded]]:
    """Every arm against the baseline under every condition, and the runs that nothing is compared with.

    `compare` replaces compare_arm.
    """
    compared: list[Compared] = []
    excluded: list[Excluded] = []
    for condition, group in groups:
        own = Question.of(group[0])  # tasks may differ within a study, baseline and margin may not
        own = replace(own, baseline=question.baseline, margin=question.margin)
        baselines = [record for record in group if record.arm == own.baseline]
        arms = sorted({record.arm for record in group} - {own.baseline})
        if not baselines or not arms:
            other = "another arm" if baselines else f"the baseline {own.baseline}"
            where = f" ({condition.name})" if condition.name else ""
            reason = f"no run of {other} under the same settings and data{where}"
            excluded += [Excluded(r.folder.name, r.arm, r.seed, reason) for r in group]
            continue
        for arm in arms:
            runs = [record for record in group if record.arm == arm]
            compared.append((compare or compare_arm)(condition, arm, match(baselines, runs), own))
    return compared, excluded


def compare_arm(condition: Condition, arm: str, matching: Matching, question: Question) -> Compared:
    """The pairs and gains of one arm against the baseline."""
    matches = matching.matches
    answers, missing = align([pair.sides for pair in matches]) if matches else (None, None)
    return Compared(
        condition=condition,
        baseline=question.baseline,
        arm=arm,
        headline=question.headline,
        task=condition.settings.get("task", question.task),
        margin=question.margin,
        matching=matching,
        answers=answers,
        pairs=_pairs(matches, question.headline),
        gains=_gains(matches, answers, missing, question),
    )


def _gains(
    matches: Sequence[Match], answers: Answers | None, missing: str | None, question: Question
) -> dict[str, Gain]:
    """The gain on every metric that all runs have; metrics that we cannot recompute get seeds only."""
    scored = [scores_of(record) for pair in matches for record in pair.sides]
    shown = [metric for metric in question.metrics if scored and all(metric in each for each in scored)]
    ids: list[Any] = [[r.run_id, r.arm] for pair in matches for r in pair.sides]
    seed = int(digest(ids), 16)
    ours = [metric for metric in shown if answers and answers.resamples and answers.recomputes(metric)]
    groups = None if answers is None or answers.groups is None else answers.units
    right = answers and answers.right  # (2, pairs, units): of a whole group where examples belong together
    if answers is not None and right is not None:
        right = np.moveaxis(answers.by_group(np.moveaxis(right, -1, 0)), 0, -1)
    resampled = resampled_gains(answers, ours, seed) if answers and ours else {}
    table = factors.table([pair.sides for pair in matches])
    gains: dict[str, Gain] = {}
    for metric in shown:
        scores = scores_by_side(matches, metric)
        notes = [missing] if missing else []
        if answers is not None and not answers.resamples:
            notes.append(sentences.few_groups(len(answers.ids), answers.units, FEWEST_GROUPS))
        elif answers is not None and metric not in ours:
            notes.append(f"{metric_name(metric)} cannot be recomputed from the predictions")
        draws = resampled.get(metric)
        evidence = Evidence(
            metric=metric,
            scores=scores,
            spread=spread(orient(metric) * (scores[1] - scores[0]), draws, seed, groups=groups, table=table),
            examples=len(answers.ids) if answers is not None and draws is not None else None,
            groups=groups,
            table=table,
            identical=answers is not None and answers.identical,
            notes=tuple(notes),
            right=right if is_proportion(metric) else None,
        )
        gains[metric] = verdicts.evaluate(evidence, question.margin if metric == question.headline else None)
    return gains


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
            pretraining_seed=factors.of_pair(pair.sides)["pretraining"],
            draw=factors.draw(pair.arm),
        )
        for pair in matches
        if all(headline in scores_of(record) for record in pair.sides)
    )
