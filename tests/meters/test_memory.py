"""Memory of a run on the host: its peaks by phase, and since they were asked for last."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from headstart.meters.memory import PeakMemory

LARGE = 256 * 2**20  # bytes
RESET = Path("/proc/self/clear_refs")


@pytest.mark.skipif(not os.access(RESET, os.W_OK), reason="this system cannot reset the peak of a process")
def test_a_peak_is_that_of_the_time_since_the_last_look() -> None:
    memory = PeakMemory()
    for phase in ("train", "eval"):  # an evaluation has two phases, and one look at its end
        rows = np.ones(LARGE if phase == "train" else 1, dtype=np.uint8)
        del rows
        memory.note(phase)
    large = memory.take()["host"]
    memory.note("train")
    small = memory.take()["host"]
    assert large is not None and small is not None and large - small > LARGE / 2
    peaks = memory.peaks()
    assert peaks["host"] == peaks["by_phase"]["host"]["train"] == large
    assert memory.take() == {"host": None, "device": None}, "nothing was noted since"
