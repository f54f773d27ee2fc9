"""A claim is borne out by the run that it was made of, and by no other answer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.claims import as_expectation
from tests.factory import make_study
from tests.midway import make_midway
from tests.studies.command import headstart

from headstart.compare.claims import FILE, check, pages, read_claim
from headstart.compare.quantity import Quantity
from headstart.compare.study import compare
from headstart.errors import RecordError
from headstart.records.store import read_study


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


@pytest.fixture
def study(tmp_path: Path) -> Path:
    folder = tmp_path / "runs/docs"
    make_midway(folder, seeds=range(3))
    return folder


def _claim(folder: Path, than: float, came_out: bool | None, **changed: Any) -> Path:
    """A page that was written before its run: the gain of the factory's study is 0.1 to 0.3."""
    one = {"quantity": "gain", "condition": "", "arm": "pretrained", "direction": "above", "than": than}
    unknown = {"value": None, "low": None, "high": None, "tolerance": 0.25}
    claim = {
        "claim": "Es hilft – sehr.", "came_out": came_out,
        "commands": {"laptop": ["seed=0,1,2"]}, "expects": [one | unknown | changed],
    }  # fmt: skip
    folder.mkdir(parents=True)
    (folder / FILE).write_text(json.dumps(claim, indent=1, ensure_ascii=False) + "\n", "utf8")
    return folder / FILE


@pytest.mark.parametrize(
    ("than", "before", "after"),
    [(0.0, None, True), (0.9, None, False), (0.0, True, True), (0.9, True, False), (0.0, False, False)],
)
def test_a_page_is_filled_from_its_study(
    than: float, before: bool | None, after: bool, study: Path, tmp_path: Path
) -> None:
    file = _claim(tmp_path / "experiments/docs", than, before)
    old = file.read_text("utf8")
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    assert typed.code == 0, typed.err
    assert ("did not come out" in typed.out) is (than == 0.9), typed.out
    gain = compare(study).rows.first("gain", arm="pretrained")
    assert gain is not None and gain.low is not None
    new = read_claim(file.parent)
    (one,) = new.expects
    assert (one.value, one.low, one.high) == (gain.value, gain.low, gain.high)
    assert new.came_out is after
    raw, kept = json.loads(file.read_text("utf8")), json.loads(old)
    kept["expects"][0] |= {"value": gain.value, "low": gain.low, "high": gain.high}
    assert raw == kept | {"came_out": after}, "nothing else changes"
    assert file.read_text("utf8").splitlines()[:2] == old.splitlines()[:2], "as it was written"


@pytest.mark.parametrize(("than", "holds"), [(0.2, True), (0.0, False), (0.9, False)])
def test_a_number_that_must_be_in_the_interval_fails_outside_it(
    than: float, holds: bool, study: Path, tmp_path: Path
) -> None:
    file = _claim(tmp_path / "experiments/docs", than, None, direction="around")
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    assert typed.code == 0 and read_claim(file.parent).came_out is holds, typed.out
    assert holds or f"{than:g}, which it was claimed to contain" in " ".join(typed.out.split())


def test_a_page_whose_number_is_missing_is_left_as_it_was(study: Path, tmp_path: Path) -> None:
    file = _claim(tmp_path / "experiments/docs", 0.0, None, arm="lora", condition="8 rows")
    old = file.read_bytes()
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    (name,) = {run.config["study"]["name"] for run in read_study(study).records}
    sentence = f"study {name} has no gain of arm lora under 8 rows"
    assert (typed.code, typed.err) == (1, f"headstart: {file}: {sentence}\n")
    assert file.read_bytes() == old


def test_the_study_of_another_page_fills_nothing(study: Path, tmp_path: Path) -> None:
    file = _claim(tmp_path / "experiments/docs", 0.0, None)
    file.write_text(file.read_text("utf8").replace("seed=0,1,2", "study=less_data"), "utf8")
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    assert typed.code == 1 and "is about study=less_data, and this study is called" in typed.err


@pytest.mark.parametrize("state", ["to do", "training", "failed", "interrupted"])
def test_a_study_that_is_not_finished_fills_nothing(state: str, tmp_path: Path) -> None:
    file, last = _claim(tmp_path / "experiments/docs", 0.0, None), ("scratch", 2)
    old, study = file.read_bytes(), tmp_path / "runs/docs"
    place = {"to do": "waiting", "training": "training"}.get(state)
    options: dict[str, Any] = {place: (last,)} if place else {"status": {last: state}}
    claims = make_midway(study, seeds=range(3), examples=60, **options)
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    counted = f"{study}: 1 of its 6 runs are not finished (1 {state})"
    sentence = f"headstart: {counted}: run the study's command to its end first\n"
    assert (typed.code, typed.err) == (1, sentence)
    assert file.read_bytes() == old
    for claim in claims.values():
        claim.release()


def test_a_run_that_diverged_has_ended_and_a_study_without_a_plan_is_not_known_to(tmp_path: Path) -> None:
    file, study = _claim(tmp_path / "experiments/docs", 0.0, None), tmp_path / "runs/docs"
    make_midway(study, seeds=range(4), status={("scratch", 2): "diverged"})
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    assert typed.code == 0, typed.err
    (study / "study.json").unlink()
    typed = headstart("report", str(study), "--export", "claim", "--to", str(file))
    assert typed.code == 1 and "no study.json here" in typed.err


@pytest.mark.parametrize("to", [[], ["--to", "numbers.md"]])
def test_a_claim_is_filled_where_it_lies(to: list[str], study: Path) -> None:
    typed = headstart("report", str(study), "--export", "claim", *to)
    assert typed.code == 2 and "add --to experiments/PAGE/claim.json" in typed.err
