"""Trivial rules beside the arms: their rows, the interval of an arm over them, and the first lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.factory import make_study

from headstart.api import open_study
from headstart.compare.findings import Findings
from headstart.compare.study import compare
from headstart.reports import outline
from headstart.reports.formats import export, markdown, terminal

SEEDS = range(4)


def rules(tfidf: float, chance: float = 1 / 6, error: float = 0.01) -> Callable[[dict[str, Any]], None]:
    """Writes what one rule scores, and chance, into a record."""

    def written(name: str, score: float) -> dict[str, Any]:
        scores = {"accuracy": score, "log_loss": 1.4}
        errors = {"accuracy": error, "log_loss": 0.02}
        how = {"how": "TF-IDF of words, logistic regression", "bound": None, "seconds": 0.25}
        return {"name": name, "scores": scores, "standard_errors": errors, "train_rows": 512, **how}

    def change(record: dict[str, Any]) -> None:
        if record["status"] == "finished":
            both = [written("majority", 0.17), written("tfidf", tfidf)]
            record["rules"] = {"chance": {"accuracy": chance}, "rules": both, "reason": None}

    return change


def found(folder: Path, change: Callable[[dict[str, Any]], None] | None, **more: Any) -> Findings:
    settings = {"seeds": SEEDS, "skill": {"scratch": -0.9, "pretrained": 0.4}} | more
    return compare(make_study(folder, change=change, **settings))


def test_an_arm_below_a_rule_is_named_with_the_interval(tmp_path: Path) -> None:
    findings = found(tmp_path / "s", rules(0.4))
    (item,) = findings.comparisons
    sides = [item.rows.first(key) for key in ("over_rule.baseline", "over_rule")]
    assert [row.verdict for row in sides if row] == ["below", "above"]
    for row, side in zip(sides, ("baseline_score", "arm_score"), strict=True):
        assert row and row.value == pytest.approx(np.mean([getattr(p, side) for p in item.pairs]) - 0.4)
        assert row.interval and row.value and row.interval.low < row.value < row.interval.high
    assert "Below a trivial rule (TF-IDF, 0.400): scratch (" in findings.sentence
    assert "Not shown to be above chance (0.167): scratch (" in findings.sentence  # four wide pairs
    assert "pretrained (+0.5" not in findings.sentence


def test_both_arms_below_a_rule(tmp_path: Path) -> None:
    findings = found(tmp_path / "s", rules(0.95))
    assert "Both arms are below a trivial rule (TF-IDF, 0.950): scratch (" in findings.sentence
    assert "and pretrained (" in findings.sentence


def test_a_point_estimate_alone_says_nothing(tmp_path: Path) -> None:
    score = compare(make_study(tmp_path / "s", seeds=SEEDS)).comparisons[0].gains["accuracy"].arm_score
    near = found(tmp_path / "near", rules(score + 0.01))
    assert "Not shown to be above a trivial rule" in near.sentence
    assert "Below a trivial rule" in near.sentence  # the baseline
    sure = found(tmp_path / "sure", rules(score - 0.2, error=0.001))
    unsure = found(tmp_path / "unsure", rules(score - 0.2, error=0.2))
    words = [each.comparisons[0].rows.first("over_rule") for each in (sure, unsure)]
    assert [row.verdict for row in words if row] == ["above", "not above"]
    one = found(tmp_path / "one", rules(0.95), seeds=[0])
    row = one.comparisons[0].rows.first("over_rule")
    assert row is not None and row.value is not None and row.level is None and not row.verdict
    assert "trivial" not in one.sentence


def test_a_rule_of_unknown_error_is_no_verdict(tmp_path: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        rules(0.95)(record)
        for rule in record["rules"]["rules"]:
            rule["standard_errors"] = {}

    findings = found(tmp_path / "s", change)
    row = findings.comparisons[0].rows.first("over_rule")
    assert row and row.value and row.level is None and not row.verdict and "rule" not in findings.sentence


def test_arms_at_chance_are_said_to_be(tmp_path: Path) -> None:
    score = compare(make_study(tmp_path / "s", seeds=SEEDS)).comparisons[0].gains["accuracy"].baseline_score
    findings = found(tmp_path / "at", rules(0.1, chance=score))
    assert f"Not shown to be above chance ({score:.3f}): scratch (" in findings.sentence
    assert "either arm" not in findings.sentence


def test_lower_is_better_turns_the_difference(tmp_path: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        rules(0.4)(record)
        record["config"]["task"]["headline"] = "log_loss"

    (item,) = found(tmp_path / "s", change).comparisons
    row = item.rows.first("over_rule")
    assert row is not None and row.value == pytest.approx(1.4 - item.gains["log_loss"].arm_score)


def test_rules_stand_in_the_first_table_and_chart_of_every_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_study(tmp_path / "s", seeds=SEEDS, rows=(64, 512), change=rules(0.4))
    findings = compare(folder)
    page = outline.page(findings)
    first = markdown.render(page).partition("## The gain")[0]
    assert first.count("| TF-IDF | 0.400 (0.380 to 0.420) |") == 2  # one line per condition
    assert first.count("| chance | 0.167 |") == 2
    lines = [line for line in first.splitlines() if line.startswith(("| 64 rows", "| 512"))]
    assert [line.split("|")[2].strip(" *") for line in lines[:5]] == [
        "scratch", "pretrained", "majority", "TF-IDF", "chance",
    ]  # fmt: skip
    chart = next(figure for figure in page.figures() if figure.key == "gain")
    marks = [row for rows in chart.spec["datasets"].values() for row in rows if "name" in row]
    assert {row["name"] for row in marks} == {"TF-IDF"}  # the best of them
    baseline = findings.rows.value("baseline_score", condition="64 rows", metric="accuracy")
    tfidf = next(row for row in marks if row["name"].startswith("TF-IDF") and row["label"] == "64 rows")
    assert baseline is not None and tfidf["at"] == pytest.approx(0.4 - baseline)
    assert f"64 rows: TF-IDF at +{0.4 - baseline:.3f}" in chart.description
    scores = next(figure for figure in page.figures() if figure.key == "rows-0")
    lines = [row for rows in scores.spec["datasets"].values() for row in rows if "rule" in row]
    assert {(row["rule"], row["rows"]) for row in lines} >= {("TF-IDF", 64), ("TF-IDF", 512), ("chance", 64)}
    assert "With 64, 512 rows" in scores.description and "TF-IDF: 0.400, 0.400" in scores.description
    terminal.show(findings)
    assert capsys.readouterr().out.count("TF-IDF") >= 2
    assert "rule.tfidf,64 rows,,,accuracy,0.4," in export.csv_text(findings)
    assert "Trivial rule: tfidf" in export.markdown_text(findings)
    quantities = open_study(folder).quantities
    assert (quantities[quantities.key == "chance"].value == 1 / 6).all()
    assert set(quantities[quantities.key == "rule_seconds.tfidf"].value) == {0.25}


def test_records_without_rules_have_no_numbers_of_them(tmp_path: Path) -> None:
    findings = found(tmp_path / "s", None)
    text = markdown.render(outline.page(findings)).lower()
    assert not findings.rows.select("rule.*", "chance", "over_*")
    assert text.count("trivial rule") == text.count("**trivial rules:** none stands beside these runs") == 1


def test_the_reason_for_no_rules_is_said(tmp_path: Path) -> None:
    def change(record: dict[str, Any]) -> None:
        record["rules"] = {"chance": {}, "rules": [], "reason": "tasks of kind counting have no trivial rule"}

    findings = found(tmp_path / "s", change)
    assert any("No trivial rule stands beside these scores: tasks of" in note for note in findings.notes)
