"""Claims: one owner at any time; dead and frozen ones are replaced, whatever their clocks say."""

from __future__ import annotations

import json
import multiprocessing
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headstart.errors import ClaimError
from headstart.studies import claims
from headstart.studies.claims import FOLDER, STALE, Claim, wait

FORK = multiprocessing.get_context("fork")


class Clock:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, claim: Claim, seconds: float, look: float = 10.0) -> bool:
        """Look at a claim every few seconds; returns whether it is held at the end."""
        held = claim.held()
        for _ in range(round(seconds / look)):
            self.now += look
            held = claim.held()
        return held


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(claims, "clock", clock)
    return clock


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Claim]:
    """A claim of a process on another host, which this one cannot ask for."""
    claim = Claim(tmp_path, "run")
    assert claim.acquire()
    foreign(tmp_path / FOLDER / "run.0")
    yield claim
    claim.release()


def foreign(file: Path) -> None:
    owner = json.loads(file.read_text("utf8"))
    file.write_text(json.dumps(owner | {"machine": "elsewhere", "host": "node7"}), "utf8")


def touched(file: Path, seconds: float) -> None:
    mtime = file.stat().st_mtime + seconds
    os.utime(file, (mtime, mtime))


def test_one_owner_until_it_is_released(tmp_path: Path) -> None:
    first, second = Claim(tmp_path, "run"), Claim(tmp_path, "run")
    other = Claim(tmp_path, "run-b")
    assert first.acquire() and not second.acquire()
    assert second.held() and second.owner() == f"process {os.getpid()} on this machine"
    assert other.acquire()
    first.check()
    first.release()
    assert not second.held() and second.acquire()
    second.release()
    other.release()
    assert not (tmp_path / FOLDER).exists(), "nothing stays"


def test_a_process_that_was_killed_is_replaced_at_once(tmp_path: Path) -> None:
    def take(ready: multiprocessing.synchronize.Event) -> None:  # pyright: ignore
        Claim(tmp_path, "run").acquire()
        ready.set()
        time.sleep(60)

    ready = FORK.Event()
    owner = FORK.Process(target=take, args=(ready,))
    owner.start()
    assert ready.wait(30)
    heir = Claim(tmp_path, "run")
    assert not heir.acquire() and heir.owner() == f"process {owner.pid} on this machine"
    owner.kill()
    deadline = time.monotonic() + 30
    while heir.held() and time.monotonic() < deadline:  # not reaped yet: a zombie is dead, too
        time.sleep(0.01)
    assert heir.acquire()
    owner.join()
    heir.release()


def test_its_number_may_belong_to_another_process_by_now(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "run")
    assert claim.acquire()
    file = tmp_path / FOLDER / "run.0"
    owner = json.loads(file.read_text("utf8"))
    assert owner["born"] is not None
    file.write_text(json.dumps(owner | {"born": "1"}), "utf8")
    assert not claim.held()
    claim.release()


def test_an_owner_elsewhere_that_stands_still_is_replaced(
    elsewhere: Claim, clock: Clock, tmp_path: Path
) -> None:
    heir = Claim(tmp_path, "run")
    assert heir.owner().endswith("on node7")
    assert clock.pass_by(heir, STALE - 20)
    assert not heir.acquire()
    assert not clock.pass_by(heir, 40)
    assert heir.acquire()
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["run.1"]
    with pytest.raises(ClaimError, match=r"process \d+ on this machine took over this run"):
        elsewhere.check()
    elsewhere.release()
    heir.check()
    heir.release()


@pytest.mark.parametrize("drift", [1e-9, 2.0, -5.0, 3e8, -3e8])
def test_an_owner_with_any_clock_keeps_its_claim_while_it_touches_it(
    elsewhere: Claim, clock: Clock, tmp_path: Path, drift: float
) -> None:
    """Frozen, slow, behind, years ahead or back: only that a touch changes the time is asked for."""
    watcher, file = Claim(tmp_path, "run"), tmp_path / FOLDER / "run.0"
    for _ in range(5):
        assert clock.pass_by(watcher, STALE - 30)
        touched(file, drift if abs(drift) > 1e-6 else 2.0)
    assert not watcher.acquire()


@pytest.mark.parametrize("jump", [1e9, -1e9, 0.0])
def test_a_jump_of_the_watchers_clock_replaces_nobody(
    elsewhere: Claim, clock: Clock, tmp_path: Path, jump: float
) -> None:
    watcher = Claim(tmp_path, "run")
    assert watcher.held()
    clock.now += jump
    assert watcher.held() and not watcher.acquire()


def test_touches_change_the_time_though_the_clock_is_frozen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "BEAT", 0.01)
    monkeypatch.setattr(claims.time, "time_ns", lambda: 10**18)
    claim = Claim(tmp_path, "run")
    assert claim.acquire()
    file, seen = tmp_path / FOLDER / "run.0", set()
    deadline = time.monotonic() + 30
    while len(seen) < 4 and time.monotonic() < deadline:
        seen.add(file.stat().st_mtime_ns)
        time.sleep(0.005)
    claim.release()
    assert len(seen) >= 4


def test_an_owner_that_moves_again_while_it_is_replaced_stays(
    elsewhere: Claim, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heir, create = Claim(tmp_path, "run"), claims._create
    clock.pass_by(heir, STALE + 20)

    def late(path: Path, title: str) -> bool:
        touched(tmp_path / FOLDER / "run.0", 2.0)
        return create(path, title)

    monkeypatch.setattr(claims, "_create", late)
    assert not heir.acquire()
    elsewhere.check()
    assert heir.held()


def test_of_many_that_see_a_dead_owner_one_takes_over(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "run")
    claim.acquire()
    file = tmp_path / FOLDER / "run.0"
    owner = json.loads(file.read_text("utf8"))
    file.write_text(json.dumps(owner | {"born": "1"}), "utf8")
    start, won = FORK.Barrier(8), FORK.Queue()

    def take() -> None:
        heir = Claim(tmp_path, "run")
        start.wait()
        taken = heir.acquire()
        won.put(taken)
        start.wait()  # the winner lives until everybody has tried
        if taken:
            heir.check()

    heirs = [FORK.Process(target=take) for _ in range(8)]
    for process in heirs:
        process.start()
    assert sorted(won.get(timeout=60) for _ in heirs) == [False] * 7 + [True]
    for process in heirs:
        process.join()
        assert process.exitcode == 0


@pytest.mark.parametrize("content", [b"", b"\x00\xff{", b"[]", b'{"pid": 1}', b"[" * 99_999, None])
def test_a_damaged_claim_is_nobodys_once_it_stands_still(
    elsewhere: Claim, clock: Clock, tmp_path: Path, content: bytes | None
) -> None:
    file, heir = tmp_path / FOLDER / "run.0", Claim(tmp_path, "run")
    if content is None:
        file.unlink()
        file.mkdir()
    else:
        file.write_bytes(content)
    (tmp_path / FOLDER / ".nfs0001").touch()  # what a network drive leaves of an open file
    assert claims.holders(tmp_path) == [] and heir.owner() == "another process"
    assert clock.pass_by(heir, STALE - 20) and not heir.acquire()
    assert not clock.pass_by(heir, 40) and heir.acquire()
    heir.check()
    heir.release()


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from(["take", "leave", "die"]), st.booleans()), max_size=30
    )
)
def test_never_two_owners_where_listings_of_the_folder_are_old(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str, bool]]
) -> None:
    """As on a network drive: a host may see an old listing, unless it has changed the folder itself since."""

    class Host(Claim):
        def __init__(self) -> None:
            super().__init__(folder, "run")
            self.stale, self.created, self.seen, self.at = False, 0, set[int](), -1

        def _generations(self) -> set[int]:
            if not self.stale or self.at != self.created:
                self.seen, self.at = super()._generations(), self.created
            return set(self.seen)

    usual = claims._create

    def create(path: Path, title: str) -> bool:
        created = usual(path, title)
        acting.created += created
        return created

    folder = tmp_path_factory.mktemp("law")
    owners = [Host() for _ in range(4)]
    alive: int | None = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claims, "_create", create)
        for number, act, stale in steps:
            acting = owners[number]
            acting.stale = stale
            if act == "take" and number != alive:
                taken = acting.acquire()
                assert not (taken and alive is not None), "two owners"
                assert taken or alive is not None or stale
                alive = number if taken else alive
            elif act == "leave" and number == alive:
                acting.release()
                alive = None
            elif act == "die" and number == alive:
                (file,) = (folder / FOLDER).iterdir()
                owner = json.loads(file.read_text("utf8"))
                file.write_text(json.dumps(owner | {"born": "1"}), "utf8")
                acting._released.set()
                alive = None
                owners[number] = Host()
    if alive is not None:
        owners[alive].stale = False
        owners[alive].check()
        owners[alive].release()


@settings(max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["take", "leave", "die"])), max_size=30))
def test_never_two_owners(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, str]]) -> None:
    folder = tmp_path_factory.mktemp("law")
    owners = [Claim(folder, "run") for _ in range(4)]
    alive: int | None = None
    for number, act in steps:
        if act == "take" and number != alive:
            taken = owners[number].acquire()
            assert taken == (alive is None)
            alive = number if taken else alive
        elif act == "leave" and number == alive:
            owners[number].release()
            alive = None
        elif act == "die" and number == alive:  # as if its process had ended
            (file,) = (folder / FOLDER).iterdir()
            owner = json.loads(file.read_text("utf8"))
            file.write_text(json.dumps(owner | {"born": "1"}), "utf8")
            alive = None
            owners[number] = Claim(folder, "run")
    if alive is not None:
        owners[alive].check()
        owners[alive].release()


def test_waiting_says_one_line_and_ends_with_the_claim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, said = Claim(tmp_path, "run"), []
    claim.acquire()
    wait([claim], said.append, seconds=0.0)
    sleeps: list[float] = []

    def sleep(seconds: float) -> None:
        sleeps.append(seconds)
        if len(sleeps) == 5:
            claim.release()

    monkeypatch.setattr(claims.time, "sleep", sleep)
    wait([claim], said.append)
    assert said == [f"waiting: the rest is being trained by process {os.getpid()} on this machine"] * 2
    assert sleeps == sorted(sleeps) and min(sleeps) > 0, "it does not spin"
