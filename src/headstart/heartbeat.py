"""Heartbeat: lines on stderr that say what a command does, where no line can move."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

FIRST = 1.0  # seconds until a command says what it does
PHASE = 5.0  # seconds that a later phase lasts before it is said
EVERY = 30.0  # seconds between two lines of one phase
SLOW = ("torch", "transformers", "datasets")  # loading them can stop every thread for seconds


class Heartbeat:
    """What this process does. It is said only within `beat`: a function that is called from a notebook is
    silent."""

    def __init__(self) -> None:
        self.sentence = ""  # of the phase; none: the command is at work
        self._command, self._said = "", ""
        self._began = 0.0
        self._due = math.inf  # when the phase is said
        self._latest = math.inf  # when something is said, whatever the phase

    @contextmanager
    def beat(self, command: str) -> Iterator[None]:
        """While the block runs, say what is going on; nothing on a terminal, where spinners and bars do."""
        from rich.console import Console

        began = time.monotonic()
        if Console(stderr=True).is_interactive or sys.stderr is not sys.__stderr__:  # somebody collects it
            yield
            return
        ended = threading.Event()
        thread = threading.Thread(target=self._beat, args=(ended,), daemon=True, name="heartbeat")
        self._command, self._said, self._began = command, "", began
        self._due = self._latest = began + FIRST
        sys.meta_path.insert(0, self)
        thread.start()
        try:
            yield
        finally:
            sys.meta_path.remove(self)
            ended.set()
            thread.join()
            self.quiet()

    @contextmanager
    def during(self, sentence: str) -> Iterator[Heartbeat]:
        """A phase as long as the block; then the phase before goes on."""
        before = self.sentence, self._began
        self.phase(sentence)
        try:
            yield self
        finally:
            (self.sentence, self._began), self._due = before, self._latest

    def phase(self, sentence: str, within: float = PHASE) -> None:
        """Another phase begins; it is said after so many seconds, if it lasts."""
        self.sentence, self._began = sentence, time.monotonic()
        self._due = min(self._latest, self._began + within)

    def update(self, sentence: str) -> None:
        """How far the phase is, for its next line."""
        self.sentence = sentence

    def pause(self) -> None:
        """A line was printed just now."""
        self._due = self._latest = time.monotonic() + EVERY

    def quiet(self) -> None:
        self._due = self._latest = math.inf

    def find_spec(self, name: str, *_: object) -> None:
        """Python asks before every import: the first line comes before one that is slow."""
        if name in SLOW and not self._said:
            self._say()

    def _beat(self, ended: threading.Event) -> None:
        while not ended.wait(0.25):
            if time.monotonic() >= self._due:
                self._say()

    def _say(self) -> None:
        sentence = self.sentence or f"{self._command} is at work"
        took = f" {time.monotonic() - self._began:.0f} s so far" if sentence == self._said else ""
        self._said = sentence
        self.pause()
        with suppress(OSError, ValueError):  # nobody reads stderr any more
            sys.stderr.write(f"{sentence} ...{took}\n")
            sys.stderr.flush()


heartbeat = Heartbeat()
