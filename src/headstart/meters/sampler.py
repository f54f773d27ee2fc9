"""A thread that looks at the meter often enough that nothing passes between two looks."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Guard:
    """Calls `look` every `seconds` until it is stopped; never keeps the process alive."""

    def __init__(self, look: Callable[[], None], seconds: float) -> None:
        self._look, self._seconds, self._end = look, seconds, threading.Event()
        self._thread = threading.Thread(target=self._run, name="headstart-meter", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._end.wait(self._seconds):
            self._look()

    def stop(self) -> None:
        """No look after this."""
        self._end.set()
        self._thread.join(timeout=5)
