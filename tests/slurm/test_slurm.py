"""A real Slurm of one node: a worker killed, the daemon restarted, the time limit; nothing is lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import WORDS
from tests.studies.command import headstart, records
from tests.studies.processes import results
from tests.studies.recipes import arm, recipe

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("unreported")]
NODE = Path(__file__).with_name("one_node.sh")
STUDY = Path("runs/quick")


@pytest.fixture
def slurm(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A running Slurm; skipped where this user cannot start one."""
    if os.geteuid() or not shutil.which("apt-get"):
        pytest.skip("a Slurm is installed and started by root of a Debian")
    if len(os.sched_getaffinity(0)) < 2:
        pytest.skip("two workers at once need two processors")
    folder = tmp_path_factory.mktemp("slurm")
    subprocess.run([NODE, folder, "start"], check=True, timeout=300)
    monkeypatch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
    yield folder
    subprocess.run(["scancel", "--user=root"], check=False)
    subprocess.run([NODE, folder, "stop"], check=False)


@pytest.fixture
def study(quick: list[str], tmp_path: Path, tiny_model: Path) -> list[str]:
    """A study with a pretraining, long enough to be disturbed."""
    from transformers import AutoTokenizer

    model = tmp_path / "masked-bert"
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    tokenizer.add_special_tokens({"mask_token": "[UNK]"})
    tokenizer.save_pretrained(model)
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_model / name, model)
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{' '.join(WORDS[i % 7 :] + WORDS[: i % 5])}\n" for i in range(300)), "utf8")
    name = arm("before", recipe(text))
    longer = [word for word in quick if not word.startswith(("budget.", "model.name"))]
    return [
        *longer, f"model.name={model}", f"arm=scratch,{name}", "seed=0,1", "hardware.save_every=0",
        "budget.epochs=40", "budget.evaluations=40",
    ]  # fmt: skip


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, squeue() + logs()
        time.sleep(0.5)


def squeue() -> str:
    return subprocess.run(["squeue"], capture_output=True, text=True, check=False).stdout


def running() -> list[str]:
    """The tasks of the array that run now; others may wait for a processor."""
    line = ["squeue", "--noheader", "--states=RUNNING", "--format=%i"]
    return subprocess.run(line, capture_output=True, text=True, check=False).stdout.split()


def logs() -> str:
    return "".join(f"\n{path.name}\n{path.read_text('utf8')}" for path in sorted(STUDY.glob("workers/*.log")))


def counts() -> dict[str, int]:
    return json.loads(headstart("status", str(STUDY), "--json").out)["counts"]


def test_a_disturbed_study_equals_an_undisturbed_one(slurm: Path, study: list[str], tmp_path: Path) -> None:
    words = ["on=slurm", "engine.workers=2", "engine.cpus=1", "engine.memory=1000M", "engine.time=null"]
    submitted = headstart("submit", *study, *words)
    assert submitted.code == 0, submitted.err
    assert "started Slurm job " in submitted.out

    until(lambda: bool(list(STUDY.glob("*/curve.jsonl"))), 240)
    worker = json.loads(headstart("status", str(STUDY), "--json").out)["workers"][0]["pid"]
    os.kill(worker, signal.SIGKILL)  # the other worker takes its run over
    subprocess.run([NODE, slurm, "node"], check=True, timeout=60)  # jobs live on
    until(lambda: bool(running()), 120)
    subprocess.run(["scontrol", "requeue", running()[0]], check=True)  # a preemption
    until(lambda: counts()["finished"] == 4, 400)
    until(lambda: len(squeue().splitlines()) == 1, 120)
    assert len(records(Path("runs/pretraining"))) == 1

    alone = [word for word in study if not word.startswith("study.name")]
    assert headstart(*alone, "study.name=alone").code == 0
    assert results(STUDY) == results(Path("runs/alone"))


def test_at_the_time_limit_a_worker_is_requeued_and_continues(slurm: Path, study: list[str]) -> None:
    """Slurm signals between half a minute and a minute and a half after the start of a long run."""
    longer = [word for word in study if not word.startswith(("budget.", "arm=", "seed="))]
    long = [*longer, "arm=scratch", "seed=0", "budget.epochs=5000", "budget.evaluations=500"]
    words = ["on=slurm", "engine.workers=1", "engine.cpus=1", "engine.memory=1000M"]
    assert headstart("submit", *long, *words, "engine.time='2'", "engine.grace=30").code == 0
    until(lambda: counts()["interrupted"] == 1, 240)
    (curve,) = STUDY.glob("*/curve.jsonl")
    before = len(curve.read_text("utf8").splitlines())
    until(lambda: counts()["training"] == 1, 300)  # Slurm holds a requeued job for two minutes
    until(lambda: len(curve.read_text("utf8").splitlines()) > before + 5, 120)
    assert headstart("cancel", str(STUDY)).code == 0
    until(lambda: len(squeue().splitlines()) == 1, 120)
    until(lambda: counts()["interrupted"] == 1, 60)
