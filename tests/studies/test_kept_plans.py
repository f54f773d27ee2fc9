"""A plan is kept by the content of its runs, and counted again when anything that it depends on changes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.studies.command import headstart

from headstart.cache import _kept
from headstart.studies import forecast, kept_plans
from headstart.studies.compose import runs_of


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the runs whose cost was counted."""
    titles: list[str] = []
    count = forecast._counted
    monkeypatch.setattr(
        forecast, "_counted", lambda run, trials: titles.append(run.title) or count(run, trials)
    )
    return titles


def change_a_row(_: pytest.MonkeyPatch, settings: list[str]) -> None:
    path = Path("reviews.csv")
    path.write_text(path.read_text("utf8").replace("good", "fine", 1), "utf8")


def change_our_code(patch: pytest.MonkeyPatch, settings: list[str]) -> None:
    patch.setattr(kept_plans, "_code", lambda: "other")


def change_a_library(patch: pytest.MonkeyPatch, settings: list[str]) -> None:
    patch.setattr(kept_plans, "versions", lambda: {"torch": "99"})


def damage_what_is_kept(_: pytest.MonkeyPatch, settings: list[str]) -> None:
    for run in runs_of(settings):
        for path in _kept(str(kept_plans._name(run))):
            path.write_text("{", "utf8")


CHANGES: list[Callable[[pytest.MonkeyPatch, list[str]], None]] = [
    change_a_row,
    change_our_code,
    change_a_library,
    damage_what_is_kept,
]


def without_times(out: str) -> str:
    """What a plan printed, without times: they follow from a speed that is measured each time."""
    return " ".join(re.sub(r"~?[\d.]+ (ms|s|min|h)\b", "", out).split())


def test_a_plan_is_counted_once_until_something_changes(
    quick: list[str], counted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = [*quick, "optim.lr=1.7e-3"]  # which no other test plans
    plan = ["plan", *quick, "seed=0"]
    first = headstart(*plan)
    assert first.code == 0 and len(counted) == 2, first.err
    again = headstart(*plan, "runs=elsewhere")
    assert without_times(again.out) == without_times(first.out) and len(counted) == 2
    headstart("plan", *quick, "seed=0,1")
    assert [title.rpartition(" · ")[2] for title in counted[2:]] == ["seed 1", "seed 1"]
    for change in CHANGES:
        counted.clear()
        with monkeypatch.context() as patch:
            change(patch, plan[1:])
            assert headstart(*plan).code == 0
        assert len(counted) == 2, change.__name__
