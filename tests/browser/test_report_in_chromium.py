"""The report in a real browser: drawn, quiet, self-contained, in both themes and at both widths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.reports import handmade

from headstart.reports.build import write

pytestmark = pytest.mark.browser

VIEWS = [(width, scheme) for width in (1400, 400) for scheme in ("light", "dark")]
# Every chart place in sight with the size of what is drawn in it.
DRAWN = """() => [...document.querySelectorAll('.chart')]
  .filter((place) => place.checkVisibility()).map((place) => {
  const box = place.querySelector('svg, canvas')?.getBoundingClientRect();
  const room = place.getBoundingClientRect().width;
  const marks = place.querySelectorAll('path').length;
  return {id: place.id, width: box?.width ?? 0, height: box?.height ?? 0, marks, room};
})"""

DRAWN_ALL = """() => [...document.querySelectorAll('details[open] .chart, section > * .chart')]
  .filter((place) => place.checkVisibility()).every((it) => it.querySelector('svg'))"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with every section, several conditions, and hostile words wherever a study can put some."""
    bad = handmade.HOSTILE
    hostile = handmade.comparison(
        "512 rows", only_arm=(handmade.example(0, bad),), confusions=(handmade.confusion(bad, 20),)
    )
    study = handmade.sizes((64, 512))
    findings = handmade.study(
        comparisons=(study.comparisons[0], hostile),
        arms=study.arms,
        question=bad,
        notes=(bad,),
        problems=(bad,),
    )
    return write(findings, tmp_path_factory.mktemp("study")).html


@pytest.fixture(params=VIEWS, ids=lambda view: f"{view[0]}-{view[1]}")
def page(request: pytest.FixtureRequest, browser: Any, report: Path) -> Iterator[Any]:
    """The report, open and drawn; `page.heard` holds what went wrong, `page.asked` what was requested."""
    width, scheme = request.param
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    page.heard, page.asked = [], []
    page.on("console", lambda message: page.heard.append(message.text))
    page.on("pageerror", lambda error: page.heard.append(str(error)))
    page.on("dialog", lambda dialog: (page.heard.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(report.as_uri())
    page.wait_for_selector("html[data-charts]", timeout=30_000)
    yield page
    context.close()


def test_the_page_is_quiet_complete_and_fits(page: Any, report: Path) -> None:
    assert page.heard == []
    assert page.asked == [report.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    drawn = page.evaluate(DRAWN)
    assert len(drawn) >= 4
    for chart in drawn:
        assert chart["width"] > 100, chart
        assert chart["height"] > 40, chart
        assert chart["marks"] > 0, chart
        assert chart["width"] <= chart["room"] + 1, chart


def test_a_folded_comparison_is_drawn_when_it_is_opened(page: Any) -> None:
    before = page.evaluate(DRAWN)
    assert page.locator("main > section").count() <= 10, "at most ten sections are open"
    page.locator("#c0 > summary").click()
    page.evaluate("location.hash = 'c1-metrics'")  # an address that names what is folded opens it
    page.wait_for_function(DRAWN_ALL)
    after = page.evaluate(DRAWN)
    assert len(after) > len(before)
    assert page.locator("#c1-metrics").is_visible()
    assert all(chart["width"] > 100 and chart["marks"] > 0 for chart in after)
    assert page.heard == []


def test_the_first_screen_answers(page: Any) -> None:
    page.evaluate("window.scrollTo(0, 0)")
    words = page.locator("dl.points dt").all_inner_texts()
    assert words == ["Gain", "Trivial rules", "Cost", "Not tested"]
    if page.viewport_size["width"] > 1000:
        assert page.locator("dl.points").bounding_box()["y"] < 700


def test_hostile_words_are_read_not_run(page: Any) -> None:
    assert page.evaluate("document.querySelectorAll('main img, header img').length") == 0
    assert "</script><img src=x onerror=alert(1)>" in page.inner_text("body")


def test_charts_follow_the_readers_theme(page: Any) -> None:
    before = page.evaluate("document.documentElement.dataset.charts")
    after = {"light": "dark", "dark": "light"}[before]
    page.emulate_media(color_scheme=after)
    page.wait_for_selector(f'html[data-charts="{after}"]', timeout=30_000)
    assert all(chart["width"] > 100 for chart in page.evaluate(DRAWN))
    assert page.heard == []


def test_a_tooltip_shows_where_a_number_comes_from(page: Any) -> None:
    page.locator("#chart-gain svg").scroll_into_view_if_needed()
    page.locator("#chart-gain .mark-symbol path").first.hover()
    page.wait_for_selector("#vg-tooltip-element.visible")
    assert "Interval" in page.inner_text("#vg-tooltip-element")


def test_paper_is_light_and_shows_whole_tables(page: Any) -> None:
    page.emulate_media(media="print")
    style = "getComputedStyle(document.querySelector('{}')).{}"
    assert page.evaluate(style.format("body", "backgroundColor")) == "rgb(255, 255, 255)"
    assert page.evaluate(style.format("nav", "display")) == "none"
    assert page.evaluate(style.format(".scroll", "overflowX")) == "visible"
