"""Record: one run as it was left behind, with its curve and its predictions read on demand."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headstart.errors import RecordError

Status = Literal["finished", "diverged", "failed", "interrupted"]
RECORD, CURVE, PREDICTIONS = "record.json", "curve.jsonl", "predictions.parquet"
TOLD = ("id", "text", "label", "prediction")  # columns of text; every other column is a statistic


@dataclass(frozen=True)
class Predictions:
    """The final model's answers on the test set: arrays of shape (examples,)."""

    ids: np.ndarray  # str
    texts: np.ndarray  # str, the first 400 characters
    labels: np.ndarray  # str
    predictions: np.ndarray  # str
    statistics: Mapping[str, np.ndarray]  # float32, what metrics are sums of; which ones, the family says

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Record:
    """record.json, checked against its schema and its own fingerprint; mappings are as the file has them."""

    folder: Path
    run_id: str
    pair_id: str
    condition_id: str
    study: str
    arm: str
    seed: int
    status: Status
    scores: Mapping[str, Any]
    cost: Mapping[str, Any]
    init: Mapping[str, Any]
    data: Mapping[str, Any]
    environment: Mapping[str, Any]
    config: Mapping[str, Any]
    argv: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether training and the test ended as they should."""
        return self.status == "finished" and self.scores["test"] is not None

    @property
    def label(self) -> str:
        """How a sentence names this run."""
        return f"{self.arm}, seed {self.seed}"

    def curve(self) -> list[dict[str, Any]]:
        """The evaluations in order; empty when there is no curve. A last line cut short is left out."""
        return read_curve(self.folder / CURVE)[0]

    def predictions(self) -> Predictions | None:
        """The answers on the test set, or None when the run left none."""
        file = self.folder / PREDICTIONS
        return read_predictions(file) if file.exists() else None


def read_curve(file: Path) -> tuple[list[dict[str, Any]], bool]:
    """The points of a curve, and whether a last line, cut short by a killed process, was dropped."""
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


def read_predictions(file: Path) -> Predictions:
    """Read predictions.parquet; RecordError when it is broken, lacks a column or leaves a cell empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.ParquetFile(file).read()
        told = [table.column(name).cast(pa.string()) for name in TOLD]
        rest = [name for name in table.column_names if name not in TOLD]
        statistics = {name: table.column(name).cast(pa.float32()) for name in rest}
    except (pa.ArrowException, OSError, KeyError) as error:
        raise RecordError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
    if any(column.null_count for column in table.columns):
        raise RecordError(f"{file}: cannot be read: it has cells without a value")
    # Text stays Python's own: numpy's fixed width would give every row the length of the longest.
    texts = [column.to_numpy(zero_copy_only=False) for column in told]
    return Predictions(*texts, statistics={name: _floats(column) for name, column in statistics.items()})


def _floats(column: Any) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)
