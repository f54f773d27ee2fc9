"""Sentences: over generated studies, what they say is read back and held against the records themselves."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.factory import Family, make_study
from tests.families import FAMILIES

from headstart.compare.findings import Comparison, Findings
from headstart.compare.study import compare
from headstart.metrics import METRICS, higher_is_better

SLOW = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}
QUICK = settings(max_examples=25, phases=(Phase.generate,), **SLOW)
LONG = settings(max_examples=200, phases=(Phase.generate,), **SLOW)
NUMBER = r"(−?\d+\.\d+)"


def altered(flags: dict[str, bool]) -> Callable[[dict[str, Any]], None]:
    """A change that spoils records in the ways that make numbers incomparable."""

    def change(record: dict[str, Any]) -> None:
        energy, second = record["cost"]["energy"], record["arm"].startswith("pretrained")
        if flags["company"]:
            energy["exclusive"] = False
        if flags["mixed"] and second and energy["joules"]:
            energy["method"] = "measured" if energy["method"] == "estimated" else "estimated"
        if flags["moved"] and second:
            record["environment"]["machine"] = "f" * 16
        if flags["nothing"] and second:
            record["cost"]["flops"]["train"] = 0
        if flags["bound"]:
            record["cost"]["flops"]["lower_bound"] = ["aten.strange"]

    return change


gaps = st.sampled_from([0.0, 0.1, -0.1, 0.3, -0.3, 0.6, -0.6, 1.5, -1.5])  # of skill, many of them close


@st.composite
def studies(draw) -> dict[str, Any]:
    """The arguments of a study of any family, with anything that may go wrong in one."""
    seeds = draw(st.integers(1, 4))
    name = draw(st.sampled_from(["classes", *FAMILIES]))
    arms = ("pretrained", "pretrained_again") if draw(st.booleans()) else ("scratch", "pretrained")
    flags = {flag: draw(st.booleans()) for flag in ("company", "mixed", "moved", "nothing", "bound")}
    skill = draw(st.floats(-1.5, 1.0))
    lost = draw(st.sets(st.tuples(st.sampled_from(arms), st.integers(0, seeds - 1)), max_size=2))
    return {
        "arms": arms,
        "seeds": range(seeds),
        "rows": draw(st.sampled_from([(512,), (64, 512)])),
        "skill": dict(zip(arms, (skill, skill + draw(gaps)), strict=True)),
        "seed_sd": draw(st.sampled_from([0.0, 0.1, 0.5])),
        "examples": draw(st.sampled_from([20, 60])),
        "evaluations": draw(st.integers(1, 4)),
        "energy": draw(st.sampled_from(["estimated", "measured", "none"])),
        "twins": draw(st.booleans()),
        "status": {key: draw(st.sampled_from(["diverged", "failed"])) for key in lost},
        "predictions": draw(st.integers(0, 4)) > 0,
        "curve": draw(st.integers(0, 4)) > 0,
        "margin": draw(st.sampled_from([0.0, 0.01, 0.2])),
        "family": FAMILIES.get(name),
        "change": altered(flags),
    }


@given(given_study=studies())
@QUICK
def test_no_sentence_says_more_than_the_records(tmp_path_factory, given_study):
    hold(tmp_path_factory.mktemp("s"), given_study)


@pytest.mark.slow
@given(given_study=studies())
@LONG
def test_no_sentence_of_many_studies_says_more_than_the_records(tmp_path_factory, given_study):
    hold(tmp_path_factory.mktemp("s"), given_study)


def hold(folder: Path, arguments: dict[str, Any]) -> Findings:
    """Compare a study and hold every sentence against its records."""
    findings = compare(make_study(folder, **arguments))
    for found in findings.comparisons:
        if found.gain is None:
            assert "cannot be compared, no pair is left" in found.sentence
            continue
        _word_fits_the_interval(found)
        _reaching_is_told_as_the_curves_have_it(folder, found)
        _refused_ratios_are_not_told(found)
        _energy_is_called_what_it_is(folder, found)
        _targets_say_when_they_were_missed(found)
    _metrics_are_told_in_words(findings)
    return findings


def _metrics_are_told_in_words(findings: Findings) -> None:
    """No sentence and no note calls a metric by its name in the record, such as entity_f1."""
    told = [findings.sentence, *findings.notes]
    for found in findings.comparisons:
        told += [found.sentence, *(row.note for row in found.rows.select("target.*.score"))]
        told += [row.note for row in found.rows.select("to_target.*")]
        told += [note for each in found.gains.values() for note in each.notes]
        told += [row.note for row in found.rows.select("matched.*.gain")]
    raw = [name for name in METRICS if "_" in name]
    assert not [(name, line) for line in told for name in raw if name in line]


def _word_fits_the_interval(found: Comparison) -> None:
    """The word, the interval and the gain as they are printed agree with each other and with the numbers."""
    gain: Any = found.gain
    if gain.pairs == 1:
        assert gain.verdict == "cannot say"
        assert "one pair cannot say: these two runs differ by " in found.sentence
        assert not re.search(
            r"\b(better|worse|equivalent|undecided)\b", re.sub("(lower is|[Nn]o) better", "", found.sentence)
        )
        return
    pattern = rf"\(gain {NUMBER}, (no interval|95 % interval {NUMBER} to {NUMBER}), (\d+) pairs?: (\w+)"
    told = re.search(pattern, found.sentence)
    assert told, found.sentence
    word, pairs = told[6], int(told[5])
    assert pairs == len(found.pairs) == gain.pairs
    assert word == gain.verdict
    if told[2] == "no interval":
        assert gain.interval is None
        assert word == "undecided"
        return
    low, high = (float(each.replace("−", "-")) for each in (told[3], told[4]))
    assert low <= high
    assert abs(low - gain.interval.low) < 0.00051 and abs(high - gain.interval.high) < 0.00051
    if word == "better":
        assert low > 0 and gain.interval.low > 0
    if word == "worse":
        assert high < 0 and gain.interval.high < 0
    if word == "equivalent":
        assert -gain.margin <= gain.interval.low and gain.interval.high <= gain.margin
        assert f"equivalent within ±{gain.margin:g}" in found.sentence
    assert ("The interval rests on two pairs." in found.sentence) == (pairs == 2 and told[2] != "no interval")
    assert ("What would decide it:" in found.sentence) == (word == "undecided")


def _reaching_is_told_as_the_curves_have_it(folder: Path, found: Comparison) -> None:
    """'did not reach' stands there exactly when the worse side missed the target in some pair."""
    gain: Any = found.gain
    said = "did not reach" in found.sentence
    if gain.verdict not in ("better", "worse"):
        assert not said
        return
    missed = [_missed(folder, pair, found.headline, worse=0 if gain.gain >= 0 else 1) for pair in found.pairs]
    known = [each for each in missed if each is not None]
    assert said == any(known), found.sentence


def _missed(folder: Path, pair: Any, metric: str, worse: int) -> bool | None:
    """Whether the worse run never was, at an evaluation, where the other one ended; None without curves."""
    names = (pair.baseline_folder, pair.arm_folder)
    curves = [folder / name / "curve.jsonl" for name in (names[worse], names[1 - worse])]
    if not all(curve.exists() for curve in curves):
        return None
    lines = [curve.read_text().splitlines() for curve in curves]
    runner, other = ([json.loads(line)["validation"][metric] for line in each] for each in lines)
    best = max(runner) if higher_is_better(metric) else min(runner)
    return best < other[-1] if higher_is_better(metric) else best > other[-1]


def _refused_ratios_are_not_told(found: Comparison) -> None:
    (flops,), (joules,) = found.rows.select("flops_ratio"), found.rows.select("joules_ratio")
    words = r"training cost (the same FLOPs \(ratio [\d.]+\)|[\d.]+ times the FLOPs)"
    told = re.search(words, found.sentence)
    assert bool(told) == (flops.value is not None), found.sentence
    bounded = "as far as operations have a formula" in found.sentence
    assert bounded == (flops.verdict == "lower bound")
    energy = found.sentence[found.sentence.index("Energy") :]
    if joules.value is None or joules.verdict == "estimated":
        assert "ratio" not in energy.split(":")[0]
    if joules.value is None and found.energy != "not measured":
        assert "not compared" in energy
        assert joules.note and joules.note in energy


def _energy_is_called_what_it_is(folder: Path, found: Comparison) -> None:
    names = [name for pair in found.pairs for name in (pair.baseline_folder, pair.arm_folder)]
    records = [json.loads((folder / name / "record.json").read_text()) for name in names]
    methods = {record["cost"]["energy"]["method"] for record in records}
    if "estimated" in methods or "none" in methods:
        assert "Energy was measured" not in found.sentence
        assert "Energy is measured" not in found.sentence
    if methods == {"estimated"}:
        assert "estimated" in found.sentence
    if methods == {"none"}:
        assert found.sentence.endswith("Energy was not measured.")


def _targets_say_when_they_were_missed(found: Comparison) -> None:
    for target in found.rows.select("target.*.score"):
        lead, told = target.key.removesuffix(".score"), target.note
        reached = [found.rows.value(f"{lead}.{side}_reached") or 0 for side in ("baseline", "arm")]
        assert ("did not reach" in told) == (min(reached) < (target.n or 0))
        ratio: Any = found.rows.first(f"{lead}.flops_ratio")
        if ratio.verdict:
            words = {"at most 1": "no more FLOPs", "at least 1": "no fewer FLOPs"}  # as people say it
            said = words.get(ratio.note, ratio.verdict)
            assert (f" {said} " in told) == (ratio.verdict != "unknown")
        if "at most" in told or "at least" in told:
            assert ratio.value is None or None in (ratio.low, ratio.high)


EDGES: list[tuple[str, Family | None, dict[str, Any]]] = [
    ("all right against all wrong", FAMILIES["question_answering"], {"scratch": -9.0, "pretrained": 9.0}),
    ("all right against all right", None, {"scratch": 9.0, "pretrained": 9.0}),
    ("classes, all against none", None, {"scratch": -9.0, "pretrained": 9.0}),
]


@pytest.mark.parametrize(("family", "skill"), [edge[1:] for edge in EDGES], ids=[edge[0] for edge in EDGES])
def test_scores_without_spread_are_told_with_care(tmp_path, family, skill):
    arguments: dict[str, Any] = {"examples": 60, "evaluations": 2, "seed_sd": 0.0}
    findings = hold(tmp_path, {**arguments, "family": family, "skill": skill})
    gain: Any = findings.comparisons[0].gain
    for metric in ("exact_match", "accuracy"):
        if metric in findings.comparisons[0].gains:
            gain = findings.comparisons[0].gains[metric]
            assert gain.interval is not None
            if gain.interval.low != gain.interval.high:
                assert any("3 in N examples" in note for note in gain.notes)
                assert gain.interval.low == pytest.approx(gain.gain - 3 / 60)


def test_a_gain_that_is_small_and_sure_does_not_look_like_none(tmp_path):
    """Three decimals would print an interval from 0.000, and call it better."""
    from dataclasses import replace

    from headstart.compare.comparison import sentence
    from headstart.compare.findings import Interval

    (found,) = compare(make_study(tmp_path, examples=40, evaluations=2)).comparisons
    assert found.gain is not None
    tiny = replace(found.gain, gain=0.0004, interval=Interval(0.00012, 0.0007), verdict="better")
    told = sentence(replace(found, gains={found.headline: tiny}))
    assert "(gain 0.0004, 95 % interval 0.00012 to 0.0007" in re.sub(r"(\.\d*?[1-9])0+\b", r"\1", told)


def test_a_target_that_some_pairs_missed_says_both(tmp_path):
    make_study(tmp_path / "a", seeds=[0, 1, 2], examples=60, evaluations=4)
    skill = {"scratch": 1.5, "pretrained": 0.0}
    make_study(tmp_path / "b", seeds=[3], examples=60, evaluations=4, skill=skill)
    (found,) = compare(tmp_path).comparisons
    (reached,) = found.rows.select("to_target.reached", arm="scratch")
    assert (reached.value, reached.n) == (1, 4)
    assert "in 1 of 4 pairs" in reached.note
    assert reached.note.endswith("did not reach it within this budget in the others")
