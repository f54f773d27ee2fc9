"""Remarks: few pairs, collapsed runs, a pair far from the rest, a changed margin: in the first lines."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.factory import edit_predictions, edit_record, make_study

from headstart.compare.aligned_predictions import Answers
from headstart.compare.remarks import outlying
from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import export, model_card
from headstart.reports.page import Table

SMALL: dict[str, Any] = {"examples": 120, "evaluations": 2}
WORDS = {"better", "worse", "equivalent", "undecided"}


def test_one_pair_has_no_word_anywhere(tmp_path):
    findings = compare(make_study(tmp_path, seeds=[7], **SMALL))
    (found,) = findings.comparisons
    assert found.gain is not None
    lead = "With 512 training rows of docs_library, one pair cannot say: these two runs differ by 0."
    assert found.sentence.startswith(lead)
    assert found.gain.interval is None
    assert not WORDS & {one.verdict for one in findings.rows}
    page = outline.page(findings)
    assert page.verdict == ""
    tables = [part for section in page.sections for part in section.parts if isinstance(part, Table)]
    assert not WORDS & {cell.text for table in tables for row in table.rows for cell in row}
    for text in (*(made(findings) for made in export.FORMATS.values()), *model_card.cards(findings).values()):
        assert "cannot say" in text
        assert not re.search(rf"(,|: |\| )({'|'.join(WORDS)})\b(?! when)", text)


def test_one_pair_of_several_conditions_has_no_word(tmp_path):
    findings = compare(make_study(tmp_path, seeds=[0], rows=(64, 128, 256), **SMALL))
    assert {one.gain.verdict for one in findings.comparisons if one.gain} == {"cannot say"}
    (curve,) = findings.rows.select("data.sizes")
    assert curve.verdict == ""
    assert not WORDS & {one.verdict for one in findings.rows}
    assert "Every size rests on one pair" in curve.note


def test_two_pairs_say_that_the_interval_rests_on_two(tmp_path):
    (found,) = compare(make_study(tmp_path, seeds=[0, 1], **SMALL)).comparisons
    assert "2 pairs: " in found.sentence
    assert " The interval rests on two pairs. " in found.sentence


def always(columns, answer):
    columns["predictions"] = np.array([answer] * len(columns["labels"]), dtype=object)


def collapse(folder, answer="numpy"):
    """Let a run of classes give one answer to everything, in its predictions and its record."""
    edit_predictions(folder, partial(always, answer=answer))
    labels = []
    edit_predictions(folder, lambda columns: labels.extend(columns["labels"]))
    share = labels.count(answer) / len(labels)
    scores = {"accuracy": share, "matthews": 0.0, "macro_f1": 2 * share / (1 + share) / len(set(labels))}
    edit_record(folder, lambda record: record["scores"]["test"].update(scores))


def test_a_run_that_collapsed_is_named(tmp_path):
    make_study(tmp_path, seeds=range(3), **SMALL)
    collapse(tmp_path / "pretrained-512-1")
    findings = compare(tmp_path)
    assert findings.problems == ()
    assert "Collapsed, with the same answer to every test example: pretrained (seed 1)." in findings.sentence
    assert "The mean gain mixes seeds that learn and seeds that collapse." in findings.sentence


def test_arms_that_both_answer_alike_are_not_called_equivalent_without_a_word(tmp_path):
    make_study(tmp_path, seeds=range(3), margin=0.05, **SMALL)
    for folder in tmp_path.iterdir():
        collapse(folder)
    (found,) = compare(tmp_path).comparisons
    assert found.gain is not None
    assert found.gain.verdict == "equivalent"
    assert "test example: scratch (all 3 runs) and pretrained (all 3 runs)." in found.sentence


COLLAPSED = [
    ("no tag at all", {"predicted": 0, "true_positive": 0, "true": 1, "correct": 1, "tokens": 2}, "O", True),
    ("some tag", {"predicted": 1, "true_positive": 0, "true": 1, "correct": 1, "tokens": 2}, "O", False),
    ("one number", {"target": 1, "estimate": 3}, "3", True),
    ("no answer", {"exact": 0, "f1": 0}, "", True),
    ("nothing to answer in a language model", {"loss": 1, "tokens": 2}, "", False),
]


@pytest.mark.parametrize(("statistics", "answer", "constant"), [c[1:] for c in COLLAPSED], ids=lambda v: "")
def test_a_constant_predictor_of_any_family(statistics, answer, constant):
    given = {name: np.full((2, 1, 3), value, dtype=np.float32) for name, value in statistics.items()}
    texts = np.array(["a", "b", "c"])
    found = Answers((answer, "x"), texts, texts, np.array([0, 1, 1]), np.zeros((2, 1, 3), int), given)
    assert found.is_constant(0, 0) == constant


def test_runs_at_the_share_of_the_most_frequent_label_are_named(tmp_path):
    skill = {"scratch": -9.0, "pretrained": 1.0}
    (found,) = compare(make_study(tmp_path, skill=skill, **SMALL)).comparisons
    assert "No better than always giving the most frequent label, which is right in 0." in found.sentence
    assert "of the test examples: scratch (all 3 runs)." in found.sentence


@pytest.mark.parametrize(
    ("gains", "far"),
    [
        ([0.1, 0.9], []),
        ([0.10, 0.11, 0.13], []),
        ([0.10, 0.101, 0.40], [2]),
        ([0.10, 0.11, 0.12, 0.13], []),
        ([0.10, 0.11, 0.12, 0.60], [3]),
        ([0.1, 0.1, 0.1, 0.1, 0.5], [4]),
        ([0.1] * 4, []),
    ],
)
def test_values_far_from_the_rest(gains, far):
    assert outlying(np.array(gains)) == far


def test_far_values_are_rarely_found_where_none_is():
    rng = np.random.default_rng(0)
    for pairs in (3, 4, 5, 6, 10):
        found = [bool(outlying(rng.standard_normal(pairs))) for _ in range(1000)]
        assert np.mean(found) < 0.11


def test_a_pair_far_from_the_rest_is_named(tmp_path):
    few = {"examples": 400, "evaluations": 2, "seed_sd": 0.0}
    make_study(tmp_path, seeds=range(4), **few)
    make_study(tmp_path, seeds=[4], skill={"scratch": -0.9, "pretrained": -9.0}, **few)
    (found,) = compare(tmp_path).comparisons
    assert "The gain of seed 4 (" in found.sentence
    assert "is far from the rest (" in found.sentence


@pytest.mark.parametrize(("name", "values"), [("margin", "0.01 was named before, 0.2"), ("baseline", "")])
def test_a_margin_or_a_baseline_that_was_changed_later_is_in_the_first_lines(tmp_path, name, values):
    make_study(tmp_path, seeds=range(3), **SMALL)
    later = tmp_path / "pretrained-512-2"
    started = "2026-02-01T10:00:00+00:00"
    edit_record(later, lambda r: r["environment"].update(started=started, finished=started))
    edit_record(later, lambda r: r["config"]["study"].update({name: 0.2 if values else "pretrained"}))
    findings = compare(tmp_path)
    assert (findings.margin, findings.baseline) == (0.01, "scratch")
    (warning,) = outline.page(findings).warnings
    assert warning.startswith(f"The {name} was changed after the first run: {values}")
    assert warning.endswith(" is used.")
