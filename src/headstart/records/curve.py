"""curve.jsonl: one line for each evaluation of a run, appended while it trains."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headstart.errors import RecordError

CURVE = "curve.jsonl"


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
        lines = file.read_text("utf-8", errors="replace").splitlines() if file.exists() else []
    except OSError as error:
        raise RecordError(f"{file}: cannot be read: {error.strerror}") from None
    points: list[dict[str, Any]] = []
    for number, line in enumerate(lines, start=1):
        try:
            points.append(json.loads(line))
        except json.JSONDecodeError:
            if number == len(lines):
                return points, True
            raise RecordError(f"{file}: line {number} is not JSON; the curve cannot be trusted") from None
    return points, False
