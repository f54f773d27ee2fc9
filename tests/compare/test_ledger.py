"""The ledger: what pretraining cost, its three views, and the number of uses that pays for it."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import altered, make_study
from tests.reports import handmade

from headstart.compare import ledger
from headstart.compare.bounds import Bounded
from headstart.compare.break_even import break_even, saving
from headstart.compare.learning_curves import Reach
from headstart.compare.ledger import (
    USES,
    break_even_rows,
    chain,
    pretraining,
    uses,
    views,
)
from headstart.compare.pairs import match
from headstart.compare.published import tables as published
from headstart.compare.quantity import Quantity
from headstart.compare.sentences import costs as sentences
from headstart.compare.statistics.skewed import mean_difference
from headstart.compare.study import compare
from headstart.records.store import read_study
from headstart.reports.sections.pretraining import payback, uses_interval

COUNTED = ["marginal", "amortised_30", "full"]
HERE = Quantity("", arm="pretrained", baseline="scratch")
LEDGER = handmade.ledger(covers="")
SMALL: dict[str, Any] = {"examples": 60, "evaluations": 4, "predictions": False}
costs = st.floats(min_value=0, max_value=1e15)
positive = st.floats(min_value=1e-3, max_value=1e24)
reach = st.builds(Reach, costs, st.booleans())
pairs = st.lists(st.tuples(reach, reach), min_size=1, max_size=6)
ranges = st.tuples(positive, positive).map(lambda ends: Bounded(min(ends), max(ends)))


def shown(result):
    """The uses and their interval, as the report shows the rows."""
    uses, _, interval = break_even_rows(Quantity("", arm="arm", baseline="t"), result)
    return payback(uses), uses_interval(interval)


def ledger_of(baselines, arms, value):
    matches = match(baselines, [with_ledger(record, value) for record in arms]).matches
    return ledger.ledger(HERE, matches, "accuracy", gain_shown=True)


def resources(found) -> set[str]:
    return {row.key.split(".")[1] for row in found.rows.select("break_even.*_score")}


def words(result, found):
    return sentences.break_even(result, HERE.baseline, found.covers)


def uncensored(*both):
    return saving([(Reach(left, True), Reach(right, True)) for left, right in both])


def carried(**changes) -> dict[str, Any]:
    one = {"flops": 10**15, "joules": 500.0, "method": "measured", "seconds": 60.0, "runs": ["a" * 16]}
    one |= {"boundary": "cpu package + dram", "machine": "0a1b2c3d4e5f6071", "exclusive": True}
    return {**one, "parent": None, **changes}


def records(folder, **changes):
    found = read_study(make_study(folder, **{**SMALL, **changes})).records
    return [r for r in found if r.arm == "scratch"], [r for r in found if r.arm == "pretrained"]


def with_ledger(record, value):
    return altered(record, init={"checkpoint": {**dict(record.init.checkpoint), "ledger": value}})


@given(pairs, ranges)
def test_a_number_of_uses_is_never_negative_and_bounds_are_in_order(both, cost):
    found = break_even("flops", "scratch", cost, saving(both))
    for end in (found.uses.low, found.uses.high):
        assert end is None or end >= 0
    if found.payback == "number":
        assert found.uses.low is not None
        assert found.uses.high is not None
        assert found.uses.low <= found.uses.high
    assert (found.uses.high is not None) == (found.payback in ("number", "at most"))


@given(pairs, ranges)
def test_a_baseline_that_missed_the_target_makes_it_at_most(both, cost):
    saved = saving(both)
    found = break_even("flops", "pretrained", cost, saved)
    assert found.censored == sum(not baseline.reached for baseline, _ in both)
    if found.censored:
        assert found.payback in ("at most", "unknown")  # never a number, and never 'never'
    elif all(arm.reached for _, arm in both):
        assert found.payback in ("number", "never") or "too small to divide by" in found.reason


@given(positive, positive, positive, positive)
def test_more_pretraining_or_less_saving_never_needs_fewer_uses(cost, more, saved, less):
    def needed(cost, saved):
        return break_even("flops", "t", Bounded(cost, cost), uncensored((saved, 0.0))).uses.high or math.inf

    assert needed(cost + more, saved) >= needed(cost, saved)
    assert needed(cost, min(saved, less)) >= needed(cost, max(saved, less))


@given(costs, ranges)
def test_an_exact_tie_never_pays(cost, pretrained):
    assert break_even("flops", "t", pretrained, uncensored((cost, cost))).payback == "never"


@given(costs, costs, ranges)
def test_an_arm_that_costs_more_never_pays(cost, more, pretrained):
    assert break_even("flops", "t", pretrained, uncensored((cost, cost + more))).payback == "never"


def test_a_tie_within_the_budget_is_not_settled():
    saved = saving([(Reach(100.0, False), Reach(100.0, True))])
    found = break_even("flops", "t", Bounded(1.0, 1.0), saved)
    assert found.payback == "unknown"
    assert "within this budget" in found.reason


def test_unknown_pretraining_is_unknown_and_nothing_saved_is_still_never():
    nothing = Bounded(None, None)
    assert break_even("flops", "t", nothing, uncensored((2.0, 1.0))).payback == "unknown"
    assert break_even("flops", "t", nothing, uncensored((1.0, 2.0))).payback == "never"
    assert break_even("flops", "t", Bounded(1.0, 1.0), None).payback == "unknown"


def test_a_number_is_cost_over_saving():
    found = break_even("flops", "t", Bounded(1000.0, 2000.0), uncensored((150.0, 50.0), (130.0, 30.0)))
    assert (found.payback, found.uses) == ("number", Bounded(10.0, 20.0))


def test_an_upper_bound_of_the_cost_gives_at_most():
    found = break_even("flops", "t", Bounded(None, 2000.0), uncensored((150.0, 50.0)))
    assert (found.payback, found.uses) == ("at most", Bounded(None, 20.0))


@given(ranges, positive, positive, st.lists(st.integers(2, 10**6), min_size=1, max_size=5, unique=True))
def test_views_run_from_excluded_to_full_and_amortising_lies_between(cost, own, base, numbers):
    shown = views(cost, own, base, sorted(numbers))
    assert [view.key for view in shown] == ["marginal", *(f"amortised_{n}" for n in sorted(numbers)), "full"]
    assert shown[0].total == Bounded(own, own)
    for view in shown[1:-1]:
        assert view.total.low is not None and shown[-1].total.low is not None
        assert own <= view.total.low <= shown[-1].total.low


def test_uses_are_those_of_the_study_or_the_default():
    assert uses({"study": {}}) == USES
    assert uses({"study": {"uses": None}}) == USES
    assert uses({"study": {"uses": 50}}) == (50,)
    assert uses({"study": {"uses": [5, 5, 0]}}) == (5,)


def test_every_published_figure_has_its_source_and_a_range_in_order():
    assert "sentence-transformers/all-MiniLM-L6-v2" in published.pretraining()
    for entry in published.pretraining().values():
        assert entry["figures"] or entry["open"]
        for one in entry["figures"]:
            assert one["source"] and one["basis"] and one["boundary"]
            assert one["low"] is not None or one["high"] is not None
            assert None in (one["low"], one["high"]) or one["low"] <= one["high"]
            assert one["quantity"] in ("flops", "kwh", "kg_co2e", "device_hours")


def closed_form(layers, hidden, length):
    inner = 4 * hidden
    forward = 8 * length * hidden**2 + 4 * length * hidden * inner + 4 * length**2 * hidden
    return 3 * layers * forward


@pytest.mark.parametrize(
    ("model", "place", "low", "high"),
    [
        ("sentence-transformers/all-MiniLM-L6-v2", 0, None, 3 * 1024 * 10**5 * closed_form(6, 384, 128)),
        (
            "bert-base-uncased",
            0,
            256 * (900_000 * closed_form(12, 768, 128) + 100_000 * closed_form(12, 768, 512)),
            256 * 10**6 * closed_form(12, 768, 512),
        ),
        (
            "roberta-base",
            0,
            500_000 * 8000 * closed_form(12, 768, 512),
            500_000 * 8192 * closed_form(12, 768, 512),
        ),
        (
            "google/electra-small-discriminator",
            0,
            4 * 10**6 * 128 * (closed_form(12, 256, 512) + closed_form(12, 64, 512)),
            4 * 10**6 * 128 * 2 * closed_form(12, 256, 512),
        ),
        ("google/vit-base-patch16-224-in21k", 0, 90 * 14.2e6 * closed_form(12, 768, 197), None),
    ],
)
def test_derived_figures_follow_from_the_closed_form(model, place, low, high):
    figure = published.figures(model)[place].amount
    if low is not None:
        assert figure.low == pytest.approx(low, rel=0.01)
    if high is not None:
        assert figure.high == pytest.approx(high, rel=0.01)


def test_figures_that_differ_are_a_range():
    amount, covers = published.flops(published.figures("bert-base-uncased"))
    assert (amount, covers) == (Bounded(2.28e19, 1.64e20), "")
    assert published.flops(published.figures("gpt2")) == (Bounded(None, None), "")
    assert "No published cost of pretraining nobody/knows" in published.questions("nobody/knows")[0]


def test_a_published_cost_of_one_stage_is_told_as_such(tmp_path):
    found = compare(make_study(tmp_path, **SMALL)).comparisons[0].ledger
    assert found is not None
    assert (found.origin, found.covers) == ("published", "the contrastive stage")
    assert "the contrastive stage alone" in found.sentence
    assert "published, not measured here" in found.sentence
    assert "after at most" in found.sentence
    assert resources(found) == {"flops"}
    assert "another boundary" in found.joules_reason


def test_a_model_that_nobody_costed_is_unknown(tmp_path):
    def other(record):
        record["config"]["model"]["name"] = "nobody/knows"

    found = compare(make_study(tmp_path, change=other, **SMALL)).comparisons[0].ledger
    assert found is not None
    assert found.origin == "unknown"
    assert not found.flops.known
    assert found.sentence == "What it cost to pretrain the weights of pretrained is unknown."
    assert found.rows.select("ledger.*.flops_ratio")[0].key == "ledger.marginal.flops_ratio"


def test_an_arm_without_weights_has_no_ledger(tmp_path):
    found = compare(make_study(tmp_path, ("scratch", "scratch_again"), **SMALL))
    assert found.comparisons[0].ledger is None


def test_the_uses_that_a_study_declares_are_shown(tmp_path):
    def declare(record):
        record["config"]["study"]["uses"] = [30]

    found = compare(make_study(tmp_path, change=declare, **SMALL)).comparisons[0].ledger
    assert found is not None
    assert [row.key.split(".")[1] for row in found.rows.select("ledger.*.share")] == COUNTED


def test_weights_trained_here_carry_their_cost_through_a_chain(tmp_path):
    baselines, arms = records(tmp_path, energy="measured")
    value = carried(flops=2 * 10**12, parent=carried(flops=10**12, runs=["b" * 16]))
    found = ledger_of(baselines, arms, value)
    assert found is not None
    assert found.origin == "measured"
    assert found.flops == Bounded(3e12, 3e12)
    assert found.joules == 1000.0
    assert [stage.runs for stage in found.stages] == [("a" * 16,), ("b" * 16,)]
    assert found.figures == ()  # the table is not asked when the chain began here
    assert resources(found) == {"flops", "joules"}
    for resource in ("flops", "joules"):
        assert found.rows.value(f"break_even.{resource}.baseline_score") is not None
    assert "measured here" in found.sentence


def test_the_training_of_both_sides_is_counted_and_the_tokenizer_is_told(tmp_path):
    _, (arm, *_) = records(tmp_path)
    trained = {"flops": 10**14, "joules": 400.0, "seconds": 50.0}
    found = pretraining(with_ledger(arm, carried(train=trained, tokenizer_seconds=12.34)))
    (stage,) = found.stages
    assert (stage.flops, stage.joules, stage.seconds, stage.tokenizer_seconds) == (10**14, 400.0, 50.0, 12.34)
    assert (found.flops.value, found.joules) == (10**14, 400.0)
    assert sentences.tokenizer(12.34) in found.open and "12.3 s" in sentences.tokenizer(12.34)
    assert sentences.WHOLE_RUNS not in found.open
    assert sentences.WHOLE_RUNS in pretraining(with_ledger(arm, carried())).open


def test_a_chain_that_began_with_a_published_model_adds_its_cost(tmp_path):
    _, arms = records(tmp_path)
    found = pretraining(with_ledger(arms[0], carried(parent=None, model="bert-base-uncased")))
    assert found.flops == Bounded(2.28e19 + 1e15, 1.64e20 + 1e15)
    assert found.joules is None
    assert "bert-base-uncased" in found.joules_reason
    alone = pretraining(with_ledger(arms[0], carried(model="nobody/knows")))
    assert (alone.flops, alone.covers) == (Bounded(1e15, 1e15), "what was trained here")


@pytest.mark.parametrize(
    "broken",
    [{}, {"flops": 1}, carried(flops=-1), carried(parent=carried()), carried(runs=None)],
)
def test_a_broken_ledger_is_unknown_and_says_so(tmp_path, broken):
    _, arms = records(tmp_path, seeds=[0])
    found = pretraining(with_ledger(arms[0], broken))
    assert found.origin == "unknown"
    assert not found.flops.known
    assert "cannot be read" in found.open[0]


@given(st.lists(st.integers(0, 10**18), min_size=1, max_size=8))
def test_a_chain_of_any_length_adds_up(flops):
    value = None
    for number, spent in enumerate(flops):
        value = carried(flops=spent, runs=[f"{number:016x}"], parent=value)
    stages, root = chain(json.loads(json.dumps(value)))
    assert sum(stage.flops for stage in stages) == sum(flops)
    assert root is None


def test_energy_of_another_method_is_refused(tmp_path):
    baselines, arms = records(tmp_path, energy="estimated")
    found = ledger_of(baselines, arms, carried())
    assert found is not None
    refused = found.rows.select("break_even.joules.*_score")
    assert {row.verdict for row in refused} == {"unknown"}
    assert "the method of the pretraining's energy is measured, here estimated" in refused[0].note


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"boundary": "gpu"}, "the boundary of the pretraining's energy is gpu, here cpu package + dram"),
        ({"boundary": None}, "the boundary of the pretraining's energy is not known"),
        ({"machine": "f" * 16}, "the machine of the pretraining's energy is ffffffffffffffff"),
        ({"exclusive": None}, "it is not known that the pretraining was alone on its machine"),
        ({"joules": None}, "the energy of a pretraining run was not measured"),
    ],
)
def test_what_differs_between_the_energies_is_named(tmp_path, changes, reason):
    baselines, arms = records(tmp_path, energy="measured", seeds=[0])
    value = carried(**changes)
    found = ledger_of(baselines, arms, value)
    assert found is not None
    assert reason in found.rows.select("break_even.joules.*_score")[0].note


def test_the_words_of_censoring(tmp_path):
    found = compare(make_study(tmp_path, **SMALL)).comparisons[0].ledger
    assert found is not None
    saved = saving([(Reach(100.0, False), Reach(50.0, True))])
    told = words(break_even("flops", "pretrained", Bounded(500.0, 500.0), saved), found)
    assert "after at most 10 uses" in told
    assert "scratch did not reach it in 1 of 1 pairs" in told
    never = words(break_even("flops", "scratch", Bounded(5.0, 5.0), uncensored((1.0, 1.0))), found)
    assert "does not pay for itself" in never
    assert "in the one pair" in never


SURE = r"never pays for itself|holds no saving"
BOTH = r"\(95 % interval: from [\d,.]+ uses? to never\)"


@given(pairs, st.one_of(ranges, st.just(Bounded(None, None)), positive.map(lambda end: Bounded(end, None))))
def test_what_is_said_of_never_is_what_the_interval_holds(both, cost):
    saved = saving(both)
    found = break_even("flops", "t", cost, saved)
    told = words(found, LEDGER)
    text = " ".join(shown(found))
    if found.payback == "unknown":
        assert "is unknown" in told and "never" not in told
        return
    if saved.sure_low is None or saved.sure_high is None:  # one pair: there is no interval to speak of
        assert not re.search(SURE, told) and "to never" not in told and "never" not in text
        return
    holds_none, holds_some = saved.sure_low <= 0, saved.sure_high > 0
    assert bool(re.search(SURE, told)) == (text == "never never") == (not holds_some)
    assert bool(re.search(BOTH, told)) == (holds_none and holds_some)
    assert ("to never" in text) == (holds_none and holds_some)
    assert ("has paid for itself" in told) == (found.payback in ("number", "at most"))


def test_both_sides_of_an_interval_are_said_in_plain_words():
    lost = uncensored((10.0, 11.0), (12.0, 10.0), (10.0, 13.0))
    found = break_even("flops", "t", Bounded(1.0, 1.0), lost)
    assert found.payback == "never"
    assert words(found, LEDGER) == (
        "it does not pay for itself in compute: nothing is saved on average on the way to t's final "
        "validation score (95 % interval: from 1 use to never)"
    )
    assert shown(found) == ("not on average", "from 1 use to never")
    surely = break_even("flops", "t", Bounded(1.0, 1.0), uncensored((10.0, 20.0), (10.0, 21.0), (10.0, 20.5)))
    assert words(surely, LEDGER).startswith("it never pays for itself in compute: nothing is saved")
    assert shown(surely) == ("never", "never")


def test_weights_from_a_folder_are_taken_on_trust(tmp_path):
    def move(record):
        if record["init"]["checkpoint"]:
            record["init"]["checkpoint"]["source"] = "the folder copies/minilm"

    found = compare(make_study(tmp_path, change=move, **SMALL)).comparisons[0].ledger
    assert found is not None
    assert any("taken on trust" in line for line in found.open)


def test_a_saving_too_small_to_divide_by_is_unknown():
    found = break_even("flops", "t", Bounded(1e24, 1e24), uncensored((5e-324, 0.0)))
    assert found.payback == "unknown"
    assert "too small" in found.reason


def test_a_target_that_the_arm_missed_is_no_saving_for_sure():
    unsure = saving([(Reach(100.0, True), Reach(50.0, False))])
    assert break_even("flops", "t", Bounded(1.0, 1.0), unsure).payback == "unknown"
    surely = saving([(Reach(100.0, True), Reach(100.0, False))])
    assert break_even("flops", "t", Bounded(1.0, 1.0), surely).payback == "never"


@given(positive, ranges)
def test_a_saving_that_is_only_bounded_from_below_gives_at_most(saved, cost):
    found = break_even("flops", "t", cost, saving([(Reach(2 * saved, False), Reach(saved, True))]))
    assert found.payback == "at most"
    assert found.uses.low is None


def test_the_interval_of_the_uses_is_that_of_the_saving_turned_over():
    both = [(Reach(cost, True), Reach(50.0, True)) for cost in (150.0, 140.0, 160.0)]
    found = break_even("flops", "t", Bounded(1000.0, 1000.0), saving(both))
    saved = mean_difference(np.array([(150.0, 50.0), (140.0, 50.0), (160.0, 50.0)]))
    width = 4.302653 * 10 / math.sqrt(3)  # Student's t with two degrees of freedom, standard deviation 10
    assert (saved.low, saved.high) == pytest.approx((100 - width, 100 + width), rel=0.15)
    assert found.payback == "number"
    assert found.interval is not None
    assert found.interval.low == pytest.approx(1000 / saved.high)
    assert found.interval.high == pytest.approx(1000 / saved.low)
    assert not found.may_never
    assert sentences.uses_interval(found) == " (95 % interval 8 to 13 uses)"


def test_a_saving_that_may_be_nothing_may_never_pay():
    both = [(Reach(cost, True), Reach(50.0, True)) for cost in (60.0, 45.0, 75.0)]
    found = break_even("flops", "t", Bounded(1000.0, 1000.0), saving(both))
    assert found.payback == "number"
    assert found.may_never
    assert found.interval is not None
    assert found.interval.high is None
    told = words(found, LEDGER)
    assert re.search(r"has paid for itself .* \(95 % interval: from [\d,.]+ uses to never\)$", told)


def test_a_censored_baseline_leaves_the_interval_open_below():
    both = [(Reach(cost, False), Reach(50.0, True)) for cost in (150.0, 140.0, 160.0)]
    found = break_even("flops", "t", Bounded(1000.0, 1000.0), saving(both))
    assert found.payback == "at most"
    assert found.interval is not None
    assert found.interval.low is None
    saved = mean_difference(np.array([(150.0, 50.0), (140.0, 50.0), (160.0, 50.0)]))
    assert found.interval.high == pytest.approx(1000 / saved.low)
    assert sentences.uses_interval(found) == " (95 % interval: at most 13 uses)"


def test_the_spacing_of_evaluations_widens_the_interval():
    exact = saving([(Reach(150.0, True), Reach(50.0, True)) for _ in range(3)])
    spaced = saving([(Reach(150.0, True, 125.0), Reach(50.0, True, 25.0)) for _ in range(3)])
    assert (exact.sure_low, exact.sure_high) == (100, 100)
    assert (spaced.sure_low, spaced.sure_high) == (75, 125)
    assert (spaced.low, spaced.high) == (exact.low, exact.high)


def test_one_pair_has_no_interval():
    found = break_even("flops", "t", Bounded(1000.0, 1000.0), uncensored((150.0, 50.0)))
    assert found.interval is None
    assert sentences.uses_interval(found) == ""


@given(pairs, ranges)
def test_an_interval_holds_the_number_that_is_told(both, cost):
    found = break_even("flops", "t", cost, saving(both))
    if found.interval is None or found.payback not in ("number", "at most"):
        return
    largest = max(reach.cost for pair in both for reach in pair)
    least = min(abs(end) for end in (saving(both).low, saving(both).high) if end)
    room = 1 + 1e-9 + 1e-15 * largest / least  # a small difference of large costs has fewer right digits
    if found.interval.low is not None and found.uses.low is not None:
        assert found.interval.low <= found.uses.low * room
    if found.interval.high is not None:
        assert found.uses.high is not None
        assert found.uses.high <= found.interval.high * room
    else:
        assert found.may_never or math.isinf(saving(both).high)


@pytest.mark.parametrize("seed_sd", [0.1, 0.3])
def test_the_interval_covers_the_true_number_of_uses(seed_sd):
    """Savings vary from pair to pair; the number of uses is the cost over their expectation."""
    rng, hits, studies = np.random.default_rng(round(100 * seed_sd)), 0, 600
    for _ in range(studies):
        saved = 100 * (1 + seed_sd * rng.standard_normal(4))
        both = [(Reach(float(200 + each), True), Reach(200.0, True)) for each in saved]
        found = break_even("flops", "t", Bounded(1000.0, 1000.0), saving(both))
        assert found.interval is not None
        low, high = found.interval.low or 0.0, found.interval.high or math.inf
        hits += low <= 10.0 <= high
    assert 0.93 <= hits / studies <= 0.97


def test_declared_uses_are_those_of_the_amortised_view(tmp_path):
    def thirty(record):
        record["config"]["study"]["uses"] = 30
        carry(record)

    (found,) = compare(make_study(tmp_path, change=thirty, **SMALL)).comparisons
    assert found.ledger is not None
    assert [row.key.split(".")[1] for row in found.rows.select("ledger.*.share")] == COUNTED


def carry(record):
    if record["init"]["checkpoint"]:
        record["init"]["checkpoint"]["ledger"] = carried()


def test_break_even_of_a_study_has_its_interval_in_the_sentence(tmp_path):
    found = compare(make_study(tmp_path, change=carry, **SMALL)).comparisons[0].ledger
    assert found is not None
    best = found.rows.first("break_even.flops.baseline_score")
    assert best and best.low is not None and best.value is not None
    assert best.low <= best.value
    assert "95 % interval" in found.sentence
