"""RAPL on a tree like the kernel's: overlaps, twins, mirrors, wraps, gaps and missing rights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.meters.fakes import Clock, Powercap, spend

from headstart.meters import rapl
from headstart.meters.backend import Unreadable
from headstart.meters.meter import Meter
from headstart.meters.rapl import PackageCounter, Zone, zones


@pytest.fixture
def cap(tmp_path: Path) -> Powercap:
    return Powercap(tmp_path)


def opened(cap: Powercap, clock: Clock) -> PackageCounter:
    backend = PackageCounter(cap.root, clock)
    backend.open()
    return backend


def test_only_packages_and_memory_once(cap: Powercap) -> None:
    tree, clock = cap.laptop(), Clock()
    backend = opened(cap, clock)
    assert backend.boundary == "cpu packages + dram" and backend.read_every == 1.0 and backend.doubts == []
    for zone in tree.values():
        spend(zone, 10)
    clock.sleep(1)
    assert backend.read() == {"cpu:package-0": pytest.approx(10), "dram:package-0": pytest.approx(10)}


def test_mmio_counts_where_it_is_the_only_one(cap: Powercap) -> None:
    cap.zone("intel-rapl-mmio:0", "package-0")
    assert [zone.key for zone in zones(cap.root)] == ["cpu:package-0"]


def test_by_phase_in_a_meter(cap: Powercap) -> None:
    tree, clock = cap.laptop(), Clock()
    with Meter(PackageCounter(cap.root, clock), clock=clock) as meter:
        with meter.phase("train"):
            spend(tree["package"], 80)
            spend(tree["dram"], 5)
            clock.sleep(1)
        spend(tree["package"], 15)
        clock.sleep(1)
    joules = meter.account()["joules"]
    assert joules["train"] == pytest.approx(85) and joules["total"] == pytest.approx(100)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0.01, 100), st.floats(0, 600)), min_size=1, max_size=30))
def test_wraps_are_summed(tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[float, float]]) -> None:
    cap, clock, total = Powercap(tmp_path_factory.mktemp("cap")), Clock(), 0.0
    package = cap.zone("intel-rapl:0", "package-0", Powercap.RANGE - 50)
    backend = opened(cap, clock)
    for seconds, watts in plan:
        spend(package, watts * seconds)
        clock.sleep(seconds)
        backend.read()
        total += watts * seconds
    assert backend.read()["cpu:package-0"] == pytest.approx(total, abs=1e-4)


def test_many_wraps_between_readings_are_not_guessed(cap: Powercap) -> None:
    clock = Clock()
    package = cap.zone("intel-rapl:0", "package-0")
    backend = opened(cap, clock)
    spend(package, 3 * 262_144 + 5)
    clock.sleep(3600)
    with pytest.raises(Unreadable, match="wrapped unseen: it was not read for 3600 s"):
        backend.read()


def test_many_wraps_reach_the_record_as_null(cap: Powercap) -> None:
    clock = Clock()
    cap.zone("intel-rapl:0", "package-0")
    with Meter(PackageCounter(cap.root, clock), clock=clock) as meter:
        assert meter._sampler is not None
        meter._sampler.stop()  # a suspended machine
        clock.sleep(3600)
    assert meter.account()["joules"] is None and "wrapped unseen" in meter.account()["reason"]


def test_small_counters_are_read_in_time(cap: Powercap) -> None:
    cap.zone("intel-rapl:0", "package-0", range_=400_000_000)  # 400 J: 0.4 s at the most that a package draws
    assert opened(cap, Clock()).read_every == pytest.approx(0.2)


def test_a_reset_is_no_wrap(cap: Powercap) -> None:
    clock = Clock()
    package = cap.zone("intel-rapl:0", "package-0", 200_000_000_000)
    backend = opened(cap, clock)
    (package / "energy_uj").write_text("0")
    clock.sleep(1)
    with pytest.raises(Unreadable, match="was reset"):
        backend.read()


def test_mirrored_dies_are_counted_once(cap: Powercap) -> None:
    first = cap.zone("intel-rapl:0", "package-0", 7_000_000)
    second = cap.zone("intel-rapl:1", "package-1", 7_000_000)
    clock = Clock()
    backend = opened(cap, clock)
    assert backend.doubts == ["cpu:package-1 shows the counter of cpu:package-0: counted once"]
    spend(first, 30)
    spend(second, 30)
    clock.sleep(1)
    assert backend.read() == {"cpu:package-0": pytest.approx(30)}
    spend(second, 1)
    backend.close()
    assert "no mirror" in backend.doubts[1]


def test_two_sockets_are_two(cap: Powercap) -> None:
    cap.zone("intel-rapl:0", "package-0", 7_000_000)
    cap.zone("intel-rapl:1", "package-1", 7_100_000)
    assert list(opened(cap, Clock()).read()) == ["cpu:package-0", "cpu:package-1"]


def test_zeros_are_no_mirror(cap: Powercap) -> None:
    cap.zone("intel-rapl:0", "package-0")
    cap.zone("intel-rapl:1", "package-1")
    assert len(opened(cap, Clock()).read()) == 2


def test_missing_right_names_the_fix(cap: Powercap, monkeypatch: pytest.MonkeyPatch) -> None:
    cap.laptop()

    def denied(*_: object, **__: object) -> str:
        raise PermissionError(13, "Permission denied")

    package = zones(cap.root)[0]
    monkeypatch.setattr(rapl.Path, "read_text", denied)
    with pytest.raises(Unreadable, match=r"sudo chmod a\+r /sys/class/powercap/\*/energy_uj"):
        Zone(package.key, package.folder, package.range).microjoules()


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_a_part_of_the_packages_is_refused(cap: Powercap) -> None:
    cap.zone("intel-rapl:0", "package-0")
    (cap.zone("intel-rapl:1", "package-1") / "energy_uj").chmod(0)
    with pytest.raises(Unreadable, match="root only"):
        opened(cap, Clock())


def test_nothing_there(tmp_path: Path, cap: Powercap) -> None:
    with pytest.raises(Unreadable, match="no processor energy counter"):
        PackageCounter(tmp_path / "nowhere").open()
    cap.zone("intel-rapl:1", "psys")
    with pytest.raises(Unreadable, match="no counter of a processor package"):
        PackageCounter(cap.root).open()
