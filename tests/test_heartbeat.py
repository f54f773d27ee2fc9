"""What a command says while it works and nobody looks at a terminal, in processes of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.midway import make_midway
from tests.studies.command import headstart, without
from tests.studies.processes import forked

from headstart import heartbeat
from headstart.studies import progress

UNTIL_SLOW = """
import os, sys
from importlib.abc import MetaPathFinder

class Ends(MetaPathFinder):
    def find_spec(self, name, *_):
        if name in ("torch", "transformers", "datasets"):
            os._exit(9)

sys.meta_path.insert(0, Ends())
from headstart.cli import main
main(sys.argv[1:])
"""
READ_BY_OTHERS = [
    ["status", "midway", "--json"],
    ["studies", ".", "--json"],
    ["report", "midway", "--export", "json"],
    ["report", "midway", "--export", "csv"],
    ["report", "midway", "--export", "md"],
    ["report", "midway", "--checklist", "neurips"],
]
TOLD = f"""
from headstart import heartbeat
heartbeat.FIRST = 0
from headstart.cli import main
for words in {READ_BY_OTHERS}:
    assert main(words) == 0
    print("that was all")
"""


def ended(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("words", [["doctor", "--json"], ["plan"], ["fetch"], ["study"]])
def test_the_first_line_comes_before_what_is_slow_is_loaded(words: list[str], quick: list[str]) -> None:
    settings = [] if words[0] == "doctor" else [*quick, "seed=0", "arm=scratch"]
    words = [word for word in words if word != "study"]
    done = ended("-c", UNTIL_SLOW, *words, *settings)
    assert done.returncode == 9, done.stderr
    assert done.stderr.endswith(" ...\n")
    if words:  # many tests train a study to its end
        assert headstart(*words, *settings).code == 0


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


@pytest.mark.usefixtures("unreported")
def test_a_long_training_says_how_far_it_is(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (heartbeat, progress):
        monkeypatch.setattr(module, "EVERY", 0.01)
    long = [*without(quick, "budget.epochs"), "budget.epochs=null", "budget.steps=150", "arm=scratch"]
    done = forked([*long, "seed=0"], tmp_path)
    done.join()
    lines = (tmp_path / "err").read_text("utf8").splitlines()
    assert done.exitcode == 0, lines
    begins = next(n for n, line in enumerate(lines) if line.startswith("begins: "))
    ends = next(n for n, line in enumerate(lines) if line.startswith("[1/1]"))
    far = [n for n, line in enumerate(lines) if re.search(r": \d+/150 steps, .* left \.\.\.$", line)]
    assert far and begins < far[0] and far[-1] < ends
    assert "steps" not in (tmp_path / "out").read_text("utf8")


def test_what_others_read_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_midway(tmp_path / "midway", seeds=range(2))
    told = ended("-c", TOLD)
    assert told.returncode == 0, told.stderr
    assert all(line.endswith(" ...") for line in told.stderr.splitlines()), told.stderr
    assert told.stderr
    *texts, rest = told.stdout.split("that was all\n")
    assert texts == [headstart(*words).out for words in READ_BY_OTHERS] and not rest
    assert all(json.loads(text) for text in texts[:3])


def test_a_mistake_is_one_line_also_where_the_process_collects_what_is_said(quick: list[str]) -> None:
    typed = headstart("plan", *quick, "optim.lrr=1")
    assert typed.err == "headstart: optim.lrr: no such setting; did you mean optim.lr?\n"
