"""compare: from the folder of a study to everything it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compare.answers import Answers, align, disagreement
from headstart.compare.bootstrap import resampled_gains, spread
from headstart.compare.conditions import conditions
from headstart.compare.costs import QUANTITIES, energy_method, energy_word, ratio, to_target
from headstart.compare.curves import curves
from headstart.compare.examples import class_gains, confusions, telling
from headstart.compare.findings import (
    ArmSummary,
    Comparison,
    Condition,
    Excluded,
    Findings,
    Gain,
    Pair,
    Quantity,
    Ratio,
)
from headstart.compare.ledger import ledger
from headstart.compare.pairs import Match, Matching, match, newest
from headstart.compare.scoring import higher_is_better, orient
from headstart.compare.summaries import arm_summary, attestation, environments, total
from headstart.compare.usage import trained
from headstart.compare.verdicts import Evidence, judge, sentence
from headstart.node import RecordError
from headstart.records.fingerprint import digest
from headstart.records.record import Record
from headstart.records.store import read_study


@dataclass(frozen=True)
class Question:
    """What the study asks, as its configuration says it."""

    baseline: str
    headline: str
    metrics: tuple[str, ...]  # headline first
    margin: float
    task: str


def compare(folder: Path) -> Findings:
    """Read a study and answer it. RecordError when the folder cannot be read or holds no run to speak of."""
    stored = read_study(folder)
    if not stored.records:
        why = f": {stored.problems[0].sentence}" if stored.problems else "; name the folder of a study"
        raise RecordError(f"{folder}: holds no finished run that can be read{why}")
    records, excluded = newest(stored.records)
    try:
        question = _question(records)
    except KeyError as error:
        raise RecordError(f"{folder}: the config in {records[0].folder.name} has no {error}") from None
    comparisons: list[Comparison] = []
    for condition, group in conditions(records):
        comparisons += _compare_arms(condition, group, question)
        excluded += _without_partner(condition, group, question.baseline)
    problems = tuple(problem.sentence for problem in stored.problems)
    return _findings(stored.records, records, question, comparisons, excluded, problems)


def _question(records: Sequence[Record]) -> Question:
    """Read from the first run: all runs of a study share what it asks."""
    task, study = records[0].config["task"], records[0].config["study"]
    headline = task["headline"]
    metrics = dict.fromkeys([headline, *task["metrics"]])
    return Question(study["baseline"], headline, tuple(metrics), float(study["margin"]), task["name"])


def _without_partner(condition: Condition, records: Sequence[Record], baseline: str) -> list[Excluded]:
    """Runs of a condition that has no baseline, or nothing else."""
    arms = {record.arm for record in records}
    if baseline in arms and len(arms) > 1:
        return []
    other = "another arm" if baseline in arms else f"the baseline {baseline}"
    where = f" ({condition.name})" if condition.name else ""
    reason = f"no run of {other} under the same settings and data{where}"
    return [Excluded(record.folder.name, record.arm, record.seed, reason) for record in records]


def _compare_arms(condition: Condition, records: Sequence[Record], question: Question) -> list[Comparison]:
    """Every arm of one condition against the baseline; none when the baseline did not run."""
    baselines = [record for record in records if record.arm == question.baseline]
    arms = sorted({record.arm for record in records} - {question.baseline})
    if not baselines:
        return []
    return [
        _compare_arm(condition, arm, match(baselines, [r for r in records if r.arm == arm]), question)
        for arm in arms
    ]


def _compare_arm(condition: Condition, arm: str, matching: Matching, question: Question) -> Comparison:
    """One arm against the baseline, with the sentence last, since it reads the rest."""
    matches = matching.matches
    answers, missing = align([pair.sides for pair in matches]) if matches else (None, None)
    gains = _gains(matches, answers, missing, question)
    ratios: dict[Quantity, Ratio] = {quantity: ratio(matches, quantity) for quantity in QUANTITIES}
    only_arm, only_arm_count = telling(answers, 1) if answers else ((), 0)
    only_baseline, only_baseline_count = telling(answers, 0) if answers else ((), 0)
    comparison = Comparison(
        sentence="",
        condition=condition,
        baseline=question.baseline,
        arm=arm,
        task=condition.settings.get("task", question.task),
        headline=question.headline,
        pairs=_pairs(matches, question.headline),
        gains=gains,
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
        ledger=ledger(matches, question.headline),
        nearer=answers is not None and answers.distance is not None,
    )
    return replace(comparison, sentence=sentence(comparison))


def _gains(
    matches: Sequence[Match], answers: Answers | None, missing: str | None, question: Question
) -> dict[str, Gain]:
    """The gain on every metric that all runs have; metrics that we cannot recompute get seeds only."""
    shown = [m for m in question.metrics if matches and all(m in _test(r) for p in matches for r in p.sides)]
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
    scores = np.array([[_test(pair.sides[side])[metric] for pair in matches] for side in (0, 1)])
    notes = [missing] if missing else []
    if answers is not None:
        doubt = disagreement(answers, metric, scores)
        notes += [doubt] if doubt else []
        if not answers.recomputes(metric):
            notes.append(f"{metric} cannot be recomputed from the predictions")
    oriented = orient(metric) * (scores[1] - scores[0])
    return Evidence(
        metric=metric,
        scores=scores,
        spread=spread(oriented, resampled, seed),
        examples=len(answers.ids) if answers is not None and resampled is not None else None,
        identical=answers is not None and answers.identical,
        notes=tuple(notes),
    )


def _pairs(matches: Sequence[Match], headline: str) -> tuple[Pair, ...]:
    """The pairs with their headline scores; none when a run lacks the headline."""
    return tuple(
        Pair(
            pair_id=pair.arm.pair_id,
            seed=pair.arm.seed,
            baseline_score=_test(pair.baseline)[headline],
            arm_score=_test(pair.arm)[headline],
            gain=orient(headline) * (_test(pair.arm)[headline] - _test(pair.baseline)[headline]),
            baseline_folder=pair.baseline.folder.name,
            arm_folder=pair.arm.folder.name,
            head=pair.arm.init["head"][:8],
            order=pair.arm.data["order"][:8],
        )
        for pair in matches
        if all(headline in _test(record) for record in pair.sides)
    )


def _curves(matches: Sequence[Match], question: Question) -> tuple[Any, ...]:
    metrics = (question.headline, "loss")
    sides = [[pair.sides[side] for pair in matches] for side in (0, 1)]
    return tuple(curve for side in sides if side for curve in curves(side, metrics))


def _findings(
    every: Sequence[Record],
    records: Sequence[Record],
    question: Question,
    comparisons: Sequence[Comparison],
    excluded: Sequence[Excluded],
    problems: tuple[str, ...],
) -> Findings:
    first = next((r for r in records if r.arm == question.baseline), records[0])
    study = first.config["study"]
    return Findings(
        study=first.study,
        question=str(study.get("question") or ""),
        scale=str(study.get("scale") or ""),
        baseline=question.baseline,
        headline=question.headline,
        higher_is_better=higher_is_better(question.headline),
        margin=question.margin,
        task=question.task,
        model=str(first.config["model"]["name"]),
        sentence=comparisons[0].sentence if comparisons else _no_comparison(records, question),
        comparisons=tuple(comparisons),
        arms=_arms(records, question),
        attestations=tuple(
            attestation(arm, [r for r in records if r.arm == arm])
            for arm in _in_order({r.arm for r in records}, question.baseline)
        ),
        excluded=_every_exclusion(excluded, comparisons),
        problems=problems,
        notes=_notes(records, comparisons),
        data=first.data,
        environments=environments(every),
        total=total(every),
        config=first.config,
        command=first.argv,
        fingerprint=digest(sorted([r.run_id, r.arm, r.status] for r in records)),
        order=trained(every, {id(r): c.name for c, group in conditions(records) for r in group}),
    )


def _arms(records: Sequence[Record], question: Question) -> tuple[ArmSummary, ...]:
    return tuple(
        arm_summary(
            condition.name, arm, [r for r in group if r.arm == arm], question.baseline, question.headline
        )
        for condition, group in conditions(records)
        for arm in _in_order({record.arm for record in group}, question.baseline)
    )


def _in_order(arms: set[str], baseline: str) -> list[str]:
    """The baseline first, then the alphabet."""
    return sorted(arms, key=lambda arm: (arm != baseline, arm))


def _every_exclusion(excluded: Sequence[Excluded], comparisons: Sequence[Comparison]) -> tuple[Excluded, ...]:
    """Each exclusion once: a baseline run without a partner is missing in several comparisons."""
    return tuple(dict.fromkeys([*excluded, *(e for one in comparisons for e in one.excluded)]))


def _no_comparison(records: Sequence[Record], question: Question) -> str:
    arms = ", ".join(sorted({record.arm for record in records}))
    if arms == question.baseline:
        return f"Nothing to compare: the only arm is {arms}."
    return f"Nothing to compare: no run of the baseline {question.baseline}; arms with runs: {arms}."


def _notes(records: Sequence[Record], comparisons: Sequence[Comparison]) -> tuple[str, ...]:
    """What a reader should know about the study as a whole."""
    notes = []
    asked = {_question([record]) for record in records}
    if len({(one.baseline, one.margin) for one in asked}) > 1:
        notes.append("The runs name different baselines or margins; those of the first run are used.")
    machines = {record.environment["machine"] for record in records}
    if len(machines) > 1:
        notes.append(f"The runs come from {len(machines)} machines.")
    if any(record.environment["code"]["dirty"] for record in records):
        notes.append("Some runs used code with changes that were not committed.")
    if any(one.survivors_only for one in comparisons):
        notes.append("Means are over survivors only: some runs did not finish.")
    return tuple(notes)


def _test(record: Record) -> Mapping[str, float]:
    return record.scores["test"] or {}
