"""Silence: notices that the ranks of a run wait for one that is there and does nothing any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytorch_lightning as pl

LEAST = 600.0  # seconds without a step that count as silence
TIMES = 20  # and as many times the longest step so far


class Silence(pl.Callback):
    """Of rank 0: calls `end` once where a step takes far longer than any before.

    A rank that ends is noticed otherwise; one that is stopped, or whose device hangs, would be waited for.
    A step is short on the host of a GPU, too, until its queue of work is full.
    """

    def __init__(self, end: Callable[[], None]) -> None:
        self._end = end
        self._longest = 0.0
        self._began: float | None = None  # the step that goes on
        self._over = threading.Event()
        self.waited: float | None = None  # seconds, where there was silence

    def close(self) -> None:
        self._over.set()

    def on_train_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        threading.Thread(target=self._watch, daemon=True, name="headstart-silence").start()

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self._began is not None:
            self._longest = max(self._longest, time.monotonic() - self._began)
        self._began = None

    def _watch(self) -> None:
        while not self._over.wait(1.0):
            waited = time.monotonic() - (self._began or time.monotonic())
            if waited > max(LEAST, TIMES * self._longest):
                self.waited = waited
                self._end()
                return
