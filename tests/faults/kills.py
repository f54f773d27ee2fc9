"""Kills: a study is killed at a moment or at a disk call, and the same command then makes it whole.

`check` runs in a process of its own, which it changes. It trains the study once undisturbed, and forks for
every attempt: a kill then costs less than a second. An attempt that does not end with the undisturbed records
is an error.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.faults.undisturbed import STUDY, whole

from headstart.cli import main
from headstart.commands import run_study

TOUCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "shutil.rmtree"}


def forked(words: Sequence[str], prepare: Callable[[], object]) -> int:
    """Run the command in a process of its own; returns its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    prepare()
    os._exit(main(list(words)))


def at_disk_calls(act: Callable[[int], object]) -> None:
    """From now on, call `act` with the number of each call that touches the study's folder."""
    folder, number = str(STUDY.resolve()), 0
    paths = (folder, str(STUDY))

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal number
        if event in TOUCHED and str(arguments[0]).startswith(paths):
            number += 1
            act(number)

    usual = os.fsync

    def fsync(file: int) -> None:
        hook("open", (folder,))
        usual(file)

    os.fsync = fsync
    sys.addaudithook(hook)


def killed_at_call(words: Sequence[str], call: int) -> bool:
    """Run the command until its disk call of this number; False when it ended before."""

    def act(number: int) -> None:
        if number == call:
            os.kill(os.getpid(), signal.SIGKILL)

    _, status = os.waitpid(forked(words, lambda: at_disk_calls(act)), 0)
    return os.WIFSIGNALED(status)


def killed_after(words: Sequence[str], seconds: float) -> bool:
    """Run the command for this long; False when it ended before."""
    child = forked(words, lambda: None)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def disk_calls(words: Sequence[str]) -> int:
    """How many calls of the undisturbed command touch the study's folder."""
    counter = Path("calls")
    descriptor = os.open(counter, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    child = forked(words, lambda: at_disk_calls(lambda number: os.pwrite(descriptor, b"%8d" % number, 0)))
    assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 0
    return int(counter.read_text())


def check(kills: int, seed: int, words: Sequence[str]) -> Counter[str]:
    """Kill the study this often, half of the times at a disk call; the counts by kind."""
    assert run_study.report_all
    run_study.report_all = lambda *_: None  # it has tests of its own
    assert main(list(words)) == 0
    before = whole(STUDY)
    shutil.rmtree(STUDY)
    began = time.monotonic()
    calls = disk_calls(words)
    seconds = time.monotonic() - began
    counts: Counter[str] = Counter({"disk calls": calls})
    draw = random.Random(seed)
    chosen = [1 + calls * i // (kills // 2) for i in range(kills // 2)]  # spread over all of them
    for number in range(kills):
        shutil.rmtree(STUDY, ignore_errors=True)
        if number % 2:
            hit = killed_after(words, draw.uniform(0, seconds))
        else:
            hit = killed_at_call(words, chosen[number // 2])
        counts[f"{'moments' if number % 2 else 'calls'}{'' if hit else ' after the end'}"] += 1
        _, status = os.waitpid(forked(words, lambda: None), 0)
        assert os.WEXITSTATUS(status) == 0, f"kill {number}: the same command ended with {status}"
        assert whole(STUDY) == before, f"kill {number}: other records"
        left = [path.name for path in STUDY.glob("*/.*")]
        assert not left, f"kill {number}: left {left}"
    return counts
