"""The choice of a backend, codecarbon's estimate, and what importing the meters does not do."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.meters.fakes import Clock, Counter

from headstart.config import Config
from headstart.errors import ConfigError
from headstart.meters.auto import BestOf, Composite
from headstart.meters.backend import Backend, Unreadable
from headstart.meters.codecarbon import Estimate
from headstart.meters.kinds import Constant, Steady
from headstart.meters.meter import Meter


class Gpu(Counter):
    """A counter of another device."""

    name, boundary, claims, read_every, resolution = "nvml", "gpu", ("gpu:0",), None, 0.1

    def read(self) -> dict[str, float]:
        return {"gpu:0": super().read()["cpu"]}


class Missing(Backend):
    """A backend that is not there."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self.why = why

    def open(self) -> None:
        raise Unreadable(self.why)


def best(device: Any, **parts: Backend) -> BestOf:
    missing = {name: Missing(f"no {name}") for name in ("gpu", "cpu", "estimate")} | parts
    return BestOf(device, *(lambda part=part: part for part in missing.values()))


def test_auto_measures_gpu_and_processor_together() -> None:
    clock = Clock()
    backend = best("cuda", gpu=Gpu(clock, 300), cpu=Counter(clock, 50), estimate=Steady(1, clock))
    with Meter(backend, clock=clock) as meter:
        clock.sleep(10)
    account = meter.account()
    assert account["method"] == "measured" and account["boundary"] == "gpu + fake"
    assert account["devices"] == {"gpu:0": 3000, "cpu": 500} and account["joules"]["total"] == 3500
    assert backend.claims == ("gpu:0", "cpu") and account["unavailable"] == {}


def test_auto_without_gpu_uses_the_processor() -> None:
    clock = Clock()
    backend = best("cpu", gpu=Gpu(clock), cpu=Counter(clock))
    backend.open()
    assert backend.method == "measured" and backend.read() == {"cpu": 0}
    assert "nvml" in backend.unavailable


def test_auto_never_leaves_out_the_device_that_works() -> None:
    clock = Clock()
    processor = Counter(clock)
    backend = best("cuda", cpu=processor, estimate=Steady(10, clock))
    backend.open()
    assert backend.method == "estimated" and backend.name == "constant" and processor.closed == 1
    assert backend.unavailable["nvml"] == "no gpu" and "the GPU does the work" in backend.unavailable["rapl"]


def test_auto_with_nothing_says_all_reasons() -> None:
    with Meter(best("cpu")) as meter:
        pass
    account = meter.account()
    assert account["joules"] is None and account["method"] == "none"
    assert "rapl: no cpu" in account["reason"] and "codecarbon: no estimate" in account["reason"]


def test_sampled_taints_and_estimates_never_mix() -> None:
    clock = Clock()
    sampled, counted = Gpu(clock), Counter(clock)
    sampled.method, sampled.read_every = "sampled", 0.1
    both = Composite([sampled, counted])
    assert both.method == "sampled" and both.read_every == 0.1
    with pytest.raises(ValueError, match="never added"):
        Composite([counted, Steady(1.0)])


def test_codecarbon_around_a_loop_with_flushes_loses_nothing() -> None:
    """mlco2/codecarbon#530: its total around `trainer.fit` was too low. Here its memory power is constant."""
    with Meter(Estimate()) as meter:
        start, first = time.perf_counter(), dict(meter._reading)
        for _ in range(4):
            for name in ("train", "eval"):
                with meter.phase(name):
                    end = time.perf_counter() + 0.25
                    while time.perf_counter() < end:
                        pass
        meter.close()
        span = time.perf_counter() - start
    account = meter.account()
    assert account["method"] == "estimated" and account["joules"] is not None
    from codecarbon.external.ram import RAM

    watts = RAM().total_power().W
    assert account["devices"]["ram"] == pytest.approx(watts * span, rel=0.02), first
    share = account["joules"]["train"] / account["joules"]["total"]
    assert share == pytest.approx(0.5, abs=0.05)


GUARDED = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError("a socket was opened")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse
socket.socket.sendto = refuse
"""


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    import os

    return subprocess.run(
        [sys.executable, "-c", GUARDED + code],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | environ,
    )


def test_importing_is_silent_offline_and_light() -> None:
    done = run(
        "import importlib, pkgutil, headstart.meters as meters\n"
        "for item in pkgutil.iter_modules(meters.__path__):\n"
        "    importlib.import_module('headstart.meters.' + item.name)\n"
        "heavy = {'torch', 'codecarbon', 'pandas', 'pynvml', 'numpy', 'psutil'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_codecarbon_asks_nobody_and_obeys_nobody() -> None:
    """Not even with a token, an endpoint or a data centre's PUE in the environment."""
    done = run(
        "import time\n"
        "from headstart.meters.codecarbon import Estimate\n"
        "backend = Estimate()\n"
        "backend.open()\n"
        "time.sleep(0.3)\n"
        "spent = backend.read()\n"
        "backend.close()\n"
        "assert 0 < spent['ram'] < 40, spent\n",
        CODECARBON_PUE="100", CODECARBON_CO2_SIGNAL_API_TOKEN="x",  # noqa: S106
        CODECARBON_ELECTRICITYMAPS_API_TOKEN="x",  # noqa: S106
        CODECARBON_EMISSIONS_ENDPOINT="http://127.0.0.1:9", CODECARBON_TRACKING_MODE="process",
        CODECARBON_FORCE_RAM_POWER="5000",
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("kind", ["auto", "nvml", "rapl", "codecarbon", "none"])
def test_every_kind_reads_from_one_line(kind: str) -> None:
    from headstart.meters.kinds import MeterKind

    class Holder(Config):
        meter: MeterKind

    meter = Holder.read({"meter": {"kind": kind}}).meter
    assert isinstance(meter.backend("cpu"), Backend) and isinstance(meter.meter("cpu"), Meter)
    assert meter.consequences({"joules": None}, 3600) == {"carbon": None, "money": None}
    with pytest.raises(ConfigError, match="wat"):
        Holder.read({"meter": {"kind": kind, "wat": 1}})


def test_an_estimate_does_not_wait_and_a_measurement_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    clock = Clock()
    for backend, wait in ((Steady(1.0), 0.0), (Counter(clock), 3600)):
        meter = Constant(kind="constant", watts=1.0).meter("cpu")
        assert meter._make_lock is not None
        assert meter._make_lock(backend)._wait == wait
