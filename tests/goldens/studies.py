"""The studies whose numbers are frozen: one of every task family, and one of every kind of section."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.compare.trials import make_trials, tune, tuned
from tests.factory import make_study
from tests.families import FAMILIES

SMALL: dict[str, Any] = {"examples": 60, "evaluations": 4}
ARMS = ("scratch", "pretrained", "pretrained_frozen")
BEST = {"scratch": 1e-2, "pretrained": 1e-3}


def _pretrained_here(record: dict[str, Any]) -> None:
    """The weights come from a run of our own, whose cost is known."""
    if record["init"]["checkpoint"]:
        cost = {"flops": 10**15, "joules": 500.0, "method": "measured", "seconds": 60.0, "runs": ["a" * 16]}
        place = {"boundary": "cpu package + dram", "machine": "0a1b2c3d4e5f6071", "exclusive": True}
        record["init"]["checkpoint"]["ledger"] = {**cost, **place, "parent": None}


def _score(arm: str, rate: float) -> float:
    return 0.6 - 0.1 * abs(math.log10(rate / BEST[arm]))


def _tuned(folder: Path) -> Path:
    make_trials(folder, _score, setting=tune())
    return make_study(folder, change=tuned(BEST, tune()), **SMALL)


def _plain(**settings: Any) -> Callable[[Path], Path]:
    return lambda folder: make_study(folder, **(SMALL | settings))


STUDIES: dict[str, Callable[[Path], Path]] = {
    "classification": _plain(),
    "arms_and_sizes": _plain(arms=ARMS, rows=(64, 256, 1024, 4096), examples=40),
    "five_arms": _plain(arms=(*ARMS, "pretrained_lora", "scratch_long"), twins=True),
    "failed_runs": _plain(status={("scratch", 0): "diverged", ("pretrained", 1): "failed"}),
    "one_pair": _plain(seeds=[0]),
    "measured": _plain(energy="measured", change=_pretrained_here),
    "no_energy": _plain(energy="none", predictions=False),
    "tuned": _tuned,
    **{name: _plain(family=family) for name, family in FAMILIES.items()},
}
