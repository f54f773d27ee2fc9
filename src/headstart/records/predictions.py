# pyarrow has no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
"""predictions.parquet: the final model's answers, one row for each test example."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.errors import RecordError
from headstart.records.kept import Recent
from headstart.records.whole_file import write_whole

PREDICTIONS = "predictions.parquet"
TEXT_COLUMNS = ("id", "text", "label", "prediction")
GROUP = "group"  # may be absent, and null in a row; every other column is a statistic
TEXT_LENGTH = 400  # characters of an example that are stored
_STATISTIC = re.compile(r"[a-z_0-9]+")  # the name of a statistic's column

Numbers = np.ndarray[Any, Any]  # shape (examples,)
_latest: dict[str, tuple[Any, Numbers]] = {}  # by column: as it was stored, and its texts


@dataclass(frozen=True)
class Predictions:
    """The final model's answers on the test set: arrays of shape (examples,)."""

    ids: Numbers  # str
    texts: Numbers  # str, the first 400 characters
    labels: Numbers  # str
    predictions: Numbers  # str
    statistics: Mapping[str, Numbers]  # float32: what metrics are sums of; the task family defines which
    groups: Numbers | None = None  # str or None: what a row shares with others; None: no row is known to

    def __len__(self) -> int:
        return len(self.ids)


def write_predictions(
    folder: Path,
    ids: Sequence[str],
    texts: Sequence[str],
    labels: Sequence[str],
    predictions: Sequence[str],
    statistics: Mapping[str, Sequence[float] | Numbers],
    groups: Sequence[str | None] | Numbers | None = None,
) -> Path:
    """Write predictions.parquet, whole or not at all; one row per test example, statistics as float32.

    A statistic is a number per example that metrics are sums of: {"score": (examples,)}. Rows of one group
    belong together; a row without a group is its own. RecordError when columns differ in length or a name is
    not one of a column.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = folder / PREDICTIONS
    taken = (*TEXT_COLUMNS, GROUP)
    wrong = sorted(name for name in statistics if name in taken or not _STATISTIC.fullmatch(name))
    if wrong:
        raise RecordError(f"{file}: not written: {', '.join(map(repr, wrong))} cannot name a statistic")
    grouped = () if groups is None else (groups,)
    lengths = {len(column) for column in (ids, texts, labels, predictions, *statistics.values(), *grouped)}
    if len(lengths) > 1:
        raise RecordError(f"{file}: not written: columns of {sorted(lengths)} rows")
    texts_by_name = zip(
        TEXT_COLUMNS, (ids, [text[:TEXT_LENGTH] for text in texts], labels, predictions), strict=True
    )
    columns: dict[str, Any] = {
        name: pa.array(map(str, values), pa.string()) for name, values in texts_by_name
    }
    if groups is not None:
        columns[GROUP] = pa.array((None if group is None else str(group) for group in groups), pa.string())
    for name, values in statistics.items():
        columns[name] = pa.array(np.asarray(values, dtype=np.float32))
    return write_whole(file, lambda path: pq.write_table(pa.table(columns), path, compression="zstd"))


def read_predictions(file: Path) -> Predictions:
    """Read predictions.parquet; RecordError when it is broken, lacks a column or leaves a cell empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = pa.BufferReader(file.read_bytes())  # pyarrow takes longer to find a file
        table: Any = pq.ParquetFile(content, pre_buffer=False).read(use_threads=False)  # threads cost more
        texts = [_as(table, name, pa.string()) for name in TEXT_COLUMNS]
        grouped = _as(table, GROUP, pa.string()) if GROUP in table.column_names else None
        table = table if grouped is None else table.drop_columns([GROUP])
        others = [name for name in table.column_names if name not in TEXT_COLUMNS]
        statistics = {name: _as(table, name, pa.float32()) for name in others}
    except (pa.ArrowException, OSError, KeyError) as error:
        raise RecordError(f"{file}: cannot be read: {str(error).splitlines()[0]}") from None
    if any(column.null_count for column in table.columns):
        raise RecordError(f"{file}: cannot be read: it has cells without a value")
    # Lists and DLPack, since pyarrow's own conversions to numpy import pandas, which takes a second.
    return Predictions(
        *(_texts(name, column) for name, column in zip(TEXT_COLUMNS, texts, strict=True)),
        statistics={
            name: np.from_dlpack(column.combine_chunks()).copy() for name, column in statistics.items()
        },
        groups=None if grouped is None else _texts(GROUP, grouped),
    )


def _as(table: Any, name: str, kind: Any) -> Any:
    """A column in this type; most have it already, and pyarrow's cast would take longer than the question."""
    column = table.column(name)
    return column if column.type == kind else column.cast(kind)


def _texts(name: str, column: Any) -> Numbers:
    """The texts of a column; the array of the file before where they are the same, as ids and labels are.

    Texts stay Python strings: numpy's fixed width would give every row the length of the longest.
    """
    if name not in _latest or not column.equals(_latest[name][0]):
        texts = np.array(column.to_pylist(), dtype=object)
        texts.flags.writeable = False  # several runs share it
        _latest[name] = column, texts
    return _latest[name][1]


RECENT = Recent(lambda file: read_predictions(file), size=len, most=2_000_000)  # rows
