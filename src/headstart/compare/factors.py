"""Factors: what the pairs of a comparison were drawn over: pretraining seeds, draws of the rows, seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from headstart.compare.statistics.crossed import Table
from headstart.records.fingerprint import as_mapping
from headstart.records.record import Record

Factor = Literal["pretraining", "subset", "seed"]
Sides = tuple[Record, Record]  # baseline, arm
ENOUGH = 3  # levels from which on a page speaks of more than these


def pretraining_seed(record: Record) -> int | None:
    """The seed of the weights that a run began from; None where the study did not pretrain them."""
    arm = as_mapping(record.config.get("arm"))
    return int(arm.get("pretraining_seed") or 0) if arm.get("pretraining") else None


def draw(record: Record) -> int | None:
    """Which draw of the rows a run had; None where it had all rows."""
    size = as_mapping(record.config.get("size"))
    return None if size.get("seed") is None else int(size["seed"])


def of_pair(sides: Sides) -> dict[Factor, int | None]:
    """The levels of one pair; the pretraining is the arm's, or the baseline's where only that has one."""
    baseline, arm = sides
    seed = pretraining_seed(arm)
    return {
        "pretraining": pretraining_seed(baseline) if seed is None else seed,
        "subset": draw(arm),
        "seed": arm.seed,
    }


def levels(pairs: Sequence[Sides]) -> Mapping[str, np.ndarray]:
    """By factor the level of each pair, -1 where a pair has none."""
    return _arranged([of_pair(sides) for sides in pairs])


def _arranged(found: Sequence[Mapping[Factor, int | None]]) -> Mapping[str, np.ndarray]:
    names: tuple[Factor, ...] = ("pretraining", "subset", "seed")
    return {
        name: np.array([-1 if (level := each[name]) is None else level for each in found]) for name in names
    }


def table(pairs: Sequence[Sides]) -> Table | None:
    """How these pairs are crossed or nested; None where each is a draw of its own, as with seeds alone."""
    return table_of([of_pair(sides) for sides in pairs])


def table_of(levels: Sequence[Mapping[Factor, int | None]]) -> Table | None:
    """The same of pairs with these levels."""
    found = Table.of(_arranged(levels))
    return found if found.nested else None


def table_of_runs(runs: Sequence[Record]) -> Table | None:
    """The same of the runs of one arm."""
    return table([(record, record) for record in runs])


def few(pairs: Sequence[Sides]) -> tuple[int | None, int | None]:
    """Pretraining seeds and draws of the rows, where a page has too few of them to speak of others.

    None: there are enough, or there is nothing to draw; both are None for weights that others pretrained.
    """
    found = levels(pairs)
    if not pairs or found["pretraining"].min() < 0:
        return None, None
    seeds, draws = (len({*found[name].tolist()}) for name in ("pretraining", "subset"))
    all_rows = found["subset"].min() < 0
    return seeds if seeds < ENOUGH else None, draws if draws < ENOUGH and not all_rows else None


def units(pairs: Sequence[Sides]) -> list[list[int]]:
    """The pairs of each independent unit: each alone, or those of one level of the factor with fewest."""
    found = table(pairs)
    return [[place] for place in range(len(pairs))] if found is None else found.fewest()
