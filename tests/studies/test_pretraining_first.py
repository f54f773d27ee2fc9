"""Recipes: a pretraining that a study runs first, once, for every arm that stands on it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.studies.command import headstart, records
from tests.studies.recipes import STEPS, arm, recipe

from headstart.cli import main
from headstart.compare.study import compare

pytestmark = pytest.mark.usefixtures("unreported")


def test_it_is_planned_trained_once_and_booked(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    arms = f"arm=scratch,{arm('before', recipe(text))},{arm('early', recipe(text), checkpoint_step=2)}"
    planned = headstart("plan", *settings, arms, "seed=0")
    assert planned.code == 0, planned.err
    assert "4 runs, 0 done" in planned.out and planned.out.count("pretraining:") == 1

    told = headstart(*settings, arms, "seed=0")
    assert told.code == 0, told.err
    assert told.err.count("begins: pretraining: ") == told.err.count("pretrained:") == 1
    (first,) = records(Path("runs/pretraining"))
    assert first["cost"]["steps"] == STEPS
    by_arm = {
        name: [r for r in records(Path("runs/quick")) if r["arm"] == name] for name in ("before", "early")
    }
    for made in by_arm.values():
        assert [record["init"]["checkpoint"]["ledger"]["runs"] for record in made] == [[first["run_id"]]]
    flops = {name: made[0]["init"]["checkpoint"]["ledger"]["flops"] for name, made in by_arm.items()}
    assert flops["early"] < flops["before"] == first["cost"]["flops"]["total"]
    digests = {name: made[0]["init"]["checkpoint"]["sha256"] for name, made in by_arm.items()}
    assert digests["early"] != digests["before"]
    assert "4 runs, 4 done" in headstart("plan", *settings, arms, "seed=0").out


def test_scratch_is_trained_once_beside_several_pretrainings(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    sweep = [f"arm=scratch,{arm('before', recipe(text))}", "arm.pretraining_seed=0,1", "seed=0,1"]
    planned = headstart("plan", *settings, *sweep)
    assert planned.code == 0, planned.err
    assert "8 runs, 0 done" in planned.out and planned.out.count("pretraining:") == 2
    assert "speaks of these weights (2 pretraining seeds)" in " ".join(planned.out.split())

    told = headstart(*settings, *sweep)
    assert told.code == 0, told.err
    first = records(Path("runs/pretraining"))
    assert sorted(record["seed"] for record in first) == [0, 1]
    made = records(Path("runs/quick"))
    assert sorted((r["arm"], r["seed"], r["config"]["arm"].get("pretraining_seed")) for r in made) == [
        *[("before", seed, weights) for seed in (0, 1) for weights in (0, 1)],
        *[("scratch", seed, None) for seed in (0, 1)],
    ]
    loaded = {record["init"]["checkpoint"]["sha256"] for record in made if record["arm"] == "before"}
    assert len(loaded) == 2
    gains = compare(Path("runs/quick")).comparisons[0]
    assert [(pair.seed, pair.pretraining_seed) for pair in gains.pairs] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert "2 pretraining seeds" in gains.sentence


def test_weights_of_its_own_text(masked: tuple[list[str], Path]) -> None:
    settings, _ = masked
    own = ["size=all", "budget=pretrain", "budget.steps=2", "budget.evaluations=1"]
    name = arm("own", own, own_text=True)
    assert main([*settings, f"arm=scratch,{name}", "seed=0"]) == 0
    (first,) = records(Path("runs/pretraining"))
    (record,) = (record for record in records(Path("runs/quick")) if record["arm"] == name)
    assert first["config"]["task"]["kind"] == "masked_lm"
    assert record["init"]["checkpoint"]["contamination"]["test"]["exact"] == 0


def test_a_mistake_in_it_is_told_before_anything_runs(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    told = headstart(*settings, f"arm=scratch,{arm('wrong', recipe(text, 'optim.lrate=1'))}")
    assert told.code == 2
    assert "arm=wrong: pretraining: optim.lrate" in " ".join(told.err.split())
    assert not Path("runs/pretraining").exists()


def test_without_its_weights_the_others_go_on(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    settings = [*settings, f"arm=scratch,{arm('hopeless', recipe(text, 'optim.lr=1e9', 'optim.clip=null'))}"]
    told = headstart(*settings, "seed=0")
    assert told.code == 1
    assert "its pretraining diverged" in " ".join((told.out + told.err).split())
    assert [record["arm"] for record in records(Path("runs/quick"))] == ["scratch"]


def test_an_age_that_it_does_not_keep(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    told = headstart(*settings, f"arm=scratch,{arm('lost', recipe(text), checkpoint_step=3)}", "seed=0")
    assert told.code != 0
    assert "keeps no weights of step 3" in " ".join((told.out + told.err).split())
