"""The matmul peak: the best of several windows; what other processes disturbed does not count."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from headstart.meters import matmul_peak
from headstart.meters.matmul_peak import ENOUGH, Window, blas, peak, processor_is_shared

CPU = {"seconds": 0.0, "busy": 0.0, "own": 0.0, "steal": 0.0, "cores": 4.0}


@pytest.fixture(autouse=True)
def one_peak() -> None:
    """Here every window is measured."""


@pytest.fixture(autouse=True)
def none_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matmul_peak, "_windows", {})


def measured(monkeypatch: pytest.MonkeyPatch, *windows: tuple[float, bool]) -> Iterator[Window]:
    made = iter([Window(*window) for window in windows])
    monkeypatch.setattr(matmul_peak, "measure", lambda *_: next(made))
    return made


def test_a_real_window() -> None:
    window = peak("cpu", "fp32", 0.05)
    assert window["windows"] == 1 and window["dtype"] == "fp32" and window["threads"] >= 1
    assert window["blas"] == blas() != ""
    assert matmul_peak.matmul_peak("cpu", "fp32", 0.05) > 1e8


def test_the_best_undisturbed_window_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, (9.0, True), (3.0, False), (5.0, False), (4.0, False))
    peaks = [peak("cpu", "bf16", 0.1) for _ in range(4)]
    assert [found["flops_per_second"] for found in peaks] == [None, 3.0, 5.0, 5.0]
    assert "other processes used the machine" in peaks[0]["reason"] and peaks[1]["reason"] is None
    assert (peaks[-1]["windows"], peaks[-1]["disturbed"]) == (4, 1)


def test_no_window_is_added_when_there_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    left = measured(monkeypatch, *[(2.0, False)] * ENOUGH, (8.0, False))
    found = [peak("cpu", "fp32", 0.1) for _ in range(ENOUGH + 3)]
    assert found[-1]["flops_per_second"] == 2.0
    assert next(left).flops_per_second == 8.0


def test_a_forecast_takes_what_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    measured(monkeypatch, (9.0, True))
    assert matmul_peak.matmul_peak("cpu", "fp32", 0.1) == 9.0


@pytest.mark.parametrize(
    ("busy", "own", "steal", "shared"),
    [
        (2.0, 2.0, 0.0, False),  # alone on its two threads
        (4.0, 2.0, 0.0, False),  # others work on other cores
        (4.0, 1.2, 0.0, True),  # others took what its threads could have used
        (1.2, 1.2, 0.5, True),  # a hypervisor did
        (1.2, 1.2, 0.0, False),  # a limited container: nobody else
    ],
)
def test_when_the_processor_is_shared(
    monkeypatch: pytest.MonkeyPatch, busy: float, own: float, steal: float, shared: bool
) -> None:
    after = {"seconds": 1.0, "busy": busy, "own": own, "steal": steal, "cores": 4.0}
    monkeypatch.setattr(matmul_peak, "cpu_times", lambda: after)
    assert processor_is_shared(CPU, threads=2) is shared
