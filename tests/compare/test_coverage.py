"""Does a 95 % interval hold the truth 95 % of the time? Simulated studies with a planted gain of 0.05.

Per cent of the intervals on accuracy that hold the truth; 400 studies per cell (standard error 1.1), 1000
resamples. In brackets the percentile interval of the plain multi-bootstrap, 600 other studies of this kind.

| pairs | examples | seed sd 0   | seed sd 0.01 | seed sd 0.03 |
|-------|----------|-------------|--------------|--------------|
| 3     | 200      | 97.5 (99.3) | 96.8 (98.5)  | 97.5 (97.0)  |
| 3     | 1000     | 96.0 (98.7) | 97.0 (97.5)  | 94.8 (92.8)  |
| 5     | 200      | 96.8 (98.8) | 95.2 (98.5)  | 95.2 (97.2)  |
| 5     | 1000     | 97.2 (99.3) | 97.5 (98.3)  | 95.8 (95.5)  |
| 6     | 200      | 95.5 (99.3) | 96.2 (99.2)  | 96.2 (96.5)  |
| 6     | 1000     | 95.2 (99.0) | 95.5 (97.5)  | 94.8 (94.8)  |
| 10    | 200      | 94.2 (98.7) | 94.5 (98.5)  | 95.5 (98.2)  |
| 10    | 1000     | 92.0 (98.7) | 96.5 (98.2)  | 95.0 (94.8)  |

The lowest cell (92.0) gave 95.2 on 1200 other studies. The seed sd is that of the gain. The plain percentile
is too wide where seeds matter little (noise counted three times), too narrow where they matter and are few.

Examples in clusters with an intraclass correlation of 0.3, drawn as whole groups: 1,200
studies per number, of 400 and 1000 examples and all three seed sds. In brackets row by row: 200 studies, 1000
examples, seed sd 0.

| pairs | clusters of 5 | clusters of 20 |
|-------|---------------|----------------|
| 3     | 97.3 (95.5)   | 97.4 (93.0)    |
| 5     | 95.8 (94.0)   | 94.5 (90.0)    |
| 10    | 95.6 (88.5)   | 93.8 (79.5)    |
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from tests.compare.simulated import scores_of, simulate

from headstart.compare.statistics.bootstrap import resampled_gains, spread


def covered(
    pairs: int,
    examples: int,
    seed_sd: float,
    studies: int,
    resamples: int = 1000,
    cluster: int = 1,
    by_group: bool = True,
) -> float:
    """Share of simulated studies whose interval holds the planted gain."""
    cell = [pairs, examples, round(1000 * seed_sd), *([cluster] if cluster > 1 else [])]
    rng, hits = np.random.default_rng(cell), 0
    for study in range(studies):
        answers, truth = simulate(rng, pairs, examples, seed_sd, cluster=cluster)
        answers = answers if by_group else replace(answers, groups=None)
        scores = scores_of(answers, "accuracy")
        resampled = resampled_gains(answers, ["accuracy"], study, resamples)["accuracy"]
        groups = None if answers.groups is None else answers.units
        found = spread(scores[1] - scores[0], resampled, study, groups=groups)
        assert found is not None
        interval = found.interval()
        hits += interval.low <= truth <= interval.high
    return hits / studies


@pytest.mark.slow
@pytest.mark.parametrize("seed_sd", [0.0, 0.01, 0.03])
@pytest.mark.parametrize("examples", [200, 1000])
@pytest.mark.parametrize("pairs", [3, 5, 6, 10])
def test_a_95_percent_interval_holds_the_truth_about_95_percent_of_the_time(pairs, examples, seed_sd):
    # three standard errors of 400 studies below 95 %, and a little conservative is allowed
    assert 0.917 <= covered(pairs, examples, seed_sd, studies=400) <= 0.99


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [5, 20])
def test_intervals_over_examples_that_belong_together_hold_the_truth_95_percent_of_the_time(cluster):
    """Clusters with an intraclass correlation of 0.3, drawn as whole groups; and, beside it, row by row."""
    held, by_row = [], []
    for pairs, examples, seed_sd in itertools.product((3, 5, 10), (400, 1000), (0.0, 0.01, 0.03)):
        held.append(covered(pairs, examples, seed_sd, 200, cluster=cluster))
        if (examples, seed_sd) == (1000, 0.0):
            by_row.append(covered(pairs, examples, seed_sd, 200, cluster=cluster, by_group=False))
    of_pairs = np.reshape(held, (3, 6)).mean(axis=1)
    told = ", ".join(
        f"{share:.1%} ({pairs} pairs)" for share, pairs in zip(of_pairs, (3, 5, 10), strict=True)
    )
    rows = ", ".join(f"{share:.1%}" for share in by_row)
    print(f"\nclusters of {cluster}: coverage {np.mean(held):.1%}: {told}; row by row {rows}")
    assert abs(np.mean(held) - 0.95) <= 0.015
    assert (abs(of_pairs - 0.95) <= 0.03).all()
    assert by_row[-1] < 0.9


def test_a_quick_look_at_coverage_with_three_pairs():
    assert covered(3, 200, 0.01, studies=60, resamples=300) >= 0.88


def test_a_quick_look_at_coverage_with_groups():
    """With ten pairs, clusters of 20 that are taken row by row are far from 95 %."""
    assert covered(10, 400, 0.0, 60, 300, cluster=20) >= 0.88
    assert covered(10, 400, 0.0, 60, 300, cluster=20, by_group=False) <= 0.85
