"""Two studies: joined by name, their difference with an interval that covers, and none without a basis."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from tests.factory import make_study
from tests.reports import handmade

from headstart.compare.diff import Joined, Two, joined, two
from headstart.compare.findings import Findings
from headstart.compare.quantity import Quantity
from headstart.compare.study import compare

PLACE = ("gain", "", "pretrained", "scratch", "accuracy")


def slower(record: dict[str, Any]) -> None:
    record["config"]["optim"]["lr"] = 0.5


def elsewhere(record: dict[str, Any]) -> None:
    slower(record)
    record["environment"]["machine"] = "f" * 16


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Findings]:
    """One study, one with a larger gain and another learning rate, several sizes, and another machine."""
    made: dict[str, dict[str, Any]] = {
        "first": {},
        "larger": {"skill": {"pretrained": 1.6}, "seeds": range(5, 11), "change": slower},
        "sizes": {"rows": (128, 512), "seeds": [20, 21, 22]},
        "elsewhere": {"seeds": range(3, 6), "change": elsewhere, "energy": "measured"},
    }
    folder = tmp_path_factory.mktemp("two")
    return {name: compare(make_study(folder / name, study=name, **how)) for name, how in made.items()}


def at(made: Two, name: str, **place: str) -> Joined:
    (one,) = (
        each
        for each in made.joined
        if each.first.key == name and all(getattr(each.first, key) == value for key, value in place.items())
    )
    return one


def test_a_study_against_itself_differs_in_nothing(studies: dict[str, Findings]) -> None:
    made = two(studies["first"], studies["first"])
    assert made.sentences == ("Both folders hold the same records: nothing differs.",)
    assert (made.settings, made.data, made.places, made.only_first, made.only_second) == ((),) * 5
    assert {one.change for one in made.joined if not one.relative} <= {0.0, None}
    assert {one.change for one in made.joined if one.relative} <= {1.0, None}
    assert {one.low for one in made.joined} == {None}, "the same pairs give no interval of a difference"


def test_a_planted_difference_is_found_and_told(studies: dict[str, Findings]) -> None:
    made = two(studies["first"], studies["larger"])
    gain = at(made, "gain", metric="accuracy")
    assert gain.verdict == "larger"
    assert gain.low is not None and gain.low > 0
    values = gain.first.value, gain.second.value
    assert values[0] is not None and values[1] is not None
    assert gain.change == pytest.approx(values[1] - values[0])
    assert "Gain of pretrained over scratch in accuracy" in made.sentences[0]
    assert "larger in the second" in made.sentences[0]
    assert [(one.what, one.first, one.second) for one in made.settings] == [("optim.lr", "0.0003", "0.5")]
    assert ("seeds", "0, 1, 2", "5, 6, 7, 8, 9, 10") in [(d.what, d.first, d.second) for d in made.data]
    assert "share test rows" in made.assumed


def test_the_other_way_round_everything_is_the_other_way_round(studies: dict[str, Findings]) -> None:
    there, back = two(studies["first"], studies["larger"]), two(studies["larger"], studies["first"])
    for one in there.joined:
        (other,) = (each for each in back.joined if each.first.identity == one.first.identity)
        if one.change is None:
            assert other.change is None
            continue
        turn = (lambda x: 1 / x) if one.relative else (lambda x: -x)
        assert other.change == pytest.approx(turn(one.change))
        if one.low is not None and one.high is not None:
            assert (other.low, other.high) == pytest.approx(
                (turn(one.high), turn(one.low)), rel=1e-6, abs=1e-9
            )


def test_equal_flops_are_the_same_and_wobbling_seconds_are_not_told_apart(
    studies: dict[str, Findings],
) -> None:
    made = two(studies["first"], studies["larger"])
    assert at(made, "flops_ratio").verdict == "the same"
    assert at(made, "seconds_ratio").verdict == "not told apart"


def test_a_study_of_one_size_meets_that_size_of_another(studies: dict[str, Findings]) -> None:
    for made in (two(studies["first"], studies["sizes"]), two(studies["sizes"], studies["first"])):
        assert at(made, "gain", metric="accuracy").change is not None
        assert {one.what for one in made.settings} == {"size"}
    assert {one.condition for one in two(studies["first"], studies["sizes"]).only_second} >= {"128 rows"}


def test_joules_are_not_divided_across_studies(studies: dict[str, Findings]) -> None:
    made = two(studies["first"], studies["elsewhere"])
    assert at(made, "train.joules", arm="scratch").change is None
    ratio = at(made, "joules_ratio")
    assert (ratio.change, ratio.reason) == (None, "the energy of one is measured, of the other estimated")
    same_method = two(studies["first"], studies["larger"])
    assert at(same_method, "train.joules", arm="scratch").change is None
    assert at(same_method, "joules_ratio").change is not None


def test_seconds_are_not_divided_across_machines(studies: dict[str, Findings]) -> None:
    moved = at(two(studies["first"], studies["elsewhere"]), "train.seconds", arm="scratch")
    assert (moved.change, moved.reason) == (None, "they ran on different machines")
    assert at(two(studies["first"], studies["larger"]), "train.seconds", arm="scratch").change is not None


def test_the_same_pairs_are_no_independent_study() -> None:
    item = handmade.comparison()
    other = handmade.study(comparison=replace(item, arm="pretrained"), fingerprint="f" * 16)
    made = two(handmade.study(), other)
    assert {one.low for one in made.joined} == {None}
    assert "repetitions and not independent" in made.assumed


def test_studies_with_nothing_in_common_say_so(studies: dict[str, Findings]) -> None:
    item = handmade.comparison(arm="frozen")
    made = two(studies["first"], handmade.study(comparison=item))
    assert made.sentences[0].startswith("No comparison is in both")
    assert {one.arm for one in made.only_second} >= {"frozen"}


def whole(value: float, low: float, high: float, unit: str = "difference") -> Quantity:
    return Quantity(*PLACE, value=value, low=low, high=high, level=0.95, unit=unit)


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(-5, 5), st.floats(0.01, 3))
def test_symmetric_intervals_add_in_squares(a: float, wide_a: float, b: float, wide_b: float) -> None:
    one = joined(whole(a, a - wide_a, a + wide_a), whole(b, b - wide_b, b + wide_b), "", False)
    assert one.change == pytest.approx(b - a)
    assert one.low == pytest.approx(b - a - math.hypot(wide_a, wide_b))
    assert one.high == pytest.approx(b - a + math.hypot(wide_a, wide_b))


@given(st.floats(0.1, 10), st.floats(1.01, 4), st.floats(0.1, 10), st.floats(1.01, 4))
def test_ratios_add_on_logarithms(a: float, times_a: float, b: float, times_b: float) -> None:
    one = joined(
        whole(a, a / times_a, a * times_a, "times"), whole(b, b / times_b, b * times_b, "times"), "", False
    )
    spread = math.exp(math.hypot(math.log(times_a), math.log(times_b)))
    assert (one.change, one.low, one.high) == pytest.approx((b / a, b / a / spread, b / a * spread))


def test_the_interval_of_a_difference_covers() -> None:
    """Two independent studies of 4 and 6 pairs with Student's intervals: 2,000 simulated differences."""
    random, hit, number = np.random.default_rng(0), 0, 2000
    for _ in range(number):
        sides = []
        for truth, pairs, spread in ((0.2, 4, 0.05), (0.3, 6, 0.1)):
            sample = random.normal(truth, spread, pairs)
            wide = stats.t.ppf(0.975, pairs - 1) * sample.std(ddof=1) / pairs**0.5
            sides.append(whole(sample.mean(), sample.mean() - wide, sample.mean() + wide))
        one = joined(sides[0], sides[1], "", False)
        assert one.low is not None and one.high is not None
        hit += one.low <= 0.1 <= one.high
    assert 0.94 <= hit / number <= 0.995, "at least what it says; Student's with few pairs makes it wider"


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({"value": None}, {}, "one side has no value"),
        ({"level": None}, {}, "not both have an interval of the same level"),
        ({"level": 0.9}, {}, "not both have an interval of the same level"),
        ({"low": None}, {}, "an interval has an end that is not bounded"),
        ({"unit": "times", "value": 0.0}, {}, "a ratio needs numbers above 0"),
        ({"unit": "times", "low": 0.0}, {}, "an interval has an end that is not bounded"),
    ],
)
def test_without_a_basis_there_is_no_interval(first: dict, second: dict, reason: str) -> None:
    plain = whole(0.5, 0.4, 0.6)
    one = joined(replace(plain, **first), replace(plain, **second), "", False)
    assert (one.low, one.high, one.reason) == (None, None, reason)
    assert one.verdict in ("", "the same")


def test_another_machine_is_told(studies: dict[str, Findings]) -> None:
    made = two(studies["first"], studies["elsewhere"])
    assert ("machine", "0a1b2c3d4e5f6071", "f" * 16) in [
        (one.what, one.first, one.second) for one in made.places
    ]
