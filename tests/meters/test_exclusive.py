"""The lock between processes, and the evidence that a run was alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.meters.fakes import Clock, Counter

from headstart.meters import contention
from headstart.meters.backend import Backend
from headstart.meters.contention import Contention
from headstart.meters.device_lock import DeviceLock
from headstart.meters.meter import Meter

MEASURE = """
import sys, time
from pathlib import Path
from headstart.meters.contention import Contention
from headstart.meters.backend import Backend
from headstart.meters.device_lock import DeviceLock
lock = DeviceLock(sys.argv[2].split(","), wait=float(sys.argv[3]), folder=Path(sys.argv[1]))
print("waiting", flush=True)
held = lock.acquire()
print("held" if held else "not held", time.time(), flush=True)
time.sleep(float(sys.argv[4]))
print("done", time.time(), flush=True)
lock.release()
"""


def process(folder: Path, claims: str, wait: float = 30, seconds: float = 0.5) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MEASURE, str(folder), claims, str(wait), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def spans(running: subprocess.Popen[str]) -> tuple[bool, float, float]:
    """Whether it held the lock, from when and until when."""
    lines = running.communicate(timeout=60)[0].splitlines()
    return lines[1].startswith("held"), float(lines[1].split()[-1]), float(lines[2].split()[1])


def test_two_processes_are_never_both_exclusive(tmp_path: Path) -> None:
    first, second, third = (process(tmp_path, claims) for claims in ("cpu", "machine", "cpu,gpu:0"))
    took = sorted((spans(p) for p in (first, second, third)), key=lambda span: span[1])
    assert all(held for held, _, _ in took)
    for earlier, later in pairwise(took):
        assert earlier[2] <= later[1]


def test_other_devices_do_not_wait(tmp_path: Path) -> None:
    mine = DeviceLock(["gpu:0"], folder=tmp_path)
    assert mine.acquire()
    assert spans(process(tmp_path, "gpu:1", wait=0, seconds=0))[0]
    assert not spans(process(tmp_path, "machine", wait=0, seconds=0))[0]
    mine.release()
    assert spans(process(tmp_path, "machine", wait=0, seconds=0))[0]


def test_waiting_says_so_and_is_counted(tmp_path: Path) -> None:
    other = process(tmp_path, "cpu", seconds=0.7)
    assert other.stdout is not None
    assert other.stdout.readline() == "waiting\n"
    assert other.stdout.readline().startswith("held")
    said: list[str] = []
    lock = DeviceLock(["cpu"], say=said.append, folder=tmp_path)
    assert lock.acquire() and 0.1 < lock.evidence()["waited_seconds"] < 10
    assert len(said) == 1 and f"in use by process {other.pid}" in said[0]
    lock.release()
    other.communicate(timeout=30)


def test_a_killed_holder_leaves_nothing_behind(tmp_path: Path) -> None:
    other = process(tmp_path, "cpu", seconds=60)
    assert other.stdout is not None
    assert other.stdout.readline() == "waiting\n"
    assert other.stdout.readline().startswith("held")
    impatient = DeviceLock(["cpu"], wait=0, folder=tmp_path)
    assert not impatient.acquire() and "in use by process" in impatient.evidence()["reason"]
    os.kill(other.pid, signal.SIGKILL)
    other.communicate(timeout=30)
    lock = DeviceLock(["cpu"], wait=5, folder=tmp_path)
    assert lock.acquire()
    lock.release()


def test_a_forked_worker_does_not_keep_it(tmp_path: Path) -> None:
    lock = DeviceLock(["cpu"], folder=tmp_path)
    assert lock.acquire()
    pid = os.fork()
    if pid == 0:
        time.sleep(20)
        os._exit(0)
    try:
        lock.release()
        assert spans(process(tmp_path, "cpu", wait=0, seconds=0))[0]
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_two_runs_in_one_process_are_both_not_alone(tmp_path: Path) -> None:
    clock = Clock()

    def lock(backend: Backend) -> DeviceLock:
        return DeviceLock(backend.claims, folder=tmp_path)

    with Meter(Counter(clock), lock=lock, clock=clock) as outer:
        with Meter(Counter(clock), lock=lock, clock=clock) as inner:
            clock.sleep(2)
        clock.sleep(2)
    assert outer.account()["exclusive"] is False and inner.account()["exclusive"] is False
    assert outer.account()["joules"]["total"] == 400  # kept, and flagged


def pretend(
    monkeypatch: pytest.MonkeyPatch, own: float, busy: float, seconds: float = 10.0, steal: float = 0.0
) -> None:
    books = [
        {"seconds": 0.0, "busy": 0.0, "own": 0.0, "steal": 0.0, "cores": 4.0},
        {"seconds": seconds, "busy": busy, "own": own, "steal": steal, "cores": 4.0},
    ]
    monkeypatch.setattr(contention, "cpu_times", lambda: books.pop(0))


def watched(processes: Any = None) -> Contention:
    evidence = Contention(processes) if processes else Contention()
    evidence.open()
    evidence.close()
    return evidence


def test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, own=30, busy=31, steal=2)
    evidence = watched()
    assert evidence.verdict(locked=True) is True and evidence.verdict(locked=False) is False
    assert evidence.evidence()["foreign_cpu_share"] == 0.025 and evidence.evidence()["steal_share"] == 0.05


def test_foreign_load(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, own=30, busy=33)
    evidence = watched()
    assert evidence.foreign_share() == pytest.approx(0.075) and evidence.verdict(locked=True) is False


def test_a_stranger_on_the_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, own=30, busy=30)
    seen = iter([{"gpu:0": [77]}, {"gpu:0": [77]}, {"gpu:0": []}])  # gone before the end, and still not alone
    evidence = watched(lambda own: next(seen))
    assert evidence.verdict(locked=True) is False
    assert evidence.evidence()["foreign_gpu_processes"] == {"gpu:0": 1}


def test_too_short_or_unheard_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, own=0.1, busy=0.1, seconds=0.1)
    assert watched().verdict(locked=True) is None
    pretend(monkeypatch, own=30, busy=30)

    def silent(own: set[int]) -> dict[str, list[int]]:
        raise RuntimeError("driver gone")

    evidence = watched(silent)
    assert evidence.verdict(locked=True) is None and "driver gone" in evidence.evidence()["reason"]


def test_work_of_children_is_our_own() -> None:
    """A child that has ended and one that lives both count as this run."""
    before = contention.cpu_times()
    burn = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    living = subprocess.Popen(
        [sys.executable, "-c", f"{burn}\nprint(flush=True); input()"], stdin=-1, stdout=-1
    )
    assert living.stdout is not None
    living.stdout.readline()
    spent = contention.cpu_times()["own"] - before["own"]
    living.kill()
    living.communicate()
    assert 0.6 <= spent < 5
