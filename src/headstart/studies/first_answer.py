"""First answer: a study of a user's rows that fits into some minutes."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headstart.data.files import siblings
from headstart.data.splits import Holdout
from headstart.errors import ConfigError
from headstart.studies.compose import runs_of
from headstart.studies.config_search import choices
from headstart.studies.forecast import forecast
from headstart.studies.new_task import NewTask
from headstart.studies.overrides import arm_of

ROWS = (512, 256, 128, 64)  # for training, as many as the time allows
PAIRS = 3  # are wanted before more rows are
MOST_PAIRS = 10
PLANNED = 0.8  # of the time: the rest is for what a forecast does not see
LOADING = 3.0  # seconds of a run besides its computing
REPORT = 0.05  # of the time, for writing the report
HELD_OUT = {"validation": 300, "test": 1000}  # rows at most, where they are held out of train


@dataclass(frozen=True)
class FirstAnswer:
    """The settings of the study, and what they were chosen by."""

    settings: tuple[str, ...]
    size: str  # of its settings
    pairs: int
    seconds: float  # expected
    minutes: float
    note: str = ""  # what a person must know of the rows

    def words(self) -> str:
        size, expected = self.size.partition("=")[2], self.seconds / 60
        late = ": no pair begins that would end too late" if expected > self.minutes else ""
        return (
            f"{self.note}{self.pairs} pairs on {size} training rows, about {expected:.1f} of "
            f"{self.minutes:g} min{late}"
        )


def first_answer(
    task: NewTask, minutes: float, settings: Sequence[str] = (), began: float | None = None
) -> FirstAnswer:
    """As many rows as leave time for three pairs, then as many pairs as fit. Runs that are there set the
    size, so that the same command with more minutes adds pairs. `began`: when the minutes did, of
    time.monotonic()."""
    began = time.monotonic() if began is None else began
    model = () if any(setting.startswith("model=") for setting in settings) else task.model
    if "arm=scratch" in model:
        raise ConfigError(
            f"{task.guess.raw.where}: {task.notes[-1]}, and an answer needs both. Name a model with weights "
            f"(headstart models lists them), or see what random weights reach: {task.command}"
        )
    common, note = (f"task={task.name}", *model, f"study.name={task.name}"), ""
    begun = _begun(task)
    alone = begun is not None and not begun["task"]["files"]["siblings"]
    rows = _rows(task, alone)
    size, pair = _affordable([*common, *rows, *settings], task, minutes, alone)
    beside = siblings(Path(task.guess.files["train"]))
    if _fitting(pair, minutes) < 2 and beside and begun is None:
        without = _rows(task, alone=True)
        other, shorter = _affordable([*common, *without, *settings], task, minutes, True)
        if shorter < pair / 2:
            names = " and ".join(file.name for file in beside.values())
            note = f"{names}: too many rows for {minutes:g} min, so rows of train are held out instead\n"
            rows, size, pair = without, other, shorter
    pairs = max(2, min(MOST_PAIRS, _fitting(pair, minutes)))
    seeds = ",".join(map(str, range(pairs)))
    left = (1 - REPORT) * 60 * minutes - (time.monotonic() - began)  # what was looked at took its part
    limit = f"hydra.sweeper.stop_after={max(1.0, left):.0f}"
    chosen = (*common, *rows, *settings, size, "arm=scratch,pretrained", f"seed={seeds}", limit)
    return FirstAnswer(chosen, size, pairs, pairs * pair, minutes, note)


def _affordable(settings: Sequence[str], task: NewTask, minutes: float, alone: bool) -> tuple[str, float]:
    """The largest size whose pairs fit, else the smallest one; with the expected seconds of its pair."""
    arms = choices()["arm"]
    shared = [text for text in settings if not arm_of(text, arms)]
    one = [*shared, "arm=scratch", "seed=0", "hydra.mode=RUN"]
    expected: list[tuple[str, float]] = []
    for size in _sizes(task, alone):
        (forecasted, *_), _ = forecast(runs_of([*one, size]))
        expected.append((size, 2 * (forecasted.seconds + LOADING)))
        if _fitting(expected[-1][1], minutes) >= PAIRS:
            break
    return expected[-1]


def _fitting(pair: float, minutes: float) -> int:
    return int(PLANNED * 60 * minutes / pair)


def _sizes(task: NewTask, alone: bool) -> Sequence[str]:
    """Settings of the size, the largest first; of a study that was begun, its own."""
    if begun := _begun(task):
        size = begun["size"]
        return ["size=all"] if size["kind"] == "all" else [f"size.rows={size['rows']}"]
    left = task.guess.rows * (1 - sum(_shares(task, alone).values()))
    return ["size=all"] * (left <= ROWS[0]) + [f"size.rows={rows}" for rows in ROWS if rows < left]


def _shares(task: NewTask, alone: bool = False) -> dict[str, float]:
    """The share of train that becomes validation and test rows, where these have no file; `alone`: what lies
    beside train is not used."""
    files = {
        split for note in task.notes for split in HELD_OUT if note.startswith(f"{split}: ") and not alone
    }
    files |= {split for split in HELD_OUT if task.guess.files.get(split)}
    usual = Holdout()
    return {
        split: min(getattr(usual, split), most / task.guess.rows)
        for split, most in HELD_OUT.items()
        if split not in files
    }


def _rows(task: NewTask, alone: bool = False) -> list[str]:
    """Settings of the validation and test rows; `alone`: none of those that lie beside train."""
    usual = Holdout()
    return ["++task.files.siblings=false"] * alone + [
        f"++task.files.holdout.{split}={share:.4g}"
        for split, share in _shares(task, alone).items()
        if share < getattr(usual, split)
    ]


def _begun(task: NewTask) -> dict[str, Any] | None:
    """The settings of a run of the study that this task already has."""
    for path in sorted(Path("runs", task.name).glob("*/record.json")):
        try:
            config = json.loads(path.read_text("utf8"))["config"]
            if config["size"] and "siblings" in config["task"]["files"]:
                return config
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None
