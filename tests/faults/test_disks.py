"""A disk that is full or read-only: a sentence, and with room the same command makes the study whole."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.faults.undisturbed import STUDY, command, copied, whole
from tests.studies.command import headstart

pytestmark = pytest.mark.usefixtures("unreported")

SMALL = "size=4m"
Remount = Callable[[str], None]


@pytest.fixture
def disk(quick: list[str]) -> Iterator[Remount]:
    """A small disk of its own at ./runs; the function mounts it again with other options."""
    Path("runs").mkdir()

    def mount(options: str) -> None:
        line = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", "runs"]
        done = subprocess.run(line, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk can be mounted here: {done.stderr.strip() or done.returncode}")

    mount(SMALL)
    try:
        yield lambda options: mount(f"remount,{options}")
    finally:
        subprocess.run(["umount", "-l", "runs"], check=True)


def sentences(err: str) -> list[str]:
    return [line for line in err.splitlines() if line.startswith("headstart: ")]


@pytest.mark.parametrize(
    "room", [0, 24_000, *(pytest.param(n, marks=pytest.mark.slow) for n in (4_000, 60_000, 100_000, 160_000))]
)
def test_a_full_disk(room: int, quick: list[str], disk: Remount, monkeypatch: pytest.MonkeyPatch) -> None:
    """`room`: the bytes that are left; the check before the first run is left out but for the first case."""
    before = copied(quick)
    for path in STUDY.glob("*/*"):
        path.unlink()
    if room:
        monkeypatch.setattr("headstart.studies.run_folder.ROOM", 0)
    with Path("runs/filler").open("wb", buffering=0) as filler, suppress(OSError):
        while True:
            filler.write(bytes(4096))
    with Path("runs/filler").open("rb+") as filler:
        filler.truncate(Path("runs/filler").stat().st_size - room)
    typed = headstart(*command(quick))
    assert typed.code in (1, 2) and sentences(typed.err), typed.err
    assert "No space left on device" in typed.err or "make room" in typed.err, typed.err
    Path("runs/filler").unlink()
    assert headstart(*command(quick)).code == 0
    assert whole(STUDY) == before
    assert not list(STUDY.glob("*/.*"))


def test_a_disk_that_became_read_only(quick: list[str], disk: Remount) -> None:
    before = copied(quick)
    (folder,) = STUDY.glob("*-scratch-*")
    for path in folder.iterdir():
        path.unlink()
    disk("ro")
    for words in (command(quick), ["report", str(STUDY)]):
        typed = headstart(*words)
        (line,) = sentences(typed.err)
        assert typed.code in (1, 2) and "Read-only file system" in line, typed.err
    assert headstart("plan", *command(quick)).code == 0
    disk("rw")
    assert headstart(*command(quick)).code == 0
    assert whole(STUDY) == before
