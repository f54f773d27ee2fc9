"""The first screen: the answer, gains, rules, cost and what was not tested; examples over classes; links."""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from rich.console import Console
from tests.factory import make_study
from tests.reports import handmade

from headstart.compare import phrases
from headstart.compare.bounds import Bounded
from headstart.compare.findings import Findings
from headstart.compare.sentences import costs
from headstart.compare.sentences import glance as sentences
from headstart.compare.study import compare
from headstart.compare.verdicts import Verdict
from headstart.errors import RecordError
from headstart.reports import outline
from headstart.reports.formats import export, html, markdown, terminal
from headstart.reports.page import Cell
from headstart.reports.sections import glance

ARMS = ("scratch", "pretrained", "pretrained_frozen")


@pytest.fixture(scope="module")
def arms(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Three arms under one condition, with rules that lie between them."""

    def rules(record: dict[str, Any]) -> None:
        one = {"name": "tfidf", "how": "a linear model", "bound": None, "seconds": 0.1, "train_rows": 512}
        one |= {"scores": {"accuracy": 0.5}, "standard_errors": {"accuracy": 0.01}}
        record["rules"] = {"rules": [one], "chance": {"accuracy": 0.05}, "reason": None}

    folder = tmp_path_factory.mktemp("arms") / "s"
    return compare(make_study(folder, ARMS, seeds=range(3), examples=120, evaluations=3, change=rules))


def test_the_lines_below_the_answer_say_gain_rules_cost_and_what_was_not_tested(arms: Findings) -> None:
    points = dict(glance.points(arms))
    assert list(points) == ["Gain", "Trivial rules", "Cost", "Not tested"]
    for item in arms.comparisons:
        assert item.gain
        assert f"{item.arm}: {item.gain.verdict}, {item.gain.gain:+.3f} (" in points["Gain"]
    assert "TF-IDF 0.500, chance 0.050" in points["Trivial rules"]
    assert re.search(
        r"scratch is (below|not shown to be above) the best trivial rule", points["Trivial rules"]
    )
    assert "FLOPs 1.00×" in points["Cost"] and "(estimated)" in points["Cost"]
    assert points["Cost"].count("pretraining (published in part)") == 1
    assert points["Not tested"].startswith("other hyperparameters, draws of the training rows")
    tuned = replace(arms, comparisons=tuple(replace(item, tuned="equal") for item in arms.comparisons))
    assert "hyperparameters" not in dict(glance.points(tuned))["Not tested"]


@pytest.mark.parametrize(
    ("skill", "seeds", "verdict"),
    [(1.2, 3, "better"), (-0.5, 3, "undecided"), (1.2, 1, "cannot say")],
)
def test_what_shows_no_gain_is_nowhere_said_to_pay(
    tmp_path: Path, skill: float, seeds: int, verdict: str
) -> None:
    study = make_study(tmp_path, seeds=range(seeds), skill={"pretrained": skill})
    findings, better = compare(study), verdict == "better"
    (item,) = findings.comparisons
    assert item.gain and item.gain.verdict == verdict and item.ledger
    saving = [row for row in findings.rows.select("break_even.flops.*_score") if row.known]
    assert saving, "the study should save FLOPs on the way to some score"
    assert {costs.NO_GAIN in row.note for row in saving} == {not better}
    console = Console(record=True, width=200, file=io.StringIO())
    terminal.show(findings, None, console)
    for words in (item.ledger.sentence, dict(glance.points(findings))["Cost"], console.export_text()):
        assert (costs.NOT_SAID in words) == (not better)
        assert bool(re.search(r"pays after|has paid for itself", words)) == better
    page = markdown.render(outline.page(findings))
    assert ("**after " in page) == better
    assert ("not said: no gain is shown (by cost alone after " in page) == (not better)
    assert ("sharing is not shown to pay" in page) == (not better)
    assert better or "Break-even" not in export.markdown_text(findings)


@pytest.mark.parametrize("verdict", ["worse", "equivalent", "undecided"])
def test_of_several_conditions_only_those_with_a_gain_are_said_to_pay(
    tmp_path: Path, verdict: Verdict
) -> None:
    findings = compare(make_study(tmp_path, rows=(64, 512), seeds=range(3)))
    first, second = findings.comparisons
    assert first.gain and second.gain and first.gain.verdict == second.gain.verdict == "better"
    lost = replace(first, gains={first.headline: replace(first.gain, verdict=verdict)})
    (line,) = glance.pretraining_lines(replace(findings, comparisons=(lost, second)))
    assert f"({second.condition.name})" in line and "pays after" in line
    (line,) = glance.pretraining_lines(replace(findings, comparisons=(lost,)))
    assert line.endswith(costs.NOT_SAID)


@pytest.mark.parametrize(
    ("pays", "said"),
    [
        ("after at most 12 uses (64 rows)", "pays after ≤ 12 uses (64 rows)"), ("never", "never pays"),
        ("not on average", "does not pay on average"),
        ("not in its one pair", "does not pay in its one pair"),
        ("unknown", "whether it pays is unknown"), ("", costs.NOT_SAID),
    ],
)  # fmt: skip
def test_when_a_pretraining_pays_is_said_in_plain_order(pays: str, said: str) -> None:
    line = sentences.pretraining("2 TFLOPs", "measured", pays)
    assert line == f"pretraining (measured): 2 TFLOPs, {said}"


def test_one_chart_has_all_arms_and_comes_first(arms: Findings) -> None:
    page = outline.page(arms)
    first = page.figures()[0]
    drawn = {row["arm"] for rows in first.spec["datasets"].values() for row in rows}
    assert (first.key, drawn) == ("arms", set(ARMS))
    opened = [section.key for section in page.sections if section.level == 2 and not section.folded]
    assert opened[0] == "arms" and len(opened) <= 10
    assert {"c0", "reproduce", "start"} & {*opened} == set()


def test_the_picture_of_a_study_is_in_colour_and_shows_its_curves(arms: Findings) -> None:
    svg = export.svg_text(arms)
    ElementTree.fromstring(svg)  # noqa: S314 our own
    colours = Counter(re.findall(r'stroke="(#[0-9a-f]{6})"', svg))
    assert {"#c9570a", "#0068a8", "#00835f"} <= set(colours)
    assert "Accuracy on validation" in svg and arms.question.split()[0] in svg
    with pytest.raises(RecordError, match="has no chart to draw"):
        export.svg_text(replace(arms, comparisons=(), rows=type(arms.rows)()))


def test_quoted_examples_are_of_as_many_classes_as_there_are(arms: Findings) -> None:
    (item, *_) = arms.comparisons
    labels = [example.label for example in item.only_arm]
    several = len(set(labels))
    assert several > 2
    assert len(set(labels[:several])) == several, "the first of every class comes before the second of any"


def test_addresses_are_links_in_our_own_words_alone() -> None:
    told = "a card, https://huggingface.co/bert-base-uncased (2021)"
    ours, theirs = Cell(told, ours=True), Cell(told)
    assert [piece for piece, address in ours.pieces if address] == [
        "https://huggingface.co/bert-base-uncased"
    ]
    assert not any(address for _, address in theirs.pieces)
    figure = replace(handmade.ledger().figures[0], source=told)
    item = handmade.comparison(ledger=handmade.ledger(figures=(figure,)))
    page = outline.page(handmade.study(comparison=item, notes=(told,)))
    text = html.render(page, "")
    assert text.count('<a href="https://huggingface.co/bert-base-uncased" rel="noreferrer">') == 1
    assert markdown.render(page).count("<https://huggingface.co/bert-base-uncased>") == 1


@pytest.mark.parametrize(
    ("bounds", "told"),
    [
        (Bounded(None, 1.0, None, 1.0), "at most 1"),
        (Bounded(64.0, None, 64.0, None), "at least 64"),
        (Bounded(None, 1.0, None, 1.13), "at most 1 (95 % interval: at most 1.13)"),
        (Bounded(64.0, None, 30.0, None), "at least 64 (95 % interval: at least 30)"),
        (Bounded(4.0, 4.0, 3.0, 5.0), "4 (95 % interval 3 to 5)"),
    ],
)
def test_the_same_end_is_said_once(bounds: Bounded, told: str) -> None:
    assert phrases.bounded(bounds) == told


def test_the_question_is_that_of_the_run_that_began_first(tmp_path: Path) -> None:
    def asked(record: dict[str, Any]) -> None:
        later = record["arm"] == "scratch"
        record["config"]["study"]["question"] = "Another's?" if later else "Our own?"
        record["environment"]["started"] = f"2026-01-0{5 + later}T10:00:00+00:00"

    findings = compare(make_study(tmp_path, seeds=range(2), examples=40, evaluations=2, change=asked))
    assert findings.question == outline.page(findings).question == "Our own?"
