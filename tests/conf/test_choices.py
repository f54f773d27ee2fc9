"""Configuration: every yaml of every group composes to a run, and the help lists it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from omegaconf import OmegaConf
from tests.studies.command import headstart

import headstart as headstart_package
from headstart.models.model import Model
from headstart.run import Run
from headstart.studies.compose import choices, runs_of
from headstart.studies.config_search import shipped

GIVEN = {  # what yamls leave to the user
    "task.files.train": "my.csv",
    "task.hub.name": "fancyzhx/ag_news",
    "model.name": "google-bert/bert-base-uncased",
    "meter.watts": "65",
    "arm.run": "runs/x/y",
}
MODELS = {  # of kinds of task that the default model, an encoder, is not made for
    "causal_lm": "decoder_l2_h128",
    "denoising": "encoder_decoder_l2_h128",
    "text_to_text": "encoder_decoder_l2_h128",
    "image_classification": "vit_tiny",
}
ALL = [f"{path.parent.name}={path.stem}" for path in sorted(shipped().glob("*/*.yaml"))]


def one(*arguments: str) -> Run:
    """The single run that the arguments describe."""
    runs = runs_of([*arguments, "hydra.mode=RUN"])
    assert len(runs) == 1
    return runs[0]


@cache
def settings_of(choice: str) -> dict[str, Any]:
    """What the yaml of a choice says."""
    group, _, name = choice.partition("=")
    return yaml.safe_load((shipped() / group / f"{name}.yaml").read_text("utf8")) or {}


@cache
def beside(choice: str) -> list[str]:
    """What has to be said with a choice, since its yaml leaves it open."""
    group, settings = choice.partition("=")[0], settings_of(choice)
    return [f"{path}={GIVEN[path]}" for path in OmegaConf.missing_keys({group: settings})]


@pytest.mark.parametrize("choice", [choice for choice in ALL if choice.startswith("task=files")])
def test_every_setting_of_files_that_a_message_advises_can_be_set(choice: str) -> None:
    source = Path(headstart_package.__file__).parent / "data"
    texts = [file.read_text("utf8") for file in source.glob("*.py")]
    said = {name for text in texts for name in re.findall(r"task\.files\.(\w+)", text)}
    assert {"encoding", "separator", "columns", "sentence"} <= said
    settings = settings_of(choice)
    tagging = {"sentence"} if settings["kind"] != "token_classification" else set()
    assert said - tagging <= settings["files"].keys()


def fitting() -> Iterator[tuple[str, str]]:
    """Every task beside a model that can do it, until every model was there, too."""
    families: dict[str, tuple[list[str], list[str]]] = {}
    for name in choices()["task"]:
        model = MODELS.get(settings_of(f"task={name}")["kind"], "minilm")
        families.setdefault(family(model), ([], []))[0].append(name)
    for name in choices()["model"]:
        families[family(name)][1].append(name)
    for tasks, models in families.values():
        for number in range(max(len(tasks), len(models))):
            yield tasks[number % len(tasks)], models[number % len(models)]


def family(model: str) -> str:
    """What kind of architecture this choice is. One that is not on this machine fits every task."""
    settings = settings_of(f"model={model}")
    known = None if OmegaConf.missing_keys(settings) else Model.read(settings).family(fetch=False)
    return known or "encoder"


def test_every_choice_composes_and_validates() -> None:
    """Each of them at least once, with choices of the other groups beside it: a composition takes long."""
    pairs = [*fitting()]
    groups = {group: names for group, names in choices().items() if group != "study"}
    met: set[str] = set()
    for number, (task, model) in enumerate(pairs):
        others = {group: names[number % len(names)] for group, names in groups.items()}
        chosen = [f"{group}={name}" for group, name in (others | {"task": task, "model": model}).items()]
        run = one(*chosen, *(setting for choice in chosen for setting in beside(choice)))
        assert Run.read(run.config()) == run
        for group in ("task", "arm"):
            (choice,) = (choice for choice in chosen if choice.startswith(f"{group}="))
            assert run.config()[group]["kind"] == settings_of(choice)["kind"]
        met.update(chosen)
    assert met == {f"{group}={name}" for group, names in groups.items() for name in names}


def test_every_setting_of_a_yaml_is_read_as_it_is_written() -> None:
    run = one(
        "size=k16", "optim.betas=[0.8,0.9]", "model.max_length=64", "seed=11", "precision=fp32", "arm=scratch"
    )
    assert run.size.model_dump() == {"kind": "per_class", "per_class": 16, "seed": 0}
    assert run.optim.betas == (0.8, 0.9)
    assert (run.model.max_length, run.seed, run.precision, run.arm.name) == (64, 11, "fp32", "scratch")


def test_a_bare_command_is_the_default_study_in_three_pairs() -> None:
    runs = runs_of([])
    assert [(run.arm.name, run.seed) for run in runs] == [
        ("scratch", 0),
        ("pretrained", 0),
        ("pretrained", 1),
        ("scratch", 1),
        ("scratch", 2),
        ("pretrained", 2),
    ]


@pytest.mark.parametrize("study", choices()["study"])
def test_every_study_sweeps_its_baseline_against_another_arm(study: str) -> None:
    runs = runs_of([f"study={study}", "seed=0"])  # one seed is composed like any other
    for run in {(run.task.name, run.model.name, run.arm.name): run for run in runs}.values():
        assert Run.read(run.config()) == run
    arms = {run.arm.name for run in runs}
    assert runs[0].study.name == study
    assert runs[0].study.baseline in arms
    assert len(arms) > 1
    assert runs[0].study.question.endswith("?") or study == "first_look"  # asks what is compared


def test_the_default_recipe_does_not_depend_on_the_arm() -> None:
    scratch, pretrained = runs_of(["seed=0"])
    assert scratch.model_dump(exclude={"arm"}) == pretrained.model_dump(exclude={"arm"})


def test_auto_precision_is_resolved_before_anything_is_named() -> None:
    assert one("hardware=cpu").precision in ("bf16", "fp32")


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_the_help_lists_every_choice(flag: str) -> None:
    typed = headstart(flag)
    assert typed.code == 0
    for group, names in choices().items():
        assert f"{group:<8} = {' '.join(names)}" in typed.out


def test_sizes_are_listed_from_small_to_large() -> None:
    sizes = choices()["size"]
    assert sizes.index("n64") < sizes.index("n512") < sizes.index("n2048")


class TestAFolderOfOnesOwn:
    """./conf and ./experiments of the current directory add choices."""

    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        return tmp_path

    def write(self, here: Path, path: str, text: str) -> None:
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_text(text, "utf8")

    @pytest.mark.parametrize("folder", ["conf", "experiments"])
    def test_adds_a_task_and_a_study(self, here: Path, folder: str) -> None:
        task = "kind: text_classification\nname: mine\ntext: body\nlabel: topic\nfiles: {train: my.csv}\n"
        study = (
            "# @package _global_\ndefaults: [{override /task: mine}]\n"
            "study: {name: ours, question: 'Does it help?'}\n"
            "hydra: {sweeper: {params: {arm: 'scratch,pretrained', seed: 5}}}\n"
        )
        self.write(here, f"{folder}/task/mine.yaml", task)
        self.write(here, f"{folder}/study/ours.yaml", study)
        runs = runs_of(["study=ours"])
        assert [(run.task.name, run.config()["task"]["text"], run.study.name, run.seed) for run in runs] == [
            ("mine", "body", "ours", 5)
        ] * 2
        shown = headstart("--help").out
        assert "ours" in shown
        assert "mine" in shown

    def test_a_yaml_that_cannot_be_parsed_is_named(self, here: Path) -> None:
        self.write(here, "conf/task/broken.yaml", "a: [1\nb: }\n")
        typed = headstart("task=broken")
        assert typed.code == 2
        assert "broken.yaml" in typed.err
        assert "line 2" in typed.err

    def test_a_misspelt_setting_in_a_yaml_is_found(self, here: Path) -> None:
        self.write(here, "conf/optim/sgd.yaml", "lr: 1.0e-3\nbatch_sise: 8\n")
        typed = headstart("optim=sgd")
        assert typed.code == 2
        assert "optim.batch_sise: no such setting; did you mean optim.batch_size?" in typed.err
        assert "optim.batch_size: is missing" in typed.err

    def test_a_misspelt_group_in_a_study_is_found(self, here: Path) -> None:
        self.write(
            here,
            "conf/study/odd.yaml",
            "# @package _global_\ndefaults: [{override /tusk: files}]\nstudy: {name: odd}\n",
        )
        typed = headstart("study=odd")
        assert typed.code == 2
        assert "tusk" in typed.err

    def test_records_in_experiments_are_no_choices(self, here: Path) -> None:
        self.write(here, "experiments/first_look/settings.yaml", "a: 1\n")
        assert "first_look" not in choices()
        assert runs_of(["seed=0"])

    def test_a_second_checkout_with_the_same_yaml_is_no_mistake(self, here: Path) -> None:
        for path in shipped().glob("s*/*.yaml"):
            self.write(here, f"conf/{path.parent.name}/{path.name}", path.read_text("utf8"))
        assert len(runs_of(["seed=0"])) == 2

    @pytest.mark.parametrize(
        ("folder", "sentence"),
        [
            ("notes", "have names of a shipped choice, which would be used instead; rename them"),
            ("src/headstart/studies", "install this checkout instead: pip install -e ."),
        ],
    )
    def test_other_yaml_under_shipped_names_is_one_sentence(
        self, here: Path, folder: str, sentence: str
    ) -> None:
        (here / folder).mkdir(parents=True)
        for path in shipped().glob("*/*.yaml"):
            self.write(here, f"conf/{path.parent.name}/{path.name}", "other: 1\n")
        typed = headstart("plan", "seed=0", "arm=scratch")
        assert typed.code == 2
        assert len(typed.err.splitlines()) == 1
        assert len(typed.err) < 300 and sentence in typed.err
