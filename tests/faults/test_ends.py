"""How a run may end: a signal of a scheduler, or a failure before its first step. Both leave a record."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.faults.undisturbed import STUDY, command, copied, whole
from tests.studies.command import headstart, records

from headstart.errors import DataError
from headstart.tasks.family import Family
from headstart.training.module import Learner

pytestmark = pytest.mark.usefixtures("unreported")


@contextmanager
def signalled(step: int, *numbers: int) -> Iterator[None]:
    """Within, this process gets the signals before a run takes this step, the second while it ends."""
    from headstart.training import train

    usual, summary = Learner.training_step, train.write_record

    def training_step(self: Learner, batch: Any, batch_idx: int) -> Any:
        if self.step == step:
            os.kill(os.getpid(), numbers[0])
        return usual(self, batch, batch_idx)

    def write_record(*arguments: Any) -> Any:
        for number in numbers[1:]:
            os.kill(os.getpid(), number)
        return summary(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Learner, "training_step", training_step)
        patch.setattr(train, "write_record", write_record)
        yield


@pytest.mark.parametrize(
    "numbers",
    [
        (signal.SIGTERM,),
        (signal.SIGUSR1, signal.SIGTERM),
        (signal.SIGUSR2, signal.SIGUSR2, signal.SIGTERM),
        (signal.SIGXCPU,),
        (signal.SIGINT,),
    ],
)
def test_a_time_limit_is_an_interruption_and_the_same_command_goes_on(
    numbers: tuple[int, ...], quick: list[str]
) -> None:
    before = copied(quick)
    for path in STUDY.glob("*/*"):
        path.unlink()
    with signalled(5, *numbers):
        typed = headstart(*command(quick))
    assert typed.code == 130 and "interrupted; finished runs are kept. Continue with:" in typed.err
    (record,) = records(STUDY)
    assert (record["status"], record["cost"]["steps"]) == ("interrupted", 5)
    assert headstart(*command(quick)).code == 0
    assert whole(STUDY) == before


@pytest.mark.parametrize("warm_up", [0, 1])
@pytest.mark.parametrize(
    ("place", "phase"),
    [("prepare", "prepare"), ("initialise", "prepare"), ("counters_of", "count")],
)
def test_a_failure_before_training_leaves_a_record(
    place: str, phase: str, warm_up: int, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> Any:
        raise DataError("these rows are gone")

    if place == "prepare":
        monkeypatch.setattr(Family, "prepare", fails)
        monkeypatch.setattr("headstart.run.Run.prepare", fails)
    else:
        monkeypatch.setattr(f"headstart.training.train.{place}", fails)
    monkeypatch.setattr("headstart.studies.job._trained", 0)
    typed = headstart(*command(quick), "arm=scratch", f"study.warm_up={warm_up}")
    assert typed.code == 1 and "these rows are gone" in typed.err
    (record,) = records(Path("runs/quick"))
    assert record["status"] == "failed" and record["init"] is None
    assert record["scores"]["reason"] == "DataError: these rows are gone"
    assert record["cost"]["seconds"][phase] > 0
    monkeypatch.undo()
