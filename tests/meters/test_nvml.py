"""The NVIDIA counter on a driver that steps every 100 ms, resets, splits and hides."""

from __future__ import annotations

import os
import sys

import pytest
from tests.meters.fakes import Clock, Nvml

from headstart.meters.auto import Auto
from headstart.meters.backend import Unreadable
from headstart.meters.hardware_state import gpu_driver, hardware_state
from headstart.meters.meter import Meter
from headstart.meters.nvml import GpuCounter, order_is_certain, visible_gpus
from headstart.meters.nvml import Nvml as NvmlMeter
from headstart.meters.settings import MeterSettings


def counter(
    nvml: Nvml, clock: Clock, environ: dict[str, str] | None = None, first: int | None = 1
) -> GpuCounter:
    return GpuCounter(nvml, environ or {}, clock, first)


def test_counter_by_phase() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    with Meter(counter(nvml, clock), clock=clock) as meter:
        with meter.phase("train"):
            clock.sleep(10)
        clock.sleep(2)
    account = meter.account()
    assert account["method"] == "measured" and account["boundary"] == "gpu"
    assert account["joules"]["train"] == pytest.approx(2500, rel=0.02)
    assert account["joules"]["total"] == pytest.approx(3000, rel=0.02)
    assert list(account["devices"]) == ["gpu:00aa00bb"]
    assert nvml.open == 0


def test_short_windows_are_doubted() -> None:
    clock = Clock()
    with Meter(counter(Nvml(clock), clock), clock=clock) as meter:
        clock.sleep(1.0)
    assert "short for readings" in meter.account()["doubts"][0]


def test_power_is_integrated_where_there_is_no_counter() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    nvml.counts = [False]
    backend = counter(nvml, clock)
    backend.open()
    assert backend.method == "sampled" and backend.read_every == 0.1
    for step in range(100):
        nvml.watts[0] = 200.0 + step
        clock.sleep(0.1)
        backend.read()
    expected = sum(((200 + s) + (200 + s - 1 if s else 250)) / 2 for s in range(100)) * 0.1
    assert backend.read()["gpu:00aa00bb"] == pytest.approx(expected)
    clock.sleep(30)  # a stopped process: what happened is unknown
    with pytest.raises(Unreadable, match=r"not sampled for 30\.0 s"):
        backend.read()


def test_reset_is_detected() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    backend = counter(nvml, clock)
    backend.open()
    nvml.offset[0] = 0
    clock.sleep(1)
    with pytest.raises(Unreadable, match="started again"):
        backend.read()


def test_split_gpu_is_refused() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    nvml.mig = [True]
    with pytest.raises(Unreadable, match="MIG"):
        counter(nvml, clock).open()
    assert nvml.open == 0
    with pytest.raises(Unreadable, match="MIG instance"):
        counter(nvml, clock, {"CUDA_VISIBLE_DEVICES": "MIG-1234"}).open()


def test_no_driver_no_counter_and_no_power() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    nvml.missing = True
    with pytest.raises(Unreadable, match="no NVIDIA driver"):
        counter(nvml, clock).open()
    nvml.missing, nvml.counts, nvml.powerless = False, [False], True
    with pytest.raises(Unreadable, match="Not Supported"):
        counter(nvml, clock).open()


@pytest.mark.parametrize(
    ("value", "indices"),
    [
        (None, [0, 1, 2]), ("", []), ("-1", []), ("2,0", [2, 0]), ("1,-1,2", [1]), ("0,7,1", [0]),
        ("GPU-11aa", [1]), ("GPU-22aa22bb-0000, 0", [2, 0]), ("GPU-", []), ("GPU-99", []), ("1,1", [1]),
        ("x", []),
    ],
)  # fmt: skip
def test_visible_devices(value: str | None, indices: list[int]) -> None:
    environ = {} if value is None else {"CUDA_VISIBLE_DEVICES": value}
    assert [gpu.index for gpu in visible_gpus(Nvml(Clock(), gpus=3), environ)] == indices


def test_used_and_visible() -> None:
    clock, both = Clock(), ["gpu:11aa11bb", "gpu:00aa00bb"]
    for first, keys in ((1, ["gpu:11aa11bb"]), (2, both), (None, both)):
        backend = counter(Nvml(clock, gpus=3), clock, {"CUDA_VISIBLE_DEVICES": "1,0"}, first)
        backend.open()
        assert list(backend.read()) == keys and list(backend.claims) == keys
    with pytest.raises(Unreadable, match="no GPU is visible"):
        counter(Nvml(clock), clock, {"CUDA_VISIBLE_DEVICES": ""}).open()


@pytest.mark.parametrize("settings", [NvmlMeter(kind="nvml"), Auto(kind="auto")])
def test_a_run_on_several_gpus_measures_and_locks_each(
    settings: MeterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", Nvml(Clock(), gpus=3))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    meter = settings.model_copy(update={"idle": 0}).meter("cuda", devices=2)
    with meter:
        evidence = meter.account()["evidence"]["device_lock"]
    gpus = [claim for claim in evidence["claims"] if claim.startswith("gpu")]
    assert evidence["held"] and gpus == ["gpu:00aa00bb", "gpu:11aa11bb"]
    assert {*gpus} <= {*meter.account()["devices"]}


def test_mixed_gpus_have_an_uncertain_order() -> None:
    clock = Clock()
    nvml = Nvml(clock, gpus=2, names="Old,New")
    backend = counter(nvml, clock)
    backend.open()
    assert "CUDA_DEVICE_ORDER" in backend.doubts[0]
    assert order_is_certain(visible_gpus(nvml, {}), {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"})


def test_foreign_processes() -> None:
    clock = Clock()
    nvml = Nvml(clock)
    nvml.pids = [[os.getpid(), 4242]]
    backend = counter(nvml, clock)
    backend.open()
    assert backend.foreign_processes({os.getpid()}) == {"gpu:00aa00bb": [4242]}


def test_hardware_state() -> None:
    (gpu,) = hardware_state(Nvml(Clock()))["gpus"]
    assert gpu["celsius"] == 41 and gpu["power_limit_watts"] == 700 and gpu["megahertz"] is None


def test_driver_version_is_null_without_a_driver() -> None:
    nvml = Nvml(Clock())
    assert gpu_driver(nvml) == "570.1" and nvml.open == 0
    nvml.missing = True
    assert gpu_driver(nvml) is None
