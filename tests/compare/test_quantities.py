"""The table of everything that a study says: names told apart, numbers unchanged, bounds no numbers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import make_study
from tests.families import FAMILIES
from tests.reports import handmade

from headstart.compare.break_even import BreakEven, Payback
from headstart.compare.catalogue import CATALOGUE, MAIN_KEYS, entry, form
from headstart.compare.data_curves import data_curves, law_rows
from headstart.compare.findings import (
    Aggregate,
    Bounded,
    Findings,
    Front,
    Interval,
    Rows,
    Tuning,
)
from headstart.compare.ledger import break_even_rows
from headstart.compare.pareto import point_rows
from headstart.compare.quantity import Quantity
from headstart.compare.statistics.power_law import PowerLaw
from headstart.compare.study import compare, material
from headstart.compare.tuning import Trial, TuningCost
from headstart.reports import numbers

COSTS = ("flops", "seconds", "joules", "tokens")
ENDS = st.one_of(st.none(), st.floats(1, 1e6))
STUDIES: dict[str, dict[str, Any]] = {
    "one size": {},
    "three arms, three sizes": {"arms": ("scratch", "pretrained", "pretrained_b"), "rows": (64, 256, 1024)},
    "one pair": {"seeds": [0], "predictions": False},
    "no energy, no curves": {"energy": "none", "curve": False},
    "diverged": {"status": {("scratch", 1): "diverged", ("pretrained", 2): "failed"}},
    "one arm": {"arms": ("scratch",)},
}


def named(found: tuple[Quantity, ...], name: str, **place: str) -> Quantity:
    """The one quantity of this name, at this place."""
    (one,) = (q for q in found if q.key == name and all(getattr(q, k) == v for k, v in place.items()))
    return one


@pytest.fixture(scope="module", params=STUDIES, ids=list(STUDIES))
def study(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_study(tmp_path_factory.mktemp("study"), examples=60, **STUDIES[request.param])


def test_every_number_of_a_study_has_a_key_of_its_own_and_runs_that_exist(study: Path) -> None:
    found = compare(study).rows
    assert [key for key, count in Counter(one.identity for one in found).items() if count > 1] == []
    assert {name for one in found for name in one.provenance} <= {path.name for path in study.iterdir()}
    alone = [one for one in found if one.arm and not one.baseline]
    assert all(name.split("-")[0] == one.arm for one in alone for name in one.provenance)
    for one in found:
        assert all(value is None or math.isfinite(value) for value in (one.value, one.low, one.high))
        assert entry(one.key).unit in (one.unit, ""), f"{one.key}: the catalogue has another unit"
        assert one.known or one.note or one.verdict, f"{one.key} says nothing"
        of_censored = one.key.endswith(".interval")  # the interval of a number that has no value
        assert one.level is None or (one.low, one.high) != (None, None)
        assert one.level is None or (one.value is None) == of_censored


def test_rows_are_selected_by_key_and_place(study: Path) -> None:
    rows = compare(study).rows
    assert rows.select() == rows
    assert {row.key for row in rows.select("gain", "train.*")} <= {
        "gain",
        *(f"train.{name}" for name in COSTS),
    }
    scores = rows.select("mean_score")
    scratch = rows.select("mean_score", arm="scratch")
    assert scratch
    assert {(row.key, row.arm) for row in scratch} == {("mean_score", "scratch")}
    assert rows.first("mean_score", arm="scratch") == scratch[0]
    assert rows.value("mean_score", arm="scratch") == scratch[0].value
    assert rows.first("no_such_key") is None
    assert list(scores.by("arm")) == list(dict.fromkeys(row.arm for row in scores))


def test_the_catalogue_has_one_entry_per_key() -> None:
    keys = [each.key for each in CATALOGUE]
    assert len(keys) == len(set(keys))
    assert entry("target.75_percent.flops_ratio").label == "FLOPs ratio to the target 75 percent"
    assert all(hasattr(numbers, form(each.unit)) for each in CATALOGUE)
    with pytest.raises(KeyError, match="no_such_key"):
        entry("no_such_key")


def test_gains_and_ratios_are_those_of_the_comparisons(study: Path) -> None:
    findings = compare(study)
    found = findings.rows
    for item in findings.comparisons:
        place = {"condition": item.condition.name, "arm": item.arm}
        for gain in item.gains.values():
            one = named(found, "gain", metric=gain.metric, **place)
            ends = (
                (gain.interval.low, gain.interval.high, gain.interval.level) if gain.interval else (None,) * 3
            )
            assert (one.value, one.verdict, one.n) == (gain.gain, gain.verdict, gain.pairs)
            assert (one.low, one.high, one.level) == ends
            assert len(one.provenance) == 2 * gain.pairs
        for resource in COSTS:
            ratio = named(found, f"{resource}_ratio", **place)
            assert ratio == named(item.rows, f"{resource}_ratio")
            means = [
                row.value for side in ("baseline", "arm") for row in item.rows.select(f"{ratio.key}.{side}")
            ]
            assert len(means) == (0 if ratio.value is None else 2)
            assert ratio.value is not None or ratio.note


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_of_task_is_told(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    found = compare(make_study(tmp_path, seeds=[0, 1], examples=50, family=family)).rows
    assert {one.metric for one in found if one.key == "gain"} <= set(family.metrics)
    assert named(found, "mean_score", arm="scratch").metric == family.metrics[0]


@given(ENDS, ENDS, ENDS, ENDS)
def test_only_a_number_that_is_not_censored_is_a_value(
    low: float | None, high: float | None, sure_low: float | None, sure_high: float | None
) -> None:
    bounded = Bounded(low, high, sure_low, sure_high)
    one = Quantity("data_multiplier").bounded(bounded)
    assert one.value == bounded.value
    if bounded.value is None:
        assert (one.low, one.high, one.level, one.verdict) == (low, high, None, bounded.censored)
        assert one.note
    else:
        assert (one.low, one.high) == (sure_low, sure_high)
        assert (one.level == 0.95) == ((sure_low, sure_high) != (None, None))


def test_what_is_infinite_or_no_number_is_not_known() -> None:
    one = Quantity("to_target.steps").at(math.inf, Interval(-math.inf, math.nan))
    assert (one.value, one.low, one.high) == (None, None, None)


def test_a_target_that_was_not_reached_has_no_number() -> None:
    found = handmade.study().rows
    missed = named(found, "to_target.steps", arm="scratch")
    assert (missed.value, missed.verdict) == (None, "not reached")
    assert named(found, "to_target.steps", arm="pretrained").value == 16


def test_energy_that_is_refused_says_why_and_estimates_say_so(tmp_path: Path) -> None:
    def moved(record: dict[str, Any]) -> None:
        record["environment"]["machine"] = "f" * 16 if record["arm"] == "scratch" else "e" * 16

    one = named(compare(make_study(tmp_path, change=moved, examples=60)).rows, "joules_ratio")
    assert (one.value, one.note) == (None, f"the machine differs: {'f' * 16} against {'e' * 16}")
    assert named(handmade.study().rows, "joules_ratio").verdict == "estimated"


def test_a_ratio_counts_only_the_pairs_that_it_could_compare(tmp_path: Path) -> None:
    def alone_but_once(record: dict[str, Any]) -> None:
        record["cost"]["energy"] |= {"exclusive": record["seed"] > 0}

    findings = compare(make_study(tmp_path, change=alone_but_once, seeds=range(3), examples=60))
    assert named(findings.rows, "joules_ratio").n == 2
    assert named(findings.rows, "flops_ratio").n == 3


@pytest.mark.parametrize(
    ("payback", "uses", "interval", "expected"),
    [
        ("number", (400.0, 400.0), (300.0, 560.0), (400.0, 300.0, 560.0, "")),
        ("number", (400.0, 400.0), (300.0, None), (400.0, 300.0, None, "")),
        ("at most", (None, 800.0), None, (None, None, 800.0, "at most")),
        ("never", (None, None), None, (None, None, None, "not on average")),
        ("unknown", (None, None), None, (None, None, None, "unknown")),
    ],
)
def test_break_even_is_a_number_a_bound_or_a_word(
    payback: Payback, uses: tuple, interval: tuple | None, expected: tuple
) -> None:
    paid = BreakEven(
        "flops", "pretrained", payback, Bounded(*uses), Bounded(1.0, 1.0), 3, 1, "why",
        interval=Bounded(*interval) if interval else None,
    )  # fmt: skip
    one, *_ = break_even_rows(Quantity("", arm="pretrained", baseline="scratch"), paid)
    assert (one.value, one.low, one.high, one.verdict) == expected
    assert "why" in one.note
    assert "did not reach the target in 1 of 3 pairs" in one.note


def test_a_published_cost_is_a_range_and_no_estimate() -> None:
    found = handmade.study().rows
    cost = named(found, "pretraining.flops")
    assert (cost.value, cost.low, cost.high, cost.level, cost.verdict) == (
        None,
        2e19,
        8e19,
        None,
        "published",
    )
    assert named(found, "ledger.full.flops_ratio").value is None
    assert named(found, "ledger.marginal.flops_ratio").value == pytest.approx(1)


def across(**changes: Any) -> Findings:
    """Findings with one of everything that is said across comparisons."""
    inside = Interval(0.1, 0.3)
    law = PowerLaw("pretrained", 4, 0, 2.0, 0.5, None, inside, inside, None, 0.1, "beta needs sizes")
    place = Quantity("", arm="scratch", metric="accuracy", n=3)
    front = point_rows(place, "flops", 4e11, place.at(0.2, inside), "pretrained", estimated=False)
    gain = Quantity("", arm="pretrained", baseline="scratch").named("aggregate.iqm_gain").at(0.2, inside)
    total = handmade.study().total
    assert total is not None
    made = {
        "aggregates": (Aggregate("pretrained", "scratch", ("a", "b", "c"), "", (3, 3, 3), Rows([gain])),),
        "fronts": (Front("flops", "docs", "accuracy", False, Rows(front)),),
        "over_sizes": law_rows(Quantity("", baseline="scratch"), law, "law_over_models"),
        "tuning": tuned(total),
        "total": replace(total, tuning=total),
    }
    return handmade.study(**(made | changes))


def tuned(total: Any) -> Tuning:
    """Two trials of one arm; the band of the first is bounded on one side."""
    one = Trial("scratch", "", {"optim.lr": "0.001"}, 1, 0.4, 1e9, True)
    place = Quantity("", arm="scratch", metric="accuracy")
    first = replace(place.named("tuning.expected_best.1").at(0.3), high=0.6, level=0.95)
    second = replace(place.named("tuning.expected_best.2").at(0.4), low=0.2, level=0.95)
    cost = TuningCost("scratch", total, total, 0.5)
    return Tuning(
        "accuracy", "grid", {"optim.lr": "0.001"}, (1000,), True, True, {"scratch": 2}, (one,),
        Rows([first, second]), (cost,), total, (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value", "low", "high"),
    [
        ("aggregate.iqm_gain", 0.2, 0.1, 0.3),
        ("front.flops", 4e11, None, None),
        ("front.flops.score", 0.2, 0.1, 0.3),
        ("law_over_models.k", 2.0, 0.1, 0.3),
        ("law_over_models.alpha", 0.5, 0.1, 0.3),
        ("tuning.trials", 2.0, None, None),
        ("tuning.winner", 0.4, None, None),
        ("tuning.expected_best.1", 0.3, None, 0.6),
        ("tuning.expected_best.2", 0.4, 0.2, None),
        ("tuning.flops_ratio", 0.5, None, None),
        ("tuning.total.runs", 6.0, None, None),
        ("total.joules_estimated", 4508.0, None, None),
    ],
)
def test_what_is_said_across_comparisons_is_there(
    name: str, value: float, low: float | None, high: float | None
) -> None:
    one = named(across().rows, name)
    assert (one.value, one.low, one.high) == (value, low, high)


def test_a_law_without_a_coefficient_says_why() -> None:
    found = across().rows
    assert (named(found, "law_over_models.beta").value, named(found, "law_over_models.beta").note) == (
        None,
        "beta needs sizes",
    )


def test_a_data_curve_tells_a_multiplier_with_its_bound(tmp_path: Path) -> None:
    findings = compare(make_study(tmp_path, rows=(64, 256, 1024, 4096), examples=200, seeds=range(4)))
    found = findings.rows
    ((curve,), _) = data_curves(material(tmp_path).compared, findings.margin)
    for point in curve.points:
        one = named(found, "data_multiplier", condition=f"{point.rows} rows")
        assert one.value == point.multiplier.value
        assert one.value is not None or one.verdict == point.multiplier.censored
    assert any(point.multiplier.value for point in curve.points), "the study should have one that is known"
    assert named(found, "crossing").verdict == curve.crossing.rows.censored


def test_the_short_table_keeps_its_order_and_nothing_else(study: Path) -> None:
    shown = compare(study).rows.main
    assert [one.key for one in shown] == sorted((one.key for one in shown), key=MAIN_KEYS.index)
    assert {one.key for one in shown} <= set(MAIN_KEYS)


def test_prices_and_carbon_are_told_with_their_basis(tmp_path: Path) -> None:
    carbon = {"grams": 12.5, "region": "FRA", "year": 2024, "source": "a source", "grams_per_kwh": 50.0}
    money = {"currency": "EUR", "electricity": 0.02, "per_kwh": 0.25}

    def paid(record: dict[str, Any]) -> None:
        if record["arm"] == "scratch":
            record["cost"] |= {"carbon": carbon | {"place": "France", "pue": None}, "money": money}
            record["cost"]["money"] |= {"device": None, "per_device_hour": None}

    found = compare(make_study(tmp_path, examples=60, evaluations=2, change=paid)).rows
    grams = named(found, "carbon")
    assert (grams.value, grams.unit, grams.note) == (12.5, "g CO2e", "FRA, 50 g/kWh (a source)")
    price = named(found, "money.electricity")
    assert (price.value, price.unit, price.note) == (0.02, "EUR", "at 0.25 per kWh")
    assert named(found, "money.device").note == "no price is stated"
