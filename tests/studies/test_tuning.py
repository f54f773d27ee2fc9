"""Equal tuning: as many trials per arm from one space, on validation; then fresh seeds on each winner."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.studies.command import records

from headstart.cli import main
from headstart.compare.study import compare
from headstart.studies.tuning import _grid, _random
from headstart.study import Range, Tune

pytestmark = pytest.mark.usefixtures("unreported")

SPACE = "study.tune={space:{optim.lr:[1e-3,3e-2]},trials:2,sampler:grid,seeds:[1000]}"


def test_every_arm_gets_the_same_trials_and_its_own_winner(quick: list[str]) -> None:
    by_loss = SPACE.replace("trials", "metric:log_loss,trials")  # no ties, on any processor
    assert main([*quick, "seed=0,1", "budget.epochs=5", by_loss]) == 0
    trials, runs = records(Path("runs/quick-tuning")), records(Path("runs/quick"))
    assert Counter(r["arm"] for r in trials) == {"scratch": 2, "pretrained": 2}
    assert {r["seed"] for r in trials} == {1000} and {r["seed"] for r in runs} == {0, 1}
    assert all(r["scores"]["test"] is None and r["scores"]["validation"] for r in trials)
    assert not list(Path("runs/quick-tuning").glob("*/predictions.parquet"))
    for arm in ("scratch", "pretrained"):
        mine = [r for r in trials if r["arm"] == arm]
        scored = {r["config"]["optim"]["lr"]: r["scores"]["validation"]["log_loss"] for r in mine}
        (chosen,) = {r["config"]["optim"]["lr"] for r in runs if r["arm"] == arm}
        assert scored[chosen] == min(scored.values()) < max(scored.values())
    assert len(compare(Path("runs/quick")).comparisons[0].pairs) == 2


def test_trials_are_kept_like_any_run(quick: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*quick, "seed=0", SPACE]) == 0
    capsys.readouterr()
    assert main([*quick, "seed=0", SPACE]) == 0
    assert capsys.readouterr().err.count("finished before") == 6


def test_settings_that_belong_to_an_arm_move_with_it(quick: list[str]) -> None:
    assert main([*quick, "seed=0", "scratch.optim.lr=2e-2", "pretrained.optim.lr=1e-3"]) == 0
    assert {r["arm"]: r["config"]["optim"]["lr"] for r in records(Path("runs/quick"))} == {
        "scratch": 0.02,
        "pretrained": 0.001,
    }
    (comparison,) = compare(Path("runs/quick")).comparisons
    assert len(comparison.pairs) == 1
    assert any(told.startswith("optim.lr: 0.02 against 0.001") for told in comparison.differences)


def test_a_study_that_stops_in_time_leaves_whole_pairs(
    quick: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*quick, "seed=0,1,2", "--stop-after", "0.01s"]) == 0
    assert Counter(r["arm"] for r in records(Path("runs/quick"))) == {"scratch": 1, "pretrained": 1}
    assert "1 of 3 pairs are done" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("study.tune={space:{optim.lrr:[1]},trials:1}", "no setting optim.lrr; did you mean optim.lr?"),
        ("study.tune={space:{size:[n64]},trials:1}", "size would change what is compared"),
        ("study.tune={space:{optim.lr:[1e-3,1e-2]},trials:3,sampler:grid}", "the grid has 2 points"),
        ("study.tune={space:{optim.lr:{low:1,high:2}},trials:2,sampler:grid}", "a grid needs listed values"),
        ("study.tune={space:{optim.lr:{low:2,high:1}},trials:2}", "needs low < high"),
        ("lora.optim.lr=1", "the study has no arm lora; known: pretrained, scratch"),
    ],
)
def test_mistakes_are_named_before_anything_is_trained(
    quick: list[str], capsys: pytest.CaptureFixture[str], override: str, sentence: str
) -> None:
    try:
        code = main([*quick, "seed=0", override])
    except SystemExit as stop:
        code = stop.code
    assert code == 2
    assert sentence in capsys.readouterr().err
    assert not records(Path("runs/quick"))


def test_a_time_limit_without_a_unit_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stop-after", "20"]) == 2
    assert "needs a time such as" in capsys.readouterr().err


@given(trials=st.integers(1, 20), seed=st.integers(0, 99))
def test_draws_depend_on_the_sampler_seed_alone(trials: int, seed: int) -> None:
    tune = Tune(
        space={"optim.lr": Range(low=1e-5, high=1e-2, log=True), "optim.warmup": (0.0, 0.1)},
        trials=trials,
        sampler_seed=seed,
    )
    drawn = _random(tune)
    assert drawn == _random(tune) and len(drawn) == trials
    assert all(1e-5 <= one["optim.lr"] <= 1e-2 and one["optim.warmup"] in (0.0, 0.1) for one in drawn)


def test_a_grid_is_every_combination_once() -> None:
    tune = Tune(space={"optim.lr": (1e-4, 1e-3), "optim.warmup": (0.0, 0.1, 0.2)}, trials=6, sampler="grid")
    found = _grid(tune)
    assert len({tuple(one.values()) for one in found}) == 6
