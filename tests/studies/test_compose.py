"""Compose: a study is composed once for each of its distinct choices, however many points it has."""

from __future__ import annotations

from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from tests.studies.command import headstart

from headstart.run import Run
from headstart.studies import compose as composing
from headstart.studies.compose import check, plan_study, runs_of
from headstart.studies.launch import PlannedLoader, launch
from headstart.studies.outcome import Outcome

NAMED = "study.name=mine"  # a study without a name is compared with the default one, which is composed for it


@pytest.fixture(autouse=True)
def composed(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The overrides of every composition that Hydra makes, from a process that has made none."""
    made: list[list[str]] = []
    real = ConfigLoaderImpl.load_configuration

    def counted(self: Any, config_name: Any, overrides: list[str], *rest: Any, **named: Any) -> Any:
        made.append(overrides)
        return real(self, config_name, overrides, *rest, **named)

    monkeypatch.setattr(composing, "_composed", {})
    monkeypatch.setattr(ConfigLoaderImpl, "load_configuration", counted)
    return made


@pytest.mark.parametrize(
    ("arguments", "points", "distinct"),
    [
        ([], 6, 2),  # two arms
        ([NAMED, "seed=range(50)"], 100, 2),
        ([NAMED, "optim.lr=1e-4,3e-4,1e-3", "model.max_length=32,64", "seed=0,1"], 24, 2),
        ([NAMED, "size=n32,n64,n128", "seed=0,1"], 12, 7),  # the study itself is none of them
        ([NAMED, "size=n32,n64", "arm=lora,first_k", "lora.arm.rank=4", "lora.optim.lr=1e-4"], 12, 5),
        ([NAMED, "arm=scratch", "hydra.mode=RUN", "hydra/launcher=basic"], 1, 1),
        (["size=n64", "arm=scratch", "seed=0"], 1, 2),  # and the default study
    ],
)
def test_as_often_as_there_are_distinct_choices(
    composed: list[list[str]], arguments: list[str], points: int, distinct: int
) -> None:
    assert len(runs_of(arguments)) == points
    assert len(composed) == distinct


@pytest.mark.parametrize("more", [[], ["hydra.mode=RUN", "arm=pretrained"], ["--stop-after", "1h"]])
def test_check_sweeper_and_jobs_share_what_was_composed(
    quick: list[str], composed: list[list[str]], monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    trained = []

    def run(run: Any, *_: Any) -> Outcome:
        trained.append(run)
        return Outcome(run.title, str(run.study_folder), "", "finished")

    monkeypatch.setattr("headstart.studies.job._run", run)
    assert headstart(*quick, *more).code == 0
    assert len(composed) == (1 if "hydra.mode=RUN" in more else 2)
    assert trained == runs_of([*quick, *(word for word in more if "=" in word)])


def test_trials_and_winners_are_not_composed_again(
    quick: list[str], composed: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tuning = "study.tune={space:{optim.lr:[1e-4,1e-3],optim.warmup:[0.0,0.1]},trials:6}"  # some twice
    trained = []

    def run(run: Any, *_: Any) -> Outcome:
        trained.append(run)
        return Outcome(run.title, str(run.study_folder), "", "finished")

    monkeypatch.setattr("headstart.studies.job._run", run)
    monkeypatch.setattr("headstart.studies.tuning._score", lambda run, tune, outcome: 1.0)
    plan = check([*quick, tuning, "seed=0"])
    launch(plan, [])
    assert len(composed) == 2
    assert {run.study.name for run in trained} == {"quick", "quick-tuning"}
    assert {run.optim.lr for run in trained[-2:]} <= {1e-4, 1e-3}


def test_a_worker_in_another_process_composes_its_own_point(quick: list[str]) -> None:
    plan = plan_study([*quick, "seed=0", "hydra.job.name=mine"])
    with composing.composing() as hydra:
        unpickle, state = PlannedLoader(hydra.config_loader, plan).__reduce__()
        there = unpickle(*state)
        assert isinstance(there, ConfigLoaderImpl)
        for point in plan.points:
            config = there.load_sweep_config(plan.config, list(point.overrides))
            assert Run.read(composing.plain(config)) == point.run
            assert config.hydra.job.name == "mine"


@pytest.mark.parametrize("mode", ["MULTIRUN", "RUN"])
def test_of_several_values_of_one_setting_the_last_one_counts(mode: str) -> None:
    typed = ["size=n64", "size=n32", "size=n64", "optim.lr=1", "optim.lr=2", "optim.lr=1"]
    (run,) = runs_of(["arm=scratch", "seed=0", f"hydra.mode={mode}", *typed])
    assert (run.size.words(), run.optim.lr) == ("64 rows", 1)
