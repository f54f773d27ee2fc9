"""Usage in the report: tables come with their evidence, estimates say so, and unknown is no 0."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.factory import make_study
from tests.reports import handmade

from headstart.compare.findings import Findings, Rows, Trained, Usage
from headstart.reports import outline
from headstart.reports.build import build
from headstart.reports.formats import html, markdown, terminal
from headstart.reports.page import Page, Table

USAGE = Usage(
    2300.0, 2730.0, 0.158, 0.003, 0.406, 4.39e11, 4.45e11, ("bf16, 2 threads, mkl",),
    {"host": {"train": 2_020_000_000, "test": 1_700_000_000}}, {"host": 2_020_000_000},
)  # fmt: skip
TRAINED = Trained("", "scratch", 0, 0, "2026-01-05T10:00:00+00:00", {"processor": 61.4}, {}, None)
KEYS = {"usage", "carbon", "money"}


def study(
    carbon: dict[str, Any] | None = None, money: dict[str, Any] | None = None, usage: Usage = USAGE
) -> Findings:
    consequences = [
        *handmade.carbon("pretrained", "", 12.345, **({"pue": 1.2} | (carbon or {}))),
        *handmade.money("pretrained", **(money or {})),
    ]
    arm = handmade.summary("pretrained", usage=usage, consequences=Rows(consequences))
    arms = (handmade.summary("scratch"), arm)
    return handmade.study(arms=arms, order=(TRAINED, replace(TRAINED, arm="pretrained", place=1)))


def table(page: Page, key: str) -> list[list[str]]:
    parts = next(item.parts for item in page.sections if item.key == key)
    return [[cell.text for cell in row] for row in [p for p in parts if isinstance(p, Table)][-1].rows]


def test_how_well_the_machine_was_used_is_one_row_per_arm() -> None:
    assert table(outline.page(study()), "usage") == [
        ["pretrained", "2,300", "2,730", "15.8 %", "0.3 %", "40.6 %",
         "439 GFLOP/s to 445 GFLOP/s (bf16, 2 threads, mkl)", "host 2.02 GB (train)"],
    ]  # fmt: skip


def test_carbon_and_money_of_estimated_joules_say_so_and_are_never_added() -> None:
    page = outline.page(study())
    assert table(page, "carbon")[0] == [
        "pretrained", "12.3 g (estimated)", "FRA", "56.0 g/kWh", "2023", "a table of the world", "1.2", "3",
    ]  # fmt: skip
    assert table(page, "money") == [
        ["pretrained", "0.0123 EUR (estimated)", "0.250 EUR", "0.456 EUR", "2.00 EUR", "3"]
    ]
    measured = study(carbon={"method": "measured"}, money={"method": "sampled"})
    assert table(outline.page(measured), "carbon")[0][1] == "12.3 g"
    assert table(outline.page(measured), "money")[0][1] == "0.0123 EUR"


def test_an_unmeasured_price_of_electricity_is_not_zero() -> None:
    blind = study(money={"electricity": None, "device": None, "per_device_hour": None, "method": ""})
    told = table(outline.page(blind), "money")[0]
    assert told[1:] == ["not measured", "0.250 EUR", "no price", "no price", "3"]


def test_the_order_of_training_stands_where_it_ran() -> None:
    page = outline.page(study())
    assert table(page, "environment") == [
        ["scratch", "1", "0", "2026-01-05T10:00:00+00:00", "61 °C"],
        ["pretrained", "2", "0", "2026-01-05T10:00:00+00:00", "61 °C"],
    ]
    assert "Not known at the start: clock." in markdown.render(page)


def test_sections_are_not_there_without_evidence() -> None:
    assert not KEYS & {section.key for section in outline.page(handmade.study()).sections}
    assert "In the order of training" not in markdown.render(outline.page(handmade.study()))


def test_words_of_a_record_stay_words() -> None:
    bad = handmade.HOSTILE
    findings = study(
        usage=replace(USAGE, peak_of=(bad,), memory={bad: {bad: 1}}, memory_peaks={bad: 1}),
        carbon={"region": bad, "source": bad},
        money={"currency": bad},
    )
    page = outline.page(replace(findings, order=(replace(TRAINED, governor=bad, started=bad),)))
    for text in (markdown.render(page), html.render(page, "")):
        assert "img src=x" in text
        assert "<img" not in text


@pytest.mark.parametrize(("energy", "told"), [("none", True), ("estimated", False)])
def test_an_unmeasured_run_says_so_in_every_report(energy: str, told: bool, tmp_path: Path, capsys) -> None:
    built = build(make_study(tmp_path, seeds=[0, 1], examples=60, evaluations=2, energy=energy))
    terminal.show(built.findings, None, Console(width=80))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    rows = [line for line in shown.splitlines() if re.match(r"scratch +0", line)]
    assert ["not measured" in line for line in rows] == [told]
    assert bool(re.search(r"<td[^>]*>\s*not measured\s*</td>", built.html.read_text())) == told
    assert ("| not measured |" in built.markdown.read_text()) == told
    page = outline.page(built.findings)
    assert (table(page, "summary")[0][-2] == "not measured") == told
    assert (table(page, "ratios")[-1][1:3] == ["not measured"] * 2) == told
