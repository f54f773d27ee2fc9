"""Every command of a README is one that works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from headstart.cli import main
from headstart.commands import study
from headstart.commands.registry import COMMANDS
from headstart.studies.compose import runs_of
from headstart.studies.engines import engine_of, is_of_engine

ROOT = Path(__file__).parents[1]
FILES = (
    "README.md",
    "CONTRIBUTING.md",
    "conf/README.md",
    "experiments/README.md",
    "src/headstart/README.md",
    "tests/README.md",
)
TEXT = "\n".join((ROOT / file).read_text("utf8") for file in FILES)


def _lines(*files: Path) -> list[list[str]]:
    """The commands in the bash blocks of these files, as words."""
    blocks = [
        block
        for file in files
        for block in re.findall(r"```bash\n(.*?)```", file.read_text("utf8"), flags=re.S)
    ]
    return [
        shlex.split(line, comments=True) for block in blocks for line in block.splitlines() if line.strip()
    ]


LINES = _lines(*(ROOT / file for file in FILES))
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf8"), flags=re.M)


def lines(program: str) -> list[list[str]]:
    return [words[1:] for words in LINES if words[0] == program]


def test_every_line_is_of_a_known_program() -> None:
    assert {words[0] for words in LINES} <= {
        "make",
        "headstart",
        "wandb",
        "tensorboard",
        "mlflow",
        ".",
        "eval",
    }


def test_make_targets_exist() -> None:
    assert all(words[0] in TARGETS for words in lines("make"))
    named = re.findall(r"`make ([a-z-]+)`", TEXT)
    assert set(named) <= set(TARGETS)


def test_make_installs_the_versions_that_are_tested(tmp_path: Path) -> None:
    make = ["make", "-n", "-C", str(ROOT), f"VENV={tmp_path / 'new'}"]
    said = subprocess.run([*make, "test"], capture_output=True, text=True, check=True).stdout
    assert " -c constraints.txt -e '.[demo,test]'" in said
    lowest = subprocess.run([*make, "test-lowest"], capture_output=True, text=True, check=True).stdout
    assert "constraints-lowest.txt -e '.[demo,test]'" in lowest


@pytest.mark.parametrize(
    "words", [list(w) for w in dict.fromkeys(map(tuple, lines("headstart")))], ids=" ".join
)
def test_headstart_lines_describe_runs(words: list[str], reviews: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.csv").write_bytes(reviews.read_bytes())
    if words[:2] == ["new", "task"] or "task=mine" in words:
        assert main(["new", "task", "my.csv", "mine"]) == 0
    if words and words[0] in COMMANDS:
        engine_of([word for word in words if is_of_engine(word)])
        if words[0] not in ("plan", "fetch", "submit"):
            return  # tests/reports, tests/studies and tests/models run these
        words = [word for word in words[1:] if not is_of_engine(word)]
    if "--help" not in words:
        assert runs_of(study.arguments_of(study.study.parser().parse_intermixed_args(words)))


def test_the_five_lines_for_own_data(
    quick: list[str], reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = [word for word in quick if not word.startswith(("task", "study.name", "size"))]
    (tmp_path / "my.csv").write_bytes(reviews.read_bytes())
    for words in [words[1:] for words in _lines(ROOT / "README.md") if words[0] == "headstart"]:
        if "mine" not in words and "study.name=mine" not in words and words[:2] != ["report", "runs/mine"]:
            continue
        extra = [] if words[0] in ("report", "new") else tiny
        seeds = [word.replace("0,1,2,3,4,5", "0,1") for word in words]
        assert main([*seeds, *extra]) == 0
    assert "2 of 2" in capsys.readouterr().out


def test_wandb_lines_exist() -> None:
    from wandb.cli.cli import cli

    assert all(words[0] in cli.commands for words in lines("wandb"))


def test_links_lead_somewhere() -> None:
    for file in FILES:
        for link in re.findall(r"\]\(([^)#]+)(?:#[\w-]+)?\)", (ROOT / file).read_text("utf8")):
            assert link.startswith("https://") or (ROOT / file).parent.joinpath(link).exists(), (file, link)


def test_a_newcomer_reads_little() -> None:
    assert len((ROOT / "README.md").read_text("utf8").splitlines()) <= 160


@pytest.mark.slow
def test_the_faults_that_the_readme_counts_are_those_that_are_tried() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-m", "", "tests/faults"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    tried = Counter(re.findall(r"^tests/faults/test_(\w+)\.py::", listed, re.MULTILINE))
    kills = sum(map(int, re.findall(r"test_kills\.py::\w+\[(\d+)\]", listed)))
    text = " ".join((ROOT / "README.md").read_text("utf8").split())
    for counted in (
        f"{kills} kills",
        f"{tried['damage']} cases of a damaged file",
        f"{tried['disks']} of a full",
        f"{tried['ends']} of a signal",
        f"{tried['hub']} of a failing hub",
        f"{tried['wandb']} of a failing W&B server",
    ):
        assert counted in text, counted
