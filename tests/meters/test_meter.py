"""Phases that add up, whatever happens inside them; segments; and what is said when joules are unknown."""

from __future__ import annotations

import math
import time
from contextlib import suppress
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.meters.fakes import Clock, Counter

from headstart.meters import idle
from headstart.meters.device_lock import DeviceLock
from headstart.meters.kinds import NoMeter, Steady, Unmeasured
from headstart.meters.meter import PHASES, WINDOWS, Meter, Phase


def adds_up(meter: Meter, seconds: float, joules: float) -> None:
    account, by_phase = meter.account(), meter.seconds_by_phase()
    assert math.isclose(by_phase["total"], seconds, abs_tol=1e-9)
    assert math.isclose(sum(by_phase[p] for p in PHASES), by_phase["total"], abs_tol=1e-9)
    assert account["joules"] is not None, account["reason"]
    assert math.isclose(account["joules"]["total"], joules, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(sum(account["joules"][p] for p in PHASES), joules, rel_tol=1e-9, abs_tol=1e-9)
    assert math.isclose(sum(account["devices"].values()), joules, rel_tol=1e-9, abs_tol=1e-9)


# A step is a wait, a phase with steps inside that may end in an exception, or one that is left open.
phases = st.sampled_from(PHASES)
steps = st.recursive(
    st.floats(0, 50),
    lambda inner: st.tuples(
        phases, st.lists(inner, max_size=4), st.sampled_from(["ends", "raises", "left open"])
    ),
    max_leaves=12,
)


def live(meter: Meter, clock: Clock, step: Any) -> float:
    """Do the step; the seconds that it took."""
    if isinstance(step, float):
        clock.sleep(step)
        return step
    name, inner, ending = step
    spent = 0.0
    if ending == "left open":  # as Lightning's hooks do when an exception passes between them
        meter.begin(name)
        return sum(live(meter, clock, item) for item in inner)
    try:
        with meter.phase(name):
            for item in inner:
                spent += live(meter, clock, item)
            if ending == "raises":
                raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    return spent


@settings(max_examples=150)
@given(st.lists(steps, max_size=6))
def test_phases_add_up_under_any_nesting_and_exception(plan: list[Any]) -> None:
    clock = Clock()
    with Meter(Counter(clock, 37.0), clock=clock) as meter:
        spent = sum(live(meter, clock, step) for step in plan)
    assert all(value >= 0 for value in meter.seconds.values())
    if spent > 1e-6:
        adds_up(meter, spent, 37.0 * spent)


def test_a_nested_phase_takes_its_share_out() -> None:
    clock = Clock()
    with Meter(Counter(clock), clock=clock) as meter:
        clock.sleep(1)
        with meter.phase("train"):
            clock.sleep(2)
            meter.begin("eval")
            clock.sleep(3)
            meter.end()
            clock.sleep(4)
            assert meter.snapshot() == (6.0, 600.0)
    assert meter.seconds == {"prepare": 0, "count": 0, "train": 6, "eval": 3, "test": 0, "other": 1}
    assert [(p, round(end - start)) for p, start, end in meter.windows] == [
        ("other", 1), ("train", 2), ("eval", 3), ("train", 4),
    ]  # fmt: skip
    adds_up(meter, 10, 1000)


def test_an_exception_ends_the_phases_that_it_passes() -> None:
    clock = Clock()
    meter = Meter(Counter(clock), clock=clock)
    with suppress(ZeroDivisionError), meter:
        with suppress(KeyboardInterrupt), meter.phase("train"):
            meter.begin("eval")  # its end is never reached
            clock.sleep(1)
            raise KeyboardInterrupt
        clock.sleep(2)
        raise ZeroDivisionError
    assert meter.seconds["eval"] == 1 and meter.seconds["other"] == 2 and meter.seconds["train"] == 0
    assert cast(Counter, meter.backend).closed == 1
    adds_up(meter, 3, 300)


def test_ends_without_begin_and_closing_twice_are_harmless() -> None:
    clock = Clock()
    meter = Meter(Counter(clock), clock=clock)
    with meter:
        meter.end()
        clock.sleep(2)
        meter.close()
        clock.sleep(5)
        meter.begin("eval")
    adds_up(meter, 2, 200)


def test_constant_power_in_real_time() -> None:
    with Meter(Steady(100.0)) as meter:
        start = time.perf_counter()
        with meter.phase("train"):
            time.sleep(2)
        span = time.perf_counter() - start
    joules = meter.account()["joules"]
    assert joules["train"] == pytest.approx(100 * span, rel=0.01)
    assert joules["total"] == pytest.approx(200, rel=0.01 + (span - 2) / 2)


def test_unmeasured_is_null_and_says_why() -> None:
    with Meter(NoMeter(kind="none").backend()) as meter, meter.phase("train"):
        assert meter.snapshot()[1] is None
    account = meter.account()
    assert account["method"] == "none" and account["joules"] is None and account["devices"] is None
    assert account["exclusive"] is None and account["dynamic_joules"] is None
    assert "meter=none" in account["reason"]


def test_a_source_that_fails_leaves_null_not_a_part() -> None:
    clock = Clock()
    with Meter(Counter(clock, fails_at=clock() + 5), clock=clock) as meter:
        clock.sleep(4)
        assert meter.snapshot()[1] == 0.0
        clock.sleep(2)
        assert meter.snapshot()[1] is None
        clock.sleep(3)
    account = meter.account()
    assert account["joules"] is None and account["reason"] == "the fake counter is gone"
    assert meter.seconds_by_phase()["total"] == pytest.approx(9)


def test_counters_that_stand_still_are_no_zero() -> None:
    clock = Clock()
    with Meter(Counter(clock, watts=0), clock=clock) as meter:
        clock.sleep(3)
    assert meter.account()["joules"] is None and "did not move" in meter.account()["reason"]


def test_a_failed_gpu_does_not_keep_the_record_away() -> None:
    clock = Clock()

    def broken() -> None:
        raise RuntimeError("CUDA error: device-side assert\nlong story")

    with Meter(Counter(clock), broken, clock=clock) as meter:
        clock.sleep(1)
    assert "device-side assert" in meter.account()["doubts"][0]
    adds_up(meter, 1, 100)


def test_windows_are_bounded() -> None:
    clock = Clock()
    with Meter(Counter(clock), clock=clock) as meter:
        for number in range(WINDOWS + 50):
            meter.begin(cast(Phase, ("train", "eval")[number % 2]))
            clock.sleep(0.001)
    assert len(meter.windows) == WINDOWS
    adds_up(meter, (WINDOWS + 50) / 1000, (WINDOWS + 50) / 10)


def segment(clock: Clock, seconds: float, phase: Phase = "train", backend: Any = None) -> dict[str, Any]:
    with Meter(backend or Counter(clock), clock=clock) as meter, meter.phase(phase):
        clock.sleep(seconds)
    return {"seconds": meter.seconds_by_phase(), "energy": meter.account()}


def test_resumed_segments_add_up() -> None:
    clock = Clock()
    first, second = segment(clock, 5), segment(clock, 2, "eval")
    with Meter(Counter(clock), clock=clock) as meter:
        meter.resumed(first)
        meter.resumed(second)
        with meter.phase("train"):
            clock.sleep(3)
    adds_up(meter, 10, 1000)
    assert meter.seconds["train"] == 8 and meter.joules["eval"] == 200
    assert meter.account()["lost_segments"] == 0


def test_a_lost_segment_is_marked_not_guessed() -> None:
    clock = Clock()
    with Meter(Counter(clock), clock=clock) as meter:
        meter.resumed(None)
        clock.sleep(3)
    assert meter.account()["lost_segments"] == 1
    assert any("lower bound" in doubt for doubt in meter.account()["doubts"])
    adds_up(meter, 3, 300)


@pytest.mark.parametrize("former", [Unmeasured("nobody looked"), Steady(50.0)])
def test_segments_of_another_kind_are_not_added(former: Any) -> None:
    clock = Clock()
    earlier = segment(clock, 5, backend=former)
    with Meter(Counter(clock), clock=clock) as meter:
        meter.resumed(earlier)
        clock.sleep(3)
    assert meter.account()["joules"] is None and "earlier segment" in meter.account()["reason"]
    assert meter.seconds_by_phase()["total"] == pytest.approx(earlier["seconds"]["total"] + 3)


def test_idle_and_dynamic(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(idle, "_KNOWN", {})
    monkeypatch.setattr(idle, "cpu_times", lambda: {"busy": 0.0, "cores": 2.0})
    monkeypatch.setattr(time, "sleep", clock.sleep)
    backend = Counter(clock, watts=20)
    watts, doubt = idle.idle_watts(backend_opened(backend), 2, sleep=clock.sleep, clock=clock)
    assert watts == {"cpu": pytest.approx(20)} and doubt is None
    backend = Counter(clock, watts=100)
    with Meter(backend, None, lambda b: DeviceLock(b.claims, folder=tmp_path), 2, clock) as meter:
        clock.sleep(10)
    account = meter.account()
    assert account["idle_watts"] == {"cpu": pytest.approx(20)}  # known in this process
    assert account["dynamic_joules"] == pytest.approx(1000 - 200)
    assert account["joules"]["total"] == pytest.approx(1000)


def backend_opened(backend: Counter) -> Counter:
    backend.open()
    return backend


def test_idle_is_unknown_while_the_machine_works(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(idle, "_KNOWN", {})
    busy = iter([0.0, 1.0])
    monkeypatch.setattr(idle, "cpu_times", lambda: {"busy": next(busy), "cores": 2.0})
    watts, doubt = idle.idle_watts(backend_opened(Counter(clock)), 2, sleep=clock.sleep, clock=clock)
    assert watts is None and doubt is not None and "25%" in doubt
    assert idle.idle_watts(Steady(10.0), 2) == (None, None)  # an estimate has no idle
