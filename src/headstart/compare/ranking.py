"""Ranking: the arms of a condition by their mean score, and how sure their lead over the baseline is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.compare.findings import Comparison, Condition
from headstart.compare.pairwise import scores_of
from headstart.compare.ranges import of_score
from headstart.compare.statistics.bootstrap import student_interval
from headstart.compare.values.claims import Rank, Ranking
from headstart.metrics import higher_is_better, orient
from headstart.records.record import Record

_TIE = 1e-12


def ranking(
    condition: Condition, records: Sequence[Record], comparisons: Sequence[Comparison], baseline: str
) -> Ranking | None:
    """The arms of one condition, best first; None for fewer than three that have a score."""
    metric = records[0].config["task"]["headline"]
    scores = {arm: _scores(records, arm, metric) for arm in {record.arm for record in records}}
    means = {arm: float(values.mean()) for arm, values in scores.items() if len(values)}
    if len(means) < 3:
        return None
    own = {one.arm: one for one in comparisons if one.condition.id == condition.id}
    order = sorted(means, key=lambda arm: (-orient(metric) * means[arm], arm))
    ranks = tuple(
        _rank(_place(arm, means, metric), arm, metric, scores[arm], own.get(arm), arm == baseline)
        for arm in order
    )
    return Ranking(condition.name, metric, higher_is_better(metric), ranks)


def _scores(records: Sequence[Record], arm: str, metric: str) -> np.ndarray:
    found = [scores_of(record).get(metric) for record in records if record.arm == arm and record.finished]
    return np.array([score for score in found if score is not None], dtype=float)


def _place(arm: str, means: dict[str, float], metric: str) -> int:
    """1 + the number of arms that are better; equal means share a place."""
    return 1 + sum(orient(metric) * (mean - means[arm]) > _TIE for mean in means.values())


def _rank(
    place: int, arm: str, metric: str, scores: np.ndarray, found: Comparison | None, is_baseline: bool
) -> Rank:
    gain = found.gain if found else None
    corrected = found.corrected if found else None
    return Rank(
        place=place,
        arm=arm,
        is_baseline=is_baseline,
        runs=len(scores),
        score=float(scores.mean()),
        interval=of_score(student_interval(scores), metric),
        gain=gain.gain if gain else None,
        gain_interval=gain.interval if gain else None,
        word=gain.word if gain else "",
        p=corrected.p if corrected else None,
        corrected=corrected.corrected if corrected else None,
        survives=corrected.survives if corrected else None,
    )
