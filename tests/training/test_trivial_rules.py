"""Trivial rules of a run: in its record, once for the same rows, in none of its phases, never fatal."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from headstart.records.record import faults, schema
from headstart.records.store import read_record
from headstart.run import Run
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify, run_folder
from headstart.tasks.family import Prepared
from headstart.tasks.rules.labels import words
from headstart.tasks.rules.rule import Rule
from headstart.tasks.text_classification import TextClassification
from headstart.training import trivial_rules as scoring
from headstart.training.train import train


@pytest.fixture
def run(quick: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(scoring, "_known", {})
    return runs_of([*quick, "arm=scratch", "seed=0", "budget.epochs=1"])[0]


def trained(run: Run) -> dict[str, Any]:
    names = identify(run)
    train(run, run_folder(run, names), names)
    return json.loads((run_folder(run, names) / "record.json").read_text("utf8"))


def test_they_are_in_the_record_as_scikit_learn_scores_them(run: Run) -> None:
    record = trained(run)
    assert not faults(record)
    jsonschema.validate(record, schema())
    rules = {rule["name"]: rule for rule in record["rules"]["rules"]}
    assert rules.keys() == {"majority", "tfidf"} and record["rules"]["reason"] is None
    assert record["rules"]["chance"]["accuracy"] == 0.5
    prepared: Any = run.prepare()
    analyzer: Any = words
    vectors = TfidfVectorizer(analyzer=analyzer)
    model = LogisticRegression(max_iter=1000).fit(
        vectors.fit_transform(prepared.train.texts), prepared.train.labels
    )
    score = model.score(vectors.transform(prepared.test.texts), prepared.test.labels)
    assert rules["tfidf"]["scores"]["accuracy"] == pytest.approx(score)
    error = (score * (1 - score) / len(prepared.test)) ** 0.5
    assert rules["tfidf"]["standard_errors"]["accuracy"] == pytest.approx(error, rel=0.2, abs=1e-3)
    assert read_record(next(Path("runs").glob("*/*/record.json")).parent).rules is not None


def slow_rule(self: Any, prepared: Prepared) -> Iterator[Rule]:
    time.sleep(1)
    yield Rule("slow", "sleeps", {"accuracy": 0.5}, {}, 1)


def test_their_seconds_are_their_own(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    began = time.perf_counter()
    monkeypatch.setattr(TextClassification, "trivial_rules", slow_rule)
    record = trained(run)
    (rule,) = record["rules"]["rules"]
    assert rule["seconds"] >= 1
    assert record["cost"]["seconds"]["total"] <= time.perf_counter() - began - 1


def test_the_same_rows_are_scored_once(run: Run, monkeypatch: pytest.MonkeyPatch, quick: list[str]) -> None:
    first = scoring.trivial_rules(run, run.prepare())
    monkeypatch.setattr(TextClassification, "trivial_rules", None)  # whoever asks fails
    assert scoring.trivial_rules(run, run.prepare()) == first
    monkeypatch.setattr(scoring, "_known", {})
    again = runs_of([*quick, "arm=scratch", "seed=3", "optim.lr=1e-4"])[0]
    assert scoring.trivial_rules(again, again.prepare()) == first  # from the disk
    other = runs_of([*quick, "arm=scratch", "seed=0", "size=n32"])[0]
    assert scoring.trivial_rules(other, other.prepare())["reason"].startswith("TypeError")


def test_a_rule_that_fails_costs_no_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(self: Any, prepared: Prepared) -> Iterator[Rule]:
        raise MemoryError("too many rows")

    monkeypatch.setattr(TextClassification, "trivial_rules", failing)
    record = trained(run)
    assert record["status"] == "finished" and record["scores"]["test"]
    assert record["rules"] == {"chance": {}, "rules": [], "reason": "MemoryError: too many rows"}


def test_a_family_without_rules_says_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TextClassification, "trivial_rules", lambda self, prepared: iter(()))
    told = scoring.trivial_rules(run, run.prepare())
    assert told["reason"] == "tasks of kind text_classification have no trivial rule"


def test_a_trial_never_sees_the_test_rows(run: Run) -> None:
    trial = run.model_copy(update={"study": run.study.model_copy(update={"trial": True})})
    assert "rules" not in trained(trial)


def test_large_data_are_thinned_and_said_to_be(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headstart.tasks.rules.labels.most_rows", lambda classes: 40)
    rules = scoring.trivial_rules(run, run.prepare())["rules"]
    assert [rule["bound"] for rule in rules] == [None, "40 of 64 training rows"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "rule", "at_least"), [("docs_match", "overlap", 0.75), ("docs_library", "tfidf", 0.45)]
)
def test_the_embedded_tasks_have_the_rules_that_an_audit_found(task: str, rule: str, at_least: float) -> None:
    """One threshold on word overlap solves four pairs in five; words tell libraries apart."""
    run = runs_of([f"task={task}", "model=minilm", "size=n256", "arm=scratch", "seed=0"])[0]
    told = scoring.trivial_rules(run, run.prepare())
    scores = {each["name"]: each["scores"]["accuracy"] for each in told["rules"]}
    assert (
        scores[rule] >= at_least > told["chance"]["accuracy"] == pytest.approx(scores["majority"], abs=0.01)
    )
    assert max(scores, key=lambda name: scores[name]) == rule
