"""The names of trivial rules and chance in charts touch neither each other, nor an axis, nor the frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.factory import make_study

from headstart.compare.study import compare
from headstart.reports.build import write

pytestmark = pytest.mark.browser

RULES = {  # chance, majority and TF-IDF
    "at the lowest score of the axis": (0.0, 0.01, 0.02),
    "near each other and a curve": (0.30, 0.31, 0.32),
    "far from each other": (0.1, 0.2, 0.6),
    "above all scores": (0.95, 0.97, 0.99),
}
# Of one chart: the boxes of these names, of everything that they must not touch, and of the picture.
BOXES = """([id, words]) => {
  const chart = document.getElementById(id);
  const box = (node) => {
    const {left, top, right, bottom} = node.getBoundingClientRect();
    return [left, top, right, bottom];
  };
  const LINES = '.mark-rule line, .mark-line path';
  const all = [...chart.querySelectorAll('text')].filter((node) => node.textContent);
  const isName = (node) => words.includes(node.textContent);
  return {
    names: all.filter(isName).map(box),
    others: [...all.filter((node) => !isName(node)), ...chart.querySelectorAll(LINES)].map(box),
    picture: box(chart.querySelector('svg')),
  };
}"""
ROUNDING = 1.0  # pixels


@pytest.mark.parametrize("width", [1400, 400])
@pytest.mark.parametrize("where", RULES)
def test_the_names_of_rules_touch_nothing(where: str, width: int, browser: Any, tmp_path: Path) -> None:
    chance, majority, linear = RULES[where]

    def ruled(record: dict[str, Any]) -> None:
        made = [
            {"name": name, "how": "told", "bound": None, "seconds": 0.1, "train_rows": 512,
             "scores": {"accuracy": score}, "standard_errors": {"accuracy": 0.01}}
            for name, score in (("majority", majority), ("tfidf", linear))
        ]  # fmt: skip
        record["rules"] = {"rules": made, "chance": {"accuracy": chance}, "reason": None}

    page = browser.new_page(viewport={"width": width, "height": 900})
    for chart, rows, count in (("chart-gain", (512,), 1), ("chart-rows-0", (64, 256, 1024), 3)):
        folder = tmp_path / chart
        made = make_study(folder, rows=rows, examples=60, evaluations=2, change=ruled)
        page.goto(write(compare(made), folder).html.as_uri())
        page.wait_for_selector("html[data-charts]", timeout=30_000)
        page.evaluate("document.querySelectorAll('details').forEach((it) => { it.open = true })")
        page.wait_for_selector(f"#{chart} svg")
        drawn = page.evaluate(BOXES, [chart, ["majority", "TF-IDF", "chance"]])
        names, picture = drawn["names"], drawn["picture"]
        assert len(names) == count, "the best rule, or all"
        for index, name in enumerate(names):
            assert not any(_touch(name, other) for other in (*names[:index], *drawn["others"])), where
            assert name[0] >= picture[0] and name[1] >= picture[1], where
            assert name[2] <= picture[2] and name[3] <= picture[3], where
    page.close()


def _touch(one: list[float], other: list[float]) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    return across > ROUNDING and down > ROUNDING
