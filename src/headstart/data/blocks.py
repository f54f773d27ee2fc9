"""Blocks: columns of text that are read block by block, and lie in a file of the system if they are large."""

from __future__ import annotations

import itertools
import mmap
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from headstart.cache import cache_dir

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

ROWS = 2048  # of a block
SMALL = 2**24  # bytes of a table that stays in memory


class Texts(Sequence[str | None]):
    """A column of an Arrow table, of all its rows or of `rows` in this order; an empty text is None."""

    def __init__(self, column: pa.ChunkedArray, rows: np.ndarray | None = None) -> None:
        self.column, self.rows = column, rows

    def __len__(self) -> int:
        return len(self.column) if self.rows is None else len(self.rows)

    @overload
    def __getitem__(self, index: int) -> str | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[str | None]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.block(*index.indices(len(self))[:2]).to_pylist()[:: index.step]
        return self.block(index, index + 1)[0].as_py() if index >= 0 else self[len(self) + index]

    def __iter__(self) -> Iterator[str | None]:
        for begin in range(0, len(self), ROWS):
            yield from self.block(begin, begin + ROWS).to_pylist()

    def block(self, begin: int, end: int) -> pa.ChunkedArray:
        """The rows from `begin` to `end` as Arrow has them."""
        if self.rows is None:
            return self.column.slice(begin, end - begin)
        import numpy as np
        import pyarrow as pa

        rows, starts = (
            self.rows[begin:end],
            self._starts,
        )  # chunk by chunk: Arrow's own take would join them all
        chunks = np.searchsorted(starts, rows, side="right") - 1
        cuts = np.flatnonzero(np.diff(chunks)) + 1
        parts = zip(np.split(chunks, cuts), np.split(rows, cuts), strict=True) if len(rows) else ()
        taken = [self.column.chunk(int(c[0])).take(pa.array(own - starts[c[0]])) for c, own in parts]
        return pa.chunked_array(taken, self.column.type)

    @cached_property
    def _starts(self) -> np.ndarray:
        """The first row of each chunk."""
        import numpy as np

        return np.cumsum([0, *(len(chunk) for chunk in self.column.chunks)])[:-1]

    def take(self, rows: Sequence[int] | np.ndarray) -> Texts:
        """These rows of the column; nothing is copied."""
        import numpy as np

        chosen = np.asarray(rows, np.int64)
        return Texts(self.column, chosen if self.rows is None else self.rows[chosen])


def table_of(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """A table of these batches: in memory, or in a file without a name that the system maps."""
    import pyarrow as pa

    batches, small, size = iter(batches), list[Any](), 0
    for batch in batches:
        small.append(batch)
        size += batch.nbytes
        if size > SMALL:
            break
    else:
        return pa.Table.from_batches(small, schema)
    folder = cache_dir()
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        with pa.ipc.new_file(file, schema) as writer:
            for batch in itertools.chain(small, batches):
                writer.write_batch(batch)
            small.clear()
        file.flush()
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    return pa.ipc.open_file(pa.BufferReader(pa.py_buffer(mapped))).read_all()


def blocks_of(columns: Mapping[str, Sequence[Any]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Columns of equal length as Arrow batches."""
    import pyarrow as pa

    rows = len(next(iter(columns.values())))
    for begin in range(0, rows, ROWS):
        end = begin + ROWS
        arrays = [
            column.block(begin, end).combine_chunks().cast(schema.field(name).type)
            if isinstance(column, Texts)
            else pa.array(column[begin:end], schema.field(name).type)
            for name, column in columns.items()
        ]
        yield pa.record_batch(arrays, schema)


def in_blocks(column: Sequence[Any]) -> Iterator[Any]:
    """The values of a dataset's column, of which only some are in memory at a time."""
    for begin in range(0, len(column), ROWS):
        yield from column[begin : begin + ROWS]
