"""Trusted: a run whose files contradict each other is left out, with both values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.factory import edit_predictions, edit_record, make_study
from tests.families import FAMILIES

from headstart.api import open_study
from headstart.compare.study import compare
from headstart.compare.trusted import contradictions, read_trusted
from headstart.metrics import METRICS, metric_name
from headstart.records.store import read_record

Alter = Callable[[dict[str, Any]], object]
RUN = "pretrained-512-0"


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", seeds=range(3), examples=60, evaluations=2)


def refused(study) -> str:
    """Why the one run is left out; the other pairs are compared all the same."""
    findings = compare(study)
    (problem,) = findings.problems
    assert problem.startswith(f"{RUN}: left out: ")
    assert [pair.seed for pair in findings.comparisons[0].pairs] == [1, 2]
    assert RUN not in set(open_study(study).records["run"])
    return problem


def test_honest_runs_of_every_family_contradict_nothing(tmp_path):
    for name, family in FAMILIES.items():
        make_study(tmp_path / name, family=family, study=name, seeds=[0], examples=30, evaluations=2)
        assert read_trusted(tmp_path / name).problems == ()
    for status in ("diverged", "failed"):
        make_study(tmp_path / status, study=status, seeds=[0], status={("scratch", 0): status})
        assert read_trusted(tmp_path / status).problems == ()


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda r: r["scores"]["test"].update(accuracy=0.99), "a test accuracy of 0.99, and its predictions"),
        (lambda r: r["scores"]["test"].update(macro_f1=0.11), "a test macro F1 of 0.11, and its predictions"),
        (lambda r: r["scores"]["test"].update(accuracy=1.2), "a test accuracy of 1.2, beyond 0 to 1"),
        (
            lambda r: r["scores"]["test"].update(right=r["scores"]["test"].pop("accuracy")),
            "no test score called accuracy, the headline metric of its task",
        ),
        (lambda r: r["scores"]["validation"].update(accuracy=0), "a validation accuracy of 0, and its curve"),
        (lambda r: r["cost"].update(steps=99), "99 steps of training and its curve ends at 32"),
        (lambda r: r["cost"]["samples"].update(train=7), "7 samples of training and its curve ends at 512"),
        (lambda r: r["cost"]["tokens"]["train"].update(real=7), "7 tokens of training"),
        (lambda r: r["cost"]["flops"].update(train=1, total=30_000_000_001), "1 FLOPs of training"),
        (lambda r: r["cost"]["flops"].update(total=5), "5 FLOPs in all, and its phases add up to"),
        (lambda r: r["cost"]["seconds"].update(total=1.0), "1 seconds in all, and its phases"),
        (lambda r: r["cost"]["energy"]["joules"].update(total=1.0), "1 joules in all, and its phases"),
    ],
)  # fmt: skip
def test_a_record_that_was_edited_is_left_out(study, alter: Alter, words):
    edit_record(study / RUN, alter)
    assert words in refused(study)


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda c: c["ids"].__setitem__(1, c["ids"][0]), "repeats an id"),
        (lambda c: c["statistics"].update(score=np.full(60, np.nan)), "holds a score that is not finite"),
        (lambda c: c.update(predictions=c["labels"]), "and its predictions give 1"),
    ],
)
def test_predictions_that_were_edited_are_left_out(study, alter: Alter, words):
    edit_predictions(study / RUN, alter)
    assert words in refused(study)


def test_predictions_of_another_run_are_left_out_even_where_scores_agree(study):
    edit_predictions(study / RUN, lambda c: c["ids"].__setitem__(0, "another"), stamp=False)
    assert "predictions.parquet is not what its run left" in refused(study)


def test_broken_predictions_are_left_out(study):
    (study / RUN / "predictions.parquet").write_bytes(b"PAR1 nonsense")
    assert "predictions.parquet is not what its run left" in refused(study)


def test_a_run_that_is_called_finished_and_has_no_test_is_no_pair(study):
    edit_record(study / RUN, lambda r: r["scores"].update(test=None, predictions=None))
    findings = compare(study)
    assert "pretrained, seed 0 is finished and has no test score" in findings.sentence


@pytest.mark.parametrize("name", ["regression", "language", "text_to_text", "tagging", "many_labels"])
def test_scores_of_any_family_are_checked(tmp_path, name):
    family = FAMILIES[name]
    make_study(tmp_path, family=family, seeds=[0], examples=60, evaluations=2)

    def lie(record):
        test = record["scores"]["test"]
        test.update({metric: 0.9 * value for metric, value in test.items()})

    edit_record(tmp_path / RUN, lie)
    told = " ".join(contradictions(read_record(tmp_path / RUN)))
    for metric in (name for name in family.metrics if METRICS[name].resamples):
        assert f"a test {metric_name(metric)} of " in told


def test_weights_that_were_best_are_held_against_the_best_point(tmp_path):
    def best(record):
        record["config"]["budget"]["keep"] = "best"

    make_study(tmp_path, seeds=[0], change=best, examples=60, evaluations=2)
    assert read_trusted(tmp_path).problems == ()


def test_numbers_far_from_zero_are_not_held_against_single_precision(tmp_path):
    from headstart.compare.trusted import recomputed
    from headstart.records.predictions import Predictions

    years = np.array([2024.0001, 2024.0002, 2024.0003], dtype=np.float32)
    text = years.astype(str)
    found = Predictions(text, text, text, text, {"target": years, "estimate": years})
    assert recomputed("pearson", found) is None
