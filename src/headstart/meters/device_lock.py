"""An exclusive lease on the devices that are measured, so that two runs on one machine take turns.

File locks: they end with the process, however it ends. A run that counts the whole machine takes the machine
for itself; a run that counts devices shares the machine and takes those devices for itself.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

from headstart.meters.backend import Unreadable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

POLL = 0.2  # seconds between two attempts
MACHINE = "machine"
_HERE: list[tuple[int, Lease]] = []  # leases of this process, with its id: a forked child has none


def lease_folder() -> Path:
    """A folder of this user on this machine: never a network drive, where locks can lie."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "headstart"
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"headstart-{owner}"


class Lease:
    """Locks on `claims`; `held` says whether all of them were got within `wait` seconds (None: no limit)."""

    def __init__(
        self,
        claims: Sequence[str],
        wait: float | None = None,
        say: Callable[[str], Any] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.claims, self.waited, self.held, self.why = tuple(claims), 0.0, False, ""
        self._wait, self._say, self._folder = wait, say or (lambda _: None), folder or lease_folder()
        self._files: list[TextIO] = []

    def acquire(self) -> bool:
        """Wait for the devices; False when they were not to be had, and then `why` says who has them."""
        if self._meets_another():
            return False
        start = time.monotonic()
        try:
            names = [
                MACHINE,
                *sorted({*self.claims} - {MACHINE}),
            ]  # one order for all: nobody waits in a ring
            self.held = all(self._take(name, start) for name in names)
        except (OSError, Unreadable) as error:
            self.why = str(error)
        finally:
            self.waited = time.monotonic() - start
            if not self.held:
                self.release()
        if self.held:
            _HERE.append((os.getpid(), self))
        return self.held

    def _meets_another(self) -> bool:
        """Two runs in one process cannot wait for each other or be told apart: neither is alone."""
        here = [lease for pid, lease in _HERE if pid == os.getpid()]
        for lease in here:
            lease.held, lease.why = False, "another run was measured in the same process at the same time"
        self.why = "another run is being measured in the same process"
        return bool(here)

    def _take(self, name: str, start: float) -> bool:
        """Lock one name. The machine is locked for oneself only when it is claimed as a whole."""
        alone = name != MACHINE or MACHINE in self.claims
        file = self._open(name)
        told = False
        while not _locked(file, alone):
            holder = _holder(file)
            self.why = f"{name} is in use by {holder or 'another run'}"
            if self._wait is not None and time.monotonic() - start >= self._wait:
                return False
            if not told:
                self._say(f"waiting: {self.why}, and its energy must not be counted twice")
                told = True
            time.sleep(POLL)
        file.truncate(0)
        if alone:
            file.write(str(os.getpid()))
            file.flush()
        return True

    def _open(self, name: str) -> TextIO:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{re.sub(r'[^A-Za-z0-9.-]', '-', name)}.lock"
        file = path.open("a+", encoding="ascii")
        self._files.append(file)
        return file

    def release(self) -> None:
        """Let the devices go; releasing twice is releasing once."""
        for file in reversed(self._files):
            _unlock(file)
            file.close()
        self._files.clear()
        _HERE[:] = [(pid, lease) for pid, lease in _HERE if lease is not self]

    def evidence(self) -> dict[str, Any]:
        """What the record keeps."""
        return {
            "held": self.held,
            "claims": list(self.claims),
            "waited_seconds": round(self.waited, 3),
            "reason": None if self.held else self.why,
        }


def _locked(file: TextIO, alone: bool) -> bool:
    if fcntl is None:
        raise Unreadable("this system has no file locks of the kind that end with their process")
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _unlock(file: TextIO) -> None:
    """Closing is not enough: a forked worker may still have the file open."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)


def _holder(file: TextIO) -> str:
    file.seek(0)
    pid = file.read().strip()
    return f"process {pid}" if pid else ""
