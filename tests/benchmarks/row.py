"""Row: one claim of the benchmarks, a ratio to a baseline that is measured in turns with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from rich.table import Table

Call = Callable[[], object]


@dataclass(frozen=True)
class Size:
    """How much is measured; `small` tries every line of a benchmark, and its figures mean nothing."""

    folder: Path  # for files of this benchmark
    rounds: int = 5
    small: bool = False

    def of(self, full: int, small: int) -> int:
        """The number to use."""
        return small if self.small else full


@dataclass(frozen=True)
class Row:
    """A claim, its ratio in every round, and figures in other units; without ratios, why it was not measured.

    `unit` says what the ratios are: "times", "share" or "exponent". `goal` is a sentence.
    """

    part: str
    name: str
    against: str
    ratios: Sequence[float] = ()
    unit: str = "times"
    figures: Mapping[str, float] = field(default_factory=dict)
    goal: str = ""
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """The row for JSON."""
        ends = [min(self.ratios), max(self.ratios)] if self.ratios else None
        return {
            "part": self.part,
            "name": self.name,
            "against": self.against,
            "median": round(median(self.ratios), 4) if self.ratios else None,
            "range": ends and [round(end, 4) for end in ends],
            "rounds": len(self.ratios),
            "unit": self.unit,
            "figures": {name: float(f"{value:.4g}") for name, value in self.figures.items()},
            "goal": self.goal,
            "reason": self.reason or None,
        }


def seconds(call: Call) -> float:
    """Seconds of one call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def interleaved(calls: Mapping[str, Call], rounds: int, warm_up: bool = True) -> dict[str, list[float]]:
    """Seconds of every call in every round, taken A B C A B C after each was called once."""
    if warm_up:
        for call in calls.values():
            call()
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            taken[name].append(seconds(call))
    return taken


def divided(first: Sequence[float], second: Sequence[float]) -> list[float]:
    """The ratio of each round."""
    return [a / b for a, b in zip(first, second, strict=True)]


def text(row: Mapping[str, Any]) -> list[str]:
    """The cells of a row in JSON: what, ratio, range, against what, figures, goal."""
    if row["median"] is None:
        return [row["name"], "–", "", row["against"], row["reason"], row["goal"]]
    low, high = row["range"]
    figures = ", ".join(f"{value:,g} {name}" for name, value in row["figures"].items())
    return [
        row["name"],
        f"{row['median']:.3g}",
        f"{low:.3g} to {high:.3g}",
        row["against"],
        figures,
        row["goal"],
    ]


HEADS = ("what", "ratio", "range", "to", "figures", "goal")


def table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The table that `make bench` prints."""
    made = Table(*HEADS, title="benchmarks")
    for number, row in enumerate(rows):
        if number and rows[number - 1]["part"] != row["part"]:
            made.add_section()
        made.add_row(*text(row))
    return made


def markdown(rows: Sequence[Mapping[str, Any]]) -> str:
    """The same table in Markdown, one per part."""
    parts: list[str] = []
    for part in dict.fromkeys(row["part"] for row in rows):
        lines = [HEADS, ["---"] * len(HEADS), *(text(row) for row in rows if row["part"] == part)]
        parts.append("\n".join([f"### {part}", "", *(f"| {' | '.join(line)} |" for line in lines)]))
    return "\n\n".join(parts)
