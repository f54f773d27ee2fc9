"""Work: a frozen study is trained by workers, watched, retried and cancelled, and outlives its shell."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.studies.command import headstart, order_of, records, without
from tests.studies.processes import FORK, at_once, results, screens, trained, typed, until
from tests.studies.recipes import arm, recipe

import headstart.training.train as training
from headstart.errors import ConfigError
from headstart.studies import work as working
from headstart.studies.compose import plan_study
from headstart.studies.engines import Slurm, engine_of
from headstart.studies.frozen import FrozenStudy, freeze, read_frozen
from headstart.studies.scheduler import stand_alone
from headstart.studies.status import mark_cancelled, status_of

STUDY = Path("runs/quick")


pytestmark = pytest.mark.usefixtures("unreported")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Seed 0 fails while this says so."""
    usual, fails = training.plan_of, [True]

    def plan_of(run: Any, prepared: Any) -> Any:
        if run.seed == 0 and fails[0]:
            raise ZeroDivisionError("of ours")
        return usual(run, prepared)

    monkeypatch.setattr(training, "plan_of", plan_of)
    return lambda fail: fails.__setitem__(0, fail)


def started(*overrides: str) -> None:
    freeze(plan_study(overrides).points, overrides)


def counts(folder: Path = STUDY) -> dict[str, int]:
    data = json.loads(headstart("status", str(folder), "--json").out)
    return {status: number for status, number in data["counts"].items() if number}


def test_what_is_left_is_trained_and_failures_are_left_to_retry(
    quick: list[str], failing: Callable[[bool], None]
) -> None:
    started(*quick, "seed=0,1", "arm=scratch")
    assert counts() == {"to do": 2}
    first = headstart("work", str(STUDY))
    assert first.code == 1 and "failed: ZeroDivisionError: of ours" in first.err
    assert counts() == {"finished": 1, "failed": 1}
    assert first.err.count("begins: files · ") == 2, "a line when a run starts"
    failing(False)
    again = headstart("work", str(STUDY))
    assert again.code == 1 and trained(again.err) == 1, "named again, and not trained"
    assert "begins: " not in again.err
    assert counts() == {"finished": 1, "failed": 1}
    shown = headstart("status", str(STUDY)).out
    assert "ZeroDivisionError" in shown and "again: headstart retry runs/quick" in shown
    retried = headstart("retry", str(STUDY))
    assert retried.code == 0
    assert "scratch · seed 0: failed: ZeroDivisionError: of ours" in retried.out
    assert order_of(retried.err) == [("scratch", 0)]
    assert counts() == {"finished": 2}
    assert "no run failed or diverged" in headstart("retry", str(STUDY)).out
    assert headstart(*quick, "seed=0,1", "arm=scratch").err.count("finished before") == 2


def test_a_diverged_run_is_tried_once_more_when_asked(quick: list[str]) -> None:
    wild = [*without(quick, "optim.lr"), "optim.lr=1e9", "optim.clip=null", "seed=0", "arm=scratch"]
    started(*wild)
    headstart("work", str(STUDY))
    assert counts() == {"diverged": 1}
    assert trained(headstart("work", str(STUDY)).err) == 1
    before = next(STUDY.glob("*/record.json")).stat().st_mtime_ns
    ended = headstart("retry", str(STUDY))
    assert "scratch · seed 0: diverged: the " in ended.out
    assert counts() == {"diverged": 1}
    assert next(STUDY.glob("*/record.json")).stat().st_mtime_ns > before


def test_three_workers_train_a_study_with_pretraining_as_its_command_does(
    masked: tuple[list[str], Path], tmp_path: Path
) -> None:
    settings, text = masked
    command = [*settings, f"arm=scratch,{arm('before', recipe(text))}", "seed=0,1"]
    started(*command)
    arm("before", [*recipe(text), "optim.lr=1"])  # too late: the study is frozen
    assert at_once(3, typed(["work", str(tmp_path / STUDY)], tmp_path)) == [0] * 3, screens(tmp_path)
    assert sum(map(trained, screens(tmp_path))) == 4
    assert len(records(Path("runs/pretraining"))) == 1 and counts() == {"finished": 4}
    arm("before", recipe(text))
    assert headstart(*without(command, "study.name"), "study.name=alone").code == 0
    assert results(tmp_path / "runs/quick") == results(tmp_path / "runs/alone")


def test_a_tuned_study_is_tuned_by_its_workers(quick: list[str], tmp_path: Path) -> None:
    tuning = "study.tune={space:{optim.lr:[1e-3,3e-3]},trials:2,sampler:grid}"
    started(*quick, tuning, "seed=0")
    assert at_once(2, typed(["work", str(STUDY)], tmp_path)) == [0, 0], screens(tmp_path)
    assert sum(map(trained, screens(tmp_path))) == 4 + 2
    assert len(records(Path("runs/quick-tuning"))) == 4 and len(records(STUDY)) == 2
    assert counts() == {"finished": 6}


def test_a_worker_may_be_started_anywhere(quick: list[str], tmp_path: Path, monkeypatch: Any) -> None:
    started(*quick, "seed=0", "arm=scratch")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert headstart("work", "../runs/quick").code == 0
    assert len(records(tmp_path / STUDY)) == 1
    monkeypatch.chdir(tmp_path)
    (tmp_path / STUDY).rename(tmp_path / "moved")
    assert headstart("work", "moved").code == 2
    assert headstart("work", "nowhere").code == 1


def test_cancel_stops_workers_before_their_next_pair(
    quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started(*quick, "seed=0,1,2", "arm=scratch")
    usual = working._train

    def cancelling(*arguments: Any) -> Any:
        mark_cancelled(STUDY)
        return usual(*arguments)

    monkeypatch.setattr(working, "_train", cancelling)
    assert headstart("work", str(STUDY)).code == 0
    assert counts() == {"finished": 1, "to do": 2}
    monkeypatch.setattr(working, "_train", usual)
    assert headstart("work", str(STUDY)).code == 0
    assert counts() == {"finished": 3}


def test_cancel_interrupts_the_workers_of_this_machine(quick: list[str], tmp_path: Path) -> None:
    started(*without(quick, "budget.epochs"), "budget.epochs=4000", "seed=0", "arm=scratch")
    worker = FORK.Process(target=typed(["work", str(STUDY)], tmp_path), args=(0,))
    worker.start()
    until(lambda: counts() == {"training": 1} and any(STUDY.glob("*/curve.jsonl")))
    shown = headstart("status", str(STUDY)).out
    assert f"1 process at work: process {worker.pid} on this machine" in shown
    assert f"process {worker.pid} on this machine" in headstart("cancel", str(STUDY)).out
    worker.join(60)
    assert worker.exitcode == 130 and counts() == {"interrupted": 1}
    assert "no worker is alive" in headstart("cancel", str(STUDY)).out


def test_a_submitted_study_survives_the_death_of_its_shell(quick: list[str], tmp_path: Path) -> None:
    def shell(index: int) -> None:
        os.setsid()
        typed(["submit", *quick, "seed=0,1", "engine.workers=1", "engine.threads=1"], tmp_path)(index)

    first = FORK.Process(target=shell, args=(0,))
    first.start()
    until(lambda: (tmp_path / "screen-0").exists())
    first.join()
    with pytest.raises(ProcessLookupError):  # the worker is in no group of the shell
        os.killpg(first.pid or 0, signal.SIGKILL)
    until(lambda: counts() == {"finished": 4}, 240)
    until(lambda: not status_of(STUDY).workers, 120)
    assert trained((STUDY / "workers/worker-1.log").read_text("utf8")) == 4


def test_submit_says_what_was_started_and_how_to_watch(
    quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[Any] = []

    class Process:
        pid = 7

        def __init__(self, command: list[str], **options: Any) -> None:
            commands.append((command[1:], options["env"]["OMP_NUM_THREADS"], options["start_new_session"]))

    monkeypatch.setattr("headstart.studies.engines.subprocess.Popen", Process)
    monkeypatch.setattr("headstart.studies.engines.processors", lambda: 8)
    ended = headstart("submit", *quick, "seed=0", "engine.workers=3")
    assert ended.code == 0, ended.err
    assert commands == [(["-m", "headstart", "work", "runs/quick"], "2", True)] * 3
    assert ended.out.count("started process 7 (2 threads): runs/quick/workers/worker-") == 3
    assert "headstart watch runs/quick" in ended.out and "headstart cancel runs/quick" in ended.out
    assert len(read_frozen(STUDY).runs) == 2
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,3")
    headstart("submit", *without(quick, "hardware"), "seed=0")
    assert len(commands) == 5, "one worker per GPU"
    others = [*without(quick, "hardware", "study.name"), "seed=0", "hardware.accelerator=cuda"]
    both = headstart("submit", *others, "study.name=both", "hardware.devices=2")
    assert len(commands) == 6 and "GPU GPU-a,3)" in both.out, "a worker per two GPUs"
    three = headstart("submit", *others, "study.name=three", "hardware.devices=3")
    assert three.code == 2 and "hardware.devices=3: this machine has 2 GPUs" in three.err
    assert not Path("runs/three/study.json").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["on=slrum"], "on=slrum: no such engine; did you mean slurm?"),
        (["on=slurm", "engine.tim=1"], "engine.tim: slurm has no such setting; did you mean time?"),
        (["engine.workers=0"], "engine.workers: input should be greater than or equal to 1, got 0"),
        (["engine.time=1"], "engine.time: local has no such setting"),
        (["on=mine"], "conf/engine/mine.yaml: kind: is 'lsf'; known: local, slurm"),
    ],
)
def test_a_mistake_about_the_engine_is_one_line(
    words: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "conf/engine").mkdir(parents=True)
    (tmp_path / "conf/engine/mine.yaml").write_text(yaml.safe_dump({"kind": "lsf"}), "utf8")
    ended = headstart("submit", "study=first_look", *words)
    assert (ended.code, ended.err.count("\n")) == (2, 1)
    assert sentence in ended.err
    assert not (tmp_path / "runs").exists()


def test_slurm_gets_a_script_that_bash_reads() -> None:
    engine = engine_of(
        [
            "on=slurm",
            "engine.workers=3",
            "engine.gpus=1",
            "engine.options=[--exclude=n7]",
            "engine.time=10:00:00",
        ]
    )
    assert isinstance(engine, Slurm)
    script = engine.script(Path("runs/a study"), FrozenStudy())
    for option in (
        "--requeue",
        "--array=0-2",
        "--gpus-per-node=1",
        "--signal=B:USR1@120",
        "--exclude=n7",
        "--time=10:00:00",
    ):
        assert f"#SBATCH {option}\n" in script
    assert "partition" not in script and "-m headstart work 'runs/a study' &" in script
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_ranks_of_srun_are_workers_and_those_of_torchrun_are_refused(
    quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"SLURM_NTASKS": "4", "SLURM_PROCID": "3", "SLURM_NTASKS_PER_NODE": "4"}.items():
        monkeypatch.setenv(name, value)
    ended = headstart(*quick, "seed=0", "arm=scratch")
    assert ended.code == 0, ended.err
    assert "SLURM_PROCID" not in os.environ, "Lightning would log nothing of rank 3"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(
        ConfigError, match=r"^WORLD_SIZE=2: .*hardware.devices, or start headstart work runs/STUDY"
    ):
        stand_alone()
    assert headstart(*quick, "seed=1", "arm=scratch").code == 2
    assert headstart("work", str(STUDY)).code == 2
