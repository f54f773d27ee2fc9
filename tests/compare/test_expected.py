"""A claim is borne out by the run that it was made of, and by no other answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.factory import make_study

from headstart.compare.claims import FILE, as_expectation, check, pages, read_claim
from headstart.compare.quantity import Quantity
from headstart.compare.study import compare
from headstart.errors import RecordError


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[Quantity, ...]:
    return compare(make_study(tmp_path_factory.mktemp("study"), seeds=range(3))).rows


@pytest.fixture
def page(found: tuple[Quantity, ...], tmp_path: Path) -> Path:
    """A page that claims the gain and the FLOPs ratio of the study."""
    gain = next(one for one in found if one.key == "gain")
    ratio = next(one for one in found if one.key == "flops_ratio")
    expects = [as_expectation(gain, 0.0, 0.05), as_expectation(ratio, 1.0, 0.0)]
    commands = {"laptop": ["seed=0,1,2"]}
    claim = {"claim": "It helps.", "came_out": True, "commands": commands, "expects": expects}
    folder = tmp_path / "a_page"
    folder.mkdir()
    (folder / FILE).write_text(json.dumps(claim), "utf8")
    return folder


def test_a_study_bears_out_its_own_claim(page: Path, found: tuple[Quantity, ...]) -> None:
    assert pages(page.parent) == [page]
    checked = check(read_claim(page), found)
    assert [one.holds for one in checked] == [True, True], checked


def test_another_direction_is_another_answer(page: Path, found: tuple[Quantity, ...]) -> None:
    turned = [replace(one, value=-0.3, low=-0.4, high=-0.2) if one.key == "gain" else one for one in found]
    first, second = check(read_claim(page), turned)
    assert not first.holds and "lies below 0" in first.reason
    assert second.holds


def test_the_same_direction_far_away_is_another_answer(page: Path, found: tuple[Quantity, ...]) -> None:
    far = [replace(one, value=5.0, low=4.9, high=5.1) if one.key == "gain" else one for one in found]
    assert "further than 0.05" in check(read_claim(page), far)[0].reason


def test_a_number_that_is_gone_is_said(page: Path, found: tuple[Quantity, ...]) -> None:
    rest = [one for one in found if one.key != "gain"]
    assert check(read_claim(page), rest)[0].reason == "the re-run has no such number"


@pytest.mark.parametrize(
    "text", ["{", "{}", '{"claim": "", "came_out": true, "commands": {"laptop": []}, "expects": [1]}']
)
def test_a_broken_claim_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, "utf8")
    with pytest.raises(RecordError, match="is not a claim"):
        read_claim(tmp_path)


def test_a_page_without_a_claim_names_those_with_one(page: Path) -> None:
    with pytest.raises(RecordError, match="pages with a claim: a_page"):
        read_claim(page.parent / "other")
