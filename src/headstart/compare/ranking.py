"""Ranking: the arms of a condition by their mean score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headstart.compare import factors
from headstart.compare.pairs import scores_of
from headstart.compare.quantity import Quantity, Rows
from headstart.compare.ranges import of_score
from headstart.compare.statistics.bootstrap import student_interval
from headstart.metrics import orient
from headstart.records.record import Record

_TIE = 1e-12


def ranking(condition: str, records: Sequence[Record], verdicts: Rows) -> Rows:
    """The arms of one condition, best first; none for fewer than three that have a score.

    `verdicts` are the gains of the condition's comparisons: only differences from the baseline are tested.
    """
    metric = records[0].config["task"]["headline"]
    runs: dict[str, list[Record]] = {}
    for record in records:
        if record.finished and scores_of(record).get(metric) is not None:
            runs.setdefault(record.arm, []).append(record)
    scores = {arm: np.array([scores_of(r)[metric] for r in own], dtype=float) for arm, own in runs.items()}
    means = {arm: float(values.mean()) for arm, values in scores.items()}
    if len(means) < 3:
        return Rows()
    numbers: list[Quantity] = []
    for arm in sorted(means, key=lambda arm: (-orient(metric) * means[arm], arm)):
        here = Quantity("", condition=condition, arm=arm, metric=metric, n=len(scores[arm]))
        better = sum(orient(metric) * (mean - means[arm]) > _TIE for mean in means.values())
        gain = verdicts.first("gain", arm=arm, metric=metric)
        interval = of_score(student_interval(scores[arm], table=factors.table_of_runs(runs[arm])), metric)
        numbers += [
            here.named("rank", verdict=gain.verdict if gain else "").at(1 + better),  # equal means share one
            here.named("rank.score")
            .at(means[arm], interval)
            .because("Student's interval over runs: seeds, not test examples"),
        ]
    return Rows(numbers)
