"""An untrusted folder: its yaml runs nothing, and one odd yaml is the problem of its own choice alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from tests.studies.command import headstart, without

from headstart.errors import ConfigError
from headstart.studies.compose import plan_study, runs_of
from headstart.studies.frozen import freeze

CODE = """
from pathlib import Path
from transformers import BertConfig
Path({marker!r}).write_text("ran")
class Config(BertConfig):
    model_type = "odd"
"""


def write(path: str, text: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf8")


@pytest.fixture
def words(quick: list[str], tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A study of a model whose config.json names code of its own, which leaves a mark when it runs."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    model = shutil.copytree(tiny_model, tmp_path / "remote")
    config = (model / "config.json").read_text("utf8").rstrip().rstrip("}")
    classes = '"AutoConfig": "code.Config"'
    text = config.replace('"model_type": "bert"', '"model_type": "odd"')
    (model / "config.json").write_text(f'{text}, "auto_map": {{{classes}}}}}', "utf8")
    (model / "code.py").write_text(CODE.format(marker=str(tmp_path / "mark")), "utf8")
    return [*without(quick, "model", "model.name", "model.max_length"), "seed=0", "arm=scratch"]


def yaml_of(trusting: bool) -> str:
    return f"name: ./remote\nmax_length: 32\ntrust_remote_code: {str(trusting).lower()}\n"


@pytest.mark.parametrize("place", ["conf/model/mine.yaml", "experiments/model/mine.yaml"])
def test_a_yaml_of_the_folder_cannot_let_code_run(place: str, words: list[str], tmp_path: Path) -> None:
    write(place, yaml_of(True))
    for command in (["plan"], []):
        typed = headstart(*command, *words, "model=mine")
        assert typed.code == 2
        (line,) = typed.err.splitlines()
        assert "model.trust_remote_code: true: ./remote brings code of its own" in line
        assert not (tmp_path / "mark").exists()


@pytest.mark.parametrize(
    "study",
    [
        "model: {name: ./remote, trust_remote_code: true}",
        "hydra: {sweeper: {params: {model.trust_remote_code: true}}}",
    ],
)
def test_neither_can_a_study_of_the_folder(study: str, words: list[str], tmp_path: Path) -> None:
    write("conf/model/mine.yaml", yaml_of(False))
    write("conf/study/evil.yaml", f"# @package _global_\n{study}\n")
    typed = headstart(*words, "model=mine", "study=evil")
    assert typed.code in (1, 2) and not (tmp_path / "mark").exists()
    assert "brings code of its own" in typed.err


def test_neither_can_a_tuning_of_the_folder(quick: list[str]) -> None:
    plan = plan_study([*quick, "seed=0", "arm=scratch"])
    with pytest.raises(ConfigError, match="brings code of its own"):
        plan.composer.points([(*plan.points[0].overrides, "model.trust_remote_code=true")])


def test_the_command_line_and_the_home_can(words: list[str], tmp_path: Path) -> None:
    write("conf/model/mine.yaml", yaml_of(False))
    (run,) = runs_of([*words, "model=mine", "model.trust_remote_code=true"])
    assert run.config()["model"]["trust_remote_code"] is True, "the record shows it"
    assert "code.py" in run.model.built_from()
    assert type(run.model.transformers_config()).__name__ == "Config" and (tmp_path / "mark").exists()
    write("home/headstart/model/at_home.yaml", yaml_of(True))
    (run,) = runs_of([*words, "model=at_home"])
    assert run.model.trust_remote_code
    write("conf/model/at_home.yaml", yaml_of(True))  # is found before the one at home
    with pytest.raises(ConfigError, match="brings code of its own"):
        runs_of([*words, "model=at_home"])


def test_a_record_or_a_page_of_the_folder_cannot(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headstart.studies.rerun import rerun

    monkeypatch.setattr("headstart.commands.run_study.report_all", lambda *_: None)
    words = [*quick, "seed=0", "arm=scratch", "model.trust_remote_code=true"]
    assert headstart(*words).code == 0
    (folder,) = Path("runs/quick").glob("*-seed0-*")
    for command in (["verify", "runs/quick"], ["reproduce", str(folder)]):
        refused = headstart(*command)
        assert refused.code != 0 and "add --trust-remote-code" in refused.err + refused.out
        assert headstart(*command, "--trust-remote-code").code == 0
    with pytest.raises(ConfigError, match="the model of this page brings code of its own"):
        rerun(words, [], "laptop")


@pytest.mark.parametrize(
    "evil",
    [
        "callbacks: {x: {_target_: os.system, command: touch mark}}",
        "sweeper: {_target_: subprocess.call, args: [touch, mark]}",
        "launcher: {_target_: os.system, command: touch mark}",
        "launcher: {n_jobs: [{_target_: os.system, command: touch mark}]}",
        "job_logging: {version: 1, handlers: {x: {class: subprocess.Popen, args: [touch, mark]}}}",
        "hydra_logging: {version: 1, formatters: {x: {'()': subprocess.call, args: [touch, mark]}}}",
        "job: {env_set: {LD_PRELOAD: ./evil.so}}",
        "job: {env_set: {WANDB_BASE_URL: 'http://127.0.0.1:1'}}",
        "callbacks: {x: {_target_: '${oc.env:HOME}'}}",
        "callbacks: {x: {_target_: hydra._internal.utils._locate, path: os}}",
    ],
)
def test_hydras_part_of_a_yaml_runs_nothing(evil: str, quick: list[str], tmp_path: Path) -> None:
    write("conf/study/evil.yaml", f"# @package _global_\nstudy: {{name: evil}}\nhydra: {{{evil}}}\n")
    mine = without(quick, "study.name")
    for command in (["plan"], []):
        typed = headstart(*command, *mine, "study=evil", "seed=0", "arm=scratch")
        assert typed.code == 2, typed.err
        assert "a yaml file runs nothing" in typed.err or "hydra" in typed.err.lower()
    assert not (tmp_path / "mark").exists() and "LD_PRELOAD" not in os.environ


def test_shipped_launchers_and_axes_may_still_be_chosen_in_a_yaml(quick: list[str]) -> None:
    study = "defaults: [{override /hydra/launcher: joblib}]\nhydra: {sweeper: {params: {seed: '0,1'}}}"
    write("conf/study/mine.yaml", f"# @package _global_\n{study}\nstudy: {{name: mine}}\n")
    assert len(plan_study([*without(quick, "study.name"), "study=mine", "arm=scratch"]).runs) == 2


def odd_yaml() -> None:
    """What a folder may hold in the place of a task's yaml."""
    write("conf/task/broken.yaml", "kind: [unclosed\n")
    write("conf/task/a_list.yaml", "- 1\n")
    write("conf/task/wrong.yaml", "kind: 3\nheadline: [1]\nhub: 7\n")
    write("conf/task/sst2.yaml", "kind: another\n")  # the name of a shipped one
    write("conf/model/minilm/deep.yaml", "a: 1\n")
    Path("conf/task/latin.yaml").write_bytes(b"kind: \xff\xfe\n")
    Path("conf/task/nowhere.yaml").symlink_to("gone.yaml")
    Path("conf/task/folder.yaml").mkdir()


def test_an_odd_yaml_is_the_problem_of_its_own_choice(
    quick: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    odd_yaml()
    assert headstart("plan", *quick, "seed=0", "arm=scratch").code == 0
    assert headstart("--help").code == 0
    listed = headstart("tasks")
    assert listed.code == 0 and "sst2" in listed.out
    named = " ".join(caplog.messages)
    assert "broken.yaml: left out" in named and "latin.yaml: left out" in named
    for choice in ("broken", "latin", "wrong", "sst2"):
        typed = headstart("plan", *without(quick, "task"), f"task={choice}", "seed=0", "arm=scratch")
        assert typed.code == 2, choice


def test_a_frozen_study_lets_no_code_run_by_itself(words: list[str], tmp_path: Path) -> None:
    asked = [
        *words,
        "model=hub",
        "model.name=./remote",
        "model.max_length=32",
        "model.trust_remote_code=true",
    ]
    freeze(plan_study(asked).points, asked)
    refused = headstart("work", "runs/quick")
    assert refused.code == 2 and "study.json: ./remote brings code of its own" in refused.err
    assert "add --trust-remote-code" in refused.err and not (tmp_path / "mark").exists()
    trusting = headstart("work", "runs/quick", "--trust-remote-code")
    assert "brings code of its own" not in trusting.err
