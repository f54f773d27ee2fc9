"""Compose: a study is composed once for each of its distinct choices, however many points it has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from tests.studies.command import headstart

from headstart.errors import ConfigError
from headstart.run import Run
from headstart.studies import compose as composing
from headstart.studies.compose import check, plan_study, runs_of
from headstart.studies.forecast import levels_of
from headstart.studies.frozen import freeze
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


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (["arm=scratch,near", "size=n128"], {"scratch": 2, "near": 4}),  # draws; draws x pretrainings
        (["arm=scratch,near", "size=n128,all"], {"scratch": 3, "near": 6}),  # all rows are drawn by nobody
        (["arm=far,near", "size=all"], {"far": 2, "near": 2}),
    ],
)
def test_what_an_arm_or_a_size_does_not_have_multiplies_nothing(
    axes: list[str], expected: dict[str, int]
) -> None:
    study = ["study=closer_is_better", *axes, "arm.pretraining_seed=0,1", "seed=7"]
    runs = runs_of([*study, "size.seed=0,1"] if axes[1] != "size=all" else study)
    assert Counter(run.arm.name for run in runs) == expected
    assert len({run.title for run in runs}) == len(runs)


def test_a_draw_of_the_rows_may_come_with_every_seed() -> None:
    runs = runs_of(["study=less_data", "size=n32,all"])
    assert Counter(run.arm.name for run in runs) == {"scratch": 6, "near_60": 18}
    assert {(run.seed, run.config()["size"].get("seed", run.seed)) for run in runs} == {
        (0, 0),
        (1, 1),
        (2, 2),
    }
    assert len({run.title for run in runs}) == len(runs)


@pytest.mark.parametrize("wrong", ["nosuch=1", "size=nosuch", "size.seed=${nosuch}", "seed=-1"])
def test_a_mistake_is_found_beside_runs_that_have_all_other_parts(wrong: str) -> None:
    composer = composing.Composer()
    good = ["arm=scratch", "size=n32", "seed=0"]
    with pytest.raises(ConfigError, match=r"nosuch|seed"):
        composer.points([good, [*good, wrong], good])
    assert len(composer.points([good, good])) == 2


def test_a_seed_of_a_pretraining_that_no_arm_has_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"arm\.pretraining_seed"):
        runs_of(["arm=scratch,pretrained", "arm.pretraining_seed=0,1"])


@pytest.mark.parametrize("more", [[], ["hydra.mode=RUN", "arm=pretrained"], ["--stop-after", "1h"]])
def test_check_sweeper_and_jobs_share_what_was_composed(
    quick: list[str], composed: list[list[str]], monkeypatch: pytest.MonkeyPatch, more: list[str]
) -> None:
    trained = []

    def run(run: Any, *_: Any) -> Outcome:
        trained.append(run)
        return Outcome(run.title, str(run.study_folder), "", "finished")

    monkeypatch.setattr("headstart.studies.job.train_claimed", run)
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

    monkeypatch.setattr("headstart.studies.job.train_claimed", run)
    monkeypatch.setattr("headstart.studies.tuning._score", lambda run, tune, outcome: 1.0)
    plan = check([*quick, tuning, "seed=0"])
    launch(plan, [])
    assert len(composed) == 2
    assert {run.study.name for run in trained} == {"quick", "quick-tuning"}
    assert {run.optim.lr for run in trained[-2:]} <= {1e-4, 1e-3}


def test_a_worker_in_another_process_reads_its_point_from_the_studys_file(
    quick: list[str], composed: list[list[str]]
) -> None:
    plan = plan_study([*quick, "seed=0", "hydra.job.name=mine"])
    freeze(plan.points, quick)
    with composing.composing() as hydra:
        unpickle, state = PlannedLoader(hydra.config_loader, plan, Path("runs/quick/study.json")).__reduce__()
        unpickle, state = unpickle(*state).__reduce__()
        there, before = unpickle(*state), len(composed)
        for point in plan.points:
            config = there.load_sweep_config(plan.config, list(point.overrides))
            assert Run.read(composing.plain(config)) == point.run
            assert config.hydra.job.name == "mine"
        assert len(composed) == before
        config = there.load_sweep_config(plan.config, [*plan.points[0].overrides, "seed=5"])
        assert config.seed == 5, "a point of another sweeper is composed as Hydra does"


@pytest.mark.parametrize("mode", ["MULTIRUN", "RUN"])
def test_of_several_values_of_one_setting_the_last_one_counts(mode: str) -> None:
    typed = ["size=n64", "size=n32", "size=n64", "optim.lr=1", "optim.lr=2", "optim.lr=1"]
    (run,) = runs_of(["arm=scratch", "seed=0", f"hydra.mode={mode}", *typed])
    assert (run.size.words(), run.optim.lr) == ("64 rows", 1)


OVERRIDES = [
    ["seed=7", "optim.lr=1e-3", "precision=fp32", "order_seed=3"],
    ["seed=a", "learning_rat=1", "optim.lrr=2", "optim.lr=null"],
    ["arm=first_k", "arm.layers=1", "seed=0"],  # its name refers to its layers
    ["study.free=[optim.lr]", "seed=1"],
    ["optim={lr:2}", "optim.lr=3"],
    ["optim=5"],
    ["task.name=x", "model.architecture=null"],
    ["~optim.lr", "optim.lr=3"],
    ["+optim.new=3", "optim.new=4", "learning_rat=1"],
    ["+new.group=3", "optim.lr=1"],
    ["++optim.lr=3"],
    ["study.name=${arm.name}", "learning_rat=1"],
    ["study.name=${nowhere}", "learning_rat=1"],
    ["task=digits", "task.digits.seed=9", "model=vit_tiny", "size=nothing"],
    ["arm=lora", "arm.rank=16", "study.question='a, b'"],
]


@pytest.mark.parametrize("overrides", OVERRIDES, ids=" ".join)
def test_single_values_are_put_in_as_hydra_does(overrides: list[str]) -> None:
    def outcome(settings: Any) -> Any:
        try:
            return settings()
        except ConfigError as error:
            return error.lines

    composer = composing.Composer()
    config, mistakes = composer.config(overrides)
    assert config is not None
    expected = outcome(lambda: composing.plain(config))
    if isinstance(expected, tuple):
        assert outcome(lambda: composer.settings(overrides)) == (*mistakes, *expected)
    else:
        assert composer.settings(overrides) == (expected, mistakes)


def test_a_value_of_a_sweep_needs_no_copy_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    copies: list[object] = []
    copy = composing.Composed.copy
    monkeypatch.setattr(composing.Composed, "copy", lambda self: copies.append(self) or copy(self))
    with pytest.raises(ConfigError, match=r"learning_rat: no such setting") as error:
        runs_of([NAMED, "seed=range(50)", "learning_rat=1"])
    assert len(error.value.lines) == 1
    assert len(copies) == 2  # one per arm


def test_hydra_looks_for_plugins_once_and_is_given_back_as_it_was() -> None:
    GlobalHydra.instance().clear()
    runs_of([NAMED, "arm=scratch", "seed=0"])
    plugins = Plugins.instance()
    with composing.composing() as outer:
        runs_of([NAMED, "arm=pretrained", "seed=0"])
        assert GlobalHydra.instance().hydra is outer
    assert GlobalHydra.instance().hydra is None
    assert Plugins.instance() is plugins


def test_a_folder_without_yaml_of_its_own_shares_what_was_composed(
    composed: list[list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        if name == "three":
            own = Path("conf/optim/mine.yaml")
            own.parent.mkdir(parents=True)
            own.write_text("lr: 1", "utf8")
        plan = plan_study([NAMED, "seed=0", "hydra.mode=RUN"])
        assert plan.config.hydra.runtime.cwd == str(Path.cwd())
        made.append(len(composed))
    assert made == [1, 1, 2]


def test_what_the_pairs_of_a_study_are_drawn_over() -> None:
    crossed = levels_of(runs_of(["study=sharing_pays", "seed=0,1", "arm.pretraining_seed=0,1,2"]))
    assert [len({*crossed[name]}) for name in ("pretraining", "subset", "seed")] == [3, 2, 2]
    assert len(crossed["seed"]) == 6, "both sizes have the same pairs"
    alone = levels_of(runs_of(["study=first_look", "seed=0,1,2"]))
    assert alone == {"pretraining": [-1] * 3, "subset": [0] * 3, "seed": [0, 1, 2]}
