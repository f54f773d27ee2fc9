"""Power: what a study can find, and how many more pairs it may need, compared with simulated studies.

`python -m pytest tests/compare/test_power.py -m slow -s` prints the lines. Measured:

- three pairs on 1,000 examples find a gain of 0.05 at seed sd 0.02 in 43.8 % (expected 45.9 %), of 0.1 in
  92.2 % (91.5 %)
- five pairs find 0.05 in 90.0 % (88.2 %); at seed sd 0.01, on clusters of 20, in 67.0 % (67.0 %)
- crossed pairs, all factors alike, find the gain that is told for four of five in 79.0 to 80.3 %, at 2 to 5
  pretrainings, 1 or 3 draws of the rows, 2 to 10 seeds
- of undecided studies of three pairs 59.9 % are decided after the first number of more pairs that is told,
  86.9 % after the second; of five pairs 68.4 % and 94.4 % (true gains of 0.3 to 2 sd of a pair)
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit
from tests.compare.simulated import arranged, effects, scores_of, simulate
from tests.factory import make_study

from headstart.compare.caveats import caveats
from headstart.compare.factors import Factor
from headstart.compare.planned import power_before
from headstart.compare.statistics.bootstrap import Spread, resampled_gains, spread, student_interval
from headstart.compare.statistics.power import (
    OFTEN,
    Design,
    Plan,
    assumed,
    detectable,
    may_stay_unseen,
    more_pairs,
    power,
)
from headstart.compare.study import compare

Cell = tuple[int, int, float, float, int]  # pairs, examples, seed sd, gain, size of a cluster
DEFAULT: Cell = (3, 1000, 0.02, 0.05, 1)
CELLS: tuple[Cell, ...] = (
    DEFAULT,
    (3, 1000, 0.02, 0.1, 1),
    (5, 1000, 0.02, 0.05, 1),
    (5, 400, 0.01, 0.05, 1),
    (10, 400, 0.01, 0.03, 1),
    (5, 1000, 0.01, 0.05, 20),
    (10, 1000, 0.02, 0.05, 5),
)

SHAPES = ((3, 1, 3), (3, 3, 3), (2, 1, 10), (2, 1, 2), (5, 1, 3), (3, 3, 10))  # pretrainings, draws, seeds

plans = st.builds(
    Plan, st.integers(2, 12), st.floats(1e-6, 1), st.floats(0, 1), st.none() | st.integers(20, 99)
)


def measured(rng: np.random.Generator, cell: Cell, number: int) -> tuple[Spread, float, int | None]:
    """A simulated study: its spread, the true gain, its groups."""
    pairs, examples, seed_sd, gain, cluster = cell
    answers, truth = simulate(rng, pairs, examples, seed_sd, gain=gain, cluster=cluster)
    scores = scores_of(answers, "accuracy")
    resampled = resampled_gains(answers, ["accuracy"], number, 500)["accuracy"]
    groups = None if answers.groups is None else answers.units
    found = spread(scores[1] - scores[0], resampled, number, groups=groups)
    assert found is not None
    return found, truth, groups


def share_found(cell: Cell, studies: int) -> tuple[float, float]:
    """How often a gain is found, and how often that is to be expected from the variances of these studies."""
    rng, found, parts = np.random.default_rng(1), 0, []
    truth, groups = 0.0, None
    for number in range(studies):
        one, truth, groups = measured(rng, cell, number)
        found += one.interval().low > 0
        parts.append([(one.seed_variance or 0) * one.units, one.pure_example_variance])
    pair_variance, example_variance = np.mean(parts, axis=0)
    return found / studies, power(Plan(cell[0], pair_variance, example_variance, groups), truth)


@given(plans, st.floats(0.001, 3), st.floats(1.01, 2))
@settings(max_examples=40)
def test_larger_gains_more_pairs_and_a_known_spread_are_found_more_often(plan, gain, factor):
    assert power(plan, gain) <= power(plan, gain * factor) + 1e-9
    assert power(plan, gain) == power(plan, -gain)
    found = detectable(plan)
    assert power(plan, found) == pytest.approx(OFTEN, abs=0.01)
    more = Plan(plan.pairs + 1, plan.pair_variance, plan.example_variance, plan.groups)
    assert detectable(more) <= found * (1 + 1e-6)
    assert detectable(Plan(*list(vars(plan).values())[:4], measured=True)) >= found


def test_a_gain_counts_as_found_as_often_as_a_t_test_finds_it():
    """Seeds alone, against scipy's noncentral t: an independent formula."""
    from scipy.stats import nct

    for pairs, gain in ((3, 2.0), (5, 1.0), (10, 0.5)):
        critical = stdtrit(pairs - 1, 0.975)
        expected = float(nct.sf(critical, pairs - 1, gain * np.sqrt(pairs)))
        assert power(Plan(pairs, 1.0), gain) == pytest.approx(expected, abs=0.01)


def test_no_spread_finds_everything_but_nothing():
    assert (power(Plan(3, 0.0), 0.1), power(Plan(3, 0.0), 0.0)) == (1.0, 0.0)


@pytest.mark.parametrize("pairs", [3, 5])
def test_four_of_five_repetitions_find_the_gain_that_a_study_says(pairs):
    rng, hits = np.random.default_rng(pairs), []
    for _ in range(250):
        first, second = rng.standard_normal((2, pairs))
        gain = detectable(Plan(pairs, float(first.var(ddof=1)), measured=True))
        width = stdtrit(pairs - 1, 0.975) * second.std(ddof=1) / np.sqrt(pairs)
        hits.append(second.mean() + gain > width)
    assert abs(np.mean(hits) - OFTEN) <= 0.09


def test_a_quick_look_at_the_power_of_the_default_study():
    found, expected = share_found(DEFAULT, 60)
    assert abs(found - expected) <= 0.2


@pytest.mark.slow
@pytest.mark.parametrize("cell", CELLS)
def test_power_is_that_of_simulated_studies(cell):
    found, expected = share_found(cell, 400)
    pairs, examples, seed_sd, gain, cluster = cell
    told = f"{pairs} pairs, {examples} examples, clusters of {cluster}, seed sd {seed_sd}"
    print(f"\n{told}: a gain of {gain} is found in {found:.1%}, expected {expected:.1%}")
    assert abs(found - expected) <= 0.07


def decided(pairs: int, gain: float, studies: int) -> tuple[float, float]:
    """The share of undecided studies, seeds alone of sd 1, that both numbers of more pairs decide."""
    rng, shares = np.random.default_rng([pairs, round(10 * gain)]), []

    def leaves_0_out(gains: np.ndarray) -> bool:
        error = gains.std(ddof=1) / np.sqrt(len(gains))
        return bool(abs(gains.mean()) > stdtrit(len(gains) - 1, 0.975) * error)

    while len(shares) < studies:
        gains = rng.normal(gain, 1, pairs)
        if leaves_0_out(gains):
            continue
        told = more_pairs(Plan(pairs, float(gains.var(ddof=1)), measured=True), float(gains.mean()), None)
        shares.append([leaves_0_out(np.append(gains, rng.normal(gain, 1, n or 1000))) for n in told])
    first, second = np.mean(shares, axis=0)
    return float(first), float(second)


@pytest.mark.slow
@pytest.mark.parametrize("pairs", [3, 5])
def test_more_pairs_decide_half_and_four_fifths_of_the_studies(pairs):
    """Over true gains of 0.3 to 2 sd of a pair: a study does not know which of them is its own."""
    shares = np.array([decided(pairs, gain, 250) for gain in (0.3, 0.5, 1.0, 2.0)])
    rows = ", ".join(f"{first:.0%} and {second:.0%}" for first, second in shares)
    first, second = shares.mean(axis=0)
    print(f"\n{pairs} pairs, undecided: {first:.1%} and {second:.1%} decided after both numbers ({rows})")
    assert first >= 0.5
    assert second >= OFTEN


def test_more_pairs_than_any_are_no_advice():
    assert more_pairs(Plan(3, 1.0, 4.0), 0.01, None) == (None, None)
    half, most = more_pairs(Plan(5, 1.0, measured=True), 0.8, None)
    assert half and most and 1 <= half < most
    assert more_pairs(Plan(5, 1.0, measured=True), 0.8, None) == (half, most)
    within, _ = more_pairs(Plan(3, 1e-6, measured=True), 0.0, margin=0.01)
    assert within == 1


@pytest.mark.parametrize(("pairs", "share"), [(3, 0.632), (5, 0.451), (10, 0.259)])
def test_what_may_stay_unseen(pairs, share):
    assert may_stay_unseen(pairs) == pytest.approx(share, abs=5e-4)
    assert (1 - may_stay_unseen(pairs)) ** pairs == pytest.approx(0.05)


def test_the_report_says_what_the_study_could_find(tmp_path):
    findings = compare(make_study(tmp_path, seeds=range(3), examples=200, evaluations=2))
    gain = findings.comparisons[0].gain
    (row,) = findings.rows.select("gain.detectable")
    assert gain and row.value == gain.detectable and row.metric == findings.headline
    (line,) = [line for line in caveats(findings) if line.startswith("4 of 5 studies")]
    assert f"find a gain of {row.value:.3f}" in line
    assert "(3 pairs, 200 test examples, its own spread)" in line
    assert "up to 63 % of all may not be among 3 pairs" in line


def test_one_pair_finds_nothing(tmp_path):
    findings = compare(make_study(tmp_path, seeds=[0], examples=60, evaluations=2))
    assert findings.rows.select("gain.detectable") == ()


def crossed(shape: tuple[int, int, int]) -> dict[Factor, list[int]]:
    """The levels of every pair: pretrainings x draws x seeds."""
    p, d, s = np.indices(shape).reshape(3, -1).tolist()
    return {"pretraining": p, "subset": d, "seed": s}


def seeds_alone(number: int) -> dict[Factor, list[int]]:
    return crossed((1, 1, number))


def found_in_tables(shape: tuple[int, int, int], studies: int) -> float:
    """How often simulated studies find the gain that is told to be found by four of five."""
    gain = detectable(Design(tuple(size for size in shape if size > 1), 1.0))
    spreads, table = dict.fromkeys("pds", 1.0), arranged(shape)
    values = gain + effects(np.random.default_rng(shape), shape, spreads, (studies,))
    found = [student_interval(each, table=table) for each in values]
    return float(np.mean([each is not None and each.low > 0 for each in found]))


def test_one_factor_is_the_plan_of_so_many_pairs():
    for gain in (0.5, 1.0, 3.0):
        plan, design = Plan(4, 1.0, 0.1, 30), Design((4,), 1.0, 0.1, 30)
        assert power(design, gain) == pytest.approx(power(plan, gain), abs=1e-12)


def test_a_quick_look_at_the_power_of_crossed_pairs():
    assert abs(found_in_tables((3, 1, 3), 400) - OFTEN) <= 0.06


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES)
def test_power_is_that_of_simulated_tables(shape):
    found = found_in_tables(shape, 4000)
    print(f"\n{' x '.join(map(str, shape))}: the gain is found in {found:.1%}")
    assert abs(found - OFTEN) <= 0.03


def test_seeds_that_share_pretrainings_are_no_pairs_of_their_own():
    told = power_before(crossed((2, 1, 10)), "accuracy", 1020, None)
    assert "with 20 pairs of 2 pretrainings and 10 seeds, 1,020 test examples find a gain of" in told
    assert "a spread of 0.02 between pretrainings and as much between seeds" in told
    alone, shared = (detectable(assumed(shape, 1020, None)) for shape in ((10,), (2, 10)))
    assert shared > 2 * alone and f"find a gain of {shared:.3f}" in told
    other = power_before(crossed((3, 1, 3)), "macro_f1", 1020, None)
    assert "standard deviations of a pair's gain between pretrainings and as much between seeds" in other
    tied: dict[Factor, list[int]] = {
        "pretraining": [0, 0, 1, 1],
        "subset": [0, 1, 0, 1],
        "seed": [0, 1, 0, 1],
    }
    assert "with 4 pairs of 2 pretrainings and 2 draws, " in power_before(tied, "accuracy", 1020, None)


def test_plan_says_what_the_study_can_find_and_what_it_takes_for_granted():
    told = power_before(seeds_alone(3), "accuracy", 1020, 618)
    expected = detectable(assumed((3,), 1020, 618))
    assert f"3 pairs, 1,020 test examples in 618 groups find a gain of {expected:.3f}" in told
    assert "assumed: a spread of 0.02 between seeds, 20 % of the test rows right in one arm alone" in told
    assert "a correlation of 0.3 within groups" in told
    assert "within groups" not in power_before(seeds_alone(3), "accuracy", 1020, None)
    assert "one pair cannot say" in power_before(seeds_alone(1), "accuracy", 1020, None)
    other = power_before(seeds_alone(3), "macro_f1", 1020, None)
    assert "find a gain of 3.264 standard deviations of a pair's gain between seeds" in other
