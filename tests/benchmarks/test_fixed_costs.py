"""Fixed costs of commands, as ratios to importing Hydra, numpy, pydantic and rich."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from statistics import median

import pytest

pytestmark = pytest.mark.bench
BASELINE = "import hydra, numpy, pydantic, rich.console"
COMMAND = "import sys; from headstart.cli import main; sys.exit(main(sys.argv[1:]))"
ROUNDS = 5
TYPO = ["-m", "seed=range(0,150)", "learning_rat=1"]  # 300 runs


def seconds(program: str, arguments: Sequence[str] = (), code: int = 0) -> float:
    """Seconds of a Python process that ends with this exit code."""
    start = time.perf_counter()
    ended = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, check=False)
    assert ended.returncode == code, ended.stderr.decode()[-2000:]
    return time.perf_counter() - start


def show(claim: str, arguments: Sequence[str], code: int = 0) -> None:
    """Print the median of ratios that are taken A B A B, their range, and the median seconds."""
    seconds(COMMAND, arguments, code)
    pairs = [(seconds(COMMAND, arguments, code), seconds(BASELINE)) for _ in range(ROUNDS)]
    ratios = sorted(command / baseline for command, baseline in pairs)
    typical = median(command for command, _ in pairs)
    print(f"\n{claim}: {median(ratios):.2f} times the imports")
    print(f"  from {ratios[0]:.2f} to {ratios[-1]:.2f}; {typical:.2f} s")


def test_help() -> None:
    show("headstart --help", ["--help"])


def test_a_typo_in_a_sweep_of_300_runs() -> None:
    show("a misspelt setting in a sweep of 300 runs", TYPO, code=2)


def test_a_finished_study(quick: list[str]) -> None:
    study = [*quick, "seed=0,1"]
    print(f"\nthe study of four runs, trained: {seconds(COMMAND, study):.1f} s")
    show("its command again", study)
    show("headstart plan of it", ["plan", *study])
    show("headstart plan of it and of two more runs", ["plan", *quick, "seed=0,1,2"])
    show("headstart report of it", ["report", "runs/quick"])
