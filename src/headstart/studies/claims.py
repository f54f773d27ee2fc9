"""Claims: one process trains a run, whatever processes and hosts share the study's folder.

A claim is a small file, `.claims/NAME.GENERATION`, that its owner creates and touches every BEAT seconds. The
highest generation counts. A claim that stands still is taken over by the next generation; its former owner
notices it before it writes again.

What is relied on, so that network drives will do: a file is created by one process (O_EXCL), whoever created
a file sees all files of its folder, an opened file is asked for at the server, and a touch is seen elsewhere
within STALE seconds. What is not: locks of the file system, clocks that agree, new listings of a folder, and
files that stay whole.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from headstart.errors import ClaimError

FOLDER = ".claims"  # in the folder of the study
BEAT = 10.0  # seconds between two touches
STALE = 120.0  # seconds without a touch until a claim is taken over
MOST = 30.0  # seconds that one look at a claim may add, so that a watcher that slept is not misled
TICK = 2_000_000_000  # nanoseconds: what a touch adds at least, also where the clock stands or goes back

_watched: dict[Path, _Watch] = {}  # what this process saw of the claims of others
clock: Callable[[], float] = time.monotonic


@dataclass
class _Watch:
    """What was last read of a claim, when, and for how many seconds it has been the same."""

    reading: tuple[bytes, int]
    seen: float
    still: float = 0.0


@dataclass(frozen=True)
class Holder:
    """Who has a claim. Of another host, `alive` is judged by this host's clock: for people to read."""

    name: str
    title: str
    host: str
    pid: int
    here: bool  # on this machine
    alive: bool


class Claim:
    """The claim on one name. `with claim:` after `acquire` releases it."""

    def __init__(self, folder: Path, name: str, title: str = "") -> None:
        self.folder, self.name, self.title = folder / FOLDER, name, title
        self._own: Path | None = None
        self._released = threading.Event()

    def acquire(self) -> bool:
        """Take the claim; False while another process has it."""
        generations = self._generations()
        below = max(generations, default=-1)
        reading = _read(self._path(below)) if generations else None
        if generations and not self._abandoned(below, reading):
            return False
        path = self._path(below + 1)
        if not _create(path, self.title):
            return False
        generations = self._generations()
        moved = below >= 0 and (below not in generations or _read(self._path(below)) != reading)
        if max(generations, default=-1) != below + 1 or moved:  # others came first, or it is alive
            path.unlink(missing_ok=True)
            return False
        for generation in generations - {below + 1}:
            with suppress(OSError):  # what is left below counts for nothing
                self._path(generation).unlink()
        self._own = path
        self._released.clear()
        threading.Thread(target=self._beat, args=(path,), daemon=True, name=f"claim {self.name}").start()
        return True

    def held(self) -> bool:
        """Does another process have the claim, and is it alive?"""
        generations = self._generations()
        highest = max(generations, default=-1)
        return bool(generations) and not self._abandoned(highest, _read(self._path(highest)))

    def owner(self) -> str:
        """Who has the claim: `process 12 on this machine`."""
        generations = self._generations()
        reading = _read(self._path(max(generations))) if generations else None
        owner = _owner(reading[0]) if reading else None
        if owner is None:
            return "another process"
        where = "this machine" if owner["machine"] == _machine() else owner["host"]
        return f"process {owner['pid']} on {where}"

    def check(self) -> None:
        """ClaimError when another process took the claim over, because this one stood still too long."""
        for seconds in (1.0, 0.0):
            highest = self._path(max(self._generations(), default=-1))
            if self._own == highest and _read(highest) is not None:  # opened: a listing may be an old one
                return
            time.sleep(seconds)  # another process may have tried, and withdrawn
        raise ClaimError(f"{self.owner()} took over this run, since this process stood still too long")

    def release(self) -> None:
        """Give the claim up; a second call does nothing."""
        self._released.set()
        if self._own is not None:
            with suppress(OSError):  # it is gone, or not ours any more
                self._own.unlink()
            self._own = None
            with suppress(OSError):  # not empty
                self.folder.rmdir()

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def _path(self, generation: int) -> Path:
        return self.folder / f"{self.name}.{generation}"

    def _generations(self) -> set[int]:
        try:
            names = os.listdir(self.folder)
        except FileNotFoundError:
            return set()
        parts = [name.rpartition(".") for name in names]
        return {int(number) for name, _, number in parts if name == self.name and number.isdecimal()}

    def _abandoned(self, generation: int, reading: tuple[bytes, int] | None) -> bool:
        """Has its process ended on this machine, or has it not been touched for STALE seconds?

        Seconds are those of this process's clock while it looks: clocks of hosts are not compared.
        """
        path, now = self._path(generation), clock()
        if reading is None:  # released between two looks
            return False
        watch = _watched.get(path)
        if watch is None or watch.reading != reading:
            watch = _watched[path] = _Watch(reading, now)
        watch.still += min(max(now - watch.seen, 0.0), MOST)
        watch.seen = now
        owner = _owner(reading[0])
        ended = owner is not None and owner["machine"] == _machine() and not _lives(owner)
        return ended or watch.still >= STALE

    def _beat(self, path: Path) -> None:
        """Touch the file until the claim is released; the time grows also where the clock does not."""
        last = 0
        while not self._released.wait(BEAT):
            last = max(time.time_ns(), last + TICK)
            try:
                os.utime(path, ns=(last, last))
            except FileNotFoundError:
                return  # taken over: `check` says so
            except OSError:
                continue  # the network drive may come back


def wait(
    claims: Sequence[Claim],
    say: Callable[[str], Any],
    seconds: float | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Wait until one of these claims is free, for so many seconds, or until `stopped`; says once for whom."""
    start, pause = clock(), 0.2
    if all(claim.held() for claim in claims):
        owners = ", ".join(dict.fromkeys(claim.owner() for claim in claims))
        say(f"waiting: the rest is being trained by {owners}")
    while all(claim.held() for claim in claims):
        if (seconds is not None and clock() - start >= seconds) or stopped():
            return
        time.sleep(pause)
        pause = min(1.5 * pause, BEAT)


def holders(folder: Path) -> list[Holder]:
    """Everything that is claimed in a study's folder, by name, from the files alone."""
    found: dict[str, Holder] = {}
    claims = [path for path in (folder / FOLDER).glob("*.*") if path.suffix[1:].isdecimal()]
    for path in sorted(claims, key=lambda path: int(path.suffix[1:])):
        reading = _read(path)
        if reading is None or (owner := _owner(reading[0])) is None:
            continue
        here = owner["machine"] == _machine()
        silent = time.time() - reading[1] / 1e9
        found[path.stem] = Holder(
            name=path.stem,
            title=owner["title"],
            host=owner["host"],
            pid=owner["pid"],
            here=here,
            alive=_lives(owner) if here else silent < STALE,
        )
    return [*found.values()]


def _create(path: Path, title: str) -> bool:
    """Create the file of a claim; False when there is one."""
    owner = {
        "title": title,
        "host": socket.gethostname(),
        "machine": _machine(),
        "pid": os.getpid(),
        "born": _born(os.getpid()),
        "claim": uuid.uuid4().hex,
    }
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf8") as file:
                file.write(json.dumps(owner))
            return True
        except FileExistsError:
            return False
        except FileNotFoundError:  # the last owner removed the empty folder just now
            continue


def _read(path: Path) -> tuple[bytes, int] | None:
    """The content of a claim and the time of its last touch; None when it is not there any more."""
    try:
        with path.open("rb") as file:  # opened, so that a network drive asks its server
            return file.read(), os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        return None
    except OSError:  # it cannot be read: nobody's, once it has stood still for long enough
        return b"", 0


def _owner(content: bytes) -> dict[str, Any] | None:
    """Who wrote a claim; None while it is being written, and where it is damaged."""
    try:
        owner = json.loads(content)
        kinds: list[type] = [type(owner[name]) for name in ("title", "host", "machine", "pid")]
        whole = kinds == [str, str, str, int] and 0 < owner["pid"] < 2**31
        return {"born": None, **owner} if whole else None
    except (ValueError, RecursionError, KeyError, TypeError):
        return None


@cache
def _machine() -> str:
    """Where process numbers mean the same: a boot of a machine, or of a container on it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{socket.gethostname()} {boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return f"{socket.gethostname()} {uuid.getnode():x}"


def _lives(owner: dict[str, Any]) -> bool:
    """Does the process of an owner on this machine still run? Its number may be another's by now."""
    import psutil

    return psutil.pid_exists(owner["pid"]) and _born(owner["pid"]) in (None, owner["born"])


def _born(pid: int) -> str | None:
    """When a process began, in ticks since the boot: no clock changes it. None: this system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf8").rpartition(")")[2].split()
    except OSError:
        return None
    return "ended" if fields[0] in "ZX" else fields[19]
