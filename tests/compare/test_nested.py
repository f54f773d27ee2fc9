"""Does a 95 % interval hold the truth where pretrainings, draws of the rows and seeds are crossed?

Per cent of the intervals that hold the truth; 5,000 simulated tables per cell (standard error 0.3), no test
examples. In brackets their mean width as a multiple of the interval of who knows the variance.

| spread due to    | 3 x 3 x 3  | 3 x 1 x 3  | 5 x 3 x 3  |
|------------------|------------|------------|------------|
| pretraining      | 95.3 (2.0) | 93.8 (1.9) | 95.0 (1.3) |
| seed             | 95.1 (2.0) | 95.2 (1.9) | 95.0 (2.0) |
| equal            | 96.5 (1.4) | 96.8 (1.6) | 96.1 (1.3) |
| equal, with rest | 95.6 (1.4) | 96.1 (1.5) | 96.0 (1.3) |
| rest             | 97.8 (1.8) | 97.5 (2.0) | 98.0 (1.6) |
| all              | 95.5 (1.4) | 95.4 (1.6) | 94.9 (1.3) |

The sizes are pretrainings x draws x seeds. What three levels cannot give is a narrow interval: where one
factor makes all of the spread there are two degrees of freedom, and it is twice as wide as the known one.
Where the spread is mostly that of single runs it is too wide, since that is hard to know from the levels.

With 400 test examples, alone or in 40 groups of 10, 1,000 studies per cell:

| spread due to    | 3 x 3 x 3   | 3 x 1 x 3   | 5 x 3 x 3   |
|------------------|-------------|-------------|-------------|
| pretraining      | 96.7, 96.3  | 96.8, 96.3  | 94.5, 95.0  |
| seed             | 95.0, 95.5  | 96.7, 96.1  | 96.0, 95.2  |
| equal            | 97.2, 96.6  | 96.7, 96.4  | 96.7, 96.0  |
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from tests.compare.simulated import FACTORS, arranged, effects, study
from tests.factory import make_study

from headstart.compare.caveats import caveats
from headstart.compare.sentences import sizes
from headstart.compare.statistics.bootstrap import spread, student_interval
from headstart.compare.statistics.crossed import Table, mean_squares, mean_variance, unbiased
from headstart.compare.study import compare
from headstart.reports.sections import variance

# Standard deviations by factor, or by factors that act together; measured: .0095 between pretrainings of one
# recipe against .0002 between seeds of what follows, in bits per byte.
SPREADS: dict[str, dict[str, float]] = {
    "pretraining": {"p": 0.0095, "s": 0.0002, "ps": 0.0002, "pds": 0.0002},
    "seed": {"p": 0.0002, "s": 0.0095, "ps": 0.0002, "pds": 0.0002},
    "equal": {"p": 0.005, "d": 0.005, "s": 0.005},
    "equal, with rest": {"p": 0.005, "d": 0.005, "s": 0.005, "ps": 0.003, "pds": 0.005},
    "rest": {"ps": 0.003, "pds": 0.005},
    "all": dict.fromkeys(("p", "d", "s", "pd", "ps", "ds", "pds"), 0.005),
}
SHAPES = ((3, 3, 3), (3, 1, 3), (5, 3, 3))


def known(shape: tuple[int, ...], spreads: Mapping[str, float]) -> float:
    """The standard error of the mean."""
    sizes = {name: size for name, size in zip("pds", shape, strict=True) if size > 1}
    variances = [
        sd**2 / np.prod([sizes[name] for name in of]) for of, sd in spreads.items() if {*of} <= {*sizes}
    ]
    return float(np.sqrt(sum(variances)))


def covered(shape: tuple[int, ...], spreads: Mapping[str, float], studies: int) -> tuple[float, float]:
    """The share of intervals that hold the truth, 0, and their width relative to the known one."""
    table = arranged(shape)
    values = effects(np.random.default_rng([*shape, len(spreads)]), shape, spreads, (studies,))
    found = [student_interval(each, table=table) for each in values]
    held = [each.low <= 0 <= each.high for each in found if each]
    width = np.mean([each.high - each.low for each in found if each])
    return float(np.mean(held)), float(width / (2 * 1.96 * known(shape, spreads)))


def simulated(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    spreads: Mapping[str, float],
    groups: int,
    cluster: int,
    resamples: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Gains of a study on test examples, in groups of this size, and on resamples of the groups.

    Of the variance of an example's gain, half is shared by all runs; the rest goes with single factors and
    runs. Three tenths of each part are shared within a group.
    """
    parts = {"": 0.2, "p": 0.1, "s": 0.1, "pds": 0.12}
    answers = np.zeros((groups, cluster, int(np.prod(shape))))
    for of, sd in parts.items():
        own = {of: sd} if of else {}
        wide = effects(rng, shape, {of: sd * np.sqrt(0.3)}, (groups, 1)) if own else 0.0
        single = effects(rng, shape, {of: sd * np.sqrt(0.7)}, (groups, cluster)) if own else 0.0
        if not of:
            wide = sd * np.sqrt(0.3) * rng.standard_normal((groups, 1, 1))
            single = sd * np.sqrt(0.7) * rng.standard_normal((groups, cluster, 1))
        answers = answers + wide + single
    by_group = answers.mean(axis=1) + effects(rng, shape, spreads)
    weights = rng.multinomial(groups, [1 / groups] * groups, size=resamples) / groups
    return by_group.mean(axis=0), weights @ by_group


def covered_with_examples(
    shape: tuple[int, ...], spreads: Mapping[str, float], groups: int, cluster: int, studies: int
) -> float:
    """The share of intervals that hold the truth, test examples included."""
    table, rng = arranged(shape), np.random.default_rng([*shape, groups, cluster])
    hits = 0
    for number in range(studies):
        gains, resampled = simulated(rng, shape, spreads, groups, cluster, 400)
        found = spread(gains, resampled, number, groups=groups if cluster > 1 else None, table=table)
        assert found is not None
        interval = found.interval()
        hits += interval.low <= 0 <= interval.high
    return hits / studies


def test_scratch_is_trained_once_and_paired_with_every_pretraining(tmp_path):
    findings = compare(study(tmp_path / "s", 3, 3))
    (item,) = findings.comparisons
    assert {arm.arm: arm.runs for arm in findings.arms} == {"scratch": 9, "pretrained": 27}
    assert len(item.pairs) == 27 and not item.excluded
    assert len({(pair.pretraining_seed, pair.draw, pair.seed) for pair in item.pairs}) == 27
    assert "scratch (all 9 runs)" in findings.sentence  # one run is in three pairs
    assert "27 pairs" in findings.sentence and "these weights" not in findings.sentence
    gain = item.gain
    assert gain is not None and gain.interval is not None
    gains = np.array([pair.gain for pair in item.pairs])
    independent = student_interval(gains)
    assert independent is not None
    assert gain.interval.high - gain.interval.low > 2 * (independent.high - independent.low)
    assert gain.smallest_p == 0.25  # three independent draws of the weights


def test_every_factor_has_its_share_of_the_variance(tmp_path):
    rows = compare(study(tmp_path / "s", 3, 2)).rows
    shares = rows.select("variance.*.share")
    found = {
        arm: {row.key.split(".")[1]: row.value or 0.0 for row in own} for arm, own in shares.by("arm").items()
    }
    assert list(found["scratch"]) == ["subset", "seed", "rest"]
    assert list(found["pretrained"]) == ["pretraining", "subset", "seed", "rest"]
    assert list(found["gain of pretrained"]) == ["pretraining", "subset", "seed", "rest", "test"]
    for own in found.values():
        assert sum(own.values()) == pytest.approx(1)
    assert max(found["pretrained"], key=found["pretrained"].__getitem__) == "pretraining"


def test_a_seed_for_every_draw_is_one_factor_with_it(tmp_path):
    findings = compare(study(tmp_path / "s", 3, 3, tied=True))
    (item,) = findings.comparisons
    assert len(item.pairs) == 9 and "not of others" not in item.sentence
    parts = [row.key for row in findings.rows.select("variance.*.sd", arm="gain of pretrained")]
    assert parts == [f"variance.{name}.sd" for name in ("pretraining", "subset", "rest", "test")]
    told = " ".join(str(part) for part in variance.parts(findings))
    assert "every draw of the rows has a seed of its own" in told


def test_equal_updates_are_told_with_whether_they_were_enough(tmp_path):
    def steps(record: dict[str, Any]) -> None:
        record["config"]["budget"] |= {"epochs": None, "steps": 352}

    findings = compare(make_study(tmp_path / "s", rows=(128, 512), examples=120, change=steps))
    (row,) = findings.rows.select("data.updates")
    rising = "Validation still improved by more than 0.01 in the last quarter of it: pretrained with 512 rows"
    assert row.note.startswith(f"Every size trains for 352 updates. {rising}")
    told = sizes.same_updates(352, best=True, rising=[], margin=0.01)
    assert "and its best weights on validation are scored. At no size validation still improved" in told


@pytest.mark.parametrize(
    ("pretrainings", "draws", "scope"),
    [
        (1, 1, "It speaks of these weights (1 pretraining seed) and these rows (1 draw), not of others."),
        (2, 3, "It speaks of these weights (2 pretraining seeds), not of others."),
        (3, 2, "It speaks of these rows (2 draws), not of others."),
    ],
)
def test_few_pretrainings_or_draws_are_told_in_the_first_sentences(tmp_path, pretrainings, draws, scope):
    (item,) = compare(study(tmp_path / "s", pretrainings, draws, seeds=2)).comparisons
    assert scope in item.sentence


def test_over_sizes_too(tmp_path):
    findings = compare(study(tmp_path / "s", 3, 1, seeds=2, rows=(128, 512)))
    assert "It speaks of these rows (1 draw), not of others." in findings.sentence
    (curve,) = findings.rows.select("data.sizes")
    assert curve.value == 2
    assert {row.note for row in findings.rows.select("data.gain")} == {
        "pretraining seeds, seeds and test examples"
    }


def test_two_arms_that_were_both_pretrained_pair_by_the_seed_of_that(tmp_path):
    for p in range(2):

        def change(record: dict[str, Any], p: int = p) -> None:
            record["config"]["arm"] |= {"pretraining": [record["arm"]], "pretraining_seed": p}
            record["config"]["study"]["baseline"] = "pretrained_far"

        arms = ("pretrained_far", "pretrained_near")
        make_study(tmp_path / str(p), arms, range(3), examples=120, evaluations=2, change=change)
    (item,) = compare(tmp_path).comparisons
    drawn = [(pair.seed, pair.pretraining_seed) for pair in item.pairs]
    assert drawn == [(seed, p) for seed in range(3) for p in range(2)]


def test_published_weights_are_one_checkpoint(tmp_path):
    told = caveats(compare(make_study(tmp_path / "s", examples=120, evaluations=2)))
    assert sum("one checkpoint" in line for line in told) == 1
    assert not any("one checkpoint" in line for line in caveats(compare(study(tmp_path / "t", 1, 1))))


def test_one_factor_that_makes_all_of_the_spread_gives_students_interval_of_its_means():
    values = np.repeat([0.1, 0.2, 0.4], 9)
    found = student_interval(values, table=arranged((3, 3, 3)))
    alone = student_interval(np.array([0.1, 0.2, 0.4]))
    assert found is not None and alone is not None
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_seeds_alone_are_no_table_of_shared_factors():
    levels = {"pretraining": np.zeros(5), "subset": np.zeros(5), "seed": np.arange(5)}
    assert not Table.of(levels).nested
    assert Table.of({**levels, "pretraining": np.arange(5)}).names == ("pretraining",)  # tied to the seed


def test_seeds_of_their_own_under_each_pretraining_add_nothing():
    levels = {"pretraining": np.repeat([0, 1, 2], 3), "seed": np.arange(9)}
    table = Table.of(levels)
    assert (table.names, table.nested, table.complete) == (("pretraining",), True, False)
    values = np.random.default_rng(0).standard_normal(9)
    alone = student_interval(values.reshape(3, 3).mean(axis=1))
    found = student_interval(values, table=table)
    assert found is not None and alone is not None
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))


def test_mean_squares_are_those_of_an_analysis_of_variance():
    """By hand: 2 pretrainings x 2 draws."""
    table = Table.of({"pretraining": np.array([0, 0, 1, 1]), "subset": np.array([0, 1, 0, 1])})
    squares = mean_squares(np.array([1.0, 2.0, 3.0, 6.0]), table)
    assert [float(square) for square, _ in squares.values()] == [9, 4, 1]
    assert list(squares) == [(0,), (1,), (0, 1)]
    shuffled = Table.of({"pretraining": np.array([1, 0, 0, 1]), "subset": np.array([0, 1, 0, 1])})
    moved = mean_squares(np.array([3.0, 2.0, 1.0, 6.0]), shuffled)
    assert [float(square) for square, _ in moved.values()] == [9, 4, 1]


@pytest.mark.parametrize("gap", [False, True])
def test_the_unbiased_variance_is_that_of_the_mean(gap):
    """On average; with a gap in the table it is rather too large."""
    spreads, shape = SPREADS["all"], (3, 3, 3)
    values = effects(np.random.default_rng(0), shape, spreads, (40_000,))
    kept = np.arange(27) != 4 if gap else np.ones(27, bool)
    levels = np.indices(shape).reshape(3, -1)[:, kept]
    table = Table.of(dict(zip(FACTORS, levels, strict=True)))
    told, truth = float(unbiased(values[:, kept], table).mean()), float(values[:, kept].mean(axis=1).var())
    assert table.complete is not gap
    assert truth * 1.02 < told < truth * 2 if gap else told == pytest.approx(truth, rel=0.03)


def test_the_factor_that_makes_most_of_it_is_named():
    values = effects(np.random.default_rng(0), (3, 3, 3), SPREADS["pretraining"])
    assert mean_variance(values, arranged((3, 3, 3))).most == "pretraining"


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_quick_look_at_coverage(shape):
    for name, spreads in SPREADS.items():
        assert 0.92 <= covered(shape, spreads, 500)[0] <= 0.995, name


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_intervals_over_crossed_factors_hold_the_truth_95_percent_of_the_time(shape):
    told = {name: covered(shape, spreads, 5000) for name, spreads in SPREADS.items()}
    print("\n", shape, {name: f"{held:.1%} ({wide:.1f})" for name, (held, wide) in told.items()})
    for name, (held, _) in told.items():
        assert 0.935 <= held <= (0.99 if name == "rest" else 0.975), name


@pytest.mark.slow
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_and_with_test_examples_and_groups_of_them(shape):
    cells = itertools.product(("pretraining", "seed", "equal"), ((400, 1), (40, 10)))
    held = {
        (name, *size): covered_with_examples(shape, SPREADS[name], *size, studies=1000)
        for name, size in cells
    }
    print("\n", shape, {cell: f"{share:.1%}" for cell, share in held.items()})
    assert min(held.values()) >= 0.93 and np.mean([*held.values()]) <= 0.98


def test_over_conditions_pairs_of_one_pretraining_are_drawn_together(tmp_path):
    findings = compare(study(tmp_path / "s", 3, 1, rows=(64, 128, 512)))
    (row,) = findings.rows.select("aggregate.mean_gain")
    alone = compare(study(tmp_path / "t", 1, 1, rows=(64, 128, 512))).rows.select("aggregate.mean_gain")
    widths = [(each.high or 0) - (each.low or 0) for each in (row, *alone)]
    assert widths[0] > widths[1]  # the pretrainings differ far more than the seeds
    assert "With 3 pairs under a condition" in row.note
