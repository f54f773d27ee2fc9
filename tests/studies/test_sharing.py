"""Sharing: many processes with the same command train each run once, and nothing of it is torn."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
import types
from pathlib import Path
from typing import Any

import pytest
from tests.studies.command import headstart, records
from tests.studies.processes import at_once, results, screens, trained, typed
from tests.studies.recipes import arm, recipe

import headstart.training.train as training
from headstart.errors import ClaimError
from headstart.studies import claims
from headstart.studies.claims import FOLDER, Claim
from headstart.studies.compose import runs_of
from headstart.studies.run_folder import identify

pytestmark = pytest.mark.usefixtures("unreported")


@pytest.mark.parametrize("number", [3, pytest.param(8, marks=pytest.mark.slow)])
def test_identical_commands_share_the_runs(number: int, quick: list[str], tmp_path: Path) -> None:
    alone = headstart(*quick, "seed=0,1", "study.name=alone")
    assert alone.code == 0
    assert at_once(number, typed([*quick, "seed=0,1"], tmp_path)) == [0] * number, screens(tmp_path)
    shown = screens(tmp_path)
    assert sum(map(trained, shown)) == 4, shown
    assert all(screen.count("\n[") + screen.startswith("[") == 4 for screen in shown), shown
    assert results(tmp_path / "runs/quick") == results(tmp_path / "runs/alone")
    assert not (tmp_path / "runs/quick" / FOLDER).exists()
    for screen in shown:  # a pair is trained by one process
        own = [line for line in screen.splitlines() if line.startswith("[") and "finished before" not in line]
        seeds = [line.partition("seed ")[2][0] for line in own]
        assert sorted(seeds) == sorted([*{*seeds}] * 2), screen


def test_hosts_without_locks_whose_clocks_disagree_share_the_runs(quick: list[str], tmp_path: Path) -> None:
    """As three hosts on one network drive: none can ask for the others' processes, nor lock a file there."""
    study, flock = tmp_path / "runs", fcntl.flock

    def refusing(file: Any, operation: int) -> None:
        number = file if isinstance(file, int) else file.fileno()
        if Path(os.readlink(f"/proc/self/fd/{number}")).is_relative_to(study):
            raise OSError(errno.ENOLCK, "No locks available")
        flock(file, operation)

    def host(index: int) -> None:
        hours = (0, 5, -5)[index] * 3600
        now = time.time_ns
        claims.time = types.SimpleNamespace(  # pyright: ignore
            sleep=time.sleep, monotonic=time.monotonic, time=time.time, time_ns=lambda: now() + hours * 10**9
        )
        claims._machine = lambda: f"host {index}"  # pyright: ignore
        claims.socket = types.SimpleNamespace(gethostname=lambda: f"node{index}")  # pyright: ignore
        fcntl.flock = fcntl.lockf = refusing  # pyright: ignore
        typed([*quick, "seed=0,1"], tmp_path)(index)

    assert headstart(*quick, "seed=0,1", "study.name=alone").code == 0
    assert at_once(3, host) == [0] * 3, screens(tmp_path)
    assert sum(map(trained, screens(tmp_path))) == 4
    assert results(tmp_path / "runs/quick") == results(tmp_path / "runs/alone")


@pytest.mark.slow  # tests/studies/test_work.py has three workers share a pretraining
def test_a_pretraining_is_trained_once_and_its_runs_come_back(
    masked: tuple[list[str], Path], tmp_path: Path
) -> None:
    settings, text = masked
    arms = f"arm=scratch,{arm('before', recipe(text))}"
    command = [*settings, arms, "seed=0,1"]
    assert at_once(3, typed(command, tmp_path)) == [0] * 3, screens(tmp_path)
    assert len(records(tmp_path / "runs/pretraining")) == 1
    assert len(records(tmp_path / "runs/quick")) == 4
    shown = screens(tmp_path)
    assert sum(map(trained, shown)) == 4
    assert sum(screen.count("pretrained:") for screen in shown) >= 1


def test_a_killed_process_is_replaced_and_its_run_continued(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = training.write_predictions

    def die(*arguments: Any) -> None:
        try:
            (tmp_path / "died").touch(exist_ok=False)
        except FileExistsError:
            usual(*arguments)
        else:
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(training, "write_predictions", die)

    assert sorted(at_once(2, typed([*quick, "seed=0"], tmp_path)), key=str) == [-signal.SIGKILL, 0]
    assert trained(screens(tmp_path)[-1]) == 2
    assert headstart(*quick, "seed=0", "study.name=alone").code == 0
    assert results(tmp_path / "runs/quick") == results(tmp_path / "runs/alone")


def test_a_fault_of_one_process_is_not_repeated_by_all(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        with (tmp_path / "tries").open("a") as file:
            file.write("x")
        time.sleep(2)  # the others find it claimed
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr(training, "plan_of", broken)
    command = [*quick, "seed=0", "arm=scratch"]
    assert at_once(3, typed(command, tmp_path)) == [1, 1, 1]
    assert (tmp_path / "tries").read_text() == "x"
    assert all("ZeroDivisionError: of ours" in screen for screen in screens(tmp_path))


def test_a_process_that_lost_its_run_writes_nothing_more(quick: list[str], tmp_path: Path) -> None:
    (run,) = runs_of([*quick, "seed=0", "arm=scratch"])
    folder = tmp_path / "run"
    looks = 0

    def check_claim() -> None:
        nonlocal looks
        looks += 1
        if looks > 2:
            raise ClaimError("process 1 on node7 took over this run")

    with pytest.raises(ClaimError, match="node7"):
        training.train(run, folder, identify(run), check_claim=check_claim)
    assert {path.name for path in folder.iterdir()} == {"curve.jsonl"}
    assert len((folder / "curve.jsonl").read_text("utf8").splitlines()) == 2


def test_a_run_that_was_lost_is_taken_from_whoever_trained_it(
    quick: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen for minutes, this process finds another's claim above its own, and in the end its record."""
    usual, calls = training.plan_of, []
    study = tmp_path / "runs/quick"

    def frozen(run: Any, prepared: Any) -> Any:
        if not calls:
            (claim,) = [path for path in (study / FOLDER).iterdir() if "pair" not in path.name]
            name, _, generation = claim.name.rpartition(".")
            ended = claim.read_text("utf8").replace(f'"pid": {os.getpid()}', '"pid": 999999999')
            (study / FOLDER / f"{name}.{int(generation) + 1}").write_text(ended, "utf8")
        calls.append(run.title)
        return usual(run, prepared)

    monkeypatch.setattr(training, "plan_of", frozen)
    ended = headstart(*quick, "seed=0", "arm=scratch")
    assert ended.code == 0, ended.err
    assert "process 999999999 on this machine took over this run" in ended.err
    assert len(calls) == 2 and len(records(study)) == 1
    (folder,) = (path.parent for path in study.glob("*/record.json"))
    assert len((folder / "curve.jsonl").read_text("utf8").splitlines()) == 3
    assert not Claim(study, "x").held()
