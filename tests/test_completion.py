"""Tab completion: what bash itself puts in place of the word before the cursor."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.studies.command import headstart

from headstart.commands import study
from headstart.commands.completion import SCRIPT, next_words
from headstart.commands.registry import COMMANDS


def words(line: str) -> list[str]:
    """The candidates for the end of a line."""
    *before, word = line.split(" ")
    return next_words(before[1:], word, COMMANDS, study.study)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs/first_look").mkdir(parents=True)
    (tmp_path / "rows.csv").write_text("", "utf8")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("headstart rep", ["report ", "reproduce "]),
        ("headstart help d", ["doctor "]),
        ("headstart ta", ["task=", "tasks "]),
        ("headstart arm=scratch,pre", ["arm=scratch,pretrained", "arm=scratch,pretrained_again"]),
        ("headstart arm=pretrained,pre", ["arm=pretrained,pretrained_again"]),
        ("headstart plan size=n5", ["size=n512"]),
        ("headstart seed=0 task=sq", ["task=squad", "task=squad_v2"]),
        ("headstart plan optim.w", ["optim.warmup=", "optim.weight_decay="]),
        ("headstart task.files.train=ro", []),  # left to the shell, which knows files
        ("headstart report ", ["runs/"]),
        ("headstart verify runs/f", ["runs/first_look/"]),
        ("headstart report --w", ["--wandb "]),
        ("headstart --sto", ["--stop-after "]),
        ("headstart new ", ["task "]),
        ("headstart new task ro", []),
        ("headstart doctor ", []),
    ],
)
def test_the_words_that_may_come_next(line: str, expected: list[str]) -> None:
    assert words(line) == expected


@pytest.mark.parametrize("broken", [" \n=:", " \n"])  # what bash splits words at, and what some people set
def test_bash_replaces_the_word_before_the_cursor(here: Path, broken: str) -> None:
    """Readline hands COMP_WORDS over as split at COMP_WORDBREAKS; the reply is for the last part alone."""
    lines = {
        "headstart rep": ["report ", "reproduce "],
        "headstart arm=scratch,pre": ["arm=scratch,pretrained", "arm=scratch,pretrained_again"],
        "headstart optim=": ["optim=adamw"],
        "headstart report runs/": ["runs/first_look/"],
        "headstart no_such=": [],
    }
    program = here / "headstart"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m headstart "$@"\n', "utf8")
    program.chmod(0o755)
    for line, expected in lines.items():
        start, parts = line, [line.split()[0]]
        if "=" in broken and "=" in line:
            start = line.partition("=")[2]
            parts += [line.split()[1].partition("=")[0], "=", *([start] if start else [])]
        else:
            start = line.split()[1]
            parts += line.split()[1:]
        parts[0] = str(program)
        quoted = " ".join(f"'{part}'" for part in parts)
        shell = f"""eval "$('{program}' -sc install=bash)"
        COMP_LINE='{line}' COMP_POINT={len(line)} COMP_WORDS=({quoted}) COMP_CWORD={len(parts) - 1}
        _headstart; printf '%s|' "${{COMPREPLY[@]}}" """
        done = subprocess.run(
            ["bash", "-c", shell], capture_output=True, text=True, check=True, env=os.environ
        )
        assert done.stderr == ""
        replies = [reply for reply in done.stdout.split("|") if reply]
        before = line.split()[1].removesuffix(start)
        assert [before + reply for reply in replies] == expected, (line, done.stdout)


def test_the_shell_gets_its_script_and_says_so_when_there_is_none() -> None:
    assert headstart("-sc", "install=bash").out == f"{SCRIPT.strip()}\n"
    assert "unset" in headstart("--shell-completion", "uninstall=bash").out
    refused = headstart("-sc", "install=tcsh")
    assert (refused.code, refused.out) == (2, "")
    assert "there is install=bash" in refused.err
