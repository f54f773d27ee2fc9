"""Tables in a pipe: however narrow it is, no word is broken and no number is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.factory import make_study
from tests.reports import handmade

from headstart.compare.findings import Findings
from headstart.compare.study import compare
from headstart.reports.console.listing import listing
from headstart.reports.formats import terminal
from headstart.screen import Screen

WIDTHS = [80, 60]
words = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=30)
cells = st.lists(words, max_size=6).map(" ".join)
KINDS = "page | #again | !claim | about"


@given(st.lists(st.tuples(cells, cells, cells, cells), min_size=1, max_size=4), st.sampled_from([20, 60, 80]))
def test_no_word_of_a_cell_is_broken_or_lost(lines: list[tuple[str, ...]], width: int) -> None:
    screen = Screen(width=width)
    with screen.capture() as shown:
        screen.print(listing(KINDS, lines, plain=True))
    told = shown.get().split()
    assert sorted(told) == sorted(f"page again claim about {' '.join(map(' '.join, lines))}".split())


def test_short_cells_stay_whole_beside_one_that_is_too_long() -> None:
    screen = Screen(width=30)
    with screen.capture() as shown:
        screen.print(listing("run | seeded", [("a" * 40, "72 of 72")], plain=True))
    assert f"{'a' * 40}  72 of 72" in shown.get()


def test_what_fits_is_as_it_was() -> None:
    screen = Screen(width=60)
    with screen.capture() as shown:
        screen.print(listing("run | #FLOPs", [("a run of some words", "3 G")], plain=True))
    assert shown.get().splitlines() == ["run                  FLOPs", "a run of some words    3 G"]


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """Arms whose names are shorter than that of a rule."""

    def rules(record: dict[str, Any]) -> None:
        one = {"name": "majority", "how": "told", "bound": None, "seconds": 0.1, "train_rows": 512}
        one |= {"scores": {"accuracy": 0.2}, "standard_errors": {"accuracy": 0.01}}
        record["rules"] = {"rules": [one], "chance": {"accuracy": 0.1}, "reason": None}

    study = make_study(tmp_path_factory.mktemp("short") / "s", ("old", "new"), examples=60, change=rules,
                       skill={"old": -0.9, "new": 0.4})  # fmt: skip
    return compare(study)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["short", "one", "sizes"])
def test_the_summary_breaks_no_word(
    name: str, width: int, short: Findings, monkeypatch: Any, capsys: Any
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    findings = {"short": short, "one": handmade.study(), "sizes": handmade.sizes()}[name]
    terminal.show(findings, Path("report.html"))
    table = capsys.readouterr().out.partition("\n\n")[0]
    names = {item.arm for item in findings.arms} | {"finished", "energy", "estimated"}
    names |= {"majority", "chance"} if name == "short" else set()
    assert names <= {*table.split()}
    assert "…" not in table and (width < 80 or max(map(len, table.splitlines())) <= 80)
