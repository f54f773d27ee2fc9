"""Locks on measured devices, so that two runs on one machine take turns.

File locks: they end with the process, however it ends. A run that counts the whole machine locks the machine
exclusively; a run that counts devices shares the lock of the machine and locks those devices exclusively.
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
_ACQUIRED: list[tuple[int, DeviceLock]] = []  # in this process, with its id: a forked child has none


class DeviceLock:
    """Locks on `claims`; `held`: all of them were acquired within `wait` seconds (None: no limit)."""

    def __init__(
        self,
        claims: Sequence[str],
        wait: float | None = None,
        say: Callable[[str], Any] = lambda sentence: None,
        folder: Path | None = None,
    ) -> None:
        self.claims, self.waited, self.held, self.reason = tuple(claims), 0.0, False, ""
        self._wait, self._say, self._folder = wait, say, folder or lock_folder()
        self._files: list[TextIO] = []

    def acquire(self) -> bool:
        """Wait for the devices; False when they cannot be locked: `reason` then names the holder."""
        # Two runs in one process cannot wait for each other, and their energy cannot be separated.
        other_locks = [lock for pid, lock in _ACQUIRED if pid == os.getpid()]
        if other_locks:
            for lock in other_locks:
                lock.held = False
                lock.reason = "another run was measured in the same process at the same time"
            self.reason = "another run is being measured in the same process"
            return False

        start = time.monotonic()
        try:
            # The same order in every process: no two wait for each other.
            names = [MACHINE, *sorted({*self.claims} - {MACHINE})]
            self.held = all(self._lock(name, start) for name in names)
        except (OSError, Unreadable) as error:
            self.reason = str(error)
        finally:
            self.waited = time.monotonic() - start
            if not self.held:
                self.release()
        if self.held:
            _ACQUIRED.append((os.getpid(), self))
        return self.held

    def _lock(self, name: str, start: float) -> bool:
        """Lock one name; the machine exclusively only when it is claimed as a whole."""
        if fcntl is None:
            raise Unreadable("this system has no file locks of the kind that end with their process")
        exclusive = name != MACHINE or MACHINE in self.claims
        mode = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{re.sub(r'[^A-Za-z0-9.-]', '-', name)}.lock"
        file = path.open("a+", encoding="ascii")
        self._files.append(file)
        waiting = False
        while True:
            try:
                fcntl.flock(file, mode)
                break
            except BlockingIOError:
                file.seek(0)
                pid = file.read().strip()
                self.reason = f"{name} is in use by {f'process {pid}' if pid else 'another run'}"
            if self._wait is not None and time.monotonic() - start >= self._wait:
                return False
            if not waiting:
                self._say(f"waiting: {self.reason}, and its energy must not be counted twice")
                waiting = True
            time.sleep(POLL)
        file.truncate(0)
        if exclusive:
            file.write(str(os.getpid()))
            file.flush()
        return True

    def release(self) -> None:
        """Unlock the devices; a second call does nothing."""
        for file in reversed(self._files):
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_UN)  # closing is not enough: a forked worker may have it open
            file.close()
        self._files.clear()
        _ACQUIRED[:] = [(pid, lock) for pid, lock in _ACQUIRED if lock is not self]

    def evidence(self) -> dict[str, Any]:
        """The state of the lock, for the record."""
        return {
            "held": self.held,
            "claims": list(self.claims),
            "waited_seconds": round(self.waited, 3),
            "reason": None if self.held else self.reason,
        }


def lock_folder() -> Path:
    """A local folder of this user: on network drives locks are not reliable."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "headstart"
    owner = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    return Path(tempfile.gettempdir()) / f"headstart-{owner}"
