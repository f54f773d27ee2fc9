"""Frozen: a study trains the runs that it was started with, whatever happens to the yaml."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.studies.command import end_joblib_processes, headstart, records, without
from tests.studies.recipes import arm, recipe

from headstart.errors import DamagedError
from headstart.studies import frozen
from headstart.studies.compose import plan_study, runs_of
from headstart.studies.frozen import FILE, freeze, read_frozen
from headstart.studies.tuning import choices_of

pytestmark = pytest.mark.usefixtures("unreported")
STUDY = Path("runs/quick")


def own_yaml(group: str, choice: str, **settings: Any) -> str:
    """A yaml of the user's own; `own_yaml` again changes it."""
    path = Path("conf", group, f"{choice}.yaml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings), "utf8")
    return f"{group}={choice}"


def brief(rate: float = 3e-3, **more: Any) -> str:
    shipped = yaml.safe_load(Path(__file__).parents[2].joinpath("conf/optim/adamw.yaml").read_text("utf8"))
    return own_yaml("optim", "brief", **{**shipped, "lr": rate, **more})


def top(layers: int) -> str:
    return own_yaml("arm", "top", kind="partial", name="top", part="first_layers", layers=layers)


def started(*overrides: str) -> Path:
    """Freeze the study of a command, without training it."""
    freeze(plan_study(overrides).points, overrides)
    return STUDY / FILE


def test_every_run_is_kept_as_it_was_composed(quick: list[str]) -> None:
    file = started(*quick, "seed=0,1")
    content = json.loads(file.read_text("utf8"))
    assert file == STUDY / FILE
    points = read_frozen(STUDY).points()
    assert [(p.overrides, p.run) for p in points] == [
        (p.overrides, p.run) for p in plan_study([*quick, "seed=0,1"]).points
    ]
    assert content["argv"] == [["headstart", *quick, "seed=0,1"]]
    assert content["versions"]["torch"] and content["headstart"]


def test_the_same_command_changes_nothing_and_another_one_adds_its_runs(quick: list[str]) -> None:
    file = started(*quick, "seed=0,1")
    before = file.read_bytes()
    started("seed=0,1", *reversed(quick))
    assert len(read_frozen(STUDY).runs) == 4
    file.write_bytes(before)
    started(*quick, "seed=0,1")
    assert file.read_bytes() == before
    started(*quick, "seed=0,1,2")
    started(*without(quick, "optim.lr"), "seed=0,1", "optim.lr=1e-4")
    assert len(read_frozen(STUDY).runs) == 6 + 4


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda: brief(5e-3), "optim.lr: was 0.003, is 0.005 (files · tiny-bert · 64 rows · scratch"),
        (lambda: brief(weight_decay=0.5), "optim.weight_decay: was 0.01, is 0.5"),
        (lambda: top(0), "arm.layers: was 1, is 0"),
    ],
)  # fmt: skip
def test_a_changed_yaml_is_refused_line_by_line(
    quick: list[str], change: Callable[[], str], line: str
) -> None:
    top(1)
    command = [*without(quick, "optim.lr"), brief(), "seed=0,1", "arm=scratch,top"]
    started(*command)
    before = Path(STUDY, FILE).read_bytes()
    change()
    ended = headstart(*command)
    assert ended.code == 2
    assert line in ended.err and "--extend" in ended.err, ended.err
    assert Path(STUDY, FILE).read_bytes() == before and not records(STUDY)
    more = headstart(*without(command, "seed"), "seed=0,1,2")  # more seeds do not hide it
    assert more.code == 2 and line.partition(" (")[0] in more.err


def test_more_and_fewer_runs_of_a_yaml_are_refused(quick: list[str]) -> None:
    shared = without(quick, "study.name", "study.warm_up")

    def study(seeds: str) -> None:
        axes = {"params": {"arm": "scratch", "seed": seeds}}
        own_yaml("study", "mine", study={"name": "quick", "warm_up": 0}, hydra={"sweeper": axes})
        path = Path("conf/study/mine.yaml")
        path.write_text(f"# @package _global_\n{path.read_text('utf8')}", "utf8")

    study("0,1")
    started(*shared, "study=mine")
    study("0,2")
    ended = headstart(*shared, "study=mine")
    assert ended.code == 2
    assert "scratch · seed 2: is new" in ended.err
    assert "scratch · seed 1: is no longer a run of this command" in ended.err


def test_extend_adds_the_new_runs(quick: list[str]) -> None:
    command = [*without(quick, "optim.lr"), brief(), "seed=0", "arm=scratch"]
    assert headstart(*command).code == 0
    brief(5e-3)
    assert headstart(*command).code == 2
    assert headstart(*command, "--extend").code == 0
    assert sorted(record["config"]["optim"]["lr"] for record in records(STUDY)) == [3e-3, 5e-3]
    assert headstart(*command).err.count("finished before") == 1, "the extended study is continued"


def test_what_cannot_change_the_answer_may_change(quick: list[str]) -> None:
    started(*quick, "seed=0")
    started(*quick, "seed=0", "hardware.save_every=5", "tracker=offline", "meter=constant", "meter.watts=10")
    shutil.move("reviews.csv", "moved.csv")
    started(*without(quick, "task.files.train"), "seed=0", "task.files.train=moved.csv")
    runs = read_frozen(STUDY).runs.values()
    assert [run.config["task"]["files"]["train"] for run in runs] == ["moved.csv"] * 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "[" * 99_999, None, 0.5])
def test_a_damaged_file_is_set_aside_and_written_again(
    quick: list[str], content: Any, caplog: pytest.LogCaptureFixture
) -> None:
    command = [*quick, "seed=0"]
    file = started(*command)
    before = read_frozen(STUDY)
    if content is None:
        file.unlink()
        file.mkdir()
    elif isinstance(content, float):  # one letter of a setting is another
        file.write_text(file.read_text("utf8").replace('"lr":0.003', '"lr":0.005', 1), "utf8")
    else:
        file.write_text(content, "utf8")
    with pytest.raises(DamagedError, match=r"study.json: is damaged \(.*\); the study's command writes it"):
        read_frozen(STUDY)
    for words in (["work", str(STUDY)], ["status", str(STUDY)], ["retry", str(STUDY)]):
        ended = headstart(*words)
        assert (ended.code, ended.err.count("\n")) == (1, 1)
    started(*command)
    assert read_frozen(STUDY) == before
    (line,) = [line for line in caplog.messages if "damaged" in line]
    assert "study.json.damaged" in line and Path(STUDY, "study.json.damaged").exists()


def test_a_file_of_a_later_version_is_left_as_it_is(quick: list[str]) -> None:
    file = started(*quick, "seed=0")
    file.write_text('{"format": 9, "runs": []}', "utf8")
    ended = headstart(*quick, "seed=0")
    assert ended.code == 1 and "study.json: has format 9" in ended.err
    assert file.read_text("utf8") == '{"format": 9, "runs": []}'


def test_yaml_edited_during_a_study_changes_no_later_run(
    quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.training import train as training

    usual = training.plan_of

    def edit(run: Any, prepared: Any) -> Any:
        brief(9e-3)
        return usual(run, prepared)

    monkeypatch.setattr(training, "plan_of", edit)
    command = [*without(quick, "optim.lr"), brief(), "seed=0,1", "arm=scratch"]
    assert headstart(*command).code == 0
    assert [record["config"]["optim"]["lr"] for record in records(STUDY)] == [3e-3] * 2


def test_a_tuning_tries_and_chooses_what_was_frozen(quick: list[str]) -> None:
    """Neither trials nor the runs with the best settings are composed from the yaml once it was started."""

    def budget(epochs: int) -> None:
        own_yaml("budget", "two", epochs=epochs, evaluations=2)

    budget(2)
    tuning = "study.tune={space:{optim.weight_decay:[0.1,0.2],budget:[two,short]},trials:4,sampler:grid}"
    command = [*without(quick, "optim.lr", "budget.epochs", "budget.evaluations"), brief(), "arm=scratch"]
    command += ["seed=0", tuning]
    plan = plan_study(command)
    freeze(plan.points, command, choices=choices_of(plan))
    brief(9e-3)
    budget(3)
    changed = headstart(*command)
    assert changed.code == 2 and "budget=two: its yaml was {" in changed.err, changed.err
    assert headstart("work", str(STUDY)).code == 0
    trials = [record["config"] for record in records(Path("runs/quick-tuning"))]
    assert {trial["optim"]["lr"] for trial in trials} == {3e-3}
    tried = sorted((trial["optim"]["weight_decay"], trial["budget"]["epochs"]) for trial in trials)
    assert tried == [(0.1, 2.0), (0.1, 4.0), (0.2, 2.0), (0.2, 4.0)]
    assert [record["config"]["optim"]["lr"] for record in records(STUDY)] == [3e-3]


def test_a_setting_that_follows_a_tuned_one_is_named(quick: list[str]) -> None:
    shared = without(quick, "optim.lr")
    command = [*shared, brief(eps="${.lr}"), "study.tune={space:{optim.lr:[1e-3,2e-3]},trials:2}", "seed=0"]
    ended = headstart(*command)
    assert ended.code == 2 and not Path(STUDY, FILE).exists()
    assert ended.err.count("optim.eps: follows optim.lr, which is tuned: write its value") == 1, ended.err


def test_other_processes_train_the_frozen_runs(quick: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra's launchers compose each job from disk again: here the yaml changes before they do."""
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher")
    end_joblib_processes()
    usual = frozen.freeze

    def edit(*arguments: Any) -> frozen.FrozenStudy:
        study = usual(*arguments)
        brief(9e-3)
        return study

    monkeypatch.setattr("headstart.studies.launch.freeze", edit)
    workers = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=1"]
    command = [*without(quick, "optim.lr"), brief(), "seed=0", "arm=scratch", *workers]
    ended = headstart(*command)
    end_joblib_processes()
    assert ended.code == 0, ended.err
    assert [record["config"]["optim"]["lr"] for record in records(STUDY)] == [3e-3]


def test_a_pretraining_is_frozen_too(masked: tuple[list[str], Path]) -> None:
    settings, text = masked
    name = arm("before", [*recipe(text), brief()])
    command = [*settings, f"arm=scratch,{name}", "seed=0"]
    started(*command)
    ((overrides, config),) = read_frozen(STUDY).pretrainings.items()
    assert "optim=brief" in overrides and config["optim"]["lr"] == 3e-3
    brief(5e-3)
    ended = headstart(*command)
    assert ended.code == 2
    assert "optim.lr: was 0.003, is 0.005 (pretraining)" in ended.err
    read_frozen(STUDY).use()
    from headstart.studies.pretraining import pretraining

    try:
        (source,) = [source for run in runs_of(command) if (source := pretraining(run))]
        assert source.optim.lr == 3e-3
    finally:
        frozen.FrozenStudy().use()


def test_the_users_own_code_is_frozen_with_it(quick: list[str]) -> None:
    code = Path(__file__).parents[1] / "somebody/own/arms"
    shutil.copytree(code, "own/arms")
    (source,) = Path("own/arms").glob("*.py")
    kind = next(line for line in source.read_text("utf8").splitlines() if "Literal[" in line).split('"')[1]
    own_yaml("arm", "mine", kind=kind, name="mine")
    started(*quick, "seed=0", "arm=scratch,mine")
    study = read_frozen(STUDY)
    ((file, kept),) = study.own.values()
    assert (file, kept) == (f"own/arms/{source.name}", source.read_text("utf8"))
    source.write_text(f"{kept}\n# changed\n", "utf8")
    ended = headstart(*quick, "seed=0", "arm=scratch,mine")
    assert ended.code == 2 and "arm.code: was" in ended.err
    with pytest.raises(Exception, match="is not what it was"):
        study.points()
    study.use()
    try:
        assert [point.run.arm.name for point in study.points()] == ["scratch", "mine"]
    finally:
        frozen.FrozenStudy().use()
