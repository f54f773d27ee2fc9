"""Several processes that type a command at the same time, forked from one that has imported everything."""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import Any

from tests.studies.command import headstart
from tests.training.runs import lasting

from headstart.cli import main

FORK = multiprocessing.get_context("fork")


def at_once(number: int, act: Callable[[int], None]) -> list[int | None]:
    """Exit codes of so many processes that do the same at the same time; they have imported everything."""
    processes = [FORK.Process(target=act, args=(index,)) for index in range(number)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    return [process.exitcode for process in processes]


def typed(arguments: Sequence[str], to: Path) -> Callable[[int], None]:
    """What one process does: types this command, and keeps what it put on the screen."""

    def act(index: int) -> None:
        ended = headstart(*arguments)
        (to / f"screen-{index}").write_text(ended.err, "utf8")
        os._exit(ended.code)  # no fixtures of the parent are taken down here

    return act


def forked(words: Sequence[str], to: Path, change: Callable[[], object] = lambda: None) -> ForkProcess:
    """A command in a process that has imported everything; `to` gets its streams, as `out` and `err`."""

    def act() -> None:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(to / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        change()
        # Streams of its own: those of pytest remember what they were opened on.
        streams = [os.fdopen(number, "w", buffering=1, encoding="utf8", closefd=False) for number in (1, 2)]
        sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = streams
        os._exit(main(list(words)))

    process = FORK.Process(target=act)
    process.start()
    return process


def screens(folder: Path) -> list[str]:
    return [path.read_text("utf8") for path in sorted(folder.glob("screen-*"))]


def results(study: Path) -> dict[str, Any]:
    """What records and curves say, without clocks and without the study's name."""
    kept: dict[str, Any] = {}
    for path in study.glob("*/record.json"):
        record = lasting(json.loads(path.read_text("utf8")))
        record["config"] = {**record["config"], "study": None}
        points = [json.loads(line) for line in (path.parent / "curve.jsonl").read_text("utf8").splitlines()]
        kept[record["run_id"]] = record, [(p["step"], p["validation"], p["train_loss"]) for p in points]
    return kept


def trained(screen: str) -> int:
    """How many runs a process trained itself."""
    lines = [line for line in screen.splitlines() if line.startswith("[")]
    return sum("finished before" not in line for line in lines)


def until(condition: Callable[[], bool], seconds: float = 60, every: float = 0.2) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(every)
