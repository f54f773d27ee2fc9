"""compare: from folders on disk to findings, over the ways in which a study can be odd."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import pytest
from tests.factory import altered, make_record, make_study

from headstart.compare.quantity import Quantity, Rows
from headstart.compare.study import compare
from headstart.compare.summaries import meter_notes
from headstart.compare.usage import carbon_rows
from headstart.errors import RecordError
from headstart.records.store import read_study
from headstart.reports import outline
from headstart.reports.formats import markdown

SMALL: dict[str, Any] = {"examples": 120, "evaluations": 4}


def ratio(found, resource):
    """The row of a ratio."""
    (row,) = found.rows.select(f"{resource}_ratio")
    return row


def only(findings) -> Any:
    assert len(findings.comparisons) == 1
    return findings.comparisons[0]


def test_a_planted_gain_is_found(tmp_path):
    findings = compare(make_study(tmp_path, seeds=range(6)))
    found = only(findings)
    gain = found.gain
    assert gain.verdict == "better"
    assert gain.interval.low < gain.gain < gain.interval.high
    assert gain.probability_better > 0.99
    assert list(found.gains) == ["accuracy", "macro_f1", "matthews", "log_loss"]
    assert found.gains["log_loss"].gain > 0  # lower is better: the gain is oriented
    assert found.gains["log_loss"].arm_score < found.gains["log_loss"].baseline_score
    assert gain.notes == ()
    assert found.differences == ()
    assert findings.excluded == ()
    assert findings.problems == ()
    assert gain.smallest_p == 2 / 64


def test_the_sentence_says_it_all(tmp_path):
    found = only(compare(make_study(tmp_path, seeds=range(6))))
    for part in (
        "With 512 training rows of docs_library, pretrained scores 0.",
        "95 % interval",
        "6 pairs: better",
        "scratch did not reach pretrained's final validation accuracy",
        "training cost the same FLOPs (ratio 1.00)",
        "Energy on this machine is estimated, not measured",
    ):
        assert part in found.sentence


def test_a_repeat_gives_the_same_findings(tmp_path):
    make_study(tmp_path, **SMALL)
    first, second = compare(tmp_path), compare(tmp_path)
    assert only(first).gains == only(second).gains
    assert first.fingerprint == second.fingerprint


@pytest.mark.parametrize("twins", [True, False])
def test_the_same_arm_twice_gains_nothing(tmp_path, twins):
    arms = ("pretrained", "pretrained_again")
    found = only(compare(make_study(tmp_path, arms, range(6), twins=twins)))
    assert found.gain.interval.low <= 0 <= found.gain.interval.high
    assert found.gain.verdict in ("equivalent", "undecided")
    flops = ratio(found, "flops")
    assert flops.value == 1.0
    assert (flops.interval.low, flops.interval.high) == (1.0, 1.0)
    if twins:
        assert found.gain.gain == 0
        assert found.gain.verdict == "equivalent"
        assert found.only_arm_count == found.only_baseline_count == 0


def test_two_baselines_from_random_weights_can_be_compared(tmp_path):
    found = only(compare(make_study(tmp_path, ("scratch", "scratch_again"), **SMALL)))
    assert len(found.pairs) == 3


def test_without_predictions_only_seeds_are_covered(tmp_path):
    found = only(compare(make_study(tmp_path, predictions=False)))
    assert found.gain.interval is not None
    assert found.gain.examples is None
    assert found.gain.notes == (
        "scratch, seed 0 left no predictions",
        "the interval covers seeds only, not test examples",
    )
    assert found.classes == ()


def test_a_diverged_run_counts_and_is_labelled(tmp_path):
    findings = compare(make_study(tmp_path, status={("scratch", 1): "diverged"}, **SMALL))
    found = only(findings)
    assert found.survivors_only
    assert "survivors only" in found.sentence
    assert [pair.seed for pair in found.pairs] == [0, 2]
    assert found.excluded[0].reason == "scratch, seed 1 is diverged: diverged at step 17"
    scratch = findings.arms[0]
    assert (scratch.arm, scratch.runs, scratch.finished, scratch.diverged) == ("scratch", 3, 2, 1)
    assert scratch.survivors_only
    assert findings.total is not None and findings.total.runs == 6


def test_no_pair_left_is_a_sentence(tmp_path):
    status = {("scratch", seed): "failed" for seed in range(3)}
    findings = compare(make_study(tmp_path, status=status, **SMALL))
    assert only(findings).gain is None
    assert "cannot be compared, no pair is left: scratch, seed 0 is failed" in findings.sentence


def test_a_missing_partner_is_named(tmp_path):
    make_study(tmp_path, **SMALL)
    make_study(tmp_path, arms=("pretrained",), seeds=[7], **SMALL)
    findings = compare(tmp_path)
    assert [e.seed for e in findings.excluded] == [7]
    assert "no run of scratch" in findings.excluded[0].reason


def test_a_study_without_its_baseline_says_so(tmp_path):
    def rename(record):
        record["config"]["study"]["baseline"] = "random"

    findings = compare(make_study(tmp_path, change=rename, **SMALL))
    assert findings.comparisons == ()
    assert "no run of the baseline random" in findings.sentence
    assert len(findings.excluded) == 6


def test_sizes_become_conditions_in_order(tmp_path):
    findings = compare(make_study(tmp_path, rows=(1024, 256), **SMALL))
    assert [c.condition.name for c in findings.comparisons] == ["256 rows", "1024 rows"]
    assert [c.condition.settings for c in findings.comparisons] == [
        {"size": "256 rows"},
        {"size": "1024 rows"},
    ]
    assert [(a.condition, a.arm) for a in findings.arms] == [
        ("256 rows", "scratch"),
        ("256 rows", "pretrained"),
        ("1024 rows", "scratch"),
        ("1024 rows", "pretrained"),
    ]


def test_conditions_stand_in_the_order_of_their_numbers(tmp_path):
    for epochs in (12, 4):
        change = partial(_with, "budget", epochs=epochs)
        make_study(tmp_path / str(epochs), change=change, **SMALL)
    names = [each.condition.name for each in compare(tmp_path).comparisons]
    assert names == ["epochs 4", "epochs 12"]


def test_all_rows_have_no_draw_to_name(tmp_path):
    make_study(tmp_path / "some", change=partial(_with, "size", kind="rows", rows=512, seed=0), **SMALL)
    make_study(tmp_path / "all", change=partial(_with, "size", kind="all"), **SMALL)
    names = {each.condition.name for each in compare(tmp_path).comparisons}
    assert names == {"512 rows", "all rows"}


def _with(part, record, **settings):
    """Replace one part of a record's configuration."""
    record["config"][part] = settings


def test_conditions_are_named_by_what_varies(tmp_path):
    def slower(record):
        record["config"]["optim"]["lr"] = 1e-4

    make_study(tmp_path / "a", **SMALL)
    make_study(tmp_path / "b", change=slower, **SMALL)
    findings = compare(tmp_path)
    assert [c.condition.name for c in findings.comparisons] == ["lr 0.0001", "lr 0.0003"]
    assert "(lr 0.0001)" in findings.comparisons[0].sentence


def test_a_run_that_was_repeated_counts_once(tmp_path):
    make_study(tmp_path / "a", **SMALL)
    make_study(tmp_path / "b", arms=("scratch", "pretrained"), seeds=[0], **SMALL)
    findings = compare(tmp_path)
    assert len(only(findings).pairs) == 3
    assert len(findings.excluded) == 2


def _tampered(arm):
    """A way to alter the records of one arm, by name of the alteration."""

    def apply(alter):
        def change(record):
            if record["arm"] == arm:
                alter(record)

        return change

    return apply


PRETRAINED, SCRATCH = _tampered("pretrained"), _tampered("scratch")
LEAK = "backbone.layer.0.mlp.weight"


def leak(record):
    other = make_record("pretrained", 0, arms=("scratch", "pretrained"))
    record["init"]["changed"][LEAK] = other["init"]["checkpoint"]["tensors"][LEAK]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            PRETRAINED(lambda r: r["init"]["changed"].update({"classifier.bias": "f" * 16})),
            "classifier.bias is not what the seed gives, though nothing was loaded into it",
        ),
        (SCRATCH(leak), f"{LEAK} is not what the seed gives"),
        (
            PRETRAINED(lambda r: r["init"]["changed"].update({LEAK: "f" * 16})),
            f"pretrained, seed 0: at step 0 {LEAK} is not what the checkpoint delivered",
        ),
        (
            PRETRAINED(lambda r: r["init"]["changed"].pop(LEAK)),
            f"{LEAK} is not what the checkpoint delivered",
        ),
        (PRETRAINED(lambda r: r["init"].update(checkpoint=None)), "no checkpoint is named"),
    ],
)
def test_a_pair_that_breaks_the_contract_is_refused(tmp_path, change, reason):
    found = only(compare(make_study(tmp_path, change=change, seeds=[0], **SMALL)))
    assert found.pairs == ()
    assert reason in found.excluded[0].reason


def test_energy_that_nobody_measured(tmp_path):
    found = only(compare(make_study(tmp_path, energy="none", **SMALL)))
    joules = ratio(found, "joules")
    assert joules.value is None
    assert "no energy counter on this machine" in joules.note
    assert "Energy was not measured." in found.sentence


def test_measured_energy_is_called_so(tmp_path):
    findings = compare(make_study(tmp_path, energy="measured", **SMALL))
    assert ratio(only(findings), "joules").verdict == ""
    assert "Energy was measured" in findings.sentence
    assert findings.total is not None and findings.total.joules_estimated is None


@pytest.mark.parametrize(
    ("alter", "reason"),
    [
        (lambda r: r["cost"]["energy"].update(method="measured"), "energy method differs"),
        (lambda r: r["cost"]["energy"].update(boundary="gpu"), "energy boundary differs"),
        (
            lambda r: r["cost"]["energy"].update(exclusive=False),
            "pretrained, seed 0 was not alone on the machine",
        ),
        (lambda r: r["cost"]["energy"].update(exclusive=None), "it is not known that the runs were alone"),
        (lambda r: r["environment"].update(machine="f" * 16), "the machine differs"),
    ],
)
def test_joules_that_do_not_compare_are_refused(tmp_path, alter, reason):
    found = only(compare(make_study(tmp_path, change=PRETRAINED(alter), **SMALL)))
    assert ratio(found, "joules").value is None
    assert reason in ratio(found, "joules").note
    assert found.energy == "not comparable"
    assert f"not compared: {ratio(found, 'joules').note}." in found.sentence
    seconds = ratio(found, "seconds")  # of a crowded machine they say nothing, either
    assert (seconds.value is None) == ("machine differs" in reason or "was not alone" in reason)
    assert seconds.value is not None or reason in seconds.note


def test_every_reason_not_to_compare_energy_is_named(tmp_path):
    def both(record):
        record["cost"]["energy"].update(exclusive=None)

    found = only(compare(make_study(tmp_path, change=both, **SMALL)))
    assert found.energy_method == "estimated"
    assert found.sentence.endswith(
        "Energy is estimated, and not compared: it is not known that the runs were alone on the machine."
    )
    change = PRETRAINED(lambda r: r["cost"]["energy"].update(boundary="gpu", exclusive=False))
    twice = only(compare(make_study(tmp_path / "b", change=change, study="b", **SMALL)))
    assert "boundary differs: cpu+ram against gpu; pretrained, seed 0 was not alone" in twice.sentence


def test_an_estimated_ratio_is_shown_but_never_told_first(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    joules = ratio(found, "joules")
    assert joules.value is not None
    assert "an energy ratio is a time ratio" in joules.note
    assert found.sentence.endswith("Energy on this machine is estimated, not measured.")
    assert f"{joules.value:.2f})." not in found.sentence


def test_no_arm_was_tuned_and_the_sentence_says_so(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    assert ". Not tuned: all arms use the same hyperparameters. " in found.sentence


def test_flops_without_a_formula_are_a_lower_bound_everywhere(tmp_path):
    change = PRETRAINED(lambda r: r["cost"]["flops"].update(lower_bound=["aten.strange"]))
    findings = compare(make_study(tmp_path, change=change, **SMALL))
    assert [arm.flops_lower_bound for arm in findings.arms] == [False, True]
    assert findings.total is not None and findings.total.flops_lower_bound
    assert ratio(only(findings), "flops").verdict == "lower bound"
    assert "as far as operations have a formula" in findings.sentence


def test_a_pair_shows_the_digests_that_both_sides_share(tmp_path):
    findings = compare(make_study(tmp_path, **SMALL))
    pairs = only(findings).pairs
    assert all(len(pair.head) == len(pair.order) == 8 for pair in pairs)
    assert len({pair.head for pair in pairs}) == 3


def test_a_worse_arm_is_told_with_a_real_minus_sign(tmp_path):
    skill = {"pretrained": -1.2, "scratch": 0.0}
    found = only(compare(make_study(tmp_path, skill=skill, **SMALL)))
    assert "(gain −0." in found.sentence
    assert "-0." not in found.sentence


def test_a_target_met_at_step_0_is_met_before_any_training(tmp_path):
    skill = {"pretrained": 0.4, "scratch": -3.0}  # scratch ends below chance
    found = only(compare(make_study(tmp_path, skill=skill, **SMALL)))
    assert found.rows.value("to_target.flops_share", arm=found.arm) == 0
    assert found.rows.first("to_target.reached", arm=found.arm).note.endswith(" before any training")


def energy_of(record, **changes):
    energy = {**record.cost.energy.model_dump(exclude_unset=True), **changes}
    return altered(record, cost={"energy": energy})


def test_what_the_meter_noted_is_read_when_it_is_there(tmp_path):
    records = read_study(make_study(tmp_path, **SMALL)).records
    noted = {
        "idle_watts": {"cpu": 9.0, "ram": 1.0},
        "dynamic_joules": 400.0,
        "doubts": ["a short run"],
        "unavailable": {"rapl": "no permission"},
        "lost_segments": 1,
        "evidence": {"device_lock": {"held": True}, "contention": {"foreign_cpu_share": 0.3, "limit": 0.05}},
    }
    found = meter_notes([energy_of(record, **noted) for record in records])
    assert found is not None
    assert (found.idle_watts, found.dynamic, found.lost_segments) == (10.0, 400.0, len(records))
    assert found.doubts == ("a short run",)
    assert found.unavailable == ("rapl: no permission",)
    assert found.evidence == ("others used 30.0 % of the processor",)
    calm = {"device_lock": {"held": True}, "contention": {"foreign_cpu_share": 0.0, "limit": 0.05}}
    quiet = meter_notes([energy_of(records[0], evidence=calm)])
    assert quiet is not None
    assert quiet.evidence == ("the devices were locked, and other processes used little of them",)
    assert quiet.dynamic is None


def test_carbon_is_a_mean_only_over_figures_that_rest_on_the_same(tmp_path):
    records = read_study(make_study(tmp_path, **SMALL)).records
    one = {
        "grams": 2.0,
        "region": "FR",
        "year": 2023,
        "source": "a table",
        "grams_per_kwh": 56.0,
        "pue": None,
    }

    def carbon(runs):
        return Rows(carbon_rows(Quantity(""), runs)).first("carbon")

    def with_carbon(record, **changes):
        return altered(record, cost={"carbon": {**one, **changes}})

    found = carbon([with_carbon(records[0]), with_carbon(records[1], grams=4.0)])
    assert found is not None
    assert (found.value, found.n, found.note) == (3.0, 2, "FR, 56 g/kWh (a table)")
    assert carbon([with_carbon(records[0]), records[1]]) is None
    assert carbon([with_carbon(records[0]), with_carbon(records[1], region="PL")]) is None


def test_what_else_differs_inside_pairs_is_listed(tmp_path):
    change = PRETRAINED(lambda r: r["config"]["hardware"].update(threads=8))
    found = only(compare(make_study(tmp_path, change=change, **SMALL)))
    assert found.differences == ("hardware.threads: 2 against 8",)


def test_the_target_is_the_first_evaluation_at_it(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    assert found.rows.value("to_target.reached", arm="scratch") == 0
    missed = found.rows.first("to_target.steps", arm="scratch")
    assert (missed.value, missed.verdict) == (None, "not reached")
    assert found.rows.value("to_target.reached", arm="pretrained") == 3
    assert found.rows.value("to_target.steps", arm="pretrained") in (16, 32, 48, 64)
    assert 0 < found.rows.value("to_target.flops_share", arm="pretrained") < 1


def test_curves_and_examples(tmp_path):
    found = only(compare(make_study(tmp_path, **SMALL)))
    assert {(c.arm, c.axis, c.metric) for c in found.curves} == {
        (arm, axis, metric)
        for arm in ("scratch", "pretrained")
        for axis in ("step", "flops", "seconds")
        for metric in ("accuracy", "loss")
    }
    for curve in found.curves:
        assert curve.runs == (3,) * 5
        assert all(
            low <= mean <= high for low, mean, high in zip(curve.low, curve.mean, curve.high, strict=True)
        )
    assert sum(one.examples for one in found.classes) == 120
    assert sum(sum(row) for row in found.confusions[0].counts) == pytest.approx(120)
    assert found.only_arm_count > found.only_baseline_count
    first = found.only_arm[0]
    assert first.arm_right == 3
    assert first.arm_prediction == first.label != first.baseline_prediction


@pytest.mark.parametrize(
    ("arms", "asked"),
    [
        (("scratch", "pretrained"), "What do pretrained weights buy on docs_library?"),
        (("scratch", "scratch_wide"), "What does scratch_wide gain over scratch on docs_library?"),
        (("scratch", "pretrained", "scratch_wide"),
         "What do pretrained and scratch_wide gain over scratch on docs_library?"),
        (("scratch",), "What does scratch score on docs_library?"),
    ],
)  # fmt: skip
def test_a_study_without_a_question_asks_what_is_compared(tmp_path, arms, asked):
    def silent(record):
        record["config"]["study"]["question"] = ""

    assert compare(make_study(tmp_path, arms, change=silent, seeds=[0], **SMALL)).question == asked


def test_an_empty_folder_is_a_sentence(tmp_path):
    with pytest.raises(RecordError, match="holds no run"):
        compare(tmp_path)


def test_comparing_starts_without_torch():
    heavy = ("torch", "pandas", "scipy.stats", "transformers")
    code = f"import sys, headstart.compare.study; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_attestations_count_what_was_poured(tmp_path):
    scratch, pretrained = compare(make_study(tmp_path, **SMALL)).attestations
    assert (scratch.poured_tensors, scratch.checkpoint) == (0, None)
    assert (pretrained.poured_tensors, pretrained.checkpoint) == (18, "demo/minilm")
    assert pretrained.same and pretrained.checkpoints == 1


@pytest.mark.parametrize("several", ["pretrainings", "files"])
def test_runs_agree_that_begin_with_the_same_weights(tmp_path, several):
    """Weights of another pretraining are others, and nothing is wrong; those of the same one are not."""

    def change(record):
        if record["arm"] != "scratch":
            seed = record["seed"]
            record["config"]["arm"] |= {"pretraining": ["budget.steps=9"], "pretraining_seed": 0}
            if several == "pretrainings":
                record["config"]["arm"]["pretraining_seed"] = seed
            record["init"]["checkpoint"] |= {"source": f"runs/pretraining/{seed}", "sha256": f"{seed:064x}"}

    findings = compare(make_study(tmp_path, change=change, seeds=range(3), **SMALL))
    pretrained = findings.attestations[-1]
    assert (pretrained.same, pretrained.checkpoints) == (several == "pretrainings", 3)
    page = markdown.render(outline.page(findings))
    assert "runs/pretraining/0 and 2 more" in page
