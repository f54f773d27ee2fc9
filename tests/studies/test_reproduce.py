"""`headstart reproduce` as it is typed: a page run again, every page, another scale, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.studies.command import headstart

pytestmark = pytest.mark.usefixtures("unreported")

OF_THE_PAIR = {"condition": "", "arm": "pretrained"}


@pytest.fixture
def page(quick: list[str]) -> Path:
    """A page on the quick study: it finds some gain, at the same FLOPs."""
    once = [*quick, "seed=0,1"]
    gain = {"quantity": "gain", "direction": "above", "than": -2.0, "value": 0.0, "low": -0.5, "high": 0.5}
    flops = {
        "quantity": "flops_ratio",
        "direction": "above",
        "than": 0.5,
        "value": 1.0,
        "low": 1.0,
        "high": 1.0,
    }
    write(
        Path("experiments/mine"),
        claim="It is a number.",
        came_out=True,
        commands={"laptop": once, "full": [*once, "budget.epochs=3"]},
        expects=[OF_THE_PAIR | gain | {"tolerance": 1.0}, OF_THE_PAIR | flops | {"tolerance": 0.0}],
    )
    return Path("experiments/mine")


def write(folder: Path, **claim: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "claim.json").write_text(json.dumps(claim), "utf8")


def change_expected(page: Path, **changes: Any) -> None:
    """Claim something else of the FLOPs."""
    claim = json.loads((page / "claim.json").read_text("utf8"))
    claim["expects"][1] |= changes
    write(page, **claim)


def test_a_page_is_held_to_its_claim(page: Path) -> None:
    """One study, trained once: what it is held to is changed under it."""
    check_it_comes_out_again(page)
    check_another_answer_is_an_exit_of_one(page)
    check_another_scale_is_held_to_the_direction_alone(page)


def check_it_comes_out_again(page: Path) -> None:
    told = headstart("reproduce", str(page))
    assert told.code == 0, told.out + told.err
    assert "mine: came out again: It is a number." in " ".join(told.out.split())
    assert len(list(Path("runs/reproduced/laptop/quick").glob("*/record.json"))) == 4
    assert not Path("runs/quick").exists(), "trained again, apart from the first"
    assert "Nothing was trained" not in told.out
    every = headstart("reproduce", "--all")
    assert every.code == 0 and "1 of 1 page came out again." in every.out
    assert "page 1 of 1: mine: It is a number." in every.out
    assert "Nothing was trained: all 4 runs were finished before." in " ".join(every.out.split())


def check_another_answer_is_an_exit_of_one(page: Path) -> None:
    change_expected(page, direction="below")
    every = headstart("reproduce", "--all")
    assert every.code == 1 and "0 of 1 page came out again." in every.out
    said = " ".join(every.out.split())
    assert "it lies above 0.5, where below was claimed" in said and "did not come out again" in said


def check_another_scale_is_held_to_the_direction_alone(page: Path) -> None:
    change_expected(page, direction="above", value=9.0, low=8.0, high=10.0)
    assert headstart("reproduce", str(page)).code == 1
    told = headstart("reproduce", str(page), "--scale", "full")
    assert told.code == 0, told.out + told.err
    missing = headstart("reproduce", str(page), "--scale", "cluster")
    assert missing.code != 0
    assert "has no scale 'cluster', only laptop, full; choose --scale laptop" in " ".join(missing.err.split())
    assert headstart("reproduce", str(page), "--scale").code == 2


@pytest.mark.parametrize("path", ["study.zip", "runs/quick", "runs/quick/run", "experiments/mine"])
def test_a_signal_is_one_line_that_says_how_to_go_on(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.studies.outcome import Interrupted

    def stop(*_: Any) -> None:
        raise Interrupted

    monkeypatch.chdir(tmp_path)
    for name in ("study.zip", "runs/quick/study.json", "runs/quick/run/record.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("{}", "utf8")
    for place in ("commands.reproduce._study_again", "commands.reproduce._train_again"):
        monkeypatch.setattr(f"headstart.{place}", stop)
    monkeypatch.setattr("headstart.compare.claims.read_claim", stop)
    ended = headstart("reproduce", path)
    assert ended.code == 130
    assert f"interrupted; finished runs are kept. Continue with: headstart reproduce {path}" in ended.err


def test_a_page_whose_data_are_not_here_is_not_run_and_named(page: Path) -> None:
    command = json.loads((page / "claim.json").read_text("utf8"))["commands"]["laptop"]
    absent = [word for word in command if not word.startswith("task.files.train=")]
    claim = {"claim": "Of public rows.", "came_out": True, "expects": []}
    elsewhere = Path("experiments/public")
    write(elsewhere, **claim, commands={"laptop": [*absent, "task.files.train=nowhere/train.csv"]})
    alone = headstart("reproduce", str(elsewhere))
    said = f"headstart: its data are not here (task.files.train={Path('nowhere/train.csv')}: no such file"
    assert alone.code == 1 and said in alone.err and "failed" not in alone.out + alone.err
    assert f"{elsewhere / 'README.md'} says where to get them" in alone.err
    change_expected(page, than=2.0)
    every = headstart("reproduce", "--all")
    assert every.code == 1 and "0 of 1 page came out again." in every.out
    change_expected(page, than=0.5)
    every = headstart("reproduce", "--all")
    assert every.code == 0, every.out + every.err
    last = " ".join(every.out.splitlines()[-2:])
    assert last.endswith("1 of 1 page came out again. Not run, since their data are not here: public.")
    assert "public not run its data are not here" in " ".join(every.out.split())
    (page / "claim.json").unlink()
    none = headstart("reproduce", "--all")
    assert none.code == 1 and "0 of 0 pages came out again. Not run" in none.out, "nothing was shown"


def test_what_is_no_page(quick: list[str]) -> None:
    told = headstart("reproduce", "experiments/nothing")
    assert told.code != 0 and "there is no such file" in " ".join(told.err.split())
    none = headstart("reproduce", "--all")
    assert none.code != 0 and "there is no page" in " ".join(none.err.split())


def test_a_zip_that_is_not_there_is_said_to_be_missing() -> None:
    typed = headstart("reproduce", "nothing.zip")
    assert (typed.code, typed.err.count("\n")) == (2, 1)
    assert "nothing.zip: there is no such file; `headstart pack FOLDER` writes one" in typed.err
