"""Studies of several sizes, arms or divergences: sections that appear with them, and are absent without."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from tests.factory import make_study

from headstart.compare.findings import Findings
from headstart.compare.study import compare
from headstart.reports import numbers, outline
from headstart.reports.formats import html, markdown, terminal
from headstart.reports.formats.notebook import altair_charts
from headstart.reports.page import Figure, Gallery, Page, Section, Table
from headstart.reports.sections.equal_budget import NAMES

SMALL: dict[str, Any] = {"examples": 80, "evaluations": 4}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Two arms at four sizes."""
    folder = tmp_path_factory.mktemp("two")
    return compare(make_study(folder, seeds=range(3), rows=(64, 256, 1024, 4096), **SMALL))


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Three arms at two sizes, one run of the baseline diverged."""
    arms, lost = ("scratch", "pretrained", "pretrained_frozen"), {("scratch", 2): "diverged"}
    folder = tmp_path_factory.mktemp("three")
    skill = {"pretrained_frozen": -0.3}
    return compare(
        make_study(folder, arms, seeds=range(4), rows=(64, 512), status=lost, skill=skill, **SMALL)
    )


@pytest.fixture(scope="module")
def two_page(two: Findings) -> Page:
    return outline.page(two)


@pytest.fixture(scope="module")
def three_page(three: Findings) -> Page:
    return outline.page(three)


@pytest.mark.slow
def test_altair_finds_no_mistake_in_a_chart(two: Findings, three: Findings) -> None:
    for figures_of_page in (altair_charts(two), altair_charts(three)):
        assert len(figures_of_page) > 10
        for drawn in figures_of_page.values():
            drawn.to_dict(validate=True)  # against the schema of Vega-Lite


def section(page: Page, key: str) -> Section:
    return next(each for each in page.sections if each.key == key)


def table(page: Page, key: str) -> Table:
    return next(part for part in section(page, key).parts if isinstance(part, Table))


def figures(page: Page, key: str) -> tuple[Figure, ...]:
    return next(part.figures for part in section(page, key).parts if isinstance(part, Gallery))


def test_one_size_and_two_arms_have_none_of_these_sections(tmp_path: Path) -> None:
    page = outline.page(compare(make_study(tmp_path, seeds=range(2), **SMALL)))
    keys = {each.key for each in page.sections}
    assert not keys & {
        "rows",
        "ranking",
        "models",
        "aggregates",
        "fronts",
        "variances",
        "stability",
        "tuning",
    }
    assert {"targets", "matchings"} <= keys


def test_without_curves_there_is_nothing_on_targets_and_matchings(tmp_path: Path) -> None:
    page = outline.page(compare(make_study(tmp_path, seeds=range(2), curve=False, **SMALL)))
    assert not {each.key for each in page.sections} & {"targets", "matchings", "curves"}


def test_rows_saved_are_told_with_interval_and_number(two: Findings, two_page: Page) -> None:
    page, (curve,), points = two_page, two.rows.select("data.sizes"), two.rows.select("data.rows")
    told = table(page, "rows")
    assert [row[0].text for row in told.rows] == ["64", "256", "1,024", "4,096"]
    for row, point in zip(told.rows, points, strict=True):
        assert row[5].text == str(point.n) == "3"
        assert re.fullmatch(r"[+−]?\d\.\d{3} to [+−]?\d\.\d{3}", row[4].text)
    assert re.match(r"[\d.]+× \(([\d.]+× to|at most) [\d.]+×\)", told.rows[0][7].text)
    assert "at least" in told.rows[-1][6].text
    assert curve.note in markdown.render(page).replace("\\", "")


def test_what_lies_beyond_the_data_is_drawn_hollow(two: Findings, two_page: Page) -> None:
    (needed,) = figures(two_page, "rows")
    marks = {
        layer["mark"]["shape"]: layer["mark"]["filled"]
        for layer in needed.spec["layer"]
        if layer["mark"].get("shape")
    }
    assert marks == {"circle": True, "triangle-up": False}  # and no layer of bounds that there are none of
    kinds = re.findall(r'"kind": "([a-z ]*)"', json.dumps(needed.spec))
    assert set(kinds) == {row.verdict for row in two.rows.select("data.rows_needed")}
    assert "at least" in kinds


def test_more_than_two_arms_are_ranked_with_holm(three: Findings, three_page: Page) -> None:
    page = three_page
    first = table(page, "ranking")
    assert [row[2].text for row in first.rows] == ["pretrained", "pretrained_frozen", "scratch"] * 2
    assert [row[1].text for row in first.rows] == ["1", "2", "3"] * 2
    assert [row[6].text for row in first.rows][2] == "the baseline"
    for row in first.rows[:2]:
        found = three.rows.first("gain.corrected_p", condition="64 rows", arm=row[2].text)
        assert found
        assert row[11].text == {"survives": "yes", "does not survive": "no", "": ""}[found.verdict]


def test_two_arms_at_many_sizes_stand_together_as_one_family(two: Findings, two_page: Page) -> None:
    page = two_page
    assert [row[0].text for row in table(page, "ranking").rows] == [
        item.condition.name for item in two.comparisons
    ]


def test_divergence_has_an_interval_for_every_arm(three_page: Page) -> None:
    rows = table(three_page, "stability").rows
    assert [row[0].text for row in rows] == ["scratch", "pretrained", "pretrained_frozen"]
    assert [cell.text for cell in rows[0]][1:5] == ["8", "2", "0", "25 %"]
    assert rows[1][5].text.startswith("0 % to ")
    assert rows[1][5].text != "0 % to 0 %"


def test_a_target_that_was_missed_is_a_bound_in_table_and_chart(two_page: Page) -> None:
    page = two_page
    rows = table(page, "c1-targets").rows
    missed = [row for row in rows if row[2].text != row[3].text]
    assert missed
    assert all(row[4].text.startswith(("at most", "at least", "unknown")) for row in missed)
    chart = next(part for part in section(page, "c1-targets").parts if isinstance(part, Figure))
    assert '"kind": "at most"' in json.dumps(chart.spec)
    hollow = [layer["mark"] for layer in chart.spec["layer"] if layer["mark"].get("filled") is False]
    assert "triangle-left" in {mark["shape"] for mark in hollow}


def test_matchings_name_what_cannot_be_told(two: Findings, two_page: Page) -> None:
    rows = table(two_page, "c0-matchings").rows
    told = {name: row for row in rows for name in row[0].text.split(", ")}
    gains = {row.key.split(".")[1]: row for row in two.comparisons[0].rows.select("matched.*.gain")}
    assert set(told) == {NAMES[name] for name in gains}
    for name, gain in gains.items():
        row = told[NAMES[name]]
        assert row[3].text in ("", numbers.signed(gain.value)) or name == "target"
        assert row[5].text == str(gain.n)
        assert gain.note in row[7].text or row[7].text == "as above"
        assert bool(row[3].text) == bool(gain.verdict)


def test_many_comparisons_have_one_line_each_in_the_terminal(
    three: Findings, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.show(three, None, Console(width=140))
    lines = capsys.readouterr().out.splitlines()
    for item in three.comparisons:
        (line,) = [each for each in lines if each.startswith(f"{item.condition.name}, {item.arm}: ")]
        assert f"{len(item.pairs)} pairs" in line
        assert "Holm" in line
        assert " to " in line
    assert not any(line.startswith("With 64 training rows") or ".." in line for line in lines)
    assert sum("Not tuned" in line for line in lines) == 1
    assert "data multiplier" in " ".join(lines)


def test_no_key_or_picture_is_there_twice(two: Findings, three: Findings) -> None:
    for found in (two, three):
        page = outline.page(found)
        keys = [figure.key for figure in page.figures()]
        names = [each.key for each in page.sections]
        assert len(keys) == len(set(keys))
        assert len(names) == len(set(names))
        told = markdown.render(page).split("The resolved configuration")[0].replace("or None", "")
        assert not re.search(r"\b(None|nan|NaN|inf|Infinity)\b", told)
        assert "report-data" in html.render(page, "")
