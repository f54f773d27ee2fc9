"""A study that is killed at any moment, or at any disk call, ends with the records of an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.undisturbed import command

ROOT = Path(__file__).parents[2]
Note = Callable[[str, object], None]


@pytest.mark.parametrize("kills", [4, pytest.param(80, marks=pytest.mark.slow)])
def test_the_same_command_makes_a_killed_study_whole(
    kills: int, quick: list[str], record_property: Note
) -> None:
    words = [*command(quick), "budget.epochs=1", "keep_weights=true", "checkpoint_steps=[2]"]
    program = [sys.executable, "-m", "tests.faults.kills", str(kills), "0", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=1800)
    assert done.returncode == 0, done.stderr[-3000:]
    counts = json.loads(done.stdout.splitlines()[-1])
    hit = counts["calls"] + counts.get("moments", 0)
    assert hit + counts.get("moments after the end", 0) == kills and counts["calls"] == kills // 2
    record_property("kills", hit)
