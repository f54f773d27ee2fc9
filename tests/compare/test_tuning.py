"""Tuning: the trials beside a study, what they chose and cost, and the sentence that says if it was fair."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.compare.trials import RATES, make_trials, tune, tuned
from tests.factory import make_study

from headstart.compare.statistics.expected_best import expected, order_band, sure_band
from headstart.compare.study import compare

SMALL: dict[str, Any] = {"examples": 60, "evaluations": 4}
BEST = {"scratch": 1e-2, "pretrained": 1e-3}
scores = st.lists(st.floats(-100, 100), min_size=1, max_size=9)


def score(arm: str, rate: float) -> float:
    """The nearer to the arm's best rate, the better."""
    return 0.6 - 0.1 * abs(math.log10(rate / BEST[arm]))


def study(folder: Path, **trials: Any):
    """A tuned study with its trials beside it."""
    setting = trials.pop("setting", tune())
    winners = trials.pop("winners", BEST)
    make_trials(folder, trials.pop("score", score), setting=setting, **trials)
    return compare(make_study(folder, change=tuned(winners, setting), **SMALL))


@given(scores)
def test_expected_best_is_the_mean_over_every_choice(found):
    for n, value in enumerate(expected(found), start=1):
        every = [max(chosen) for chosen in itertools.combinations(found, n)]
        assert value == pytest.approx(np.mean(every), abs=1e-9)


@given(scores)
def test_the_order_band_holds_95_of_100_choices(found):
    low, high = order_band(found)
    for n in range(1, len(found) + 1):
        every = np.array([max(chosen) for chosen in itertools.combinations(found, n)])
        assert (every < low[n - 1]).mean() <= 0.025 + 1e-9
        assert (every > high[n - 1]).mean() <= 0.025 + 1e-9


@given(scores)
def test_more_trials_are_never_expected_to_do_worse(found):
    assert (np.diff(expected(found)) >= -1e-9).all()
    low, high = sure_band(found)
    for end in (low, high):
        known = [value for value in end if value is not None]
        assert known == sorted(known)
    assert all(a is None or b is None or a <= b for a, b in zip(low, high, strict=True))


@pytest.mark.parametrize(("number", "n"), [(8, 1), (20, 1), (20, 3), (40, 10)])
def test_the_sure_band_covers_the_median_best_of_new_trials(number, n):
    rng, truth = np.random.default_rng([number, n]), 0.5 ** (1 / n)  # of uniform scores
    hits = 0
    for _ in range(400):
        low, high = (end[n - 1] for end in sure_band(rng.random(number)))
        hits += (low is None or low <= truth) and (high is None or truth <= high)
    assert hits / 400 >= 0.93  # at least 95 % by construction; two standard errors below


def test_equal_trials_are_told_with_their_winners(tmp_path):
    findings = study(tmp_path / "s")
    found, (comparison,) = findings.tuning, findings.comparisons
    assert found is not None
    assert found.equal and found.same_candidates
    assert found.counts == {"scratch": 3, "pretrained": 3}
    space = {"optim.lr": "0.0001, 0.001, 0.01"}
    assert (found.sampler, found.space, found.seeds) == ("grid", space, (1000,))
    assert {t.arm: t.settings["optim.lr"] for t in found.winners} == {
        "pretrained": "0.001",
        "scratch": "0.01",
    }
    assert comparison.tuned == "equal"
    assert len(comparison.pairs) == 3
    assert (
        "Tuned equally: 3 trials per arm over optim.lr, chosen on validation; "
        "scratch went on with optim.lr 0.01, pretrained with optim.lr 0.001." in comparison.sentence
    )
    assert "Not tuned" not in findings.sentence
    assert findings.notes == ()
    assert comparison.condition.name == ""  # a freed setting is no condition


def test_the_cost_of_tuning_is_in_the_total_and_in_the_ledger(tmp_path):
    findings = study(tmp_path / "s", seeds=(1000, 1001), setting=tune(seeds=(1000, 1001)))
    found, total = findings.tuning, findings.total
    assert found is not None and total is not None and total.tuning is not None
    assert (found.total.runs, total.runs, total.tuning.runs) == (12, 18, 12)
    assert total.flops == total.tuning.flops + sum(cost.study.flops for cost in found.costs)
    assert total.seconds == pytest.approx(
        total.tuning.seconds + sum(cost.study.seconds for cost in found.costs)
    )
    assert total.joules_estimated is not None and total.tuning.joules_estimated is not None
    assert total.joules_estimated > total.tuning.joules_estimated > 0
    assert [cost.arm for cost in found.costs] == ["scratch", "pretrained"]
    assert all(cost.times == pytest.approx(cost.total.flops / cost.study.flops) for cost in found.costs)
    ratios = findings.rows.select("tuning.flops_ratio")
    assert [(row.arm, row.value) for row in ratios] == [(cost.arm, cost.times) for cost in found.costs]
    times = total.tuning.flops / (total.flops - total.tuning.flops)
    assert f"the trials cost {times:.2f} times" in found.sentence
    assert all(trial.runs == 2 for trial in found.trials)


def test_a_curve_per_arm_says_what_its_bands_cover(tmp_path):
    found = study(tmp_path / "s").tuning
    assert found is not None
    best = found.best.select("tuning.expected_best.*")
    assert [(row.arm, row.n) for row in best] == [
        (arm, n) for arm in ("pretrained", "scratch") for n in (1, 2, 3)
    ]
    scratch = best.select(arm="scratch")
    assert [row.value for row in scratch] == pytest.approx((0.5, (0.5 + 0.6 + 0.6) / 3, 0.6))
    assert all((row.low, row.high, row.level) == (None, None, None) for row in scratch)
    assert "not drawn at random" in scratch[0].note
    spent = [row.value or 0.0 for row in found.best.select("tuning.spent.*", arm="scratch")]
    assert spent[2] == pytest.approx(3 * spent[0])


def test_random_trials_have_a_sure_band(tmp_path):
    rates = tuple(np.geomspace(1e-4, 1, 12))
    setting = tune(rates, "random")
    winners = dict.fromkeys(BEST, rates[0])
    given = {"rates": rates, "setting": setting, "winners": winners, "score": lambda _, rate: rate}
    found = study(tmp_path / "s", **given).tuning
    assert found is not None
    best = found.best.select("tuning.expected_best.*", arm="pretrained")
    assert best[0].interval is not None
    assert best[-1].high is None  # twelve trials do not bound the best of twelve others
    assert found.space == {"optim.lr": "1e-05 to 1, log"}


def test_a_metric_that_is_better_when_lower_has_its_bands_the_right_way_round(tmp_path):
    setting = {**tune(), "metric": "log_loss"}

    def losing(record):
        record["scores"]["validation"]["log_loss"] = 1 - record["scores"]["validation"]["accuracy"]

    make_trials(tmp_path / "s", score, setting=setting, alter=losing)
    found = compare(make_study(tmp_path / "s", change=tuned(BEST, setting), **SMALL)).tuning
    assert found is not None
    for own in found.best.by("arm").values():
        values = [row.value or 0.0 for row in own.select("tuning.expected_best.*")]
        assert values == sorted(values, reverse=True)
        orders = own.select("tuning.orders.*")
        assert orders and all(row.low is not None and row.high is not None for row in orders)
        assert all((row.low or 0.0) <= (row.high or 0.0) for row in orders)


def test_trials_that_were_not_equal_are_called_so(tmp_path):
    folder = tmp_path / "s"
    make_trials(folder, score, arms=("pretrained",), setting=tune())
    findings = study(folder, arms=("scratch",), rates=RATES[1:])
    assert findings.tuning is not None
    assert (findings.tuning.equal, findings.tuning.same_candidates) == (False, False)
    assert findings.comparisons[0].tuned == "unequal"
    assert (
        "Tuned unequally: scratch had 2 trials (2 runs), pretrained 3 trials (3 runs) over optim.lr; "
        in findings.sentence
    )


def test_as_many_trials_with_fewer_seeds_are_not_equal(tmp_path):
    folder, both = tmp_path / "s", tune(seeds=(1000, 1001))
    make_trials(folder, score, arms=("pretrained",), setting=both, seeds=(1000, 1001))
    findings = study(folder, arms=("scratch",), setting=both)
    assert findings.comparisons[0].tuned == "unequal"
    assert "scratch had 3 trials (3 runs), pretrained 3 trials (6 runs)" in findings.sentence


def test_a_winner_that_is_not_the_best_is_noted(tmp_path):
    findings = study(tmp_path / "s", winners={**BEST, "scratch": 1e-4})
    assert findings.notes == (
        "scratch went on with optim.lr 0.0001, although optim.lr 0.01 scored better on validation.",
    )


def test_a_trial_that_diverged_counts_and_costs(tmp_path):
    def some(arm, rate):
        return None if rate == 1e-2 and arm == "pretrained" else score(arm, rate)

    found = study(tmp_path / "s", score=some).tuning
    assert found is not None
    assert found.equal
    assert [trial.score for trial in found.trials if trial.arm == "pretrained"].count(None) == 1
    first = found.best.first("tuning.expected_best.1", arm="pretrained")
    assert first and first.value == pytest.approx((0.6 + 0.5 + 0.5) / 3)  # at the worst that was seen


def test_a_tuned_study_without_its_trials_cannot_be_checked(tmp_path):
    findings = compare(make_study(tmp_path / "s", change=tuned(BEST, tune()), **SMALL))
    assert findings.tuning is None
    assert findings.comparisons[0].tuned == "unseen"
    assert "no trial lies beside this study" in findings.sentence
    assert findings.total is not None and findings.total.tuning is None


def test_trials_beside_a_study_that_was_not_tuned_are_left_out(tmp_path):
    make_trials(tmp_path / "s", score)
    findings = compare(make_study(tmp_path / "s", **SMALL))
    assert findings.tuning is None
    assert findings.total is not None and findings.total.runs == 6
    assert "Not tuned: all arms use the same hyperparameters." in findings.sentence
    assert any("were not tuned" in note for note in findings.notes)


def test_trials_of_an_earlier_space_are_a_cost_alone(tmp_path):
    folder = tmp_path / "s"
    make_trials(folder, score, rates=(0.5,), setting=tune((0.5,)))
    findings = study(folder)
    assert findings.tuning is not None
    assert len(findings.tuning.trials) == 6
    assert findings.tuning.total.runs == 8
    assert any("2 runs of another space" in note for note in findings.notes)


def test_trials_of_another_study_are_not_taken(tmp_path):
    make_trials(tmp_path / "s", score, study="another")
    findings = compare(make_study(tmp_path / "s", change=tuned(BEST, tune()), **SMALL))
    assert findings.comparisons[0].tuned == "unseen"


def freed(*names: str, **own: Any):
    def change(record):
        record["config"]["study"]["free"] = list(names)
        if record["arm"] == "pretrained":
            for group, values in own.items():
                record["config"][group] |= values
            if "order" in own.get("data", {}):
                record["data"]["order"] = own["data"]["order"]

    return change


def test_settings_of_its_own_are_named(tmp_path):
    findings = compare(make_study(tmp_path, change=freed("optim.lr", optim={"lr": 1e-3}), **SMALL))
    (found,) = findings.comparisons
    assert found.tuned == "freed"
    assert "(optim.lr: 0.0003 for scratch, 0.001 for pretrained): nothing here chose them." in found.sentence
    assert found.differences == ("optim.lr: 0.0003 against 0.001",)


def test_a_setting_that_is_free_and_the_same_is_said(tmp_path):
    (found,) = compare(make_study(tmp_path, change=freed("optim.lr"), **SMALL)).comparisons
    assert found.tuned == "untuned"
    assert "though the arms might have differed in optim.lr." in found.sentence


@pytest.mark.parametrize("name", ["budget", "budget.epochs"])
def test_another_order_is_tolerated_where_a_free_setting_explains_it(tmp_path, name):
    def change(record):
        freed(name, budget={"epochs": 8})(record)
        if record["arm"] == "pretrained":
            record["data"]["order"] = "f" * 16

    (found,) = compare(make_study(tmp_path, change=change, **SMALL)).comparisons
    assert len(found.pairs) == 3
    assert found.differences == (
        "budget.epochs: 4 against 8",
        "the order of the rows, since budget.epochs differ",
    )


@pytest.mark.parametrize("name", ["optim.lr", "optim.batch_size"])
def test_another_order_without_a_reason_is_refused(tmp_path, name):
    def change(record):
        freed(name, optim={"lr": 1e-3} if name == "optim.lr" else {})(record)
        if record["arm"] == "pretrained":
            record["data"]["order"] = "f" * 16

    (found,) = compare(make_study(tmp_path, change=change, **SMALL)).comparisons
    assert found.pairs == ()
    assert "not the same order of the rows" in found.excluded[0].reason


@settings(max_examples=8)
@given(data=st.data())
def test_any_tuning_is_told_as_it_was(tmp_path_factory, data):
    numbers = {arm: data.draw(st.integers(0, 3), label=arm) for arm in BEST}
    folder = tmp_path_factory.mktemp("t") / "s"
    for arm, number in numbers.items():
        if number:
            make_trials(folder, score, arms=(arm,), rates=RATES[:number], setting=tune())
    findings = compare(make_study(folder, change=tuned(BEST, tune()), seeds=[0], **SMALL))
    (found,) = findings.comparisons
    equal = numbers["scratch"] == numbers["pretrained"]
    expected_word = "unseen" if not any(numbers.values()) else "equal" if equal else "unequal"
    assert found.tuned == expected_word
    lead = {"unseen": "Tuned, says", "equal": "Tuned equally", "unequal": "Tuned unequally"}[found.tuned]
    assert found.sentence.count(lead) == found.sentence.count("Tuned") == 1
    assert "Not tuned" not in found.sentence


def test_a_study_that_was_tuned_again_compares_its_newer_runs(tmp_path):
    folder = tmp_path / "s"
    make_trials(folder, score, setting=tune())

    def older(record):
        tuned({"scratch": 1e-4, "pretrained": 1e-4}, tune())(record)
        record["environment"]["finished"] = "2026-01-01T00:00:00+00:00"

    make_study(folder / "old", change=older, **SMALL)
    findings = compare(make_study(folder / "new", change=tuned(BEST, tune()), **SMALL).parent)
    assert findings.tuning is not None
    assert {trial.settings["optim.lr"] for trial in findings.tuning.winners} == {"0.001", "0.01"}
    assert sum(cost.study.runs for cost in findings.tuning.costs) == 12
    assert len(findings.comparisons[0].pairs) == 3
    assert "same arm and seed under newer settings" in findings.excluded[0].reason
