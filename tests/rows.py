"""Rows on disk, as a user has them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any


def jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """The rows as one JSON object per line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """The rows as a csv."""
    with path.open("w", encoding="utf8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path
