"""curve.jsonl: one line for each evaluation of a run, appended while it trains."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import RecordError
from headstart.records.kept import Recent

CURVE = "curve.jsonl"
COUNTED = ("step", "samples", "tokens", "flops")  # whole numbers of every point


def append_point(file: Path, point: Mapping[str, Any]) -> None:
    """Append one evaluation and flush it; an incomplete line of a killed process is removed first."""
    try:
        line = json.dumps(point, allow_nan=False) + "\n"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("ab+") as stream:
            stream.seek(0)
            content = stream.read()
            if content and not content.endswith(b"\n"):
                stream.truncate(content.rfind(b"\n") + 1)
            stream.write(line.encode())
            stream.flush()
            os.fsync(stream.fileno())
    except (TypeError, ValueError) as error:
        raise RecordError(f"{file}: point not written: {error}; write null instead") from None
    except OSError as error:
        raise RecordError(f"{file}: cannot be written: {error.strerror}") from None


def read_curve(file: Path) -> tuple[list[dict[str, Any]], bool]:
    """The points of a curve, and whether an incomplete last line of a killed process was left out."""
    try:
        lines = file.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        lines = []
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error.strerror}") from None
    points: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            point: Any = json.loads(line)
        except (ValueError, RecursionError):
            if number == len(lines):
                return points, True
            raise RecordError(f"{file}: line {number} is not JSON; the curve cannot be trusted") from None
        if not _is_point(point):
            raise RecordError(f"{file}: line {number} is no evaluation; the curve cannot be trusted")
        if points and point["step"] <= points[-1]["step"]:
            raise RecordError(
                f"{file}: line {number} is of step {point['step']}, after step {points[-1]['step']}; "
                "the curve cannot be trusted"
            )
        points.append(point)
    return points, False


RECENT_CURVES = Recent(read_curve, size=lambda found: len(found[0]), most=50_000)  # points


def watts(point: Mapping[str, Any], previous: Mapping[str, Any]) -> float | None:
    """The power of training between two points, in watts; None where it is not known."""
    seconds = point["seconds"] - previous["seconds"]
    if seconds <= 0 or None in (point["joules"], previous["joules"]):
        return None
    return (point["joules"] - previous["joules"]) / seconds


def _is_point(point: Any) -> bool:
    """Is the JSON value an evaluation: a mapping with its step, what it had spent and its scores?"""
    return (
        isinstance(point, dict)
        and isinstance(point.get("validation"), dict)  # pyright: ignore[reportUnknownMemberType]
        and all(type(point.get(name)) is int for name in COUNTED)  # pyright: ignore[reportUnknownMemberType,reportUnknownArgumentType]
    )
