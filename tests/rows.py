"""Rows on disk, as a user has them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from headstart.data.overlap import RUN, check, write_fingerprints


def jsonl(path: Path, rows: Iterable[Any]) -> Path:
    """The rows as one JSON object per line."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf8")
    return path


def table(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> Path:
    """The rows as a csv."""
    with path.open("w", encoding="utf8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def forget() -> None:
    """Let go of the rows that are kept for the next run, so that they are read again."""
    from headstart import run
    from headstart.tasks import family

    run._prepared.clear()
    family.loaded.clear()


def overlap(evaluation: Sequence[str], corpus: Iterable[str], n: int = RUN) -> dict[str, int]:
    """The overlap with a corpus, from its fingerprints."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "fingerprints.parquet"
        write_fingerprints(path, corpus, n)
        return check(path, evaluation)
