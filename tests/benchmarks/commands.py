"""Commands: what they cost besides training, as ratios to importing Hydra, numpy, pydantic and rich."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median

from tests.benchmarks.data import MINILM, docstrings
from tests.benchmarks.row import Row, Size, divided, interleaved, seconds

BASELINE = "import hydra, numpy, pydantic, rich.console"
MAIN = "import sys; from headstart.cli import main; sys.exit(main(sys.argv[1:]))"
# Prints the seconds from the start of the process to the first step, and those of each later run besides
# training, evaluation and test.
FIXED = """
import json, sys, time
import psutil
import headstart.studies.job as job
began, first, later = psutil.Process().create_time(), [], []
usual = job._train

def timed(run, *rest):
    from headstart.training.module import Learner
    step = Learner.training_step
    def training_step(self, batch, batch_idx):
        first.append(time.time() - began)
        return step(self, batch, batch_idx)
    start = time.perf_counter()
    if not first:
        Learner.training_step = training_step
    outcome = usual(run, *rest)
    Learner.training_step = step
    spent = json.loads(open(outcome.folder + "/record.json").read())["cost"]["seconds"]
    later.append(time.perf_counter() - start - spent["train"] - spent["eval"] - spent["test"])
    return outcome

job._train = timed
from headstart.cli import main
main(sys.argv[1:])
print(json.dumps([first[0], *later[1:]]))
"""
TYPO = ["-m", "seed=range(0,150)", "learning_rat=1"]  # 300 runs


@dataclass(frozen=True)
class Study:
    """A study of one step per run, and where it is."""

    folder: Path
    settings: list[str]

    def process(self, program: str, arguments: Sequence[str] = (), code: int = 0) -> str:
        """Run a Python program in the folder until it ends with this exit code; returns what it printed."""
        command = [sys.executable, "-c", program, *arguments]
        ended = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr[-2000:]
        return ended.stdout

    def command(self, *arguments: str, code: int = 0) -> Callable[[], object]:
        """A command of headstart, to be called."""
        return partial(self.process, MAIN, arguments, code)


def studied(size: Size) -> Study:
    """A study of MiniLM on a csv."""
    rows = docstrings(size.folder / "commands", 24, 12)
    settings = [
        *rows.overrides(), *MINILM, "budget.epochs=null", "budget.steps=1", "budget.evaluations=1",
        "hardware=cpu", "meter=none", "tracker=none", "study.warm_up=0",
    ]  # fmt: skip
    return Study(rows.folder, settings)


def rows(size: Size) -> Iterator[Row]:
    """Every command, then the first and the later runs of a study."""
    study = studied(size)
    done = [*study.settings, "study.name=done", "seed=0,1"]
    study.command(*done)()
    more = [*study.settings, "study.name=done"]
    seeds = count(10)
    commands = [
        ("headstart --help", study.command("--help"), "≤ 0.5 s"),
        ("a misspelt setting in a sweep of 300 runs", study.command(*TYPO, code=2), "≤ 2 s"),
        ("headstart plan of a finished study", study.command("plan", *done), "≤ 3 s"),
        (
            "headstart plan with runs to do, new ones",
            lambda: study.command("plan", *more, f"seed={next(seeds)}")(),
            "≤ 3 s",
        ),
        ("the same plan again", study.command("plan", *more, "seed=0,1,2"), "≤ 3 s"),
        ("headstart report", study.command("report", "runs/done"), "≤ 1.5 s"),
        ("the command of a finished study", study.command(*done), "≤ 2 s"),
    ]
    for name, call, goal in commands[: size.of(len(commands), 2)]:
        yield _row(
            name, goal, interleaved({"it": call, "baseline": partial(study.process, BASELINE)}, size.rounds)
        )
    yield from fixed(study, size)
    yield silence(study, size)


def fixed(study: Study, size: Size) -> Iterator[Row]:
    """The first step of a process, and what each later run costs besides training and evaluation."""
    first: list[float] = []
    later: list[float] = []
    baseline: list[float] = []
    for number in range(size.of(3, 1)):
        printed = study.process(FIXED, [*study.settings, f"study.name=fixed{number}", f"seed={number},7"])
        start, *others = json.loads(printed.splitlines()[-1])
        first.append(start)
        later.append(median(others))
        baseline.append(seconds(partial(study.process, BASELINE)))
    yield _row("until the first step of a process", "≤ 8 s", {"it": first, "baseline": baseline})
    yield _row("a later run, besides training and scoring", "≤ 0.5 s", {"it": later, "baseline": baseline})


def silence(study: Study, size: Size) -> Row:
    """The longest time in which a command shows nothing on a terminal."""
    commands = {
        "study": [*study.settings, "study.name=loud", "arm=pretrained", "seed=0"],
        "plan": ["plan", *study.settings, "study.name=loud", "seed=0,1"],
        "report": ["report", "runs/done"],
        "verify": ["verify", "runs/done"],
        "models": ["models"],
    }
    longest = {name: longest_gap(study, command) for name, command in [*commands.items()][: size.of(5, 1)]}
    baseline = [seconds(partial(study.process, BASELINE)) for _ in longest]
    figures = {f"s ({name})": gap for name, gap in longest.items()}
    ratios = divided([*longest.values()], baseline)
    return Row(
        "commands", "the longest silence of a command", "the imports", ratios, figures=figures, goal="≤ 2 s"
    )


def longest_gap(study: Study, arguments: Sequence[str]) -> float:
    """Run a command on a terminal of its own; seconds of the longest time without output."""
    ours, its = pty.openpty()
    command = [sys.executable, "-c", MAIN, *arguments]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, cwd=study.folder, env=environment, stdout=its, stderr=its) as process:
        os.close(its)
        last, gap = time.perf_counter(), 0.0
        while select.select([ours], [], [], 60)[0]:
            try:
                output = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            now = time.perf_counter()
            last, gap = now, max(gap, now - last)
            if not output:
                break
        assert process.wait() == 0, arguments
    os.close(ours)
    return gap


def _row(name: str, goal: str, taken: dict[str, list[float]]) -> Row:
    ratios = divided(taken["it"], taken["baseline"])
    return Row("commands", name, "the imports", ratios, figures={"s": median(taken["it"])}, goal=goal)
