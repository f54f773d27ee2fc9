"""Joules of an external meter: its csv of `time,watts` is assigned to the phases afterwards."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

from headstart.errors import RecordError
from headstart.meters.meter import PHASES

WALL = "whole machine at the wall"
Window = Sequence[Any]  # phase, start and end in unix seconds


def joules_by_phase(
    windows: Sequence[Window], path: Path, longest_gap: float = 15.0, zone: tzinfo | None = None
) -> dict[str, float]:
    """Joules by phase: power, linear between two readings, is integrated over each window.

    Raises RecordError when a window lies outside the readings, or two readings around one are more than
    `longest_gap` seconds apart. Times are unix seconds or ISO; `zone` is for ISO times that name none.
    """
    import numpy as np

    times, watts = np.array(_readings(path, zone)).T
    _check(windows, times, path, longest_gap)
    spent: dict[str, float] = dict.fromkeys(PHASES, 0.0)
    for phase, start, end in windows:
        grid = np.array([start, *times[(start < times) & (times < end)], end])
        spent[phase] += float(np.trapezoid(np.interp(grid, times, watts), grid))
    return spent


def wall_energy(
    record: Mapping[str, Any], path: Path, boundary: str = WALL, **options: Any
) -> dict[str, Any]:
    """The `cost.energy` section of a finished record, with the joules of an external meter."""
    energy = record["cost"]["energy"]
    spent = joules_by_phase(energy["evidence"]["windows"], path, **options)
    total = sum(spent.values())
    return {
        **energy,
        "method": "measured",
        "backend": f"imported: {path.name}",
        "boundary": boundary,
        "joules": {**spent, "total": total},
        "devices": {"wall": total},
        "reason": None,
        "idle_watts": None,
        "dynamic_joules": None,
        "doubts": [],
    }


def _check(windows: Sequence[Window], times: Any, path: Path, longest_gap: float) -> None:
    import numpy as np

    if not windows:
        raise RecordError("the record keeps no phase windows: a meter's readings cannot be assigned to it")
    start, end = min(w[1] for w in windows), max(w[2] for w in windows)
    if start < times[0] or end > times[-1]:
        raise RecordError(
            f"{path}: readings from {_clock(times[0])} to {_clock(times[-1])} do not cover the run, "
            f"{_clock(start)} to {_clock(end)}: is one of the clocks wrong, or the time zone?"
        )
    first, last = np.searchsorted(times, start, "right") - 1, np.searchsorted(times, end, "left")
    gaps = np.diff(times[first : last + 1])
    if gaps.max() > longest_gap:
        gap_start = times[first + int(gaps.argmax())]
        raise RecordError(
            f"{path}: no reading for {gaps.max():.0f} s from {_clock(gap_start)}, in the middle of the run; "
            f"at most {longest_gap:g} s are bridged"
        )


def _readings(path: Path, zone: tzinfo | None) -> list[tuple[float, float]]:
    """Time and watts of every reading, sorted by time."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror or error}") from None
    if not rows or not {"time", "watts"} <= set(rows[0]):
        raise RecordError(f"{path}: needs the columns time,watts and at least one row")
    readings: list[tuple[float, float]] = []
    for number, row in enumerate(rows, 2):
        try:
            readings.append((_unix(row["time"], zone), float(row["watts"])))
        except (ValueError, TypeError) as error:
            raise RecordError(f"{path}: line {number}: {error}") from None
    return sorted(readings)


def _unix(text: str, zone: tzinfo | None) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None and zone is None:
        raise ValueError(f"time {text!r} names no time zone: write 2026-01-31T12:00:00+00:00 or unix seconds")
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()


def _clock(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="seconds")
