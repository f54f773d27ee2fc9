"""An undisturbed study of one pair, trained once in a process, and what must be equal after a fault."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.studies.command import records
from tests.training.runs import lasting

from headstart.cli import main

EXTRA = ("seed=0", "budget.evaluations=4", "hardware.save_every=0")  # a state after every evaluation
STUDY = Path("runs/quick")

_folders: dict[tuple[str, ...], TemporaryDirectory[str]] = {}  # removed when the process ends


def command(quick: Sequence[str]) -> list[str]:
    """The command of the study, which is typed again after every fault."""
    return [*quick, *EXTRA]


def copied(quick: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Put the finished study into runs/quick of the current folder; returns its records by run id."""
    settings = tuple(word for word in quick if not word.startswith("task.files"))
    if settings not in _folders:
        _folders[settings] = TemporaryDirectory(prefix="undisturbed-")
        with contextlib.redirect_stderr(io.StringIO()):
            assert main(command(quick)) == 0
        shutil.copytree(STUDY, Path(_folders[settings].name) / "study")
    else:
        shutil.copytree(Path(_folders[settings].name) / "study", STUDY, dirs_exist_ok=True)
    return whole(STUDY)


def whole(study: Path) -> dict[str, dict[str, Any]]:
    """What lasts of every record, by run id; each must be finished."""
    found = {record["run_id"]: lasting(record) for record in records(study)}
    assert len(found) == len(list(study.glob("*/record.json"))), "a run was trained twice"
    assert all(record["status"] == "finished" for record in found.values())
    return found
