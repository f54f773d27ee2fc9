"""A study that is killed at any moment, or at any disk call, ends with the records of an undisturbed one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.kills import check
from tests.faults.undisturbed import command
from tests.studies.processes import FORK

Note = Callable[[str, object], None]


@pytest.mark.parametrize("kills", [4, pytest.param(80, marks=pytest.mark.slow)])
def test_the_same_command_makes_a_killed_study_whole(
    kills: int, quick: list[str], record_property: Note
) -> None:
    words = [*command(quick), "budget.epochs=1", "keep_weights=true", "checkpoint_steps=[2]"]
    told = Path("counts.json").resolve()
    process = FORK.Process(target=lambda: told.write_text(json.dumps(check(kills, 0, words)), "utf8"))
    process.start()
    process.join(1800)
    assert process.exitcode == 0
    counts = json.loads(told.read_text("utf8"))
    hit = counts["calls"] + counts.get("moments", 0)
    assert hit + counts.get("moments after the end", 0) == kills and counts["calls"] == kills // 2
    record_property("kills", hit)
