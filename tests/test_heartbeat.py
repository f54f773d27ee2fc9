"""What a command says while it works and nobody looks at a terminal, in processes of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.midway import make_midway
from tests.studies.command import headstart

LOADED = re.compile(r"import time: +\d+ \| +\d+ \| +(torch|transformers|datasets)\b")


def ended(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


def program(change: str, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """A command whose heartbeat was changed before it began."""
    lines = ("import sys", "from headstart import heartbeat", change, "from headstart.cli import main")
    return ended("-c", "\n".join([*lines, f"sys.exit(main({list(words)}))"]))


@pytest.mark.parametrize("words", [["doctor", "--json"], ["plan"], ["fetch"], ["study"]])
def test_the_first_line_comes_before_what_is_slow_is_loaded(words: list[str], quick: list[str]) -> None:
    settings = [] if words[0] == "doctor" else [*quick, "seed=0", "arm=scratch"]
    words = [word for word in words if word != "study"]
    done = ended("-X", "importtime", "-m", "headstart", *words, *settings)
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    said = next(n for n, line in enumerate(lines) if not line.startswith("import time:"))
    loaded = next(n for n, line in enumerate(lines) if LOADED.match(line))
    assert said < loaded and lines[said].endswith(" ...")


def test_a_command_that_forgets_to_say_what_it_does_says_that_it_is_at_work() -> None:
    done = ended(
        "-c",
        "import sys, time\n"
        "from headstart.commands.arguments import command\n"
        "@command('slow', '', 'sleeps', 'headstart slow')\n"
        "def slow(options):\n"
        "    time.sleep(1.8)\n"
        "    print('ended', file=sys.stderr)\n"
        "    return 0\n"
        "slow([])",
    )
    assert done.stderr.splitlines() == ["headstart slow is at work ...", "ended"]


def test_a_long_training_says_how_far_it_is(quick: list[str]) -> None:
    steps = [word for word in quick if not word.startswith("budget.epochs")] + ["budget.steps=60"]
    done = program(
        "import headstart.studies.progress as p; p.EVERY = heartbeat.EVERY = 0.3",
        [*steps, "budget.epochs=null", "arm=scratch", "seed=0"],
    )
    assert done.returncode == 0, done.stderr
    lines = done.stderr.splitlines()
    begins = next(n for n, line in enumerate(lines) if line.startswith("begins: "))
    ends = next(n for n, line in enumerate(lines) if line.startswith("[1/1]"))
    far = [n for n, line in enumerate(lines) if re.search(r": \d+/60 steps, .* left \.\.\.$", line)]
    assert far and begins < far[0] and far[-1] < ends
    assert "steps" not in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["status", "midway", "--json"],
        ["studies", ".", "--json"],
        ["report", "midway", "--export", "json"],
        ["report", "midway", "--export", "csv"],
        ["report", "midway", "--export", "md"],
        ["report", "midway", "--checklist", "neurips"],
    ],
)
def test_what_others_read_is_as_it_was(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_midway(tmp_path / "midway", seeds=range(2))
    told = program("heartbeat.FIRST = 0", words)
    assert told.returncode == 0, told.stderr
    assert all(line.endswith(" ...") for line in told.stderr.splitlines()), told.stderr
    assert told.stdout == headstart(*words).out
    if words[-1] in ("json", "--json"):
        json.loads(told.stdout)


def test_a_mistake_is_one_line_also_where_the_process_collects_what_is_said(quick: list[str]) -> None:
    typed = headstart("plan", *quick, "optim.lrr=1")
    assert typed.err == "headstart: optim.lrr: no such setting; did you mean optim.lr?\n"
