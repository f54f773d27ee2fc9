"""First answer: a study of a user's rows that fits into some minutes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headstart.data.splits import Holdout
from headstart.errors import ConfigError
from headstart.studies.compose import runs_of
from headstart.studies.forecast import forecast
from headstart.studies.new_task import NewTask

ROWS = (512, 256, 128, 64)  # for training, as many as the time allows
PAIRS = 3  # are wanted before more rows are
MOST_PAIRS = 10
PLANNED = 0.8  # of the time: the rest is for what a forecast does not see
LOADING = 3.0  # seconds of a run besides its computing
HELD_OUT = {"validation": 300, "test": 1000}  # rows at most, where they are held out of train


@dataclass(frozen=True)
class FirstAnswer:
    """The settings of the study, and what they were chosen by."""

    settings: tuple[str, ...]
    size: str  # of its settings
    pairs: int
    seconds: float  # expected
    minutes: float

    def words(self) -> str:
        """What will run, in one line."""
        size, expected = self.size.partition("=")[2], self.seconds / 60
        late = ": no pair begins that would end too late" if expected > self.minutes else ""
        return (
            f"{self.pairs} pairs on {size} training rows, about {expected:.1f} of {self.minutes:g} min{late}"
        )


def first_answer(task: NewTask, minutes: float, settings: Sequence[str] = ()) -> FirstAnswer:
    """As many rows as leave time for three pairs, then as many pairs as fit. Runs that are there set the
    size, so that the same command with more minutes adds pairs."""
    model = () if any(setting.startswith("model=") for setting in settings) else task.model
    if "arm=scratch" in model:
        raise ConfigError(
            f"{task.guess.raw.where}: {task.notes[-1]}, and an answer needs both. Name a model with weights "
            f"(headstart models lists them), or see what random weights reach: {task.command}"
        )
    common = (f"task={task.name}", *model, f"study.name={task.name}", *_held_out(task), *settings)
    size, pair = _affordable([*common, "arm=scratch", "seed=0", "hydra.mode=RUN"], _sizes(task), minutes)
    pairs = max(2, min(MOST_PAIRS, _fitting(pair, minutes)))
    seeds = ",".join(map(str, range(pairs)))
    limit = f"hydra.sweeper.stop_after={60 * minutes:g}"
    chosen = (*common, size, "arm=scratch,pretrained", f"seed={seeds}", limit)
    return FirstAnswer(chosen, size, pairs, pairs * pair, minutes)


def _affordable(settings: Sequence[str], sizes: Sequence[str], minutes: float) -> tuple[str, float]:
    """The largest size whose pairs fit, else the smallest one; with the expected seconds of its pair."""
    expected: list[tuple[str, float]] = []
    for size in sizes:
        (forecasted, *_), _ = forecast(runs_of([*settings, size]))
        expected.append((size, 2 * (forecasted.seconds + LOADING)))
        if _fitting(expected[-1][1], minutes) >= PAIRS:
            break
    return expected[-1]


def _fitting(pair: float, minutes: float) -> int:
    """How many pairs of so many seconds fit."""
    return int(PLANNED * 60 * minutes / pair)


def _sizes(task: NewTask) -> Sequence[str]:
    """Settings of the size, the largest first; of a study that was begun, its own."""
    for path in sorted(Path("runs", task.name).glob("*/record.json")):
        try:
            size = json.loads(path.read_text("utf8"))["config"]["size"]
        except (OSError, ValueError, KeyError):
            continue
        return ["size=all"] if size["kind"] == "all" else [f"size.rows={size['rows']}"]
    left = task.guess.rows * (1 - sum(_shares(task).values()))
    return ["size=all"] * (left <= ROWS[0]) + [f"size.rows={rows}" for rows in ROWS if rows < left]


def _shares(task: NewTask) -> dict[str, float]:
    """The share of train that becomes validation and test rows, where these have no file."""
    files = {split for note in task.notes for split in HELD_OUT if note.startswith(f"{split}: ")}
    files |= {split for split in HELD_OUT if task.guess.files.get(split)}
    usual = Holdout()
    return {
        split: min(getattr(usual, split), most / task.guess.rows)
        for split, most in HELD_OUT.items()
        if split not in files
    }


def _held_out(task: NewTask) -> Iterator[str]:
    for split, share in _shares(task).items():
        if share < getattr(Holdout(), split):
            yield f"++task.files.holdout.{split}={share:.4g}"
