"""The notebook: every page asks, says how to run it, answers, and claims what a machine can check."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headstart.compare.claims import pages, read_claim
from headstart.studies.compose import runs_of
from headstart.studies.config_search import shipped

PLACE = Path(__file__).parents[1] / "experiments"
PAGES = pages(PLACE)
STUDIES = {path.stem for path in (shipped() / "study").glob("*.yaml")}


def test_every_study_has_a_page() -> None:
    assert {page.name for page in PAGES} == STUDIES
    folders = {path.name for path in PLACE.iterdir() if path.is_dir()}
    assert folders - {page.name for page in PAGES} == {"teaching", "published"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_is_whole(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (page / "README.md").read_text("utf8")
    for part in ("**Question.**", "**Command.**", "**Answer.**", "**A re-run must show**"):
        assert part in text
    assert f"({page.name})" in (PLACE / "README.md").read_text("utf8")
    claim = read_claim(page)
    assert claim.claim.endswith(".") and claim.expects
    for scale in claim.commands:
        study, *more = claim.command(scale)
        assert study == f"study={page.name}"
        if more:  # every study as it stands is composed in tests/conf
            assert runs_of([*claim.command(scale), "seed=0"])  # one seed is composed like any other


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_that_was_not_run_yet_says_so(page: Path) -> None:
    """In its answer and in the table of all pages: its settings changed, or the claim came first."""
    told = read_claim(page).came_out is None
    (line,) = re.findall(rf"^\| \[{page.name}\].*$", (PLACE / "README.md").read_text("utf8"), re.M)
    assert ("not run yet" in line) is told
    assert ("**Not run yet with these settings.**" in (page / "README.md").read_text("utf8")) is told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_a_page_claims_is_what_it_found(page: Path) -> None:
    """A claim that its own numbers contradict would fail every re-run."""
    claim = read_claim(page)
    for one in claim.expects:
        if claim.came_out is None:  # written before the run
            assert (one.value, one.low, one.high) == (None, None, None), one
            continue
        low = one.value if one.low is None else one.low
        high = one.value if one.high is None else one.high
        above, below = low is not None and low > one.than, high is not None and high < one.than
        assert one.direction in (["above"] if above else ["below"] if below else ["either", "around"]), one
        assert one.tolerance >= 0


def test_pictures_and_links_of_the_pages_are_there() -> None:
    for text in PLACE.glob("**/README.md"):
        for target in re.findall(r"\]\(([^)#:]+)\)", text.read_text("utf8")):
            assert (text.parent / target).exists(), f"{text.parent.name}: {target}"
